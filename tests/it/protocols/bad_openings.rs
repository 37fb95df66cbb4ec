//! Those who have come to the wrong port: they are closed, nobody inside hears of it, and hundreds
//! of them are one line in the log.

use std::thread;
use std::time::Duration;

use super::{bare, line_member, listen};
use crate::harness::{PATIENCE, Server, until};
use crate::member::Member;
use crate::peer::Peer;

/// A hello as openssl begins it, for the listener has to know no more.
const TLS: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaaaaaaaaaaaaa";
const HTTP: &[u8] = b"GET /admin.php HTTP/1.1\r\nHost: 10.0.0.1\r\nUser-Agent: zgrab\r\n\r\n";
const POST: &[u8] = b"POST /login HTTP/1.0\r\nContent-Length: 9\r\n\r\nuser=root";
const SSH: &[u8] = b"SSH-2.0-Go\r\n";

#[track_caller]
fn is_closed_and_untold(address: &str, opening: &[u8]) {
    let mut peer = Peer::to(address);
    peer.try_send(opening);
    let told = peer.until_gone();
    let told = String::from_utf8_lossy(&told);
    // A listener of lines greets at once; nothing else comes.
    assert!(
        told.lines().all(|line| line.starts_with("* ")),
        "{opening:?}: {told:?}"
    );
}

#[test]
fn on_a_listener_of_lines() {
    let server = listen(&["lines:"], &["--notices", "off"]);
    let mut ann = line_member(&server, 0, "ann");
    let mut bob = line_member(&server, 0, "bob");
    for opening in [HTTP, POST, TLS, SSH] {
        is_closed_and_untold(bare(&server, 0), opening);
        // In two, and byte by byte.
        for at in [1, 4, opening.len() - 1] {
            let mut peer = Peer::to(bare(&server, 0));
            peer.send(&opening[..at]);
            peer.all_taken();
            peer.try_send(&opening[at..]);
            peer.until_gone();
        }
    }
    ann.hears_nothing_before(&mut bob, "all quiet");
}

#[test]
fn on_the_one_port_for_all() {
    let server = listen(&[""], &["--notices", "on"]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    ann.is_told("bob");
    while ann.peer.anything_within(Duration::from_millis(100)) {
        ann.notice();
    }
    for opening in [TLS, SSH] {
        is_closed_and_untold(server.address(), opening);
    }
    // No notice either: they have never been members.
    ann.hears_nothing_before(&mut bob, "all quiet");
}

#[test]
fn hundreds_of_them_are_a_few_lines_in_the_log_and_a_sum() {
    // Side by side, for the sum comes only after some seconds.
    thread::scope(|scope| {
        for (prefix, opening) in [("lines:", HTTP), ("lines:", TLS), ("", TLS), ("", SSH)] {
            scope.spawn(move || hundreds_come(prefix, opening));
        }
    });
}

fn hundreds_come(prefix: &str, opening: &[u8]) {
    let server = listen(&[prefix], &["--notices", "off"]);
    let mut ann = line_member(&server, 0, "ann");
    let mut bob = line_member(&server, 0, "bob");
    let peers: Vec<Peer> = (0..300)
        .map(|_| {
            let mut peer = Peer::to(bare(&server, 0));
            peer.try_send(opening);
            peer
        })
        .collect();
    for mut peer in peers {
        peer.until_gone();
    }
    until("all of them are in the log", PATIENCE, || {
        told_of(&server) == 300
    });
    let lines = server.stderr().text().lines().count();
    assert!(lines <= 12, "{lines} lines: {}", server.stderr().text());
    ann.hears_nothing_before(&mut bob, "all quiet");
}

/// How many clients the log has told of: each line is of one, or has the number of those that it
/// sums up.
fn told_of(server: &Server) -> usize {
    let text = server.stderr().text();
    let about = text.lines().filter(|line| line.contains("closed"));
    let counts = about.map(|line| {
        let (_, said) = line.split_once("] ").expect("a time in front");
        let number = said
            .split(' ')
            .next()
            .and_then(|word| word.parse::<usize>().ok());
        number.unwrap_or(1)
    });
    counts.sum()
}

#[test]
fn what_only_looks_like_it_is_chat_on_a_listener_of_lines() {
    let server = listen(&["lines:"], &[]);
    let mut ann = line_member(&server, 0, "ann");
    for text in [
        "GET lost",
        "GET / HTTP",
        "POST it / HTTP/2",
        "get / HTTP/1.1",
        "SSH is not what I speak",
        "\u{16}",
    ] {
        let mut peer = Peer::to(bare(&server, 0));
        peer.send(format!("{text}\n"));
        let line = ann.next();
        let shown = text.replace('\u{16}', "\u{fffd}");
        assert!(line.ends_with(&format!(": {shown}")), "{text:?}: {line:?}");
    }
    // Nor is anything wrong with it later.
    let mut bob = line_member(&server, 0, "bob");
    for text in ["GET / HTTP/1.1", "SSH-2.0-Go"] {
        bob.says(text);
        ann.hears(&format!("bob: {text}"));
    }
}
