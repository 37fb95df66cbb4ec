//! `chinwag serve` alone: what a client sends first decides what it speaks.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use super::http_client::get;
use super::irc_client::Irc;
use super::websocket_client::WebSocket;
use super::{bare, line_member, listen, serve};
use crate::member::Member;
use crate::peer::Peer;

/// Far more than any decision takes, on a machine that does other things too.
const SLACK: Duration = Duration::from_millis(600);

#[test]
fn a_silent_client_is_greeted_as_one_of_lines_after_a_tenth_of_a_second() {
    let server = serve(&[]);
    let began = Instant::now();
    let mut peer = Peer::connect(&server);
    assert!(peer.line().starts_with("* you are guest1"));
    let waited = began.elapsed();
    let bounds = Duration::from_millis(95)..Duration::from_millis(100) + SLACK;
    assert!(bounds.contains(&waited), "{waited:?}");
}

#[test]
fn a_client_that_says_at_once_what_is_no_opening_is_greeted_and_heard_at_once() {
    let server = serve(&[]);
    let mut ann = Member::joins(&server, "ann");
    for text in [
        "hi",
        "nick x",
        "NICKNAME",
        "Get / HTTP/1.1",
        "GET",
        "GET lost",
        "GET / HTTP",
        "USERS of the world",
        "CAPTAIN hook",
        "SSH is nice",
        "привет",
    ] {
        let began = Instant::now();
        let mut peer = Peer::connect(&server);
        peer.send(format!("{text}\n"));
        let guest = crate::member::guest_in(&peer.line()).unwrap_or_else(|| panic!("{text:?}"));
        ann.hears(&format!("{guest}: {text}"));
        let waited = began.elapsed();
        assert!(waited < SLACK, "{text:?}: {waited:?}");
    }
}

#[test]
fn lines_whose_greeting_nothing_delays_are_greeted_at_once() {
    let server = listen(&["lines:"], &[]);
    // The fastest of some: a busy machine makes any of them late.
    let fastest = (0..10).map(|_| {
        let began = Instant::now();
        let mut peer = Peer::to(bare(&server, 0));
        assert!(peer.line().starts_with("* you are "));
        began.elapsed()
    });
    let fastest = fastest.min().unwrap();
    assert!(fastest < Duration::from_millis(90), "{fastest:?}");
}

#[test]
fn what_could_still_become_an_opening_is_a_line_after_two_tenths_of_a_second() {
    let server = serve(&[]);
    let mut ann = Member::joins(&server, "ann");
    let asking: Vec<_> = [
        ("G", "ood morning"),
        ("NICK", " is a name"),
        ("CAP", " and gown"),
        ("GET /index", " of the book"),
        ("GET / HTTP/1.", "1 is a protocol"),
        ("SSH", " is one too"),
        ("U", "SER is a word"),
    ]
    .into_iter()
    .map(|(first, rest)| {
        let address = server.address().to_owned();
        thread::spawn(move || {
            let began = Instant::now();
            let mut peer = Peer::to(&address);
            peer.send(first);
            assert!(peer.line().starts_with("* you are "), "{first:?}");
            let waited = began.elapsed();
            let bounds = Duration::from_millis(190)..Duration::from_millis(200) + SLACK;
            assert!(bounds.contains(&waited), "{first:?}: {waited:?}");
            peer.send(format!("{rest}\n"));
            (peer, format!("{first}{rest}"))
        })
    })
    .collect();
    let (peers, mut expected): (Vec<Peer>, Vec<String>) = asking
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .unzip();
    expected.sort();
    // What had come before the decision may be a message of its own by then.
    let mut heard = BTreeMap::<String, String>::new();
    while heard.values().map(String::len).sum::<usize>() < expected.concat().len() {
        let line = ann.next();
        let (guest, text) = line.split_once(": ").expect("a line of talk");
        heard.entry(guest.to_owned()).or_default().push_str(text);
    }
    let mut heard: Vec<String> = heard.into_values().collect();
    heard.sort();
    assert_eq!(heard, expected);
    drop(peers);
}

