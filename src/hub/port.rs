//! The room's end, and what it shares with the two threads. Only the reader tells the room anything, so
//! that all it is told is in one order; the writer has it tell what it has found out.

use std::io;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::HubPort;
use super::connection::Connection;
use super::reader::Reader;
use super::writer;
use crate::signals;

/// How long the end of the process waits for what was appended last.
const END_PATIENCE: Duration = Duration::from_secs(1);

pub(super) struct Port(Arc<Shared>);

pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    phase: Phase,
    /// How often a connection was made. What fails on an earlier one is no news.
    epoch: u64,
    is_linked: bool,
    /// What the writer is to write on from here on.
    writing: Option<Connection>,
    /// Whether what is appended is taken.
    is_taking: bool,
    queue: Vec<Vec<u8>>,
    /// For whom, and what: one for each.
    snapshots: Vec<(String, Vec<u8>)>,
    /// Whose snapshot is waited for.
    wanted: Option<String>,
    failure: Option<String>,
    is_name_taken: bool,
    /// Whether somebody has to wake the writer.
    is_writer_waiting: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// Another process goes on.
    HandedOver,
    /// What is left is written, and the name given up.
    Ending,
    Ended,
}

/// What the writer has to do next.
pub(super) struct Work {
    pub(super) epoch: u64,
    /// In place of the one before.
    pub(super) connection: Option<Connection>,
    pub(super) batch: Vec<Vec<u8>>,
    pub(super) snapshots: Vec<(String, Vec<u8>)>,
    pub(super) is_last: bool,
}

impl Port {
    pub(super) fn start(reader: Reader, writing: Option<Connection>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                phase: Phase::Running,
                epoch: 0,
                is_linked: true,
                writing,
                is_taking: true,
                queue: Vec::new(),
                snapshots: Vec::new(),
                wanted: None,
                failure: None,
                is_name_taken: false,
                is_writer_waiting: false,
            }),
            changed: Condvar::new(),
        });
        // Dropped where the second thread cannot be started: the first then ends.
        let port = Self(Arc::clone(&shared));
        let (config, boot) = reader.identity();
        let written = Arc::clone(&shared);
        spawn("hub-writer", move || writer::run(&written, &config, &boot))?;
        spawn("hub-reader", move || reader.run(&shared))?;
        Ok(port)
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name(name.to_owned());
    let spawned = thread.spawn(move || {
        // A signal would break off a read that has a time limit, as if Redis had.
        signals::block_all();
        work();
    });
    spawned.map(drop)
}

impl HubPort for Port {
    fn append(&mut self, data: Vec<u8>) {
        let mut state = self.0.lock();
        if state.is_taking {
            state.queue.push(data);
            self.0.wake_writer(state);
        }
    }

    fn start_again(&mut self) {
        let mut state = self.0.lock();
        // Not linked: there will be another `Back`.
        state.is_taking = state.is_linked;
        state.queue.clear();
    }

    fn offer_snapshot(&mut self, to: &str, data: Vec<u8>) {
        let mut state = self.0.lock();
        if state.is_linked {
            state.snapshots.retain(|(name, _)| name != to);
            state.snapshots.push((to.to_owned(), data));
            self.0.wake_writer(state);
        }
    }

    fn want_snapshot(&mut self, name: &str) {
        self.0.lock().wanted = Some(name.to_owned());
    }

    fn hand_over(&mut self) {
        let mut state = self.0.lock();
        state.phase = Phase::HandedOver;
        state.unlink();
        state.failure = Some("an upgrade was tried".to_owned());
        self.0.changed.notify_all();
    }

    fn take_back(&mut self) {
        let mut state = self.0.lock();
        if state.phase == Phase::HandedOver {
            state.phase = Phase::Running;
            self.0.changed.notify_all();
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        let deadline = Instant::now() + END_PATIENCE;
        // Without a connection nothing more can be said.
        let may_wait = state.phase == Phase::Running && state.is_linked;
        state.phase = if may_wait {
            Phase::Ending
        } else {
            Phase::Ended
        };
        self.0.changed.notify_all();
        while state.phase == Phase::Ending && state.is_linked {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                break;
            };
            state = self.0.wait(state, left);
        }
        state.phase = Phase::Ended;
        self.0.changed.notify_all();
    }
}

