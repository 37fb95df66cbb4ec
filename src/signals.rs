//! What a process inherits about signals, and has to undo.

use std::io;

use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};

/// Has the calling thread, and those that it will start, get `signals` even if the parent process
/// had blocked them.
///
/// # Errors
/// What the system says.
pub(crate) fn unblock(signals: &[i32]) -> io::Result<()> {
    let signals = signals
        .iter()
        .filter_map(|signal| Signal::try_from(*signal).ok());
    let set: SigSet = signals.collect();
    pthread_sigmask(SigmaskHow::SIG_UNBLOCK, Some(&set), None)?;
    Ok(())
}

/// Whether the parent process had `signal` ignored, as `nohup` does with SIGHUP. Where the system
/// does not tell: no.
pub(crate) fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
