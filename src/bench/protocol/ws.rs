//! WebSocket: a message is a frame of text. chinwag's own are JSON objects, of which the sender's nick
//! and the text are taken; what other servers send is taken as it is.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Found, Item};
use crate::protocol::http::accept_key;
use crate::protocol::websocket::{FrameHeader, Opcode, encode_masked};

/// What a client sends is masked with this. It need not be secret, where nobody is to be deceived;
/// but it must not be 0, which would spare the server its work.
const MASK: [u8; 4] = [0x5a, 0xc3, 0x96, 0x3c];
/// Names the client's handshake, so that its answer is seen to be one: any 16 bytes in base64.
const KEY: &str = "Y2hpbndhZyBiZW5jaC4uLg==";
/// The answer to a handshake may have so many bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
const MASKED: u8 = 0x80;
/// The least header of a frame, and those of longer ones.
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;

/// The first words of a client.
pub(crate) fn request() -> Vec<u8> {
    format!(
        "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// A client's wait for the answer to its request.
#[derive(Debug, Default)]
pub(crate) struct Upgrade {
    heard: Vec<u8>,
}

impl Upgrade {
    /// Hears more; returns where in `bytes` the frames begin, once the answer is whole.
    ///
    /// # Errors
    /// The server does not want it.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Option<usize>, String> {
        let kept = self.heard.len();
        self.heard.extend_from_slice(bytes);
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut answer = httparse::Response::new(&mut headers);
        let length = match answer.parse(&self.heard) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if self.heard.len() <= ANSWER_BYTES_MAX => {
                return Ok(None);
            }
            Ok(httparse::Status::Partial) => {
                return Err("a WebSocket's answer has no end".to_owned());
            }
            Err(error) => return Err(format!("no answer to a WebSocket's request: {error}")),
        };
        let code = answer.code.unwrap_or(0);
        if code != 101 {
            let reason = answer.reason.unwrap_or("");
            return Err(format!("the server takes no WebSocket: {code} {reason}"));
        }
        let is_ours = answer.headers.iter().any(|header| {
            header.name.eq_ignore_ascii_case("sec-websocket-accept")
                && header.value == accept_key(KEY).as_bytes()
        });
        if !is_ours {
            return Err("the server's Sec-WebSocket-Accept is wrong".to_owned());
        }
        Ok(Some(length.saturating_sub(kept)))
    }
}

/// The header of a client's message with a text of so many bytes; [`mask`] is for the text.
pub(crate) fn envelope(text_bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let mut header = FrameHeader::new(Opcode::Text, text_bytes)
        .as_bytes()
        .to_vec();
    header[1] |= MASKED;
    header.extend_from_slice(&MASK);
    (header, Vec::new())
}

/// Masks a text, and unmasks it.
#[inline]
pub(crate) fn mask(text: &mut [u8]) {
    let (words, rest) = text.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(MASK)).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(MASK) {
        *byte ^= key;
    }
}

/// The answer to a ping.
pub(crate) fn pong(payload: &[u8], out: &mut Vec<u8>) {
    encode_masked(Opcode::Pong, payload, MASK, out);
}

/// The first frame. A message in several frames is nothing that a room has a reason to send.
#[inline]
pub(crate) fn first(bytes: &[u8], text_bytes: usize) -> Found<'_> {
    let [kind, length, ..] = *bytes else {
        return Found::Unfinished;
    };
    let (header, length) = match length {
        LENGTH_16 => (
            4,
            bytes
                .get(2..4)
                .map(|b| b.iter().fold(0, |n, b| n << 8 | u64::from(*b))),
        ),
        LENGTH_64 => (
            10,
            bytes
                .get(2..10)
                .map(|b| b.iter().fold(0, |n, b| n << 8 | u64::from(*b))),
        ),
        short => (2, Some(u64::from(short))),
    };
    let Some(length) = length else {
        return Found::Unfinished;
    };
    // A server masks nothing, and no message is that long.
    let Some(length) = usize::try_from(length)
        .ok()
        .filter(|n| *n <= super::TAIL_BYTES_MAX)
    else {
        return Found::Broken;
    };
    if bytes[1] & MASKED != 0 {
        return Found::Broken;
    }
    let Some(payload) = bytes.get(header..header + length) else {
        return Found::Unfinished;
    };
    let item = match kind {
        0x81 => text(payload, text_bytes),
        0x82 => as_it_came(payload, text_bytes),
        0x88 => Item::Refusal(payload.get(2..).unwrap_or(b"it has closed the WebSocket")),
        0x89 => Item::Ping(payload),
        0x8a => Item::Talk(b""),
        _ => return Found::Broken,
    };
    Found::Item(item, header + length)
}

#[inline]
fn text(payload: &[u8], text_bytes: usize) -> Item<'_> {
    if let Some(said) = said(payload, text_bytes) {
        said
    } else if payload.starts_with(b"{") {
        object(payload, text_bytes)
    } else {
        as_it_came(payload, text_bytes)
    }
}

fn as_it_came(payload: &[u8], text_bytes: usize) -> Item<'_> {
    if payload.len() < text_bytes {
        Item::Talk(payload)
    } else {
        Item::Payload(payload)
    }
}

/// A message as chinwag sends it, by the places of its parts.
#[inline]
fn said(payload: &[u8], text_bytes: usize) -> Option<Item<'_>> {
    let whole = payload.strip_suffix(b"\"}")?;
    let (before, text) = whole.split_at_checked(whole.len().checked_sub(text_bytes)?)?;
    let before = before.strip_suffix(b"\",\"text\":\"")?;
    let quote = memchr::memrchr(b'"', before)?;
    let is_said =
        before.starts_with(b"{\"type\":\"say\",") && before[..=quote].ends_with(b",\"from\":\"");
    is_said.then(|| Item::Said {
        from: &before[quote + 1..],
        text,
    })
}

/// Any other of its objects, and a message whose parts stand elsewhere.
fn object(payload: &[u8], text_bytes: usize) -> Item<'_> {
    #[derive(Deserialize)]
    struct Object<'a> {
        r#type: &'a str,
        #[serde(borrow, default)]
        from: Cow<'a, str>,
        #[serde(borrow, default)]
        text: Cow<'a, str>,
    }
    match serde_json::from_slice(payload) {
        // What has escapes in it is none of ours.
        Ok(Object {
            r#type: "say",
            from: Cow::Borrowed(from),
            text: Cow::Borrowed(text),
        }) if text.len() >= text_bytes => Item::Said {
            from: from.as_bytes(),
            text: text.as_bytes(),
        },
        Ok(_) => Item::Talk(payload),
        Err(_) => as_it_came(payload, text_bytes),
    }
}
