//! What this machine allows a load generator, and which command raises it. The same hints go
//! with the errors of a run that meets a limit.

use std::fmt::Write as _;
use std::fs;
use std::io;

use crate::bench::config::{Load, Scenario};

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for most loads.
const DESCRIPTORS_WANTED: u64 = 65_536;
/// Enough for both ends of most loads on loopback, and the rest of the machine.
const FILES_WANTED: u64 = 1 << 20;
/// All that there are, but for those which servers take.
const PORTS_WANTED: (u64, u64) = (1_024, 65_535);
/// What the project's own server asks for.
const BACKLOG_WANTED: u64 = 4096;
/// An idle connection's two ends, measured.
const IDLE_PAIR_BYTES: u64 = 10 * 1024;
/// Descriptors that the program needs for itself.
const DESCRIPTORS_OWN: u64 = 32;

/// The limits of a machine, and of this process on it.
#[derive(Debug, Clone)]
struct Limits {
    /// Descriptors of a process; no number, for any number.
    soft: Option<u64>,
    hard: u64,
    /// The most that a hard limit may be.
    hardest: u64,
    /// Open files of all processes.
    files: u64,
    /// The first port for connections, and the last.
    ports: (u64, u64),
    backlog: u64,
    /// Memory for TCP: easy, under pressure, at most.
    tcp_pages: [u64; 3],
    page_bytes: u64,
    free_bytes: u64,
    cores: usize,
}

/// One limit, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    what: &'static str,
    now: String,
    means: String,
    /// The command that raises it, for root; empty where there is enough.
    raise: String,
}

/// What to try when a system call has failed so; empty when there is nothing to say.
#[must_use]
pub(crate) fn hint(error: &io::Error) -> String {
    Limits::now().hint(error.raw_os_error().map(Errno::from_raw_os_error))
}

/// Raises the process's descriptor limit as far as it may, and checks that `connections` fit.
///
/// # Errors
/// One line with the command that raises it further.
pub(crate) fn make_room_for(connections: usize) -> Result<(), String> {
    let limit = getrlimit(Resource::Nofile);
    // A process may always raise its soft limit to its hard one; if not, the check tells.
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = setrlimit(Resource::Nofile, raised);
    let needed = (connections as u64).saturating_add(DESCRIPTORS_OWN);
    let limits = Limits::now();
    if needed > limits.hard {
        return Err(format!(
            "{connections} connections need {needed} descriptors and {} are allowed; as root: {}",
            limits.hard,
            limits.raise_descriptors(needed)
        ));
    }
    Ok(())
}

/// Memory that a table of members and senders takes: a number for each pair, and a place for each
/// message that is on its way.
const PAIR_BYTES: u64 = 4;

/// Checks that what is remembered of each receiver and sender fits.
///
/// # Errors
/// One line with what would fit.
pub(crate) fn check_memory(load: &Load) -> Result<(), String> {
    let settings = &load.settings;
    let (members, senders) = (settings.connections as u64, settings.senders as u64);
    let free = meminfo("MemAvailable:");
    let needed = match load.scenario {
        Scenario::Echo => 0,
        Scenario::Room => members.saturating_mul(senders).saturating_mul(PAIR_BYTES),
    };
    if free > 0 && needed > free / 2 {
        return Err(format!(
            "{members} members that are checked for each of {senders} senders take {} MiB, and {} \
             are free; fewer --senders need less",
            needed >> 20,
            free >> 20
        ));
    }
    Ok(())
}

/// What `bench doctor` prints.
#[must_use]
pub(crate) fn examine() -> String {
    let mut text = String::new();
    for finding in Limits::now().findings() {
        let Finding {
            what,
            now,
            means,
            raise,
        } = finding;
        // Writing to a string does not fail.
        let _ = writeln!(text, "{what:<14} {now}\n{:<14} {means}", "");
        if !raise.is_empty() {
            let _ = writeln!(text, "{:<14} raise it, as root: {raise}", "");
        }
    }
    text
}

