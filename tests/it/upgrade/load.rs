//! Upgrades in the middle of a conversation that never pauses, checked by the load engine: every
//! message once, in one order, to everybody; and every connect taken.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Succession;
use crate::child::Running;
use crate::harness::{Capture, Launch, program, serial};

const UPGRADES: usize = 20;

#[track_caller]
fn nothing_is_lost(protocol: &str, listen: &str) {
    let _alone = serial();
    let mut chat = Succession::of(Launch::unnamed().listen(&[listen]).start());
    let (_, address) = chat.server.addresses[0].split_once("127").unwrap();
    let address = format!("127{address}");
    let mut bench = Command::new(program())
        .args(["bench", "room", &address, "--protocol", protocol, "--json"])
        .args([
            "-c",
            "100",
            "--senders",
            "10",
            "--rate",
            "300",
            "-d",
            "10s",
            "--warmup",
            "100ms",
        ])
        .args(["--churn", "50"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let told = Capture::of(bench.stdout.take().unwrap());
    let complaints = Capture::of(bench.stderr.take().unwrap());
    let mut bench = Running::new(bench);
    let began = Instant::now();
    let mut upgrades = 0;
    while upgrades < UPGRADES && began.elapsed() < Duration::from_secs(9) {
        chat.upgrades();
        upgrades += 1;
        std::thread::sleep(Duration::from_millis(100));
    }
    bench.wait();
    let text = told.settled();
    let report: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", complaints.settled()));
    for field in ["lost", "duplicate", "reordered", "corrupt"] {
        assert_eq!(report[field], 0, "{protocol}: {field}: {text}");
    }
    let verdict = report["verdict"].as_str().unwrap();
    let is_of_faults = ["lost", "refused", "hung up", "closed"];
    assert!(
        !is_of_faults.iter().any(|word| verdict.contains(word)),
        "{protocol}: {verdict}"
    );
    assert!(report["received"].as_u64().unwrap() > 10_000, "{text}");
    assert!(upgrades >= 5, "only {upgrades}");
}

#[test]
fn lines() {
    nothing_is_lost("line", "lines:127.0.0.1:0");
}

#[test]
fn websockets() {
    nothing_is_lost("ws", "127.0.0.1:0");
}

#[test]
fn irc() {
    nothing_is_lost("irc", "irc:127.0.0.1:0");
}
