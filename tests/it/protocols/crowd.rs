//! Large rooms in every protocol, and members that do not read what they have asked for.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use super::irc_client::{Irc, word};
use super::serve;
use super::websocket_client::{PING, TEXT, WebSocket, frame};
use crate::harness::{PATIENCE, Server, until};
use crate::kernel::rss_kib;
use crate::member::Member;
use crate::peer::Peer;

/// So many that comings and goings are summed up.
const MANY: usize = 60;

fn crowd(server: &Server) -> Vec<Member> {
    let nicks = (0..MANY).map(|number| format!("somebody-with-a-long-name-{number:04}"));
    nicks.map(|nick| Member::joins(server, &nick)).collect()
}

#[test]
fn comings_and_goings_are_summed_up_for_pages_and_irc_clients_too() {
    let server = serve(&[]);
    let mut crowd = crowd(&server);
    let mut page = WebSocket::named(server.address(), "page");
    let mut irc = Irc::joins(server.address(), "irc");
    let more: Vec<Member> = (0..5)
        .map(|number| Member::joins(&server, &format!("late{number}")))
        .collect();
    drop(more);
    crowd[0].says("the end of it");
    // What is summed up comes once a second, so it may come behind that.
    loop {
        let value = page.json();
        let kind = value["type"].as_str().unwrap();
        assert!(!["joined", "left"].contains(&kind), "{value}");
        if kind == "notice" && value["text"].as_str().unwrap().contains("here") {
            break;
        }
    }
    loop {
        let line = irc.line();
        assert!(
            ![" JOIN ", " QUIT", " PART "]
                .iter()
                .any(|word| line.contains(word)),
            "{line}"
        );
        if line.contains(" NOTICE ") && line.contains("here") {
            break;
        }
    }
}

fn of<'a>(lines: &'a [String], numeric: &'a str) -> impl Iterator<Item = &'a String> {
    lines.iter().filter(move |line| word(line, 1) == numeric)
}

#[test]
fn the_names_of_many_are_all_there_in_lines_of_512_bytes() {
    let server = serve(&["--notices", "off"]);
    let crowd = crowd(&server);
    let mut irc = Irc::joins(server.address(), "irc");
    let lines = irc.asks("NAMES #lobby");
    assert!(of(&lines, "353").count() > 3, "{lines:?}");
    let names: Vec<&str> = of(&lines, "353")
        .flat_map(|line| line.split_once(" :").unwrap().1.split_whitespace())
        .collect();
    assert_eq!(names.len(), MANY + 1);
    assert!(crowd.iter().all(|member| names.contains(&&*member.nick)));
    assert_eq!(of(&lines, "366").count(), 1);
    let who = irc.asks("WHO #lobby");
    assert_eq!(who.len(), MANY + 2);
    let mut page = WebSocket::joins(server.address(), "/ws");
    assert_eq!(
        page.until("names")["names"].as_array().unwrap().len(),
        MANY + 2
    );
}

#[test]
fn one_message_has_one_time_in_all_protocols() {
    let server = serve(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut page = WebSocket::named(server.address(), "page");
    let mut irc = Irc::with_caps(server.address(), "irc", "server-time");
    irc.sends("JOIN #lobby");
    irc.until(" 366 ");
    ann.says("what time is it?");
    let told = page.talk();
    let line = irc.until(" PRIVMSG #lobby ");
    let time = line.strip_prefix("@time=").unwrap().split(' ').next();
    assert_eq!(told["time"].as_str(), time);
    // And later, from the history.
    let mut later = Irc::with_caps(server.address(), "later", "server-time");
    later.sends("JOIN #lobby");
    assert_eq!(later.until(" PRIVMSG #lobby "), line);
    let mut again = WebSocket::joins(server.address(), "/ws");
    assert_eq!(again.talk(), told);
}

/// Sends until that is taken no more.
#[track_caller]
fn sends_without_reading(peer: &mut Peer, once: &[u8]) {
    const ENOUGH: usize = 64 << 20;
    let chunk = once.repeat(64 * 1024 / once.len());
    peer.stream
        .set_write_timeout(Some(Duration::from_millis(250)))
        .unwrap();
    let mut sent = 0;
    while sent < ENOUGH {
        match peer.stream.write(&chunk) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) => panic!("after {sent} bytes: {error}"),
        }
    }
    panic!("{sent} bytes of questions were read, and no answer was taken");
}

#[test]
fn one_that_asks_and_does_not_read_is_not_read_from() {
    let server = serve(&["--motd", &"a long message of the day ".repeat(30)]);
    let mut ann = Member::joins(&server, "ann");
    let before = rss_kib(server.id());
    let mut peers = Vec::new();
    for once in [
        frame(PING, true, &[b'p'; 125]),
        frame(TEXT, true, b"/who"),
        frame(TEXT, true, b"/help"),
    ] {
        let mut page = WebSocket::joins(server.address(), "/ws");
        sends_without_reading(&mut page.peer, &once);
        peers.push(page.peer);
    }
    for once in [
        "PING :are you there\r\n",
        "WHO #lobby\r\n",
        "MOTD\r\n",
        "NONSENSE\r\n",
        "PRIVMSG nobody :x\r\n",
    ] {
        let mut irc = Irc::joins(server.address(), &format!("irc{}", peers.len()));
        sends_without_reading(&mut irc.peer, once.as_bytes());
        peers.push(irc.peer);
    }
    let grown = rss_kib(server.id()).saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB for {} of them", peers.len());
    // Others talk on.
    ann.says("/me waits for nobody");
    ann.says("/who");
    ann.is_told("here");
    // One that has not come in yet, too.
    let mut outside = Irc::to(server.address());
    outside.sends("CAP LS 302");
    sends_without_reading(&mut outside.peer, b"CAP LS 302\r\n");
    drop((peers, outside));
    until("all have left", PATIENCE, || {
        ann.says("/who");
        ann.notice().starts_with("* 1 here") || ann.peer.line().starts_with("* 1 here")
    });
}
