//! Servers that send without end: the time, an interruption and every bound hold all the same.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::process::Signal;
use serde_json::Value;

use crate::bench_peers::{narrow, program, wide};
use crate::child::Running;
use crate::harness::{PATIENCE, until};

/// A server that does `first` with each connection and then sends `words` until that is gone; how
/// often it has sent them.
fn flooding(
    first: impl Fn(&mut TcpStream) + Send + Sync + 'static,
    words: Vec<u8>,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = narrow();
    let address = listener.local_addr().unwrap();
    let (sent, first, words) = (Arc::default(), Arc::new(first), Arc::new(words));
    let count: Arc<AtomicUsize> = Arc::clone(&sent);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (first, words, count) =
                (Arc::clone(&first), Arc::clone(&words), Arc::clone(&count));
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                first(&mut stream);
                while stream.write_all(&words).is_ok() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    (address, sent)
}

/// Sends back what comes, so often.
fn echo(times: usize) -> impl Fn(&mut TcpStream) {
    move |stream| {
        let mut bytes = [0; 4096];
        for _ in 0..times {
            let n = stream.read(&mut bytes).unwrap_or(0);
            let _ = stream.write_all(&bytes[..n]);
        }
    }
}

/// A run in a process of its own.
fn start(
    kind: &str,
    address: SocketAddr,
    options: &str,
) -> (Running, impl FnOnce() -> String + use<>) {
    let mut child = program()
        .args(["bench", kind, &address.to_string(), "--json"])
        .args(options.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let verdict = move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        let report: Value = serde_json::from_str(&text).unwrap();
        report["verdict"].as_str().unwrap().to_owned()
    };
    (Running::new(child), verdict)
}

const SHORT: &str = "-c 2 -d 300ms --warmup 50ms --timeout 500ms";

#[test]
fn a_server_that_sends_without_end_is_given_up() {
    let lines = || [&[b'z'; 150], &b"\n"[..]].concat().repeat(500);
    let bytes = || vec![b'z'; 1 << 16];
    let pings = || b":s 001 x :hi\r\n:s 366 x #lobby :End\r\n".to_vec();
    for (kind, options, first, words, why) in [
        ("echo", "", 0, lines(), "0 of 2 connections had an answer"),
        ("room", "", 0, lines(), "the server said 'zzz"),
        ("room", "--threads 2", 0, lines(), "0 of 2"),
        ("echo", "", 0, bytes(), "a line that has no end"),
        (
            "room",
            "--protocol redis",
            0,
            bytes(),
            "does not speak redis",
        ),
        ("room", "--protocol ws", 0, bytes(), "WebSocket"),
        (
            "echo",
            "--expect x",
            0,
            bytes(),
            "the expected words did not",
        ),
        ("echo", "", 20, lines(), "corrupt"),
        (
            "echo",
            "",
            20,
            bytes(),
            "connections closed (the server sends a line",
        ),
        ("echo", "", 20, b"\n".repeat(1 << 16), "corrupt"),
        // After it has let them in it only asks.
        ("room", "--protocol irc", 0, pings(), "0 of 2"),
    ] {
        let (address, _) = flooding(echo(first), words);
        let (mut run, verdict) = start(kind, address, &format!("{SHORT} {options}"));
        let (status, verdict) = (run.wait(), verdict());
        let told = format!("{kind} {options}: {verdict}");
        assert!(verdict.contains(why), "{told}");
        assert_eq!(status.code(), Some(1), "{told}");
    }
}

#[test]
fn a_server_that_asks_and_does_not_read_is_given_up() {
    let joined = |stream: &mut TcpStream| {
        let _ = stream.write_all(b":s 001 x :hi\r\n:s 366 x #lobby :End\r\n");
    };
    let (address, _) = flooding(
        joined,
        format!("PING :{}\r\n", "x".repeat(450)).repeat(100).into(),
    );
    let options = "-c 2 --protocol irc --timeout 10s";
    let (mut run, verdict) = start("room", address, options);
    assert_eq!(run.wait().code(), Some(1));
    let verdict = verdict();
    assert!(verdict.contains("asks and does not read"), "{verdict}");
}

#[test]
fn a_server_that_takes_all_from_who_never_reads_is_given_up() {
    // Who never reads is not answered, and sends for ever.
    let listener = wide();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut bytes = vec![0; 1 << 16];
                while let Ok(n @ 1..) = stream.read(&mut bytes) {
                    if number < 2 {
                        let _ = stream.write_all(&bytes[..n]);
                    }
                }
            });
        }
    });
    let (mut run, verdict) = start("echo", address, &format!("{SHORT} --size 53 --slow 1"));
    run.wait();
    let verdict = verdict();
    assert!(!verdict.starts_with("FAILED"), "{verdict}");
}

#[test]
fn an_interruption_ends_what_has_no_end() {
    let lines = || [&[b'z'; 150], &b"\n"[..]].concat().repeat(500);
    let long = "-c 2 -d 60s --warmup 0 --timeout 60s";
    // Before the load there is nothing to judge; in it there are faults.
    for (first, verdict_begins, code) in [(0, "INVALID: interrupted", 3), (20, "FAILED", 1)] {
        let (address, sent) = flooding(echo(first), lines());
        let (mut run, verdict) = start("echo", address, long);
        until("a flood", PATIENCE, || sent.load(Ordering::Relaxed) > 20);
        run.signal(Signal::INT);
        let (status, verdict) = (run.wait(), verdict());
        assert!(verdict.starts_with(verdict_begins), "{verdict}");
        assert_eq!(status.code(), Some(code), "{verdict}");
    }
}

#[test]
fn an_interruption_ends_what_nobody_can_keep_up_with() {
    let had: Arc<AtomicUsize> = Arc::default();
    let count = Arc::clone(&had);
    let echo = move |stream: &mut TcpStream| {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(n @ 1..) = stream.read(&mut bytes) {
            count.fetch_add(n, Ordering::Relaxed);
            let _ = stream.write_all(&bytes[..n]);
        }
    };
    let (address, _) = flooding(echo, b"\n".to_vec());
    let options = "-c 50 -d 60s --warmup 0 --timeout 60s --rate 20000000";
    let (mut run, verdict) = start("echo", address, options);
    until("the load", PATIENCE, || {
        had.load(Ordering::Relaxed) > 1 << 20
    });
    run.signal(Signal::INT);
    let (status, verdict) = (run.wait(), verdict());
    assert_eq!(verdict, "INVALID: interrupted");
    assert_eq!(status.code(), Some(3));
}
