//! Disks that are full, and files that nobody takes anything from: the chat goes on.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::{Place, says};
use crate::harness::{LINES, Launch, PATIENCE, Server, until};
use crate::member::Member;

/// Longer than any pipe holds.
const LONG: usize = 60_000;

fn launch(path: &str) -> Launch {
    let args = ["--transcript", path, "--max-message", "64k"];
    Launch::new("room").listen(&[LINES]).args(&args)
}

/// Two who talk, whatever becomes of the transcript: so many long lines arrive.
#[track_caller]
fn talk_goes_on(server: &Server, lines: usize) {
    let mut ann = Member::joins(server, "ann");
    let mut bob = Member::joins(server, "bob");
    ann.is_told("bob");
    for number in 1..=lines {
        let text = format!("{number} {}", "x".repeat(LONG));
        ann.says(&text);
        bob.hears(&format!("ann: {text}"));
    }
}

#[test]
fn on_a_full_disk_the_chat_goes_on_and_the_log_says_so_once() {
    let mut server = launch("/dev/full").start();
    let full = "write the transcript /dev/full: No space left on device";
    for _ in 0..3 {
        talk_goes_on(&server, 2);
        server.stderr().wait_for(full);
    }
    let start = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), 0);
    assert!(start.elapsed() < Duration::from_secs(4));
    let said = server.stderr().settled();
    assert_eq!(said.matches(full).count(), 1, "{said}");
    let lost = "write the transcript /dev/full to its end: No space left on device (os error 28); \
                at most 6 lines are lost";
    assert!(said.contains(lost), "{said}");
}

fn fifo(place: &Place) -> String {
    let path = place.file();
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_pipe_that_nobody_reads_stalls_neither_start_nor_chat_nor_end() {
    let place = Place::new();
    let path = fifo(&place);
    let mut server = launch(&path).start();
    talk_goes_on(&server, 5);
    let start = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), 0);
    let took = start.elapsed();
    assert!(
        took > Duration::from_secs(4) && took < Duration::from_secs(9),
        "{took:?}"
    );
    let said = server.stderr().settled();
    assert!(
        said.contains("to its end: the disk does not take it; at most "),
        "{said}"
    );
}

#[test]
fn a_pipe_is_written_to_whoever_reads_it_and_when() {
    let place = Place::new();
    let path = fifo(&place);
    let server = launch(&path).start();
    says(&server, "before");
    let mut pipe = File::open(&path).unwrap();
    let mut read = |count: usize| {
        let (mut lines, mut byte) = (String::new(), [0]);
        while lines.matches('\n').count() < count {
            pipe.read_exact(&mut byte).unwrap();
            lines.push(char::from(byte[0]));
        }
        super::texts(&lines)
    };
    assert_eq!(read(1), ["before"]);
    says(&server, "then");
    assert_eq!(read(1), ["then"]);
}

/// A file that may not grow, as on a disk without room: later there is some.
#[test]
fn what_a_full_disk_has_lost_is_a_gap_in_its_place() {
    const SAID: usize = 400;
    let place = Place::new();
    let wrap = ["prlimit", "--fsize=100000:unlimited"];
    let mut server = launch(place.file().to_str().unwrap()).wrap(&wrap).start();
    talk_goes_on(&server, SAID);
    server.stderr().wait_for("File too large");
    let text = place.text("t.jsonl");
    assert_eq!(text.len(), 100_000);
    let pid = server.id().to_string();
    let raised = Command::new("prlimit")
        .args(["--pid", &pid, "--fsize=unlimited"])
        .status();
    assert!(raised.unwrap().success());
    let gone_on = server.stderr();
    gone_on.wait_for("goes on");
    gone_on.wait_for("lines are missing in the transcript");
    until("the gap", PATIENCE, || {
        place.text("t.jsonl").contains("\"gap\"")
    });
    says(&server, &format!("{} last", SAID + 1));
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), 0);
    // Each is there, or counted where it would be.
    let (mut next, mut gaps) = (1, 0);
    for line in place.text("t.jsonl").lines() {
        let object: Value = serde_json::from_str(line).unwrap();
        if object["type"] == "gap" {
            next += object["lines"].as_u64().unwrap();
            gaps += 1;
            continue;
        }
        let text = object["text"].as_str().unwrap();
        let number: u64 = text.split(' ').next().unwrap().parse().unwrap();
        assert_eq!(number, next, "behind {gaps} gaps");
        next += 1;
    }
    assert_eq!((next, gaps), (SAID as u64 + 2, 1));
}

/// What was written is synced, and nothing else is: a server in which nobody speaks sleeps.
#[test]
fn a_silent_room_costs_nothing() {
    let place = Place::new();
    let server = place.launch().start();
    says(&server, "hi");
    place.has("t.jsonl", 1);
    server.does_not_spin();
    let file = OpenOptions::new().append(true).open(place.file());
    file.unwrap().set_len(0).unwrap();
    // Somebody has emptied it: it goes on at its beginning.
    says(&server, "ho");
    until("it is there", PATIENCE, || place.said("t.jsonl") == ["ho"]);
}
