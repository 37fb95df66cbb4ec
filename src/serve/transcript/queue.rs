//! What waits to be written, between the loop, which never waits, and the thread that writes.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::protocol::{Said, write_gap, write_record};

/// Once so many bytes wait, further lines are counted and not kept. Some seconds of the busiest room.
const MAX_BYTES: usize = 8 << 20;

/// So long more lines may come before some are taken: each writing is a system call, and a wait for
/// the thread.
const BATCH_TIME: Duration = Duration::from_millis(20);

/// The thread's side and the loop's.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Whole ones, and how many.
    lines: Vec<u8>,
    count: u64,
    /// So many came behind them, and were not kept.
    lost: u64,
    /// So many are in the thread's hands, those that were not kept among them.
    taken: u64,
    /// The file is to be opened anew.
    reopens: bool,
    /// It is to be taken again.
    resumes: bool,
    release: Release,
}

/// Whether the file is to be let go.
#[derive(Default)]
enum Release {
    #[default]
    No,
    Asked(Sync),
    /// The thread is about it. Who asked for it may wait no more, and another may ask meanwhile.
    Begun,
    /// It has been, or why it has not.
    Done(Result<(), String>),
}

/// When what was written has to be on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sync {
    Now,
    /// Whoever opens it next sees to that.
    Later,
}

/// What the thread is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Open the file anew.
    Reopen,
    /// Take it again.
    Resume,
    /// Write all that there is, and let the file go.
    Release(Sync),
    /// Write these.
    Write(Lines),
    /// What it waited for is due.
    Due,
}

/// Whole lines, and how many are missing behind them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) bytes: Vec<u8>,
    /// The last of the lines says so.
    pub(super) lost: u64,
}

/// The loop's side.
impl Queue {
    /// Never waits for the disk.
    pub(super) fn push(&self, said: &Said<'_>) {
        let mut state = self.lock();
        if state.lines.len() >= MAX_BYTES {
            state.lost += 1;
            return;
        }
        let was_empty = state.lines.is_empty();
        write_record(said, &mut state.lines);
        state.count += 1;
        drop(state);
        if was_empty {
            self.changed.notify_all();
        }
    }

    /// The file is opened anew.
    pub(super) fn reopen(&self) {
        self.lock().reopens = true;
        self.changed.notify_all();
    }

    /// The file is taken again after it was let go.
    pub(super) fn resume(&self) {
        self.lock().resumes = true;
        self.changed.notify_all();
    }

    /// Waits until all is written and the file is let go, for so long at most. For what is said after
    /// that it is taken again.
    ///
    /// # Errors
    /// Why it is not let go: then it is not.
    pub(super) fn release(&self, patience: Duration, sync: Sync) -> Result<(), String> {
        let mut state = self.lock();
        state.release = Release::Asked(sync);
        self.changed.notify_all();
        let is_awaited =
            |state: &mut State| matches!(state.release, Release::Asked(_) | Release::Begun);
        let waited = (self.changed).wait_timeout_while(state, patience, is_awaited);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match std::mem::take(&mut state.release) {
            Release::Done(outcome) => outcome,
            Release::No | Release::Asked(_) | Release::Begun => {
                Err("the disk does not take it".to_owned())
            }
        }
    }

    /// How many lines are not known to be written.
    pub(super) fn unwritten(&self) -> u64 {
        let state = self.lock();
        state.count + state.lost + state.taken
    }
}

/// The thread's side.
impl Queue {
    /// Waits until there is something to do. Lines are given to who has an empty buffer to give
    /// for them.
    pub(super) fn next(&self, spare: Option<Vec<u8>>, due: Option<Instant>) -> Task {
        let mut state = self.lock();
        if spare.is_some() {
            state.taken = 0;
        }
        loop {
            if std::mem::take(&mut state.reopens) {
                return Task::Reopen;
            }
            if std::mem::take(&mut state.resumes) {
                return Task::Resume;
            }
            if let Release::Asked(sync) = state.release {
                state.release = Release::Begun;
                return Task::Release(sync);
            }
            if spare.is_some() && !state.lines.is_empty() {
                let undisturbed = |state: &mut State| {
                    !state.reopens && !matches!(state.release, Release::Asked(_))
                };
                let waited = self
                    .changed
                    .wait_timeout_while(state, BATCH_TIME, undisturbed);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                if undisturbed(&mut state) {
                    return Task::Write(take(&mut state, spare.unwrap_or_default()));
                }
                continue;
            }
            let Some(due) = due else {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Task::Due;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What waits now.
    pub(super) fn take(&self) -> Lines {
        take(&mut self.lock(), Vec::new())
    }

    /// The file is let go, or why not.
    pub(super) fn on_released(&self, outcome: Result<(), String>) {
        let mut state = self.lock();
        if matches!(state.release, Release::Begun) {
            state.release = Release::Done(outcome);
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lines are not kept again before these are taken, so all that are missing came behind them.
fn take(state: &mut State, spare: Vec<u8>) -> Lines {
    let mut bytes = std::mem::replace(&mut state.lines, spare);
    let lost = std::mem::take(&mut state.lost);
    state.taken += std::mem::take(&mut state.count) + lost;
    if lost > 0 {
        write_gap(lost, &mut bytes);
    }
    Lines { bytes, lost }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn who_asks_again_is_not_answered_what_was_asked_before() {
        const PATIENCE: Duration = Duration::from_secs(15);
        let queue = Arc::<Queue>::default();
        let ask = |patience, sync| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.release(patience, sync))
        };
        let first = ask(Duration::from_millis(200), Sync::Later);
        assert_eq!(queue.next(None, None), Task::Release(Sync::Later));
        assert!(first.join().unwrap().is_err());
        let second = ask(PATIENCE, Sync::Now);
        while !matches!(queue.lock().release, Release::Asked(_)) {
            thread::yield_now();
        }
        queue.on_released(Err("the first".to_owned()));
        let due = Some(Instant::now());
        assert_eq!(queue.next(None, due), Task::Release(Sync::Now));
        queue.on_released(Ok(()));
        assert_eq!(second.join().unwrap(), Ok(()));
    }
}
