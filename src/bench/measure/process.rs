//! What a process has used so far, from /proc: CPU time, memory, context switches.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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

/// Of several processes together. The highest memory of each need not have been at one time, so
/// that of all is at most their sum.
impl std::iter::Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(usages: I) -> Self {
        usages.fold(Self::default(), |sum, one| Self {
            cpu_ns: sum.cpu_ns + one.cpu_ns,
            user_ticks: sum.user_ticks + one.user_ticks,
            system_ticks: sum.system_ticks + one.system_ticks,
            rss_bytes: sum.rss_bytes + one.rss_bytes,
            rss_max_bytes: sum.rss_max_bytes + one.rss_max_bytes,
            voluntary_switches: sum.voluntary_switches + one.voluntary_switches,
            involuntary_switches: sum.involuntary_switches + one.involuntary_switches,
            processor: one.processor,
        })
    }
}

/// Reads what process `pid` has used.
///
/// # Errors
/// There is no such process, or no /proc.
pub(crate) fn usage(pid: u32) -> io::Result<Usage> {
    let home = home(pid);
    let stat = fs::read_to_string(home.join("stat"))?;
    let mut usage = parse_stat(&stat).ok_or_else(|| io::Error::other("/proc/PID/stat is odd"))?;
    let status = fs::read_to_string(home.join("status"))?;
    usage.rss_bytes = field(&status, "VmRSS:") * 1024;
    usage.rss_max_bytes = field(&status, "VmHWM:") * 1024;
    for thread in fs::read_dir(home.join("task"))? {
        // A thread may end while we look.
        let Ok(status) = fs::read_to_string(thread?.path().join("status")) else {
            continue;
        };
        usage.voluntary_switches += field(&status, "voluntary_ctxt_switches:");
        usage.involuntary_switches += field(&status, "nonvoluntary_ctxt_switches:");
    }
    usage.cpu_ns = cpu_ns(pid).unwrap_or_else(|| {
        // The ticks are hundredths of a second everywhere.
        (usage.user_ticks + usage.system_ticks) * 10_000_000
    });
    Ok(usage)
}

/// CPU time of all threads of a process, also of those that have ended, in nanoseconds.
fn cpu_ns(pid: u32) -> Option<u64> {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).ok()?);
    let clock = nix::time::clock_getcpuclockid(pid).ok()?;
    let time = nix::time::clock_gettime(clock).ok()?;
    let seconds = u64::try_from(time.tv_sec()).ok()?;
    Some(seconds * 1_000_000_000 + u64::try_from(time.tv_nsec()).ok()?)
}

/// CPU time of each thread that these processes have now, in nanoseconds, by thread id.
pub(crate) fn threads_cpu_ns(pids: &[u32]) -> HashMap<String, u64> {
    let threads = pids.iter().map(|pid| fs::read_dir(home(*pid).join("task")));
    let threads = threads.flatten().flatten().flatten();
    threads
        .filter_map(|thread| {
            let times = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            let on_cpu = times.split(' ').next()?.parse().ok()?;
            Some((thread.file_name().to_string_lossy().into_owned(), on_cpu))
        })
        .collect()
}

/// The most CPU time that one thread has used between two calls of [`threads_cpu_ns`].
pub(crate) fn busiest_ns(from: &HashMap<String, u64>, to: &HashMap<String, u64>) -> u64 {
    let used = to.iter().map(|(thread, to)| {
        let from = from.get(thread).copied().unwrap_or(0);
        to.saturating_sub(from)
    });
    used.max().unwrap_or(0)
}

/// The cores that any of these processes may use.
pub(crate) fn cores(pids: &[u32]) -> Option<u32> {
    let mut all = rustix::thread::CpuSet::new();
    for pid in pids {
        let pid = rustix::process::Pid::from_raw(i32::try_from(*pid).ok()?);
        let its = rustix::thread::sched_getaffinity(pid).ok()?;
        let its = (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| its.is_set(*cpu));
        its.for_each(|cpu| all.set(cpu));
    }
    Some(all.count())
}

/// What process `pid` is called.
pub(crate) fn name(pid: u32) -> String {
    let name = fs::read_to_string(home(pid).join("comm")).unwrap_or_default();
    crate::sanitize::sanitize(name.trim_end().as_bytes()).into_owned()
}

fn home(pid: u32) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
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
    #[cfg(target_os = "linux")]
    fn threads_that_have_ended_have_used_something() {
        let pid = std::process::id();
        let (before, threads) = (usage(pid).unwrap(), threads_cpu_ns(&[pid]));
        let used_ns = std::thread::spawn(|| {
            while own_thread_cpu_ns() < 20_000_000 {}
            own_thread_cpu_ns()
        });
        let used_ns = used_ns.join().unwrap();
        let after = usage(pid).unwrap();
        assert!(after.cpu_ns - before.cpu_ns >= used_ns);
        assert!(threads.len() >= 2 && cores(&[pid]).unwrap() >= 1);
        // One that was not there before counts from nothing.
        let of = |cpu_ns: [(&str, u64); 2]| cpu_ns.map(|(id, ns)| (id.to_owned(), ns)).into();
        let busiest = busiest_ns(&of([("1", 5), ("2", 9)]), &of([("2", 10), ("3", 4)]));
        assert_eq!(busiest, 4);
    }

    #[test]
    fn who_is_not_there_has_used_nothing() {
        assert!(usage(u32::MAX).is_err());
    }
}
