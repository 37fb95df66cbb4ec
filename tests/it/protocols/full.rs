//! A full room, told in each protocol's own words.

use super::http_client::{ask, get, request};
use super::irc_client::Irc;
use super::websocket_client::{WebSocket, handshake};
use super::{bare, line_member, listen};
use crate::harness::{PATIENCE, until};
use crate::member::Member;
use crate::peer::Peer;

#[test]
fn each_protocol_is_told_in_its_words() {
    let server = listen(&["", "http:", "irc:", "lines:"], &["--max-clients", "2"]);
    let mut ann = line_member(&server, 3, "ann");
    let bob = WebSocket::named(bare(&server, 1), "bob");
    for index in [0, 3] {
        let mut peer = Peer::to(bare(&server, index));
        let told = String::from_utf8(peer.rest()).unwrap();
        assert_eq!(told, "* full: 2 are here; try again later\n");
        let mut peer = Peer::to(bare(&server, index));
        peer.try_send("hello\n");
        let told = String::from_utf8(peer.until_gone()).unwrap();
        assert_eq!(told, "* full: 2 are here; try again later\n");
    }
    for index in [0, 1] {
        for target in ["/", "/healthz", "/nowhere"] {
            let answer = get(bare(&server, index), target);
            assert_eq!(answer.status, 503, "{target}");
            assert_eq!(
                answer.header("content-length"),
                answer.body.len().to_string()
            );
        }
        let answer = ask(bare(&server, index), request("GET", "/ws", &handshake("")));
        assert_eq!(answer.status, 503);
        assert!(
            ask(bare(&server, index), request("HEAD", "/", ""))
                .body
                .is_empty()
        );
    }
    for index in [0, 2] {
        let mut irc = Irc::to(bare(&server, index));
        irc.peer.try_send("NICK eve\r\nUSER eve 0 * :Eve\r\n");
        let told = irc.line();
        assert!(
            told.starts_with("ERROR :") && told.contains("full"),
            "{told}"
        );
        assert_eq!(irc.next_line(), None);
    }
    // Byte by byte, it is told no sooner than it is known what it speaks.
    let mut slow = Peer::to(bare(&server, 0));
    for byte in request("GET", "/healthz", "").bytes() {
        slow.send([byte]);
    }
    assert_eq!(super::http_client::Answer::whole(&mut slow).status, 503);
    ann.says("/who");
    ann.is_told("2 here");
    drop(bob);
    ann.is_told("bob left");
    until("there is a place again", PATIENCE, || {
        get(bare(&server, 1), "/healthz").status == 200
    });
    // The one that has asked leaves only now.
    let mut eve = loop {
        let mut irc = Irc::to(bare(&server, 2));
        irc.peer
            .try_send("NICK eve\r\nUSER eve 0 * :Eve\r\nJOIN #lobby\r\n");
        if irc.line().contains(" 001 eve ") {
            break irc;
        }
    };
    eve.until(" 366 ");
    eve.says("made it");
    ann.hears("eve: made it");
}

#[test]
fn many_at_once_are_all_told_and_are_a_few_lines_in_the_log() {
    let server = listen(&[""], &["--max-clients", "1"]);
    let mut ann = Member::joins(&server, "ann");
    let before = server.stderr().text().lines().count();
    let asking: Vec<Peer> = (0..60)
        .map(|_| {
            let mut peer = Peer::to(server.address());
            peer.try_send(request("GET", "/ws", &handshake("")));
            peer
        })
        .collect();
    for mut peer in asking {
        let told = String::from_utf8(peer.until_gone()).unwrap();
        assert!(told.starts_with("HTTP/1.1 503 "), "{told:?}");
    }
    let more = server.stderr().text().lines().count() - before;
    assert!(more <= 8, "{more} lines: {}", server.stderr().text());
    ann.says("/who");
    ann.is_told("1 here");
}
