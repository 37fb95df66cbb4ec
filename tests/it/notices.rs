//! What the room tells unasked: joins and leaves, the message of the day, what was said before;
//! and what becomes of a member that does not listen.

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{serial, until};
use crate::kernel;
use crate::member::{Member, guest_in, lines_room, room};
use crate::peer::Peer;

#[test]
fn joins_and_leaves_are_told_to_the_others() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let bob = Member::arrives(&server);
    assert!(ann.notice().contains(&bob.nick));
    let nick = bob.nick.clone();
    drop(bob);
    assert!(ann.notice().contains(&nick));
}

#[test]
fn a_reset_is_told_like_any_leave() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    ann.is_told(" bob");
    bob.peer.send("whole\nhalf a li");
    bob.peer.all_taken();
    bob.peer.reset();
    assert_eq!(ann.peer.line(), "bob: whole");
    assert!(ann.notice().contains("bob"));
    let mut cy = Member::joins(&server, "cy");
    ann.is_told(" cy");
    ann.hears_nothing_before(&mut cy, "hi");
}

#[test]
fn notices_off_tells_nothing_unasked() {
    let server = room(&["--notices", "off"]);
    let mut ann = Peer::connect(&server);
    let mut bob = Peer::connect(&server);
    drop(Peer::connect(&server));
    bob.send("hi\n");
    let heard = ann.line();
    assert_eq!(heard, format!("{}: hi", guest_in(&heard).expect("a guest")));
    // What was asked for is answered all the same.
    ann.send("/who\n");
    assert!(ann.line().starts_with("* "));
}

/// `count` more members join at once, and leave again; gives what `ann` was told meanwhile.
fn crowd(args: &[&str], count: usize) -> Vec<String> {
    let server = room(args);
    let mut ann = Member::joins(&server, "ann");
    let crowd: Vec<Member> = (0..count).map(|_| Member::arrives(&server)).collect();
    drop(crowd);
    until("the crowd is gone", Duration::from_secs(10), || {
        kernel::descriptors(server.id()) < 20
    });
    let mut bob = Member::joins(&server, "bob");
    let mut told = Vec::new();
    loop {
        bob.says("done?");
        loop {
            let line = ann.peer.line();
            if line == "bob: done?" {
                break;
            }
            told.push(line);
        }
        // A sum comes within a second of what it sums up.
        if !ann.peer.anything_within(Duration::from_millis(1500)) {
            return told;
        }
    }
}

#[test]
fn in_a_large_room_notices_are_summed_up() {
    let told = crowd(&[], 200);
    assert!(told.iter().all(|line| line.starts_with("* ")), "{told:?}");
    // One by one up to some 50 members, twice; then a line a second.
    assert!(told.len() < 150, "{} lines for 200 members", told.len());
    let bytes: usize = told.iter().map(String::len).sum();
    assert!(bytes < 150 * 60, "{bytes} bytes");
    let summed = |line: &String| line.bytes().any(|b| b.is_ascii_digit());
    assert!(told.iter().any(summed), "{told:?}");
}

#[test]
fn notices_on_tells_each_one() {
    let told = crowd(&["--notices", "on"], 100);
    for n in 2..=101 {
        let nick = format!("guest{n}");
        let about = |line: &&String| guest_in(line).as_ref() == Some(&nick);
        assert!(told.iter().filter(about).count() >= 2, "{nick}: {told:?}");
    }
}

#[test]
fn history_is_replayed_to_who_joins() {
    let server = room(&["--history", "3"]);
    let mut ann = Member::joins(&server, "ann");
    for i in 0..5 {
        ann.says(&format!("line {i}"));
    }
    let mut bob = Member::joins(&server, "bob");
    bob.says("I am here");
    ann.hears("bob: I am here");
    let mut cy = Peer::connect(&server);
    cy.send("/quit\n");
    let heard = String::from_utf8(cy.rest()).unwrap();
    let said: Vec<&str> = heard.lines().filter(|l| !l.starts_with("* ")).collect();
    assert_eq!(said, ["ann: line 3", "ann: line 4", "bob: I am here"]);
}

#[test]
fn history_is_twenty_lines_unless_told() {
    for (args, wanted) in [(&[][..], 20), (&["--history", "0"], 0)] {
        let server = room(args);
        let mut ann = Member::joins(&server, "ann");
        let mut bob = Member::joins(&server, "bob");
        for i in 0..30 {
            ann.says(&format!("line {i}"));
        }
        for i in 0..30 {
            bob.hears(&format!("ann: line {i}"));
        }
        let mut cy = Peer::connect(&server);
        cy.send("/quit\n");
        let heard = String::from_utf8(cy.rest()).unwrap();
        let said: Vec<&str> = heard.lines().filter(|l| !l.starts_with("* ")).collect();
        let expected: Vec<String> = (30 - wanted..30)
            .map(|i| format!("ann: line {i}"))
            .collect();
        assert_eq!(said, expected);
    }
}

