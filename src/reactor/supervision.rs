//! Telling whoever watches the server from outside that the loop goes on, and that it ends.

use std::time::{Duration, Instant};

/// Watches the server from outside. Called by the loop itself, so it must not wait.
pub trait Supervisor {
    /// How often it wants a sign of life; `None`: never.
    fn interval(&self) -> Option<Duration>;

    /// The loop goes on.
    fn on_alive(&mut self);

    /// The server ends in good order, from here on.
    fn on_stopping(&mut self);

    /// Another process, of this id, is the server from here on.
    fn on_succeeded(&mut self, pid: u32);
}

/// The supervisor, if there is one, and what it has been told.
#[derive(Default)]
pub(super) struct Supervision {
    supervisor: Option<Box<dyn Supervisor>>,
    /// When the next sign of life is due.
    due: Option<Instant>,
    is_told_of_end: bool,
}

impl Supervision {
    pub(super) fn by(supervisor: Box<dyn Supervisor>, now: Instant) -> Self {
        Self {
            due: supervisor.interval().map(|_| now),
            supervisor: Some(supervisor),
            is_told_of_end: false,
        }
    }

    /// Whether somebody supervises the server.
    pub(super) fn is_there(&self) -> bool {
        self.supervisor.is_some()
    }

    /// Another process is the server from here on, and is supervised in this one's place.
    pub(super) fn hand_over(&mut self, pid: u32) {
        if let Some(mut supervisor) = std::mem::take(self).supervisor {
            supervisor.on_succeeded(pid);
        }
    }

    /// How long the poll may wait, where it could wait for so long.
    pub(super) fn wait(&self, wait: Option<Duration>, now: Instant) -> Option<Duration> {
        let due = self.due.map(|due| due.saturating_duration_since(now));
        due.into_iter().chain(wait).min()
    }

    /// A turn of the loop is over.
    pub(super) fn end_turn(&mut self, is_stopping: bool, now: Instant) {
        let Some(supervisor) = &mut self.supervisor else {
            return;
        };
        if is_stopping && !std::mem::replace(&mut self.is_told_of_end, true) {
            supervisor.on_stopping();
        }
        if self.due.is_some_and(|due| due <= now) {
            supervisor.on_alive();
            self.due = supervisor.interval().map(|interval| now + interval);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    struct Diary(Rc<RefCell<Vec<&'static str>>>);

    impl Supervisor for Diary {
        fn interval(&self) -> Option<Duration> {
            Some(Duration::from_secs(2))
        }

        fn on_alive(&mut self) {
            self.0.borrow_mut().push("alive");
        }

        fn on_stopping(&mut self) {
            self.0.borrow_mut().push("stopping");
        }

        fn on_succeeded(&mut self, _: u32) {
            self.0.borrow_mut().push("succeeded");
        }
    }

    #[test]
    fn a_sign_of_life_comes_in_time_and_the_end_is_told_once() {
        let diary = Rc::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut supervision = Supervision::by(Box::new(Diary(Rc::clone(&diary))), start);
        let told = |supervision: &mut Supervision, is_stopping, ms| {
            supervision.end_turn(is_stopping, at(ms));
            std::mem::take(&mut *diary.borrow_mut())
        };
        assert_eq!(supervision.wait(None, at(0)), Some(Duration::ZERO));
        assert_eq!(told(&mut supervision, false, 0), ["alive"]);
        let (short, long) = (Duration::from_millis(7), Duration::from_secs(7));
        assert_eq!(supervision.wait(Some(short), at(500)), Some(short));
        let left = Duration::from_millis(1500);
        assert_eq!(supervision.wait(Some(long), at(500)), Some(left));
        assert!(told(&mut supervision, false, 1999).is_empty());
        // A turn was long: the next sign is due from here on.
        assert_eq!(told(&mut supervision, false, 2500), ["alive"]);
        assert!(told(&mut supervision, false, 4499).is_empty());
        assert_eq!(told(&mut supervision, true, 4500), ["stopping", "alive"]);
        assert_eq!(told(&mut supervision, true, 6500), ["alive"]);
        supervision.hand_over(7);
        assert_eq!(told(&mut supervision, true, 9500), ["succeeded"]);
    }

    #[test]
    fn without_a_supervisor_nothing_is_waited_for() {
        let mut supervision = Supervision::default();
        let now = Instant::now();
        supervision.end_turn(true, now);
        assert_eq!(supervision.wait(None, now), None);
    }
}
