//! A server that other processes go on in the place of.

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::harness::{PATIENCE, Server, until};

/// A server, whichever process it is by now.
pub(crate) struct Succession {
    pub(crate) server: Server,
    /// Whoever serves now.
    pub(crate) pid: Pid,
    upgrades: usize,
}

impl Succession {
    pub(crate) fn of(server: Server) -> Self {
        let pid = Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
        Self {
            server,
            pid,
            upgrades: 0,
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("the process is there");
    }

    /// Another process takes over.
    #[track_caller]
    pub(crate) fn upgrades(&mut self) {
        self.signal(Signal::USR2);
        until("another process goes on", PATIENCE, || self.has_upgraded());
    }

    /// Whether another process has taken over since the last time.
    pub(crate) fn has_upgraded(&mut self) -> bool {
        let told = self.server.stderr().text();
        if told.matches(" goes on with ").count() <= self.upgrades {
            return false;
        }
        self.upgrades += 1;
        let (before, _) = told.rsplit_once(" goes on with ").unwrap();
        let (_, pid) = before.rsplit_once(' ').unwrap();
        self.pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
        true
    }

    pub(crate) fn is_gone(&self) -> bool {
        test_kill_process(self.pid).is_err()
    }

    #[track_caller]
    pub(crate) fn ends(&self) {
        self.signal(Signal::TERM);
        until("the last process ends", PATIENCE, || self.is_gone());
    }
}

impl Drop for Succession {
    fn drop(&mut self) {
        if self.upgrades > 0 {
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }
}
