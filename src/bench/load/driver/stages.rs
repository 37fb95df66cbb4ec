//! The course of a run: connect, find out who is there, load, wait for the last ones.

use super::*;
use crate::bench::load::schedule::Ticks;

/// Connections being made at the same time.
const PENDING_MAX: usize = 256;
/// A full queue: again after this.
const RETRY_NS: u64 = 1_000_000;
/// A probe that not everybody heard: again after this, then after twice that, and so on.
const PROBE_AGAIN_NS: u64 = 10_000_000;
const PROBE_AGAIN_NS_MAX: u64 = 640_000_000;
/// After the last message has landed: time for one that comes twice.
const LINGER_NS: u64 = 50_000_000;
/// Waiting for the last messages ends after this, even while some still come: a minute.
const DRAIN_NS_MAX: u64 = 60_000_000_000;
/// Between two reports of progress.
const PROGRESS_EVERY_NS: u64 = 200_000_000;

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// So many connections of all are open.
    Connecting {
        /// Open ones.
        open: usize,
        /// All.
        of: usize,
    },
    /// The load is on, but does not count yet.
    WarmingUp,
    /// What is due now counts.
    Measuring,
    /// The last messages are awaited.
    Draining,
}

/// A moment at which the load's window begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Nothing is connected yet.
    Before,
    /// All are connected and known to the server.
    Ready,
    /// The window begins.
    From,
    /// The window ends.
    To,
}

