//! What the kernel tells about the server: threads, CPU, memory, descriptors, queues.
//! Reads /proc only.

use std::fs;
use std::net::SocketAddr;

/// The fields of `/proc/PID/stat` after the command's name; the first is the state.
fn stat(path: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(path).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// Is every thread of the process in state `T`?
pub(crate) fn all_stopped(pid: u32) -> bool {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return false;
    };
    tasks.flatten().all(|task| {
        let path = task.path().join("stat");
        stat(&path.to_string_lossy()).is_some_and(|fields| fields[0] == "T")
    })
}

/// User and system time of the whole process; the kernel counts 100 ticks a second.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let fields = stat(&format!("/proc/{pid}/stat")).expect("the process is there");
    let ticks = |i: usize| fields[i].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}

/// Resident memory, in KiB.
pub(crate) fn rss_kib(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is there");
    let line = text.lines().find(|l| l.starts_with("VmRSS:"));
    let number = line.and_then(|l| l.split_whitespace().nth(1));
    number.expect("VmRSS").parse().expect("a number")
}

/// Open descriptors.
pub(crate) fn descriptors(pid: u32) -> usize {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).expect("the process is there");
    open.count()
}

/// Soft and hard limit of open descriptors.
pub(crate) fn descriptor_limits(pid: u32) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).expect("the process is there");
    let line = text.lines().find(|l| l.starts_with("Max open files"));
    let numbers: Vec<u64> = line
        .expect("the limit")
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    (numbers[0], numbers[1])
}

/// One side of a TCP connection as `/proc/net/tcp` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Side {
    /// 1 is established.
    pub(crate) state: u8,
    /// Written by this side, not yet acknowledged.
    pub(crate) unsent: u64,
    /// Arrived at this side, not yet read.
    pub(crate) unread: u64,
    /// 2: the keepalive timer runs.
    pub(crate) timer: u8,
}

/// The side at `local` of the IPv4 connection with `remote`; none when the kernel has dropped it.
pub(crate) fn side(local: SocketAddr, remote: SocketAddr) -> Option<Side> {
    let table = fs::read_to_string("/proc/net/tcp").expect("the table");
    let hex = |number: &str| u64::from_str_radix(number, 16).expect("hex");
    // The table may have tens of thousands of lines: most are passed over unread.
    let ports = (
        format!(":{:04X} ", local.port()),
        format!(":{:04X} ", remote.port()),
    );
    let these = table.lines().skip(1);
    let mut these = these.filter(|l| l.contains(&ports.0) && l.contains(&ports.1));
    these.find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, near) = fields[1].split_once(':')?;
        let (_, far) = fields[2].split_once(':')?;
        if hex(near) != u64::from(local.port()) || hex(far) != u64::from(remote.port()) {
            return None;
        }
        let (unsent, unread) = fields[4].split_once(':')?;
        let (timer, _) = fields[5].split_once(':')?;
        Some(Side {
            state: u8::try_from(hex(fields[3])).expect("a byte"),
            unsent: hex(unsent),
            unread: hex(unread),
            timer: u8::try_from(hex(timer)).expect("a byte"),
        })
    })
}
