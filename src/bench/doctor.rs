//! What this machine allows a load generator, and which command raises it. The same hints go
//! with the errors of a run that meets a limit.

use std::fmt::Write as _;
use std::fs;
use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const RAISE_DESCRIPTORS: &str =
    "ulimit -n 65536 (for good: 'nofile' in /etc/security/limits.conf, LimitNOFILE= in a unit)";
const RAISE_PORTS: &str =
    "sysctl -w net.ipv4.ip_local_port_range='1024 65535', or more --source addresses";
const RAISE_BACKLOG: &str = "sysctl -w net.core.somaxconn=4096";
const RAISE_SOCKET_MEMORY: &str = "sysctl -w net.ipv4.tcp_mem='LOW PRESSURE HIGH' (in pages)";
const RAISE_FILES: &str = "sysctl -w fs.file-max=1048576";

/// What the project's own server asks for.
const BACKLOG_WANTED: u64 = 4096;
/// An idle connection's two ends, measured.
const IDLE_PAIR_BYTES: u64 = 10 * 1024;
/// Descriptors that the program needs for itself.
const DESCRIPTORS_OWN: u64 = 32;

/// One limit of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    what: &'static str,
    now: String,
    means: String,
    raise: &'static str,
}

/// What to try when a system call has failed so; empty when there is nothing to say.
#[must_use]
pub fn hint(error: &io::Error) -> &'static str {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::MFILE) => "; more descriptors: ulimit -n 65536 (see chinwag bench doctor)",
        Some(Errno::NFILE) => {
            "; more open files: sysctl -w fs.file-max=1048576 (see chinwag bench doctor)"
        }
        Some(Errno::ADDRNOTAVAIL | Errno::ADDRINUSE) => {
            "; --source has to be an address of this machine; more ports: sysctl -w net.ipv4.ip_local_port_range='1024 65535', or more --source \
             addresses (see chinwag bench doctor)"
        }
        Some(Errno::NOBUFS | Errno::NOMEM) => "; more memory is needed (see chinwag bench doctor)",
        _ => "",
    }
}

/// Raises the process's descriptor limit as far as it may, and checks that `connections` fit.
///
/// # Errors
/// One line with the command that raises it further.
pub fn make_room_for(connections: usize) -> Result<(), String> {
    let limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.unwrap_or(u64::MAX);
    // A process may always raise its soft limit to its hard one; if not, the check tells.
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = setrlimit(Resource::Nofile, raised);
    let needed = (connections as u64).saturating_add(DESCRIPTORS_OWN);
    if needed > allowed {
        return Err(format!(
            "{connections} connections need {needed} descriptors and {allowed} are allowed; \
             {RAISE_DESCRIPTORS}"
        ));
    }
    Ok(())
}

/// What `bench doctor` prints.
#[must_use]
pub fn examine() -> String {
    let mut text = String::new();
    for finding in findings() {
        let Finding {
            what,
            now,
            means,
            raise,
        } = finding;
        // Writing to a string does not fail.
        let _ = writeln!(text, "{what:<14} {now}\n{:<14} {means}", "");
        if !raise.is_empty() {
            let _ = writeln!(text, "{:<14} raise it: {raise}", "");
        }
    }
    text
}

fn findings() -> Vec<Finding> {
    let mut findings = for_descriptors().to_vec();
    findings.extend(for_the_network());
    findings.push(for_the_cores());
    findings
}

fn for_descriptors() -> [Finding; 2] {
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    let soft = limit
        .current
        .map_or("any number".to_owned(), |n| n.to_string());
    let fit = hard.saturating_sub(DESCRIPTORS_OWN);
    [
        Finding {
            what: "descriptors",
            now: format!("{soft} now, {hard} at most (a run raises it by itself)"),
            means: format!("{fit} connections from one process"),
            raise: RAISE_DESCRIPTORS,
        },
        Finding {
            what: "open files",
            now: format!(
                "{} on the whole machine",
                number("/proc/sys/fs/file-max", 0)
            ),
            means: "both ends of a connection on loopback count".to_owned(),
            raise: RAISE_FILES,
        },
    ]
}

fn for_the_network() -> [Finding; 3] {
    const PORTS: &str = "/proc/sys/net/ipv4/ip_local_port_range";
    let (low, high) = (number(PORTS, 0), number(PORTS, 1));
    let backlog = number("/proc/sys/net/core/somaxconn", 0);
    let pages = number("/proc/sys/net/ipv4/tcp_mem", 2);
    let for_tcp_bytes = pages.saturating_mul(rustix::param::page_size() as u64);
    let free_bytes = meminfo("MemAvailable:");
    [
        Finding {
            what: "ports",
            now: format!("{} ({low} to {high})", (high + 1).saturating_sub(low)),
            means: "so many connections from one address to one server; on loopback more \
                    addresses are used by themselves"
                .to_owned(),
            raise: RAISE_PORTS,
        },
        Finding {
            what: "backlog",
            now: format!("{backlog}"),
            means: "so many may wait to be accepted; beyond it, connecting takes seconds"
                .to_owned(),
            raise: if backlog < BACKLOG_WANTED {
                RAISE_BACKLOG
            } else {
                ""
            },
        },
        Finding {
            what: "memory",
            now: format!(
                "{} MiB free, {} MiB at most for TCP",
                free_bytes >> 20,
                for_tcp_bytes >> 20
            ),
            means: format!(
                "an idle connection on loopback takes some 10 KiB of the kernel: {} fit",
                free_bytes / IDLE_PAIR_BYTES
            ),
            raise: RAISE_SOCKET_MEMORY,
        },
    ]
}

fn for_the_cores() -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Finding {
        what: "cores",
        now: format!("{cores}"),
        means: if cores < 2 {
            "server and generator share one: figures tell little".to_owned()
        } else {
            "pin server and generator for steadier figures: taskset -c 0, taskset -c 1".to_owned()
        },
        raise: "",
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
pub fn meminfo(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_ascii_whitespace().next())
        .and_then(|number| number.parse::<u64>().ok())
        .map_or(0, |kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_its_command() {
        let text = examine();
        for words in [
            "ulimit -n",
            "ip_local_port_range",
            "backlog",
            "tcp_mem",
            "cores",
        ] {
            assert!(text.contains(words), "{words} in {text}");
        }
    }

    #[test]
    fn errors_of_limits_say_how_to_raise_them() {
        let of = |errno: Errno| hint(&io::Error::from_raw_os_error(errno.raw_os_error()));
        assert!(of(Errno::MFILE).contains("ulimit -n"));
        assert!(of(Errno::ADDRNOTAVAIL).contains("--source"));
        assert_eq!(of(Errno::CONNREFUSED), "");
    }

    #[test]
    fn too_many_are_refused_before_they_are_tried() {
        assert_eq!(make_room_for(10), Ok(()));
        if getrlimit(Resource::Nofile).maximum.is_some() {
            let refusal = make_room_for(usize::MAX >> 8).unwrap_err();
            assert!(refusal.contains("ulimit -n"), "{refusal}");
        }
    }
}
