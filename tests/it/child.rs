//! A running program that a test waits for with a bound, and that never outlives it.

use std::process::{Child, ExitStatus};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Far longer than anything here takes, on a machine that does other things too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Kills the program when dropped, unless it has ended.
pub(crate) struct Running {
    pid: Pid,
    exit: Receiver<ExitStatus>,
    has_ended: bool,
}

impl Running {
    pub(crate) fn new(mut child: Child) -> Self {
        let pid = Pid::from_child(&child);
        let (ended, exit) = mpsc::channel();
        thread::spawn(move || {
            let _ = ended.send(child.wait().unwrap());
        });
        Self {
            pid,
            exit,
            has_ended: false,
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let status = self.exit.recv_timeout(PATIENCE);
        self.has_ended = status.is_ok();
        status.expect("the program should have ended")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended && self.exit.try_recv().is_err() {
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }
}

/// Runs what may block, and fails if it does.
pub(crate) fn within<T: Send + 'static>(task: impl FnOnce() -> T + Send + 'static) -> T {
    within_limit(PATIENCE, task)
}

/// The same, of what may take this long.
pub(crate) fn within_limit<T: Send + 'static>(
    limit: Duration,
    task: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || done.send(task()));
    outcome
        .recv_timeout(limit)
        .expect("this should not have blocked")
}
