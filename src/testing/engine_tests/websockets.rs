//! What the engine owes a client whose messages have frames around them, in scenes.

use std::time::Duration;

use super::super::scene::{ROOMY, Scene};
use super::super::sim::hearing::{Heard, Hearing};
use super::super::sim::network::End;
use super::super::sim::speech::Tongue;
use super::{HIGH_WATER, ONE_A_SECOND, bytes, ms, room};
use crate::addr::Proto;
use crate::outbound;
use crate::protocol::websocket::{Opcode, encode_masked};
use crate::service::Disconnect;

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

/// A log that a talk of a moment runs over.
const SMALL_LOG: outbound::Limits = outbound::Limits {
    log_bytes: 16 << 10,
    ..HIGH_WATER
};

fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut sent = Vec::new();
    encode_masked(opcode, payload, [1, 2, 3, 4], &mut sent);
    sent
}

fn text(text: &str) -> Vec<u8> {
    frame(Opcode::Text, text.as_bytes())
}

fn close() -> Vec<u8> {
    frame(Opcode::Close, &1000u16.to_be_bytes())
}

/// `name` comes by a WebSocket, and has heard who is there.
fn comes(room: &mut Scene, name: &str, proto: Proto) {
    room.joins_by(name, proto);
    room.sends(name, UPGRADE);
    let heard = heard(room, name, false);
    assert!(
        matches!(heard[..], [Heard::You(_), Heard::Names(_)]),
        "{heard:?}"
    );
}

