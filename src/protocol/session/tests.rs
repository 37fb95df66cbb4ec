//! Sessions on a virtual clock: what each listener makes of what comes first, cut anywhere, and
//! when.

use std::time::Duration;

use super::driver::{Driver, Heard, MAX_MESSAGE_BYTES};
use super::*;
use crate::protocol::detect::{OPENINGS, Protocol};
use crate::protocol::websocket::{Opcode, encode_masked};

mod proxy;
mod timing;

const LINES: Heard = Heard::Joined(Encoding::Lines, None);
const IRC: Heard = Heard::Joined(Encoding::Irc, None);
const GET_WS: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn client(opening: Opening) -> Driver {
    Driver::new(opening, Framing::Auto, false)
}

fn said(text: &str) -> Heard {
    Heard::Message(text.as_bytes().to_vec())
}

fn turned_away(why: &'static str) -> Heard {
    Heard::Last(Vec::new(), Some(why))
}

/// What comes of `pieces`, read one by one.
fn play(mut client: Driver, pieces: &[&[u8]]) -> Vec<Heard> {
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        if client.is_shaking_hands() {
            break;
        }
        client.read(piece);
    }
    client.heard
}

/// What comes of `bytes`, the same whole, byte by byte and cut at every place; of many bytes, at
/// some 500 places.
#[track_caller]
fn play_cut(new: impl Fn() -> Driver, bytes: &[u8]) -> Vec<Heard> {
    let without_hello = |mut heard: Vec<Heard>| {
        // Where the last read ended says nothing.
        if let Some(Heard::Tls(hello)) = heard.last_mut() {
            assert!(bytes.starts_with(hello));
            hello.clear();
        }
        heard
    };
    let whole = without_hello(play(new(), &[bytes]));
    let one_by_one: Vec<&[u8]> = bytes.chunks(1).collect();
    let text = bytes[..bytes.len().min(80)].escape_ascii();
    assert_eq!(without_hello(play(new(), &one_by_one)), whole, "{text}");
    for at in (1..bytes.len()).step_by(1 + bytes.len() / 500) {
        let (head, tail) = bytes.split_at(at);
        let cut = without_hello(play(new(), &[head, tail]));
        assert_eq!(cut, whole, "{text}, cut at {at}");
    }
    whole
}