impl State {
    fn unlink(&mut self) {
        self.is_linked = false;
        self.is_taking = false;
        self.writing = None;
        self.queue.clear();
        self.snapshots.clear();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, limit: Duration) -> MutexGuard<'a, State> {
        let woken = self.changed.wait_timeout(state, limit);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }

    /// A system call, where it is needed.
    fn wake_writer(&self, mut state: MutexGuard<'_, State>) {
        if mem::take(&mut state.is_writer_waiting) {
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Both threads are to have a new connection. `why` is told, if it is the first failure of this one.
    pub(super) fn fail(&self, epoch: u64, why: String) {
        let mut state = self.lock();
        if state.epoch == epoch && state.phase != Phase::HandedOver {
            state.unlink();
            state.failure.get_or_insert(why);
            self.changed.notify_all();
        }
    }

    /// From here on it is written to this one. False: nobody needs it any more.
    pub(super) fn link(&self, writing: Connection) -> bool {
        let mut state = self.lock();
        if state.phase != Phase::Running {
            return false;
        }
        state.epoch += 1;
        state.failure = None;
        state.is_linked = true;
        state.writing = Some(writing);
        self.changed.notify_all();
        true
    }

    pub(super) fn epoch(&self) -> u64 {
        self.lock().epoch
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.lock().phase, Phase::Ending | Phase::Ended)
    }

    /// Sleeps so long, and while another process goes on; returns false at the end of this one.
    pub(super) fn sleep(&self, span: Duration) -> bool {
        let deadline = Instant::now() + span;
        let mut state = self.lock();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            state = match state.phase {
                Phase::Ending | Phase::Ended => return false,
                Phase::Running if left.is_zero() => return true,
                Phase::Running => self.wait(state, left),
                Phase::HandedOver => {
                    let woken = self.changed.wait(state);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }

    pub(super) fn wanted(&self) -> Option<String> {
        self.lock().wanted.clone()
    }

    /// The snapshot under that name has come.
    pub(super) fn on_snapshot(&self, name: &str) {
        let mut state = self.lock();
        if state.wanted.as_deref() == Some(name) {
            state.wanted = None;
        }
    }

    pub(super) fn set_name_taken(&self, is_taken: bool) {
        self.lock().is_name_taken = is_taken;
    }

    pub(super) fn is_name_taken(&self) -> bool {
        self.lock().is_name_taken
    }

    /// What is to be written, once there is anything, or the time has come to say that this node is
    /// here. `spare` takes what is appended next. `None`: the end.
    pub(super) fn next_work(&self, due: Instant, spare: Vec<Vec<u8>>) -> Option<Work> {
        let mut state = self.lock();
        loop {
            let is_last = state.phase == Phase::Ending;
            let is_due = Instant::now() >= due;
            let has_something = !state.queue.is_empty() || !state.snapshots.is_empty();
            match state.phase {
                Phase::Ended => return None,
                _ if state.is_linked && (is_last || is_due || has_something) => break,
                _ => {}
            }
            // Without a connection nothing is ever due.
            let limit = match state.is_linked {
                true => due.saturating_duration_since(Instant::now()),
                false => Duration::from_secs(60),
            };
            state.is_writer_waiting = true;
            state = self.wait(state, limit);
            state.is_writer_waiting = false;
        }
        Some(Work {
            epoch: state.epoch,
            connection: state.writing.take(),
            batch: mem::replace(&mut state.queue, spare),
            snapshots: mem::take(&mut state.snapshots),
            is_last: state.phase == Phase::Ending,
        })
    }

    /// All is written, and the name given up.
    pub(super) fn on_end(&self) {
        self.lock().phase = Phase::Ended;
        self.changed.notify_all();
    }
}