/// What `name` has heard, in whole frames only.
#[track_caller]
fn heard(room: &mut Scene, name: &str, is_open: bool) -> Vec<Heard> {
    let mut hearing = Hearing::new(Tongue::WebSocket);
    if is_open {
        hearing.hears(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
    }
    hearing.hears(&room.heard_bytes(name));
    assert!(
        !hearing.is_torn(),
        "{name} has heard {:?} and a part",
        hearing.heard
    );
    hearing.heard
}

/// The texts that it has heard, and the code at the end.
#[track_caller]
fn texts(room: &mut Scene, name: &str) -> (Vec<String>, Option<u16>) {
    let mut code = None;
    let texts = heard(room, name, true)
        .into_iter()
        .filter_map(|heard| match heard {
            Heard::Said { text, .. } => Some(text),
            Heard::Closed(with) => {
                code = Some(with);
                None
            }
            _ => None,
        });
    let texts = texts.collect();
    (texts, code)
}

/// Twice as much as the small log holds.
fn numbered(count: usize) -> Vec<String> {
    let numbers = 0..count;
    let texts = numbers.map(|n| format!("{n} {}", "x".repeat(n * 37 % 300)));
    texts.collect()
}

#[test]
fn a_websocket_is_a_member_as_all_are() {
    for proto in [Proto::Http, Proto::Auto, Proto::Https] {
        let mut room = room(ROOMY).with_tls();
        room.joins("ann");
        comes(&mut room, "bob", proto);
        room.sends_in_pieces_of("bob", 3);
        room.sends("bob", [text("hi"), text("ho\r\n")].concat());
        room.says("ann", "hey");
        for line in ["guest2: hi", "guest2: ho"] {
            room.hears("ann", line);
        }
        let told = texts(&mut room, "bob");
        assert_eq!(told, (vec!["hi".into(), "ho".into(), "hey".into()], None));
    }
}

#[test]
fn at_the_end_of_the_server_the_last_word_stands_behind_a_whole_frame() {
    for proto in [Proto::Http, Proto::Https] {
        for room_bytes in 0..200 {
            let mut room = room(ROOMY).with_tls();
            room.joins("ann");
            comes(&mut room, "bob", proto);
            room.has_room_for("bob", room_bytes);
            room.says("ann", "hi");
            room.stops();
            room.recovers("bob");
            let told = texts(&mut room, "bob");
            assert_eq!(
                told,
                (vec!["hi".into()], Some(1001)),
                "{proto} {room_bytes}"
            );
            assert_eq!(room.end("bob"), Some(End::Finished));
            assert_eq!(room.fate("bob"), Some(Disconnect::Eof));
        }
    }
}

/// It is owed as much as it may be, but for that.
#[test]
fn one_that_is_owed_its_bound_has_its_last_word_too() {
    let mut room = room(outbound::Limits {
        max_pending_bytes: 100,
        ..ROOMY
    });
    room.joins("ann");
    comes(&mut room, "bob", Proto::Http);
    room.stalls("bob");
    for n in 0..10 {
        room.says("ann", &format!("/msg guest2 {n}"));
    }
    room.stops();
    room.recovers("bob");
    let heard = heard(&mut room, "bob", true);
    assert!(heard.len() < 10, "{heard:?}");
    assert_eq!(heard.last(), Some(&Heard::Closed(1001)));
}

/// It has a first part of what was said, in whole frames, and knows why that is all.
#[test]
fn one_that_lags_has_its_last_word_behind_a_whole_frame() {
    for proto in [Proto::Http, Proto::Https] {
        for room_bytes in (0..2000).step_by(97) {
            let mut room = room(SMALL_LOG).with_tls();
            room.joins("ann");
            room.joins("eve");
            comes(&mut room, "bob", proto);
            room.has_room_for("bob", room_bytes);
            let said = numbered(200);
            for line in &said {
                room.says("ann", line);
            }
            let fate = room.fate("bob");
            assert!(matches!(fate, Some(Disconnect::Lagged { .. })), "{fate:?}");
            room.hears_nothing("ann");
            room.recovers("bob");
            let (told, code) = texts(&mut room, "bob");
            assert_eq!(code, Some(1013), "{proto} {room_bytes}");
            assert_eq!(told, said[..told.len()], "{proto} {room_bytes}");
            assert_eq!(room.end("bob"), Some(End::Finished));
        }
    }
}

/// Though all that was said came in one read, which is more than the log holds.
#[test]
fn one_that_lags_within_one_read_has_its_last_word_too() {
    for room_bytes in (0..2000).step_by(97) {
        let mut room = room(SMALL_LOG);
        room.joins("ann");
        room.joins("eve");
        comes(&mut room, "bob", Proto::Http);
        room.has_room_for("bob", room_bytes);
        let said = numbered(200);
        room.sends("ann", said.join("\n") + "\n");
        let fate = room.fate("bob");
        assert!(matches!(fate, Some(Disconnect::Lagged { .. })), "{fate:?}");
        room.recovers("bob");
        let (told, code) = texts(&mut room, "bob");
        assert_eq!(code, Some(1013), "{room_bytes}");
        assert_eq!(told, said[..told.len()], "{room_bytes}");
    }
}

/// What may be trimmed at any moment is not promised to it: it would lag from the first.
#[test]
fn one_that_comes_back_is_shown_what_can_still_be_sent() {
    let mut room = room(SMALL_LOG);
    room.joins("ann");
    comes(&mut room, "bob", Proto::Http);
    let said = numbered(100);
    for line in &said {
        room.says("ann", line);
    }
    let first = match heard(&mut room, "bob", true)[0] {
        Heard::Said { id: Some(id), .. } => id,
        ref other => panic!("{other:?}"),
    };
    room.joins_by("eve", Proto::Http);
    room.stalls("eve");
    room.sends("eve", UPGRADE.replace("/ws", &format!("/ws?since={first}")));
    for n in 0..4 {
        room.says("ann", &format!("more {n}"));
    }
    room.recovers("eve");
    assert_eq!(room.fate("eve"), None);
    let heard = heard(&mut room, "eve", false);
    let gaps = heard.iter().filter(|heard| **heard == Heard::Gap).count();
    let texts = heard
        .iter()
        .filter(|heard| matches!(heard, Heard::Said { .. }));
    assert!(gaps == 1 && texts.count() > 25, "{heard:?}");
}

/// It has a first part of what was said.
#[test]
fn a_line_client_that_lags_is_cut_off() {
    for proto in [Proto::Lines, Proto::Tls] {
        for room_bytes in (0..2000).step_by(97) {
            let mut room = room(SMALL_LOG).with_tls();
            room.joins("ann");
            room.joins("eve");
            room.joins_by("bob", proto);
            room.has_room_for("bob", room_bytes);
            let said = numbered(200);
            for line in &said {
                room.says("ann", line);
            }
            let fate = room.fate("bob");
            assert!(matches!(fate, Some(Disconnect::Lagged { .. })), "{fate:?}");
            room.recovers("bob");
            let all = said.iter().map(|line| format!("guest1: {line}\n"));
            assert!(
                all.collect::<String>().starts_with(&room.heard("bob")),
                "{proto}"
            );
            assert!(room.end("bob").is_some());
        }
    }
}

#[test]
fn one_that_closes_has_ended() {
    let mut room = room(ROOMY);
    comes(&mut room, "ann", Proto::Http);
    room.joins("bob");
    room.stalls("ann");
    room.sends(
        "ann",
        [text("bye"), close(), text("nobody hears that")].concat(),
    );
    room.says("bob", "she has gone");
    room.hears("bob", "guest1: bye");
    // She has, though she has not heard the last yet.
    room.says("bob", "/who");
    room.hears("bob", "* 1 here: guest2");
    room.recovers("ann");
    assert_eq!(texts(&mut room, "ann"), (vec!["bye".into()], Some(1000)));
    assert_eq!(room.fate("ann"), Some(Disconnect::Eof));
    assert_eq!(room.end("ann"), Some(End::Finished));
}

#[test]
fn one_that_breaks_the_protocol_is_told_so() {
    for (sent, code) in [
        (frame(Opcode::Binary, b"x"), 1003),
        (frame(Opcode::Text, b"\xff"), 1007),
        (frame(Opcode::Continuation, b"x"), 1002),
        (vec![0x81, 1, b'x'], 1002),
    ] {
        let mut room = room(ROOMY);
        comes(&mut room, "ann", Proto::Http);
        room.joins("bob");
        room.stalls("ann");
        room.sends(
            "ann",
            [text("hi"), sent, text("nobody hears that")].concat(),
        );
        room.hears("bob", "guest1: hi");
        room.says("bob", "/who");
        room.hears("bob", "* 1 here: guest2");
        room.recovers("ann");
        assert_eq!(texts(&mut room, "ann"), (vec!["hi".into()], Some(code)));
        assert_eq!(room.fate("ann"), Some(Disconnect::Eof));
        assert_eq!(room.end("ann"), Some(End::Finished));
    }
}

#[test]
fn one_that_is_held_by_its_rate_is_heard_to_the_end() {
    let mut room = room(ROOMY).with_limits(|limits| limits.message_rate = ONE_A_SECOND);
    comes(&mut room, "ann", Proto::Http);
    comes(&mut room, "bob", Proto::Http);
    let said = numbered(5);
    let sent: Vec<u8> = said.iter().flat_map(|line| text(line)).collect();
    room.sends("ann", [sent, close()].concat());
    room.advance(ms(3999));
    assert_eq!((room.messages("ann"), room.fate("ann")), (4, None));
    room.advance(ms(1001));
    assert_eq!(texts(&mut room, "bob"), (said.clone(), None));
    assert_eq!(texts(&mut room, "ann"), (said, Some(1000)));
    assert_eq!(room.fate("ann"), Some(Disconnect::Eof));
}

/// It asks, and does not read the answers: it is not read from above the high-water mark.
#[test]
fn one_that_is_held_for_what_it_is_owed_is_heard_to_the_end() {
    for proto in [Proto::Http, Proto::Https] {
        let mut room = room(HIGH_WATER).with_tls();
        room.joins("ann");
        comes(&mut room, "bob", proto);
        room.stalls("bob");
        let ping = frame(Opcode::Ping, bytes(125).as_bytes());
        room.sends("bob", ping.repeat(3000));
        room.sends("bob", [text("hi"), close()].concat());
        room.advance(Duration::from_secs(1));
        room.hears_nothing("ann");
        room.recovers("bob");
        room.hears("ann", "guest2: hi");
        let heard = room.heard_bytes("bob");
        // The pongs, what it has said itself, and the end.
        let pongs = 3000 * (2 + 125);
        assert_eq!(heard[..2], [0x8a, 125], "{proto}");
        assert_eq!(
            (heard[pongs], heard[heard.len() - 4]),
            (0x81, 0x88),
            "{proto}"
        );
        assert_eq!(room.fate("bob"), Some(Disconnect::Eof));
    }
}

/// Its talk outruns a room in which nobody reads, and waits for it; but not for long.
#[test]
fn one_that_outruns_the_room_is_heard_to_the_end() {
    let mut room = room(SMALL_LOG);
    comes(&mut room, "ann", Proto::Http);
    for name in ["bob", "eve"] {
        room.joins(name);
        room.stalls(name);
    }
    let said = numbered(200);
    let sent: Vec<u8> = said.iter().flat_map(|line| text(line)).collect();
    room.sends("ann", [sent, close()].concat());
    room.advance(ms(500));
    assert!(room.messages("ann") < 200 && room.fate("ann").is_none());
    room.advance(Duration::from_secs(6));
    assert_eq!(room.messages("ann"), 200);
    assert_eq!(room.fate("ann"), Some(Disconnect::Eof));
    assert_eq!(texts(&mut room, "ann"), (said, Some(1000)));
}
