//! Signals that the server handles, and what a parent's mask may not keep away. Knows nothing of who
//! handles them.

use nix::libc::c_int;
use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR2};

/// At the first two a server stops accepting, sends what is owed, and ends; at the third it reads its
/// files anew; at the last another process goes on in its place.
pub(crate) const HANDLED: [c_int; 4] = [SIGTERM, SIGINT, SIGHUP, SIGUSR2];

/// Lets `signals` through to this thread and to those that it starts from now on. A mask is
/// inherited over exec, so a parent that blocks signals while it starts programs would make this
/// one deaf to them.
pub(crate) fn unblock(signals: &[c_int]) {
    let known = signals.iter().filter_map(|&s| Signal::try_from(s).ok());
    // It can only fail for lack of a valid set.
    let _ = known.collect::<SigSet>().thread_unblock();
}

/// Keeps all signals from this thread: others take them.
#[cfg(feature = "hub")]
pub(crate) fn block_all() {
    // As above.
    let _ = SigSet::all().thread_block();
}

/// Sends a signal to a process, which may be gone.
pub(crate) fn send(pid: u32, signal: c_int) {
    if let (Ok(pid), Ok(signal)) = (i32::try_from(pid), Signal::try_from(signal)) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal);
    }
}

/// Sends a signal to every process that this one may send it to, but itself. For process 1 alone:
/// they are those that it has started.
pub(crate) fn send_to_all(signal: c_int) {
    if let Ok(signal) = Signal::try_from(signal) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(-1), signal);
    }
}

/// Keeps a file that may grow no more (`RLIMIT_FSIZE`) from ending the process where this thread
/// writes: it is told so by an error, as of a full disk.
pub(crate) fn block_file_size() {
    let _ = SigSet::from(Signal::SIGXFSZ).thread_block();
}

/// Whether the parent process had `signal` ignored, as `nohup` does with SIGHUP. Where the system
/// does not tell: no.
pub(crate) fn is_ignored(signal: c_int) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocked_signal_is_let_through_and_no_other() {
        let blocked: SigSet = [Signal::SIGTERM, Signal::SIGUSR1].into_iter().collect();
        blocked.thread_block().unwrap();
        unblock(&HANDLED);
        let mask = SigSet::thread_get_mask().unwrap();
        assert!(!mask.contains(Signal::SIGTERM) && mask.contains(Signal::SIGUSR1));
    }
}