/// As much as may be asked for, whole and in order, to many who come at once.
#[test]
fn a_long_history_is_replayed_to_all_who_join_together() {
    let _alone = serial();
    let server = lines_room(&["--history", "10000", "--notices", "off"]);
    let mut ann = Peer::connect(&server);
    let mut bob = Peer::connect(&server);
    bob.send("/nick bob\n");
    bob.line();
    let lines = |from: usize| -> String { (from..10_500).map(|n| format!("{n:05}\n")).collect() };
    bob.send(lines(0));
    let line_bytes = "bob: 00000\n".len();
    ann.exactly(10_500 * line_bytes);
    let expected = lines(500).replace('\n', "\nbob: ");
    let expected = format!("bob: {}", expected.trim_end_matches("bob: "));
    let mut crowd: Vec<Peer> = (0..50).map(|_| Peer::connect(&server)).collect();
    for peer in &mut crowd {
        let heard = peer.exactly(10_000 * line_bytes);
        assert!(heard == expected.as_bytes(), "another history");
    }
    bob.send("and now\n");
    for peer in crowd.iter_mut().chain([&mut ann]) {
        assert_eq!(peer.line(), "bob: and now");
    }
}

#[test]
fn private_messages_are_no_history() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    ann.says("/msg bob a secret");
    bob.hears("[ann] a secret");
    let mut cy = Peer::connect(&server);
    cy.send("/quit\n");
    let heard = String::from_utf8(cy.rest()).unwrap();
    assert!(!heard.contains("secret"), "{heard:?}");
}

#[test]
fn a_reply_in_the_same_moment_is_not_lost_to_history() {
    // Joins and lines close together: nobody hears a line twice or misses one.
    let server = room(&["--history", "1000"]);
    let mut ann = Member::joins(&server, "ann");
    for round in 0..20 {
        for i in 0..10 {
            ann.says(&format!("{round}.{i}"));
        }
        let mut bob = Peer::connect(&server);
        for i in 10..20 {
            ann.says(&format!("{round}.{i}"));
        }
        ann.says(&format!("end {round}"));
        let mut said = Vec::new();
        while said.last() != Some(&format!("ann: end {round}")) {
            let line = bob.line();
            if !line.starts_with("* ") {
                said.push(line);
            }
        }
        let at = said.iter().position(|l| *l == format!("ann: {round}.0"));
        let tail = &said[at.expect("what was said before")..];
        let expected: Vec<String> = (0..20).map(|i| format!("ann: {round}.{i}")).collect();
        assert_eq!(tail[..20], expected);
    }
}

#[test]
fn the_message_of_the_day_greets_who_joins() {
    let server = room(&["--motd", "be kind"]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Peer::connect(&server);
    bob.send("/quit\n");
    let heard = String::from_utf8(bob.rest()).unwrap();
    assert_eq!(heard.matches("* be kind\n").count(), 1, "{heard:?}");
    // Nobody else is told again.
    ann.is_told("guest");
    let mut cy = Member::joins(&server, "cy");
    ann.is_told(" cy");
    ann.hears_nothing_before(&mut cy, "hi");
}

#[test]
fn the_message_of_the_day_may_be_a_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("motd");
    fs::write(&path, "first line\nsecond line\n").unwrap();
    let server = room(&["--motd", &format!("@{}", path.display())]);
    let mut bob = Peer::connect(&server);
    bob.send("/quit\n");
    let heard = String::from_utf8(bob.rest()).unwrap();
    assert!(heard.contains("* first line\n* second line\n"), "{heard:?}");
}

/// A slow reader falls off the log's tail: it has a contiguous prefix, then the end; the others
/// lose nothing.
#[test]
fn who_does_not_read_is_let_go_with_a_true_prefix() {
    let _alone = serial();
    let server = room(&["--log-size", "256k"]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    let mut slow = Peer::with_receive_buffer(&server, 4096);
    ann.is_told("guest3");
    let filler = "f".repeat(900);
    let mut said = 0;
    // Until the server has let go; the kernel may hold some megabytes for the slow one first.
    while slow.far_side().is_some_and(|side| side.state == 1) {
        for _ in 0..200 {
            ann.says(&format!("{said} {filler}"));
            bob.hears(&format!("ann: {said} {filler}"));
            said += 1;
        }
        assert!(said < 40_000, "36 MB said, and nobody was let go");
    }
    let heard = String::from_utf8(slow.until_gone()).unwrap();
    let mut expected = 0;
    let whole = heard.rfind('\n').map_or("", |end| &heard[..end]);
    for line in whole.lines().filter(|l| !l.starts_with("* ")) {
        assert_eq!(line, format!("ann: {expected} {filler}"));
        expected += 1;
    }
    assert!(expected > 0 && expected < said, "{expected} of {said}");
    server
        .stderr()
        .wait("that a slow member was let go", |text| {
            text.lines()
                .any(|l| l.contains("behind") && l.contains("WARN"))
        });
    bob.says("and we go on");
    ann.hears("bob: and we go on");
}

#[test]
fn twenty_who_never_read_cost_no_more_than_the_log() {
    let _alone = serial();
    let server = room(&["--log-size", "1m"]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    let slow: Vec<Peer> = (0..20)
        .map(|_| Peer::with_receive_buffer(&server, 4096))
        .collect();
    ann.is_told("guest22");
    let before = kernel::rss_kib(server.id());
    let filler = "f".repeat(1000);
    for i in 0..8000 {
        ann.says(&format!("{i} {filler}"));
        if i % 50 == 49 {
            for j in i - 49..=i {
                bob.hears(&format!("ann: {j} {filler}"));
            }
        }
    }
    let grown = kernel::rss_kib(server.id()).saturating_sub(before);
    assert!(grown < 4096, "{grown} KiB more");
    drop(slow);
}
