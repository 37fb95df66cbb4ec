//! A WebSocket of the tests' own, frame by frame: it can do wrong what a library does not.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::http_client::{Answer, request};
use crate::peer::Peer;

/// The key of RFC 6455's example, and what has to be answered to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

pub(super) const CONTINUATION: u8 = 0;
pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

pub(crate) struct WebSocket {
    pub(super) peer: Peer,
    /// What the server calls it, once that was read.
    pub(super) name: String,
}

/// The headers of a handshake.
pub(super) fn handshake(more: &str) -> String {
    assert_eq!(BASE64_STANDARD.decode(KEY).unwrap().len(), 16);
    format!(
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {KEY}\r\n{more}"
    )
}

impl WebSocket {
    /// Shakes hands, and reads nothing beyond.
    #[track_caller]
    pub(super) fn open(address: &str, target: &str) -> Self {
        Self::over(Peer::to(address), target, "")
    }

    #[track_caller]
    pub(super) fn over(mut peer: Peer, target: &str, headers: &str) -> Self {
        peer.send(request("GET", target, &handshake(headers)));
        let answer = Answer::head(&mut peer);
        assert_eq!(answer.status, 101, "{:?}", answer.headers);
        assert_eq!(answer.header("sec-websocket-accept"), ACCEPT);
        assert!(answer.header("upgrade").eq_ignore_ascii_case("websocket"));
        assert!(answer.header("connection").eq_ignore_ascii_case("upgrade"));
        let name = String::new();
        Self { peer, name }
    }

    /// A member, which has read up to the names of all members.
    #[track_caller]
    pub(super) fn joins(address: &str, target: &str) -> Self {
        let mut client = Self::open(address, target);
        let you = client.json();
        assert_eq!(you["type"], "you", "first of all: {you}");
        you["name"].as_str().unwrap().clone_into(&mut client.name);
        client
    }

    /// A member of this name; what came before it was confirmed is passed over.
    #[track_caller]
    pub(crate) fn named(address: &str, nick: &str) -> Self {
        let mut client = Self::joins(address, "/ws");
        client.until("names");
        client.says(&format!("/nick {nick}"));
        assert_eq!(client.until("you")["name"], nick);
        nick.clone_into(&mut client.name);
        client
    }

    #[track_caller]
    pub(super) fn says(&mut self, text: &str) {
        self.frame(TEXT, true, text.as_bytes());
    }

    #[track_caller]
    pub(super) fn frame(&mut self, opcode: u8, is_last: bool, payload: &[u8]) {
        self.peer.send(frame(opcode, is_last, payload));
    }

    /// The next frame; `None` at a clean end of the connection.
    #[track_caller]
    pub(super) fn next_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = self.peer.exactly_or_end(2)?;
        assert_eq!(head[0] & 0x70, 0, "no extension was agreed on");
        assert!(
            head[0] & 0x80 != 0,
            "the server sends every message in one frame"
        );
        assert_eq!(head[1] & 0x80, 0, "a server does not mask");
        let length = match head[1] {
            126 => usize::from(u16::from_be_bytes(self.peer.exactly(2).try_into().unwrap())),
            127 => {
                let bytes = self.peer.exactly(8).try_into().unwrap();
                usize::try_from(u64::from_be_bytes(bytes)).unwrap()
            }
            short => usize::from(short),
        };
        let shortest = match length {
            0..=125 => u8::try_from(length).unwrap(),
            126..=0xffff => 126,
            _ => 127,
        };
        assert_eq!(head[1], shortest, "RFC 6455, 5.2: the shortest form");
        Some((head[0] & 0xf, self.peer.exactly(length)))
    }

    /// The next message, which has to be a text with JSON in it.
    #[track_caller]
    pub(super) fn json(&mut self) -> Value {
        let (opcode, payload) = self.next_frame().expect("a message, not the end");
        assert_eq!(opcode, TEXT, "{}", String::from_utf8_lossy(&payload));
        let value: Value = serde_json::from_slice(&payload).expect("JSON");
        assert!(value.is_object() && value["type"].is_string(), "{value}");
        value
    }

    /// The next message of this type; those before it are passed over.
    #[track_caller]
    pub(super) fn until(&mut self, kind: &str) -> Value {
        loop {
            let value = self.json();
            if value["type"] == kind {
                return value;
            }
        }
    }

    /// The next message that tells of what is said: `say`, `me` or `private`.
    #[track_caller]
    pub(crate) fn talk(&mut self) -> Value {
        loop {
            let value = self.json();
            if ["say", "me", "private"].contains(&value["type"].as_str().unwrap()) {
                return value;
            }
        }
    }

    /// The code with which the server closes, after whatever it had to say; then the clean end.
    #[track_caller]
    pub(super) fn close_code(&mut self) -> u16 {
        loop {
            let (opcode, payload) = self.next_frame().expect("a close frame before the end");
            if opcode == CLOSE {
                assert!(payload.len() >= 2, "a close frame with a code");
                std::str::from_utf8(&payload[2..]).expect("the reason is UTF-8");
                // As every library does: the answer. The server may be gone by then.
                self.peer.try_send(frame(CLOSE, true, &payload[..2]));
                assert!(
                    self.peer.until_gone().is_empty(),
                    "nothing after a close frame"
                );
                return u16::from_be_bytes([payload[0], payload[1]]);
            }
        }
    }
}

/// A client's frame, masked.
pub(super) fn frame(opcode: u8, is_last: bool, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = vec![opcode | u8::from(is_last) << 7];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | u8::try_from(short).unwrap()),
        middle @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    bytes
}
