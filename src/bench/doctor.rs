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
            "; more ports: sysctl -w net.ipv4.ip_local_port_range='1024 65535', or more --source \
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
    let needed = connections as u64 + DESCRIPTORS_OWN;
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
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    let soft = limit
        .current
        .map_or("any number".to_owned(), |n| n.to_string());
    let ports = numbers("/proc/sys/net/ipv4/ip_local_port_range");
    let port_count = match ports[..] {
        [low, high] => high.saturating_sub(low) + 1,
        _ => 0,
    };
    let backlog = numbers("/proc/sys/net/core/somaxconn")
        .first()
        .copied()
        .unwrap_or(0);
    let pages = numbers("/proc/sys/net/ipv4/tcp_mem")
        .get(2)
        .copied()
        .unwrap_or(0);
    let page_bytes = rustix::param::page_size() as u64;
    let files = numbers("/proc/sys/fs/file-max")
        .first()
        .copied()
        .unwrap_or(0);
    let memory_bytes = meminfo("MemAvailable:");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    vec![
        Finding {
            what: "descriptors",
            now: format!("{soft} now, {hard} at most (a run raises it by itself)"),
            means: format!(
                "{} connections from one process",
                hard.saturating_sub(DESCRIPTORS_OWN)
            ),
            raise: RAISE_DESCRIPTORS,
        },
        Finding {
            what: "open files",
            now: format!("{files} on the whole machine"),
            means: "both ends of a connection on loopback count".to_owned(),
            raise: RAISE_FILES,
        },
        Finding {
            what: "ports",
            now: format!("{port_count} ({ports:?})"),
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
            raise: if backlog < 4096 { RAISE_BACKLOG } else { "" },
        },
        Finding {
            what: "memory",
            now: format!(
                "{} MiB free, {} MiB of it for TCP",
                memory_bytes >> 20,
                (pages * page_bytes) >> 20
            ),
            means: format!(
                "an idle connection takes some 5 KiB an end in the kernel: {} of them",
                memory_bytes / (10 * 1024)
            ),
            raise: RAISE_SOCKET_MEMORY,
        },
        Finding {
            what: "cores",
            now: format!("{cores}"),
            means: if cores < 2 {
                "server and generator share one: figures tell little".to_owned()
            } else {
                "pin the server and the generator for steadier figures: taskset -c 0, taskset -c 1"
                    .to_owned()
            },
            raise: "",
        },
    ]
}

fn numbers(path: &str) -> Vec<u64> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_ascii_whitespace()
        .filter_map(|number| number.parse().ok())
        .collect()
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
