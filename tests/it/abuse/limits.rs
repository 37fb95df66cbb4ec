//! Clients that mean harm: too many, too fast, too silent. What they cost, and whom.

use std::time::{Duration, Instant};

use crate::harness::{Launch, PATIENCE, until};
use crate::member::Member;
use crate::peer::Peer;

#[test]
fn one_address_has_only_so_many_places() {
    let server = Launch::new("echo")
        .args(&["--max-clients-per-ip", "2"])
        .start();
    let mut inside: Vec<Peer> = (0..2).map(|_| Peer::connect(&server)).collect();
    for peer in &mut inside {
        peer.echoes("in");
    }
    assert_eq!(Peer::connect(&server).until_gone(), b"");
    server.stderr().wait_for("turned away");
    drop(inside.pop());
    until("a place comes free", PATIENCE, || {
        let mut next = Peer::connect(&server);
        let was_let_in = next.try_send("x");
        next.half_close();
        was_let_in && next.until_gone() == b"x"
    });
    inside[0].echoes("still in");
}

/// In a room it is told why; elsewhere it reads an end of the stream, whatever it has sent before.
#[test]
fn one_too_many_from_an_address_reads_why_and_is_not_reset() {
    let args = ["--max-clients-per-ip", "1"];
    let echo = Launch::new("echo").args(&args).start();
    let mut inside = Peer::connect(&echo);
    inside.echoes("in");
    let mut next = Peer::connect(&echo);
    next.send("hello");
    next.all_taken();
    assert_eq!(next.rest(), b"");
    let room = Launch::new("room").args(&args).start();
    let _ann = Member::joins(&room, "ann");
    let told = "full: 1 are here from your address; try again later";
    for (sent, answer) in [
        ("", format!("* {told}\n")),
        ("hello\n", format!("* {told}\n")),
        ("NICK bob\r\n", format!("ERROR :{told}\r\n")),
    ] {
        let mut next = Peer::connect(&room);
        next.send(sent);
        assert_eq!(String::from_utf8(next.rest()).unwrap(), answer);
    }
    let mut page = Peer::connect(&room);
    page.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n");
    let answer = String::from_utf8(page.rest()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[test]
fn a_crowd_that_is_turned_away_costs_a_few_lines() {
    let server = Launch::new("echo")
        .args(&["--max-clients-per-ip", "1"])
        .start();
    let mut inside = Peer::connect(&server);
    inside.echoes("in");
    for _ in 0..200 {
        assert_eq!(Peer::connect(&server).until_gone(), b"");
    }
    inside.echoes("undisturbed");
    // Five in ten seconds, and it took no minute.
    let lines = server.stderr().settled().matches("turned away").count();
    assert!((5..=30).contains(&lines), "{lines} lines for 200 clients");
}

#[test]
fn a_flood_is_slowed_down_and_nothing_of_it_is_lost() {
    let server = Launch::new("room")
        .args(&["--message-rate", "20/s:5", "--framing", "line"])
        .start();
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    // The nick was a message, too; its place in the burst comes back.
    let start = Instant::now();
    for n in 0..20 {
        ann.says(&format!("line {n}"));
    }
    for n in 0..20 {
        bob.hears(&format!("ann: line {n}"));
    }
    // At least fifteen of them came one by one, a twentieth of a second apart.
    assert!(start.elapsed() >= Duration::from_millis(700));
}

/// Nothing is lost of who leaves before its turn has come, however it leaves.
#[test]
fn what_was_said_too_fast_is_heard_when_its_speaker_has_gone() {
    let server = Launch::new("room")
        .args(&["--message-rate", "20/s:3", "--notices", "off"])
        .start();
    let mut ears = Peer::connect(&server);
    ears.send("/nick ears\n");
    assert_eq!(ears.line(), "* you are now ears");
    for round in 0..2 {
        let mut gone = Peer::connect(&server);
        let lines: String = (0..20)
            .map(|n| format!("/who\nround {round} line {n}\n"))
            .collect();
        gone.send(&lines);
        // With answers unread a close resets.
        until("it is answered", PATIENCE, || {
            gone.near_side().is_some_and(|side| side.unread > 0)
        });
        match round {
            0 => drop(gone),
            _ => gone.half_close(),
        }
        for n in 0..20 {
            assert!(ears.line().ends_with(&format!(": round {round} line {n}")));
        }
    }
}

#[test]
fn a_pasted_paragraph_passes_at_once() {
    // Without the burst the last line would wait for four seconds.
    let server = Launch::new("room").args(&["--message-rate", "1/s"]).start();
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    let start = Instant::now();
    for line in ["one", "two", "three", "four"] {
        ann.says(line);
    }
    for line in ["one", "two", "three", "four"] {
        bob.hears(&format!("ann: {line}"));
    }
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn who_never_says_a_first_line_is_closed_and_who_has_is_not() {
    let server = Launch::new("echo")
        .args(&["--first-line-timeout", "300ms"])
        .start();
    let mut talker = Peer::connect(&server);
    talker.echoes("hello");
    let start = Instant::now();
    let mut silent = Peer::connect(&server);
    assert_eq!(silent.until_gone(), b"");
    assert!(start.elapsed() >= Duration::from_millis(300));
    talker.echoes("still here");
}

#[test]
fn a_line_that_comes_byte_by_byte_is_no_first_line_yet() {
    let server = Launch::new("room")
        .args(&["--first-line-timeout", "500ms", "--framing", "line"])
        .start();
    let mut slow = Peer::connect(&server);
    slow.line();
    slow.send("h");
    let mut gone = false;
    until("it is closed", PATIENCE, || {
        gone |= !slow.try_send("h");
        gone
    });
}

#[test]
fn listening_wider_than_loopback_is_remarked_on() {
    let wide = Launch::new("echo").listen(&[":0"]).start();
    wide.stderr().wait_for("from other machines");
    let narrow = Launch::new("echo").start();
    Peer::connect(&narrow).echoes("x");
    assert_eq!(narrow.stderr().settled(), "");
}

#[test]
fn limits_that_are_none_are_refused() {
    for (option, value) in [
        ("--message-rate", "0/s"),
        ("--message-rate", "x"),
        ("--message-rate", "5/m"),
        ("--message-rate", "5/s:0"),
        ("--max-clients-per-ip", "0"),
        ("--first-line-timeout", "5"),
    ] {
        let mut server = Launch::new("room").args(&[option, value]).spawn();
        assert_eq!(server.exit_code(), 2, "{option} {value}");
        let said = server.stderr().settled();
        assert!(said.contains(option) && said.lines().count() == 1, "{said}");
    }
}