impl Limits {
    fn now() -> Self {
        const PORTS: &str = "/proc/sys/net/ipv4/ip_local_port_range";
        let descriptors = getrlimit(Resource::Nofile);
        Self {
            soft: descriptors.current,
            hard: descriptors.maximum.unwrap_or(u64::MAX),
            hardest: number("/proc/sys/fs/nr_open", 0),
            files: number("/proc/sys/fs/file-max", 0),
            ports: (number(PORTS, 0), number(PORTS, 1)),
            backlog: number("/proc/sys/net/core/somaxconn", 0),
            tcp_pages: [0, 1, 2].map(|n| number("/proc/sys/net/ipv4/tcp_mem", n)),
            page_bytes: rustix::param::page_size() as u64,
            free_bytes: meminfo("MemAvailable:"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    fn hint(&self, error: Option<Errno>) -> String {
        const MORE: &str = "(see chinwag bench doctor)";
        let as_root = |what: &str, command: String| match command.as_str() {
            "" => format!("; {what} {MORE}"),
            _ => format!("; {what}, as root: {command} {MORE}"),
        };
        match error {
            // So many were not enough.
            Some(Errno::MFILE) => {
                let wanted = DESCRIPTORS_WANTED.max(self.hard.saturating_mul(2));
                as_root("more descriptors", self.raise_descriptors(wanted))
            }
            Some(Errno::NFILE) => {
                let wanted = FILES_WANTED.max(self.files.saturating_mul(2));
                as_root("more open files", self.raise_files(wanted))
            }
            Some(Errno::ADDRNOTAVAIL | Errno::ADDRINUSE) => as_root(
                "--source has to be an address of this machine, and more of them have more ports; \
                 or more ports",
                self.raise_ports(),
            ),
            Some(Errno::NOBUFS | Errno::NOMEM) => format!("; more memory is needed {MORE}"),
            _ => String::new(),
        }
    }

    fn raise_descriptors(&self, wanted: u64) -> String {
        if self.hard >= wanted {
            return String::new();
        }
        let first = if self.hardest < wanted {
            format!("sysctl -w fs.nr_open={wanted}, then ")
        } else {
            String::new()
        };
        format!(
            "{first}ulimit -n {wanted} (for good: 'nofile' in /etc/security/limits.conf, \
             LimitNOFILE= in a unit)"
        )
    }

    fn raise_files(&self, wanted: u64) -> String {
        if self.files >= wanted {
            return String::new();
        }
        format!("sysctl -w fs.file-max={wanted}")
    }

    fn raise_ports(&self) -> String {
        let (low, high) = self.ports;
        let wanted = (low.min(PORTS_WANTED.0), high.max(PORTS_WANTED.1));
        if self.ports == wanted {
            return String::new();
        }
        format!(
            "sysctl -w net.ipv4.ip_local_port_range='{} {}'",
            wanted.0, wanted.1
        )
    }

    fn raise_backlog(&self) -> String {
        if self.backlog >= BACKLOG_WANTED {
            return String::new();
        }
        format!("sysctl -w net.core.somaxconn={BACKLOG_WANTED}")
    }

    /// Half of what is free is enough for TCP; beyond that the machine has nothing to give.
    fn raise_socket_memory(&self) -> String {
        if self.for_tcp_bytes() >= self.free_bytes / 2 {
            return String::new();
        }
        let [low, pressure, high] = self.tcp_pages.map(|pages| pages.saturating_mul(2));
        format!("sysctl -w net.ipv4.tcp_mem='{low} {pressure} {high}' (in pages)")
    }

    fn for_tcp_bytes(&self) -> u64 {
        self.tcp_pages[2].saturating_mul(self.page_bytes)
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = self.for_descriptors().to_vec();
        findings.extend(self.for_the_network());
        findings.push(self.for_the_cores());
        findings
    }

    fn for_descriptors(&self) -> [Finding; 2] {
        let soft = self.soft.map_or("any number".to_owned(), |n| n.to_string());
        let fit = self.hard.saturating_sub(DESCRIPTORS_OWN);
        [
            Finding {
                what: "descriptors",
                now: format!(
                    "{soft} now, {} at most (a run raises it by itself)",
                    self.hard
                ),
                means: format!("{fit} connections from one process"),
                raise: self.raise_descriptors(DESCRIPTORS_WANTED),
            },
            Finding {
                what: "open files",
                now: format!("{} on the whole machine", self.files),
                means: "both ends of a connection on loopback count".to_owned(),
                raise: self.raise_files(FILES_WANTED),
            },
        ]
    }

    fn for_the_network(&self) -> [Finding; 3] {
        let (low, high) = self.ports;
        let ports = high.saturating_add(1).saturating_sub(low);
        [
            Finding {
                what: "ports",
                now: format!("{ports} ({low} to {high})"),
                means: "so many connections from one address to one server; more with --source \
                        (by itself on loopback)"
                    .to_owned(),
                raise: self.raise_ports(),
            },
            Finding {
                what: "backlog",
                now: format!("{}", self.backlog),
                means: "so many may wait to be accepted; beyond it, connecting takes seconds"
                    .to_owned(),
                raise: self.raise_backlog(),
            },
            Finding {
                what: "memory",
                now: format!(
                    "{} MiB free, {} MiB at most for TCP",
                    self.free_bytes >> 20,
                    self.for_tcp_bytes() >> 20
                ),
                means: format!(
                    "an idle connection on loopback takes some 10 KiB of the kernel: {} fit",
                    self.free_bytes / IDLE_PAIR_BYTES
                ),
                raise: self.raise_socket_memory(),
            },
        ]
    }

    fn for_the_cores(&self) -> Finding {
        Finding {
            what: "cores",
            now: format!("{}", self.cores),
            means: if self.cores < 2 {
                "server and generator share one: figures tell little".to_owned()
            } else {
                "pin server and generator for steadier figures: taskset -c 0, taskset -c 1"
                    .to_owned()
            },
            raise: String::new(),
        }
    }
}

/// The `n`-th number in a file of the kernel's; 0 if it is not told.
fn number(path: &str, n: usize) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let word = text.split_ascii_whitespace().nth(n);
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// A size from /proc/meminfo, in bytes; 0 if it is not told.
#[must_use]
pub(crate) fn meminfo(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_ascii_whitespace().next())
        .and_then(|number| number.parse::<u64>().ok())
        .map_or(0, |kib| kib * 1024)
}

#[cfg(test)]
mod tests;
