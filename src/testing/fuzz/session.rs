//! Sessions: whatever a client sends, on whatever listener, cut anywhere and in any rhythm.

use std::time::Duration;

use super::ByteSource;
use super::protocol::cut;
use crate::protocol::Encoding;
use crate::protocol::session::Opening;
use crate::protocol::session::driver::{Driver, Heard};
use crate::wire::Framing;

/// With a vector that has grown for a message by doubling.
const MAX_KEPT_BYTES: usize = 9 * 1024;

/// By when the slowest opening has ended.
const LONG: Duration = Duration::from_secs(11);

#[derive(Clone, Copy)]
struct Listener {
    opening: Opening,
    framing: Framing,
    is_proxied: bool,
    has_tls: bool,
    is_full: bool,
}

pub(super) fn check(data: &[u8]) {
    let mut source = ByteSource::new(data);
    let flags = source.byte();
    let listener = Listener {
        opening: source.pick(&[
            Opening::Auto,
            Opening::Lines,
            Opening::Http,
            Opening::Irc,
            Opening::Bytes,
        ]),
        framing: source.pick(&[Framing::Auto, Framing::Line, Framing::Raw]),
        is_proxied: flags & 1 != 0,
        has_tls: flags & 2 != 0,
        is_full: flags & 4 != 0,
    };
    let rhythm = [source.byte(), source.byte(), source.byte(), source.byte()];
    let (stream, pieces) = cut(&mut source);
    let whole = play(listener, &[stream], None);
    check_order(listener, &whole);
    let is_exact = is_read_alike(stream) || is_websocket(&whole);
    for pieces in [pieces.clone(), stream.chunks(1).collect()] {
        let played = play(listener, &pieces, None);
        match is_exact {
            true => assert_eq!(played, whole, "{pieces:?}"),
            false => assert_eq!(without_messages(played), without_messages(whole.clone())),
        }
    }
    check_order(listener, &play(listener, &pieces, Some(rhythm)));
}

/// Whether lines are the same if each key is typed: nothing in them edits a line, or is a command
/// that is not complete.
fn is_read_alike(stream: &[u8]) -> bool {
    let is_plain = |byte: &u8| matches!(byte, b'\n' | b' '..=b'.' | b'0'..=b'~' | 0x80..);
    stream.iter().all(is_plain)
}

fn without_messages(mut heard: Vec<Heard>) -> Vec<Heard> {
    heard.retain(|heard| !matches!(heard, Heard::Message(_) | Heard::TooLong));
    heard
}

/// What comes of a client to its end: `rhythm` is how long it waits between its reads.
fn play(listener: Listener, pieces: &[&[u8]], rhythm: Option<[u8; 4]>) -> Vec<Heard> {
    let mut client = Driver::new(listener.opening, listener.framing, listener.is_proxied);
    client.setup.has_tls = listener.has_tls;
    client.is_full = listener.is_full;
    let mut waits = rhythm.iter().flatten().cycle();
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        if client.is_shaking_hands() && rhythm.is_none() {
            break;
        }
        if client.is_shaking_hands() {
            client.over_tls(None);
        }
        client.read(piece);
        if let Some(wait) = waits.next() {
            client.wait(Duration::from_millis(u64::from(*wait) * 4));
        }
    }
    if rhythm.is_some_and(|rhythm| rhythm[0] % 2 == 0) {
        client.wait(LONG);
        let is_known = listener.opening != Opening::Auto && !listener.is_proxied;
        let is_waiting = listener.opening == Opening::Http || !is_known;
        let has_joined = client.heard.iter().any(is_joined);
        assert!(!is_waiting || has_joined || client.is_over() || client.is_shaking_hands());
    }
    if !client.is_shaking_hands() {
        client.end();
    }
    assert!(client.most_kept_bytes <= MAX_KEPT_BYTES);
    if let Some(Heard::Tls(hello)) = client.heard.last_mut() {
        // It says only where the last read ended.
        hello.clear();
    }
    client.heard
}

fn is_joined(heard: &Heard) -> bool {
    matches!(heard, Heard::Joined(..))
}

/// A service hears only those of whom it was told, once, and nobody who is turned away for what it
/// has sent first.
fn check_order(listener: Listener, heard: &[Heard]) {
    let is_known = !listener.is_proxied
        && matches!(
            listener.opening,
            Opening::Lines | Opening::Irc | Opening::Bytes
        );
    let joins = heard.iter().filter(|heard| is_joined(heard)).count();
    assert!(joins <= usize::from(!is_known), "{heard:?}");
    let is_message = |heard: &Heard| matches!(heard, Heard::Message(_) | Heard::TooLong);
    let before = heard.iter().take_while(|heard| !is_joined(heard));
    assert!(is_known || !before.into_iter().any(is_message), "{heard:?}");
    let is_turned_away = matches!(heard.last(), Some(Heard::Last(..))) && !is_websocket(heard);
    assert!(
        !is_turned_away || !heard.iter().any(is_message),
        "{heard:?}"
    );
    assert!(!(listener.is_full && is_websocket(heard)));
}

fn is_websocket(heard: &[Heard]) -> bool {
    let json = |heard: &Heard| matches!(heard, Heard::Joined(Encoding::Json, _));
    heard.iter().any(json)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    const PIECES: &[&[u8]] = &[
        b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n",
        b"PROXY UNKNOWN\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
        b"\x16\x03\x01\x02\0\x01",
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        b"\x81\x82\0\0\0\0hi",
        b"\x89\x80\0\0\0\0",
        b"\x88\x80\0\0\0\0",
        b"NICK ann\r\n",
        b"SSH-2.0-x\r\n",
        b"hi\n",
        b"SHOUT",
        b"\xff\xfb\x1f",
        b"\x08",
        b"\r",
        b" ",
    ];

    proptest! {
        #[test]
        fn whatever_a_client_sends(
            listener in any::<[u8; 3]>(),
            rhythm in any::<[u8; 4]>(),
            plan in prop::collection::vec(0u8..12, 0..12),
            pieces in prop::collection::vec(prop::sample::select(PIECES), 0..5),
        ) {
            let planned = u8::try_from(plan.len()).unwrap();
            let head = [&listener[..], &rhythm, &[planned], &plan].concat();
            super::check(&[head, pieces.concat()].concat());
        }
    }
}
