//! What the whole machine tells, beside the server: memory of TCP, and what else it has to do.

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