/// The status and the reason of an HTTP answer that ends it.
fn status(heard: &[Heard]) -> (String, Option<&'static str>) {
    match heard {
        [Heard::Last(reply, why)] => {
            let line = reply
                .split(|byte| *byte == b'\r')
                .next()
                .unwrap_or_default();
            let code = line.strip_prefix(b"HTTP/1.1 ").unwrap_or(line);
            (code[..code.len().min(3)].escape_ascii().to_string(), *why)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_client_sends_first_decides() {
    for (bytes, protocol) in OPENINGS {
        let text = bytes.escape_ascii();
        let with_tls = || {
            let mut client = client(Opening::Auto);
            client.setup.has_tls = true;
            client
        };
        let auto = play_cut(with_tls, bytes);
        let without_tls = play_cut(|| client(Opening::Auto), bytes);
        let lines = play_cut(|| client(Opening::Lines), bytes);
        let irc = play_cut(|| client(Opening::Irc), bytes);
        let http = play_cut(|| client(Opening::Http), bytes);
        let joined = |joined: Heard, heard: &[Heard]| [&[joined], heard].concat();
        let no_lines = |why| (vec![turned_away(why)], vec![turned_away(why)]);
        match protocol {
            Protocol::Tls => {
                assert_eq!(auto, [Heard::Tls(Vec::new())], "{text}");
                let why = "a TLS hello, and there is no certificate";
                assert_eq!(without_tls, [turned_away(why)], "{text}");
                let expected = no_lines("a TLS hello where lines are expected");
                assert_eq!((lines, irc), expected, "{text}");
            }
            Protocol::Ssh => {
                assert_eq!(auto, [turned_away("an SSH client")], "{text}");
                assert_eq!((lines, irc), no_lines("an SSH client"), "{text}");
            }
            Protocol::Http => {
                // Where there is a head, it is not complete.
                assert_eq!((auto, http), (vec![], vec![]), "{text}");
                let expected = no_lines("an HTTP request where lines are expected");
                assert_eq!((lines, irc), expected, "{text}");
                continue;
            }
            Protocol::Irc => {
                assert_eq!(auto, joined(IRC, &irc), "{text}");
                assert_eq!(auto, without_tls, "{text}");
            }
            Protocol::Lines => {
                assert_eq!(auto, joined(LINES, &lines), "{text}");
                assert_eq!(auto, without_tls, "{text}");
            }
        }
        // An empty line may stand before a request.
        if !bytes.starts_with(b"\n") {
            let expected = ("400".to_owned(), Some("a bad HTTP request"));
            assert_eq!(status(&http), expected, "{text}");
        }
    }
}

#[test]
fn only_what_comes_first_decides() {
    let first = "hello\n";
    for later in ["GET / HTTP/1.1\r\n", "NICK ann\r\n", "SSH-2.0-x\r\n"] {
        let bytes = [first, later].concat();
        let line = said(later.trim_end());
        for opening in [Opening::Auto, Opening::Lines] {
            let heard = play_cut(|| client(opening), bytes.as_bytes());
            assert!(heard.ends_with(&[said("hello"), line.clone()]), "{heard:?}");
        }
    }
    let bytes = b"NICK ann\r\nGET / HTTP/1.1\r\n";
    let heard = play_cut(|| client(Opening::Auto), bytes);
    assert_eq!(heard, [IRC, said("NICK ann"), said("GET / HTTP/1.1")]);
    // On a listener of lines it is chat, with the limit of that.
    let long = format!("NICK {}\r\nhi\r\n", "x".repeat(MAX_MESSAGE_BYTES));
    let heard = play_cut(|| client(Opening::Lines), long.as_bytes());
    assert_eq!(heard, [Heard::TooLong, said("hi")]);
}

#[test]
fn bytes_are_not_looked_at() {
    for (bytes, _) in OPENINGS {
        let mut plain = Driver::new(Opening::Bytes, Framing::Chunk, false);
        assert_eq!(plain.session.joins_at_once(), Some(Encoding::Lines));
        plain.setup.max_message_bytes = 100;
        plain.read(bytes);
        assert_eq!(plain.heard, [Heard::Message(bytes.to_vec())]);
    }
}

#[test]
fn who_is_told_of_at_once() {
    for (opening, is_proxied, expected) in [
        (Opening::Lines, false, Some(Encoding::Lines)),
        (Opening::Irc, false, Some(Encoding::Irc)),
        (Opening::Auto, false, None),
        (Opening::Http, false, None),
        (Opening::Lines, true, None),
        (Opening::Bytes, true, None),
    ] {
        let client = Driver::new(opening, Framing::Auto, is_proxied);
        assert_eq!(client.session.joins_at_once(), expected, "{opening:?}");
    }
}

#[test]
fn a_line_of_irc_has_its_own_limit() {
    let line = "x".repeat(irc::MAX_LINE_BYTES);
    let heard = play_cut(|| client(Opening::Irc), format!("{line}\r\n").as_bytes());
    assert_eq!(heard, [said(&line)]);
    let heard = play(
        client(Opening::Irc),
        &[format!("{line}x\r\nok\r\n").as_bytes()],
    );
    assert_eq!(heard, [Heard::TooLong, said("ok")]);
}

#[test]
fn a_request_is_answered_and_no_second_one() {
    let long = format!("GET / HTTP/1.1\r\nHost: {}", "a".repeat(9000));
    let foreign = GET_WS.replace("Host: a", "Host: a\r\nOrigin: http://b");
    for (request, code, why) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "200", None),
        ("GET /favicon.ico HTTP/1.1\r\nHost: a\r\n\r\n", "404", None),
        ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", "405", None),
        ("GET /ws HTTP/1.1\r\nHost: a\r\n\r\n", "426", None),
        ("GET / HTTP/1.1\r\n\r\n", "400", Some("a bad HTTP request")),
        (
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "400",
            Some("a bad HTTP request"),
        ),
        (&long, "431", Some("an HTTP request with a head over 8 KiB")),
        (
            &foreign,
            "403",
            Some("a WebSocket for a page of another origin"),
        ),
    ] {
        for opening in [Opening::Auto, Opening::Http] {
            let twice = [request, request].concat();
            let heard = play_cut(|| client(opening), twice.as_bytes());
            assert_eq!(status(&heard), (code.to_owned(), why), "{request}");
            let full = || {
                let mut client = client(opening);
                client.is_full = true;
                client
            };
            if !matches!(code, "400" | "431") || why.is_none() {
                let heard = play_cut(full, request.as_bytes());
                assert_eq!(status(&heard).0, "503", "{request}");
            }
        }
    }
    let body = |request: &str| match &play(client(Opening::Auto), &[request.as_bytes()])[..] {
        [Heard::Last(reply, None)] => {
            let reply = String::from_utf8(reply.clone()).unwrap();
            reply.split_once("\r\n\r\n").unwrap().1.to_owned()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(body("GET /healthz HTTP/1.0\r\n\r\n"), "ok\n");
    assert_eq!(body("HEAD /healthz HTTP/1.0\r\n\r\n"), "");
    assert_eq!(body("GET / HTTP/1.0\r\n\r\n"), "<b>hi</b>");
}

#[test]
fn a_websocket_is_heard() {
    let frame = |opcode, payload: &[u8]| {
        let mut bytes = Vec::new();
        encode_masked(opcode, payload, [1, 2, 3, 4], &mut bytes);
        bytes
    };
    let text = |text: &str| frame(Opcode::Text, text.as_bytes());
    let (fits, too_long) = (
        "x".repeat(MAX_MESSAGE_BYTES),
        "x".repeat(MAX_MESSAGE_BYTES + 1),
    );
    let spoken = [
        text("hi\r\n"),
        text(""),
        text("/nick ann\n"),
        text("a\nb\r"),
        text(&fits),
        text(&too_long),
        frame(Opcode::Pong, b"?"),
        frame(Opcode::Ping, b"!"),
    ];
    let heard = [
        said("hi"),
        said(""),
        said("/nick ann"),
        said("a\nb\r"),
        said(&fits),
        Heard::TooLong,
        Heard::Reply(b"\x8a\x01!".to_vec()),
    ];
    let bad = |code: u16, why| {
        let code = code.to_be_bytes();
        Heard::Last([b"\x88\x02", &code[..]].concat(), Some(why))
    };
    for (last, end) in [
        (frame(Opcode::Close, b""), Heard::End(b"\x88\0".to_vec())),
        (
            frame(Opcode::Close, b"\x03\xe9bye"),
            Heard::End(b"\x88\x02\x03\xe9".to_vec()),
        ),
        (
            frame(Opcode::Binary, b"b"),
            bad(1003, "a WebSocket message of bytes"),
        ),
        (
            frame(Opcode::Text, b"\xff"),
            bad(1007, "a WebSocket message that is not UTF-8"),
        ),
        (
            frame(Opcode::Continuation, b"x"),
            bad(1002, "a WebSocket frame that breaks the protocol"),
        ),
    ] {
        let after = text("too late");
        let request = GET_WS.replace("/ws", "/ws?since=7");
        let bytes = [request.as_bytes(), &spoken.concat(), &last, &after].concat();
        for opening in [Opening::Auto, Opening::Http] {
            let played = play_cut(|| client(opening), &bytes);
            let [Heard::Reply(switching), joined, said @ .., ended] = &played[..] else {
                panic!("{played:?}");
            };
            assert!(switching.starts_with(b"HTTP/1.1 101 "));
            assert_eq!(*joined, Heard::Joined(Encoding::Json, Some(7)));
            assert_eq!((said, ended), (&heard[..], &end));
        }
    }
}