/// Who is told what happens.
pub(crate) trait Watcher {
    /// Told now and then.
    fn progress(&mut self, stage: Stage, driver: &Driver<'_>);
    /// Told at once.
    fn mark(&mut self, mark: Mark, driver: &Driver<'_>, now_ns: u64);
}

impl Driver<'_> {
    /// The whole run. Afterwards `engine` has the books, which are closed, and the figures.
    ///
    /// # Errors
    /// It could not be prepared, or the poll failed. What goes wrong under load is a figure.
    pub(crate) fn run(&mut self, watcher: &mut dyn Watcher) -> Result<(), CliError> {
        let mut events = Events::with_capacity(EVENTS_PER_ITERATION);
        watcher.mark(Mark::Before, self, self.clock.now_ns());
        self.connect(&mut events, watcher)?;
        self.find_all(&mut events)?;
        self.is_preparing = false;
        watcher.mark(Mark::Ready, self, self.clock.now_ns());
        self.put_load(&mut events, watcher)?;
        self.drain(&mut events, watcher)?;
        self.engine.close();
        Ok(())
    }

    fn connect(&mut self, events: &mut Events, watcher: &mut dyn Watcher) -> Result<(), CliError> {
        let load = self.load;
        let total = load.connections + load.idle + load.slow;
        let start_ns = self.clock.now_ns();
        let ticks = load.connect_per_s.map(|per_s| Ticks::new(start_ns, per_s));
        let (mut dialled, mut seen, mut told_ns) = (0, 0, 0);
        let mut deadline_ns = self.timeout_ns();
        while self.open + self.others_open < total {
            let now_ns = self.clock.now_ns();
            let allowed = ticks.map_or(total, |t| bounded(t.due_by(now_ns), total));
            let mut again_ns = NEVER;
            while dialled < allowed && self.pending < PENDING_MAX {
                let role = if dialled < load.connections {
                    Role::Member
                } else if dialled < load.connections + load.idle {
                    Role::Idle
                } else {
                    Role::Slow
                };
                if self.dial(role)?.is_none() {
                    again_ns = now_ns + RETRY_NS;
                    break;
                }
                dialled += 1;
            }
            if let Some(ticks) = ticks.filter(|_| dialled < total) {
                again_ns = again_ns.min(ticks.due_ns(dialled as u64));
            }
            self.iteration(
                events,
                again_ns.min(deadline_ns).min(now_ns + PROGRESS_EVERY_NS),
            )?;
            let open = self.open + self.others_open;
            if open > seen || dialled < allowed {
                seen = open;
                deadline_ns = self.timeout_ns();
            }
            if now_ns >= told_ns {
                told_ns = now_ns + PROGRESS_EVERY_NS;
                watcher.progress(Stage::Connecting { open, of: total }, self);
            }
            self.check_wait(deadline_ns, open, total, "opened")?;
        }
        Ok(())
    }

    /// Has everybody prove that the server knows of them, so that they are owed all that is
    /// sent from now on.
    fn find_all(&mut self, events: &mut Events) -> Result<(), CliError> {
        let total = self.load.connections;
        let is_echo = self.load.scenario == Scenario::Echo;
        let mut deadline_ns = self.timeout_ns();
        let mut again_after_ns = PROBE_AGAIN_NS;
        // In an echo each has asked when it came.
        let mut probe_ns = if is_echo {
            self.clock.now_ns() + PROBE_AGAIN_NS_MAX
        } else {
            0
        };
        let mut seen = self.engine.recorder.hearers();
        while self.engine.recorder.hearers() < total {
            let now_ns = self.clock.now_ns();
            if now_ns >= probe_ns {
                probe_ns = now_ns + again_after_ns;
                again_after_ns = PROBE_AGAIN_NS_MAX.min(again_after_ns * 2);
                self.ask_around(now_ns);
            }
            self.iteration(events, probe_ns.min(deadline_ns))?;
            let heard = self.engine.recorder.hearers();
            if heard > seen {
                seen = heard;
                deadline_ns = self.timeout_ns();
                if self.is_first_left() {
                    probe_ns = 0;
                }
            }
            self.check_wait(deadline_ns, heard, total, "had an answer")?;
        }
        Ok(())
    }

    /// In a room the first member asks for the others; when all of those have heard it, one of
    /// them asks for the first. In an echo, each that has not heard itself asks once more.
    fn ask_around(&mut self, now_ns: u64) {
        if self.load.scenario != Scenario::Echo {
            let prober = usize::from(self.is_first_left());
            return self.probe(prober, now_ns);
        }
        for member in 0..self.load.connections {
            if !self.engine.recorder.has_heard(member) {
                self.probe(member, now_ns);
            }
        }
    }

    /// Whether in a room only the first member has not been heard of.
    fn is_first_left(&self) -> bool {
        let recorder = &self.engine.recorder;
        self.load.scenario != Scenario::Echo
            && !recorder.has_heard(0)
            && recorder.hearers() == self.load.connections - 1
    }

    fn put_load(&mut self, events: &mut Events, watcher: &mut dyn Watcher) -> Result<(), CliError> {
        let start_ns = self.clock.now_ns();
        self.engine
            .start(start_ns, self.load.warmup, self.load.duration);
        self.background.start(start_ns);
        let window = self.engine.recorder.metrics.window();
        let (mut stage, mut told_ns) = (Stage::WarmingUp, start_ns);
        self.woke_ns = start_ns;
        self.send_what_is_due(start_ns);
        loop {
            let now_ns = self.clock.now_ns();
            if stage == Stage::WarmingUp && now_ns >= window.from_ns {
                stage = Stage::Measuring;
                watcher.mark(Mark::From, self, now_ns);
            }
            if now_ns >= window.to_ns || self.is_interrupted() || self.open == 0 {
                if stage == Stage::WarmingUp {
                    watcher.mark(Mark::From, self, now_ns);
                }
                watcher.mark(Mark::To, self, now_ns);
                break;
            }
            if now_ns >= told_ns {
                told_ns = now_ns + PROGRESS_EVERY_NS;
                watcher.progress(stage, self);
            }
            let mark_ns = match stage {
                Stage::WarmingUp => window.from_ns,
                _ => window.to_ns,
            };
            self.iteration(events, told_ns.min(mark_ns))?;
        }
        self.engine.stop();
        self.background.stop();
        Ok(())
    }

    /// Waits for what is still on its way, within bounds.
    fn drain(&mut self, events: &mut Events, watcher: &mut dyn Watcher) -> Result<(), CliError> {
        let end_ns = self.clock.now_ns().saturating_add(DRAIN_NS_MAX);
        let mut deadline_ns = self.timeout_ns();
        let mut seen = self.engine.recorder.tracker().totals().received;
        while !self.engine.recorder.all_completed() && !self.is_interrupted() {
            let now_ns = self.clock.now_ns();
            if now_ns >= deadline_ns.min(end_ns) {
                break;
            }
            self.iteration(events, deadline_ns.min(now_ns + PROGRESS_EVERY_NS))?;
            let received = self.engine.recorder.tracker().totals().received;
            if received > seen {
                seen = received;
                deadline_ns = self.timeout_ns();
            }
            watcher.progress(Stage::Draining, self);
        }
        let linger_ns = self.clock.now_ns() + LINGER_NS;
        while self.clock.now_ns() < linger_ns {
            self.iteration(events, linger_ns)?;
        }
        Ok(())
    }

    fn check_wait(
        &self,
        deadline_ns: u64,
        have: usize,
        total: usize,
        what: &str,
    ) -> Result<(), CliError> {
        if self.is_interrupted() {
            return Err(CliError::runtime(format!("{}: interrupted", self.name)));
        }
        if self.clock.now_ns() < deadline_ns {
            return Ok(());
        }
        let last_words = self.engine.recorder.last_words.as_deref();
        let hint = match last_words {
            Some(text) => format!("the server said '{text}'"),
            None => "a short accept queue? --connect-rate spares it".to_owned(),
        };
        Err(CliError::runtime(format!(
            "{}: {have} of {total} connections {what}, the others did not within {:?}; {hint}",
            self.name, self.load.timeout
        )))
    }
}

fn bounded(count: u64, most: usize) -> usize {
    usize::try_from(count).unwrap_or(most).min(most)
}
