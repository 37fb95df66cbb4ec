//! What the machine tells that only the long runs ask: memory of TCP, what else it has to do, and what a
//! process that may have gone has taken.

use std::fs;

/// What TCP takes, on the whole machine.
pub(crate) struct Tcp {
    pub(crate) memory_kib: u64,
    /// Connections that no process holds any more.
    pub(crate) orphans: u64,
}

/// `/proc/net/sockstat`; its pages have 4 KiB.
pub(crate) fn tcp() -> Tcp {
    let text = fs::read_to_string("/proc/net/sockstat").expect("the table");
    let line = text.lines().find(|l| l.starts_with("TCP:")).expect("TCP");
    let words: Vec<&str> = line.split_whitespace().collect();
    let after = |name: &str| {
        let at = words.iter().position(|word| *word == name);
        at.and_then(|at| words[at + 1].parse::<u64>().ok())
    };
    Tcp {
        memory_kib: after("mem").expect("mem") * 4,
        orphans: after("orphan").expect("orphan"),
    }
}

/// What else this machine has to do, over the last minute: beside times that were measured.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").expect("the load");
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// What the process's first thread has had of the CPUs, in ms; finer than the clock's ticks. None when it
/// has gone.
pub(crate) fn cpu_ms(pid: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    let ns: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(ns / 1e6)
}

/// Of whatever process serves now.
pub(crate) fn pid(of: &crate::succession::Succession) -> u32 {
    of.pid.as_raw_nonzero().get().unsigned_abs()
}

/// A process's resident memory at its height, in KiB; none when it has gone.
pub(crate) fn peak_rss_kib(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
