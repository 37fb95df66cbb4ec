//! What a run that cannot be, or that is too small, says of itself: of the server what that did, and
//! nothing that is not known.

use std::io::Write;
use std::net::{Shutdown, SocketAddr};
use std::thread;

use crate::bench_peers::{Habit, bench, number, program, serve, wide};
use crate::harness::Launch;

fn habit(answer: impl Fn(Vec<u8>) -> Vec<u8> + Send + 'static) -> Habit {
    Box::new(move |line, send| send(&answer(line)))
}

/// Says `words` to who comes, from the `first` on, and hangs up; to the others nothing.
fn closing(first: usize, words: &'static [u8]) -> SocketAddr {
    let listener = wide();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut kept = Vec::new();
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            if number >= first {
                let _ = stream.write_all(words);
                let _ = stream.shutdown(Shutdown::Write);
            }
            // Closed with something unread it would be reset.
            kept.push(stream);
        }
    });
    address
}

#[test]
fn a_server_that_does_something_else_is_told_what_it_did() {
    let shouting = || serve(|| habit(|line| line.to_ascii_uppercase()));
    let error = "-ERR unknown command, with args beginning with: and so on, and so on, and on\r\n";
    let redis = serve(move || habit(move |_| error.into()));
    let full = b"* hello\n* full: 3 are here; try again later\n";
    for (kind, address, options, words) in [
        (
            "room",
            serve(|| habit(|line| line)),
            "",
            "an echo? bench echo",
        ),
        ("room", shouting(), "", "the server said '"),
        ("echo", shouting(), "", "the server said '"),
        ("room", redis, "", "the server said '-ERR unknown command"),
        (
            "room",
            serve(|| habit(|_| Vec::new())),
            "",
            "the server said nothing",
        ),
        ("echo", closing(9, b""), "", "the server said nothing"),
        (
            "echo",
            closing(9, b""),
            "--expect x",
            "the server said nothing",
        ),
        ("echo", closing(0, b""), "", "of 3: the server closed it"),
        (
            "echo",
            closing(2, b""),
            "",
            "connection 3 of 3: the server closed it",
        ),
        // Which thread's is the third to come is not known.
        (
            "echo",
            closing(2, b""),
            "--threads 3",
            " of 3: the server closed it",
        ),
        (
            "room",
            closing(2, full),
            "",
            "3 of 3: the server said '* full: 3 are here; try again later' and closed it",
        ),
        (
            "room",
            closing(3, full),
            "--idle 1",
            "4 of 4: the server said '* full: 3 are here; try again later' and closed it",
        ),
    ] {
        let options = format!("-c 3 -d 100ms --warmup 0 {options}");
        let (report, _) = bench(kind, &address.to_string(), &options);
        let verdict = report["verdict"].as_str().unwrap();
        assert!(verdict.contains(words), "{kind} {options}: {verdict}");
        assert!(!verdict.contains("queue"), "{verdict}");
    }
}

#[test]
fn a_room_that_took_an_echos_load_is_told() {
    let room = Launch::new("room").start();
    let (report, output) = bench("echo", room.address(), "-c 3 -d 100ms");
    let verdict = report["verdict"].as_str().unwrap();
    assert!(verdict.contains("a room? bench room"), "{verdict}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn few_messages_prove_nothing_of_the_generator() {
    for load in ["-c 1 -n 1", "-c 100 -n 5", "-c 10 -n 40 --threads 2"] {
        let mut command = program();
        command.args(["bench", "echo", "--json", "--warmup", "0s"]);
        let output = command.args(load.split(' ')).output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["verdict"], "ok", "{load}");
        assert_eq!(report["remarks"], serde_json::json!([]), "{load}");
        assert_eq!(output.status.code(), Some(0));
        let cpu = number(&report, "/generator/cpu_share");
        assert!(cpu <= 2.0, "{load}: {cpu}");
    }
}

#[test]
fn a_percentile_of_too_few_is_not_judged() {
    let address = serve(|| habit(|line| line)).to_string();
    let load = "-c 1 --warmup 0 -n 200 --fail-if p90>10s";
    let (report, output) = bench("echo", &address, load);
    assert_eq!(report["verdict"], "ok");
    assert_eq!(output.status.code(), Some(0));
    for limit in ["10s", "1us"] {
        let load = format!("{load} --fail-if p99>{limit}");
        let (report, output) = bench("echo", &address, &load);
        assert!(report["latency_us"]["p99"].is_null());
        let words = "p99 is not known of 200 messages, it takes 1000";
        let verdict = report["verdict"].as_str().unwrap();
        assert!(verdict.starts_with("INVALID: --fail-if 'p99>"), "{verdict}");
        assert!(verdict.contains(words), "{verdict}");
        assert_eq!(output.status.code(), Some(3));
    }
}
