//! What a signal from outside means for a terminal that was changed: before the process ends or
//! stops, the terminal is put back as it was found.
//!
//! One thread waits for the signals (`sigwait`), which are blocked everywhere else. So none of
//! this runs in a signal handler, a mask that was inherited makes no difference, and in the end
//! the kernel does what it does with the signal by default: exit status, core file and all.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc::c_int;
use nix::sys::signal::{SigSet, Signal, raise};

use super::printer::Shared;
use super::raw_mode::RawMode;

/// All that end a process, but for SIGKILL and for those by which the kernel tells a thread of its
/// own fault (SIGSEGV and the like): these end it in the middle of an instruction.
const ENDING: [Signal; 13] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGABRT,
    Signal::SIGALRM,
    Signal::SIGIO,
    Signal::SIGPROF,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGVTALRM,
    Signal::SIGXCPU,
    Signal::SIGXFSZ,
];

/// How long the terminal may take to print what is queued.
const SUSPEND_PATIENCE: Duration = Duration::from_millis(500);

/// Waits for signals on behalf of one terminal.
pub(super) struct JobControl {
    pub(super) shared: Arc<Shared>,
    /// None where the terminal itself edits: nothing was changed.
    pub(super) raw_mode: Option<Arc<RawMode>>,
}

impl JobControl {
    /// Begins to wait, on a thread of its own, for every signal that ends or stops the process,
    /// unless it is `handled` elsewhere. A thread that runs already goes on receiving them, so
    /// this comes before any other is started.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn start(self, handled: &[c_int]) -> io::Result<()> {
        let awaited: SigSet = (ENDING.into_iter().chain([Signal::SIGTSTP]))
            .filter(|signal| !handled.contains(&(*signal as c_int)))
            .collect();
        // Every thread inherits the mask, this one too: nowhere is there a moment without it.
        awaited.thread_block()?;
        let thread = thread::Builder::new().name("signals".to_owned());
        let spawned = thread.spawn(move || self.run(awaited));
        if spawned.is_err() {
            let _ = awaited.thread_unblock();
        }
        spawned.map(drop)
    }

    fn run(self, awaited: SigSet) {
        loop {
            match awaited.wait() {
                Ok(signal) => self.take(signal),
                Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }

    /// Returns if the process goes on: it was stopped and is continued; or the kernel does not stop
    /// it, since no shell is there to continue it; or its parent has it ignore the signal.
    fn take(&self, signal: Signal) {
        self.shared.suspend(SUSPEND_PATIENCE);
        if let Some(raw_mode) = &self.raw_mode {
            raw_mode.suspend();
        }
        do_default(signal);
        if let Some(raw_mode) = &self.raw_mode {
            raw_mode.enter();
        }
        self.shared.resume();
    }
}

/// Has the kernel do with `signal` what it does for a program that does not know it.
fn do_default(signal: Signal) {
    let alone = SigSet::from(signal);
    let _ = alone.thread_unblock();
    let _ = raise(signal);
    let _ = alone.thread_block();
}
