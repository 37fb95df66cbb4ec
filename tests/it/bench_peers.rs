//! Small servers to hold `bench` against, each with its own account of what it does wrong, and
//! how the reports are read.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, Socket, Type};

/// What an echo server does with the lines of one connection: `(line, send)`.
pub(super) type Habit = Box<dyn FnMut(Vec<u8>, &mut dyn FnMut(&[u8])) + Send>;

pub(super) fn program() -> Command {
    let built = env!("CARGO_BIN_EXE_chinwag");
    Command::new(std::env::var_os("CHINWAG_BIN").unwrap_or_else(|| built.into()))
}

/// Serves lines, each connection by a habit of its own.
pub(super) fn serve(habit: impl FnMut() -> Habit + Send + 'static) -> SocketAddr {
    serve_on(wide(), habit)
}

/// A listener whose connections can hold little that is not read yet.
pub(super) fn narrow() -> TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(128 * 1024).unwrap();
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&anywhere.into()).unwrap();
    socket.listen(64).unwrap();
    socket.into()
}

/// As [`serve`], on a listener that is there.
pub(super) fn serve_on(
    listener: TcpListener,
    mut habit: impl FnMut() -> Habit + Send + 'static,
) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let mut habit = habit();
            thread::spawn(move || {
                stream.set_nodelay(true).unwrap();
                let mut answers = stream.try_clone().unwrap();
                let mut lines = BufReader::new(stream);
                let mut line = Vec::new();
                while lines.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                    habit(std::mem::take(&mut line), &mut |bytes| {
                        // The client may be gone.
                        let _ = answers.write_all(bytes);
                    });
                }
            });
        }
    });
    address
}

/// Runs `bench KIND ADDR --json OPTIONS`; the report, and how the program ended. Several addresses
/// have spaces between them.
pub(super) fn bench(kind: &str, address: &str, options: &str) -> (Value, Output) {
    let output = program()
        .args(["bench", kind])
        .args(address.split(' '))
        .args(["--json", "--timeout", "1s"])
        .args(options.split_whitespace())
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    (report, output)
}

pub(super) fn number(report: &Value, path: &str) -> f64 {
    let value = report.pointer(path);
    value
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("no {path} in {report}"))
}

/// That the four counts are as given, and that the program says so if any is not 0.
pub(super) fn assert_counts(
    found: &(Value, Output),
    [lost, duplicate, reordered, corrupt]: [u64; 4],
) {
    let (report, output) = found;
    let counts = ["lost", "duplicate", "reordered", "corrupt"].map(|name| report[name].as_u64());
    assert_eq!(
        counts,
        [lost, duplicate, reordered, corrupt].map(Some),
        "{}",
        report["verdict"]
    );
    if lost + duplicate + reordered + corrupt > 0 {
        assert_eq!(output.status.code(), Some(1));
        let verdict = report["verdict"].as_str().unwrap();
        assert!(verdict.starts_with("FAILED: "), "{verdict}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(verdict));
    }
}

/// Does `fault` to every `every`-th line after the first 200, and counts.
pub(super) fn faulty(
    every: u64,
    fault: impl FnMut(Vec<u8>, &mut dyn FnMut(&[u8])) + Clone + Send + 'static,
) -> (SocketAddr, Arc<Mutex<u64>>) {
    let faults = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&faults);
    let address = serve(move || {
        let (mut fault, faults, mut seen) = (fault.clone(), Arc::clone(&counted), 0);
        Box::new(move |line, send| {
            seen += 1;
            if seen > 200 && seen % every == 0 {
                *faults.lock().unwrap() += 1;
                fault(line, send);
            } else {
                send(&line);
            }
        })
    });
    (address, faults)
}

/// A listener like any other.
pub(super) fn wide() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// A server that, once, at its 100th line, reads nothing and answers nobody for a while.
pub(super) fn stalling(listener: TcpListener, stall: Duration) -> SocketAddr {
    let seen = Arc::new(Mutex::new(0));
    serve_on(listener, move || {
        let seen = Arc::clone(&seen);
        Box::new(move |line, send| {
            let mut seen = seen.lock().unwrap();
            *seen += 1;
            if *seen == 100 {
                thread::sleep(stall);
            }
            send(&line);
        })
    })
}

/// What a room does with a line for one of its members: `(to, from, line)`, what it is sent.
pub(super) trait Relay: FnMut(usize, usize, &str) -> String + Send + 'static {}

impl<F: FnMut(usize, usize, &str) -> String + Send + 'static> Relay for F {}

/// As a room ought to send it, with a notice behind it.
pub(super) fn relayed(from: usize, line: &str) -> String {
    format!("guest{from}: {line}\n* a notice\n")
}

/// A room of threads: each line goes to the others, `deliver` times.
pub(super) fn room(deliver: impl Fn(u64) -> usize + Send + 'static) -> SocketAddr {
    let mut delivered = 0;
    room_of(false, move |_, from, line| {
        delivered += 1;
        relayed(from, line).repeat(deliver(delivered))
    })
}

/// A room of threads whose members are sent what `relay` says; the senders too, if `own`.
pub(super) fn room_of(own: bool, relay: impl Relay) -> SocketAddr {
    room_of_nodes(1, own, relay).remove(0)
}

/// As [`room_of`], at several addresses. The members at the `n`-th have the numbers `n`, `n + nodes`
/// and so on.
pub(super) fn room_of_nodes(nodes: usize, own: bool, relay: impl Relay) -> Vec<SocketAddr> {
    let members: Arc<Mutex<Vec<(usize, TcpStream)>>> = Arc::default();
    let relay = Arc::new(Mutex::new(relay));
    let node = |node: usize| {
        let listener = wide();
        let address = listener.local_addr().unwrap();
        let (members, relay) = (Arc::clone(&members), Arc::clone(&relay));
        thread::spawn(move || {
            for (place, stream) in listener.incoming().enumerate() {
                let (stream, me) = (stream.unwrap(), place * nodes + node);
                let (members, relay) = (Arc::clone(&members), Arc::clone(&relay));
                let member = (me, stream.try_clone().unwrap());
                members.lock().unwrap().push(member);
                thread::spawn(move || {
                    for line in BufReader::new(stream).lines().map_while(Result::ok) {
                        let mut relay = relay.lock().unwrap();
                        for (other, member) in members.lock().unwrap().iter_mut() {
                            if own || *other != me {
                                let text = relay(*other, me, &line);
                                let _ = member.write_all(text.as_bytes());
                            }
                        }
                    }
                });
            }
        });
        address
    };
    (0..nodes).map(node).collect()
}

/// The sequence number of a message, and none of one that only asks who is there.
pub(super) fn sequence(line: &str) -> Option<u32> {
    let at = line.len().checked_sub(99)?;
    let digits = line.get(at + 27..at + 35)?;
    u32::from_str_radix(digits, 16)
        .ok()
        .filter(|n| *n < u32::MAX)
}