#[test]
fn one_port_has_a_browser_an_irc_client_and_a_line_client_in_one_room() {
    let server = serve(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = WebSocket::named(server.address(), "bob");
    let mut eve = Irc::joins(server.address(), "eve");
    assert_eq!(get(server.address(), "/healthz").text(), "ok\n");
    ann.says("hi all");
    let told = bob.talk();
    assert_eq!(
        (&told["from"], &told["text"]),
        (&"ann".into(), &"hi all".into())
    );
    assert_eq!(
        eve.hears(),
        ("ann".into(), "#lobby".into(), "hi all".into())
    );
    bob.says("hi ann");
    ann.hears("bob: hi ann");
    assert_eq!(eve.hears().2, "hi ann");
    eve.says("hello");
    ann.hears("eve: hello");
    assert_eq!(bob.talk()["text"], "hi ann");
    assert_eq!(bob.talk()["text"], "hello");
    ann.says("/who");
    let names = ann.is_told("here");
    assert!(
        ["ann", "bob", "eve"]
            .iter()
            .all(|name| names.contains(name)),
        "{names}"
    );
}

#[test]
fn an_opening_counts_only_as_the_first_thing_that_is_said() {
    let server = serve(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    for text in [
        "GET / HTTP/1.1",
        "NICK eve",
        "USER a b c d",
        "CAP LS 302",
        "PASS x",
        "QUIT",
        "PING x",
        "SSH-2.0-OpenSSH_9.6",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2",
    ] {
        ann.says(text);
        bob.hears(&format!("ann: {text}"));
    }
    // A head with the empty line after it, too: browsers' bytes, if someone pastes them.
    ann.says("GET / HTTP/1.1\r\nHost: x\r\n\r\nafter it");
    for text in ["GET / HTTP/1.1", "Host: x", "after it"] {
        bob.hears(&format!("ann: {text}"));
    }
}

#[test]
fn on_a_listener_of_lines_an_irc_opening_is_chat() {
    let server = listen(&["lines:", ""], &[]);
    let mut ann = line_member(&server, 1, "ann");
    for text in ["NICK eve", "USER a b c d", "CAP LS 302", "PASS x"] {
        let mut peer = Peer::to(bare(&server, 0));
        peer.send(format!("{text}\n"));
        let guest = crate::member::guest_in(&peer.line()).expect("a greeting");
        ann.hears(&format!("{guest}: {text}"));
    }
}

#[test]
fn an_irc_client_may_take_its_time_after_its_first_line() {
    let server = serve(&[]);
    let mut slow = Irc::to(server.address());
    slow.sends("NICK slow");
    // Longer than it takes to be decided for lines.
    assert!(!slow.peer.anything_within(Duration::from_millis(500)));
    slow.sends("USER slow 0 * :Slow");
    slow.until(" 001 slow ");
}

#[test]
fn a_request_whose_first_line_is_there_may_take_its_time() {
    let server = serve(&[]);
    let mut slow = Peer::connect(&server);
    slow.send("GET /healthz HTTP/1.1\r\n");
    assert!(!slow.anything_within(Duration::from_millis(500)));
    slow.send("Host: x\r\n\r\n");
    let answer = super::http_client::Answer::whole(&mut slow);
    assert_eq!((answer.status, answer.text()), (200, "ok\n"));
}

#[test]
fn nobody_hears_of_clients_that_only_ask_for_something() {
    let server = serve(&["--notices", "on"]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    ann.is_told("bob");
    while ann.peer.anything_within(Duration::from_millis(50)) {
        ann.notice();
    }
    for target in ["/", "/healthz", "/nowhere", "/ws"] {
        get(server.address(), target);
    }
    let mut eve = Irc::registers(server.address(), "eve");
    eve.sends("QUIT");
    eve.until("ERROR");
    ann.hears_nothing_before(&mut bob, "nobody else?");
}
