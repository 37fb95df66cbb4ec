//! What a process has used so far, from /proc: CPU time, memory, context switches.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A process's use of the machine up to one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// CPU time of all threads, in nanoseconds.
    pub(crate) cpu_ns: u64,
    /// Of it, in user mode: clock ticks, good for a ratio with `system_ticks`.
    pub(crate) user_ticks: u64,
    /// Of it, in the kernel.
    pub(crate) system_ticks: u64,
    /// Resident memory.
    pub(crate) rss_bytes: u64,
    /// The most it ever had.
    pub(crate) rss_max_bytes: u64,
    /// Context switches because it waited.
    pub(crate) voluntary_switches: u64,
    /// Context switches because its time was over.
    pub(crate) involuntary_switches: u64,
    /// The processor that its main thread ran on last.
    pub(crate) processor: u32,
}

/// Reads what process `pid` has used.
///
/// # Errors
/// There is no such process, or no /proc.
pub(crate) fn usage(pid: u32) -> io::Result<Usage> {
    let home = Path::new("/proc").join(pid.to_string());
    let stat = fs::read_to_string(home.join("stat"))?;
    let mut usage = parse_stat(&stat).ok_or_else(|| io::Error::other("/proc/PID/stat is odd"))?;
    let status = fs::read_to_string(home.join("status"))?;
    usage.rss_bytes = field(&status, "VmRSS:") * 1024;
    usage.rss_max_bytes = field(&status, "VmHWM:") * 1024;
    for thread in fs::read_dir(home.join("task"))? {
        let thread = thread?.path();
        // A thread may end while we look.
        let Ok(status) = fs::read_to_string(thread.join("status")) else {
            continue;
        };
        usage.voluntary_switches += field(&status, "voluntary_ctxt_switches:");
        usage.involuntary_switches += field(&status, "nonvoluntary_ctxt_switches:");
        let times = fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
        let on_cpu = times
            .split(' ')
            .next()
            .and_then(|ns| ns.parse::<u64>().ok());
        usage.cpu_ns += on_cpu.unwrap_or(0);
    }
    if usage.cpu_ns == 0 {
        // No schedstat: the ticks are hundredths of a second everywhere.
        usage.cpu_ns = (usage.user_ticks + usage.system_ticks) * 10_000_000;
    }
    Ok(usage)
}

/// The CPU time of the thread that asks, in nanoseconds.
#[must_use]
pub(crate) fn own_thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// The fields behind the name, which stands in parentheses and may contain anything.
fn parse_stat(stat: &str) -> Option<Usage> {
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split_ascii_whitespace().collect();
    Some(Usage {
        user_ticks: fields.get(11)?.parse().ok()?,
        system_ticks: fields.get(12)?.parse().ok()?,
        processor: fields.get(36)?.parse().ok()?,
        ..Usage::default()
    })
}

/// The number behind `name` at the start of a line; 0 if there is none.
fn field(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_ascii_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_contain_anything() {
        let numbers: Vec<String> = (3..=52).map(|n| n.to_string()).collect();
        let stat = format!("1 (a) b) c) {}", numbers.join(" "));
        let usage = parse_stat(&stat).unwrap();
        assert_eq!((usage.user_ticks, usage.system_ticks), (14, 15));
        assert_eq!(usage.processor, 39);
        assert_eq!(parse_stat("1 (x) R 1 2"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn our_own_use_grows() {
        let before = usage(std::process::id()).unwrap();
        let own = own_thread_cpu_ns();
        let begun = std::time::Instant::now();
        while begun.elapsed().as_millis() < 20 {}
        let after = usage(std::process::id()).unwrap();
        assert!(after.cpu_ns > before.cpu_ns && after.rss_bytes > 100_000);
        assert!(own_thread_cpu_ns() > own);
        assert!(after.voluntary_switches + after.involuntary_switches > 0);
    }

    #[test]
    fn who_is_not_there_has_used_nothing() {
        assert!(usage(u32::MAX).is_err());
    }
}
