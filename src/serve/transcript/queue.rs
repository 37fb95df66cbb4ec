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
    /// Whole ones.
    lines: Vec<u8>,
    /// So many came behind them, and were not kept.
    lost: u64,
    /// The file is to be opened anew.
    reopens: bool,
    letting: Letting,
}

/// How the file is to be let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Release {
    /// Once all is in the file, for another process that will sync it.
    Written,
    /// Once all is on the disk.
    Synced,
}

/// Whether the file is to be let go.
#[derive(Default)]
enum Letting {
    #[default]
    No,
    Asked(Release),
    /// It has been let go, or why it has not.
    Done(Result<(), String>),
}

/// What the thread is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Open the file anew.
    Reopen,
    /// Write all that there is, and let the file go.
    Release(Release),
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
        drop(state);
        if was_empty {
            self.changed.notify_all();
        }
    }

    /// The file is opened anew, also where it was released.
    pub(super) fn reopen(&self) {
        let mut state = self.lock();
        state.reopens = true;
        state.letting = Letting::No;
        self.changed.notify_all();
    }

    /// There is no file yet: what comes waits until it is [opened](Self::reopen).
    pub(super) fn hold(&self) {
        self.lock().letting = Letting::Done(Ok(()));
    }

    /// Waits until the file is let go, for so long at most.
    ///
    /// # Errors
    /// Why it is not. The file is not let go then.
    pub(super) fn release(&self, how: Release, patience: Duration) -> Result<(), String> {
        let mut state = self.lock();
        state.letting = Letting::Asked(how);
        self.changed.notify_all();
        let is_asked = |state: &mut State| matches!(state.letting, Letting::Asked(_));
        let waited = self.changed.wait_timeout_while(state, patience, is_asked);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match std::mem::take(&mut state.letting) {
            Letting::Done(outcome) => {
                // Not to be opened again by itself.
                state.letting = Letting::Done(outcome.clone());
                outcome
            }
            Letting::No | Letting::Asked(_) => Err("the disk does not take it".to_owned()),
        }
    }

    /// How many lines wait, or were not kept.
    pub(super) fn unwritten(&self) -> u64 {
        let state = self.lock();
        let waiting = memchr::memchr_iter(b'\n', &state.lines).count();
        state.lost + waiting as u64
    }
}

/// The thread's side.
impl Queue {
    /// Waits until there is something to do. Lines are given to who has an empty buffer to give
    /// for them.
    pub(super) fn next(&self, spare: Option<Vec<u8>>, due: Option<Instant>) -> Task {
        let mut state = self.lock();
        loop {
            if state.reopens {
                state.reopens = false;
                return Task::Reopen;
            }
            if let Letting::Asked(how) = state.letting {
                return Task::Release(how);
            }
            let may_write = spare.is_some() && !matches!(state.letting, Letting::Done(Ok(())));
            if may_write && !state.lines.is_empty() {
                let undisturbed = |state: &mut State| {
                    !state.reopens && !matches!(state.letting, Letting::Asked(_))
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
        if matches!(state.letting, Letting::Asked(_)) {
            state.letting = Letting::Done(outcome);
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
    if lost > 0 {
        write_gap(lost, &mut bytes);
    }
    Lines { bytes, lost }
}
