//! The protocols of a room: bytes to requests, frames and commands, and back. No socket, no
//! clock, no room: whoever has those feeds slices in and sends what is appended to a buffer.

use serde::{Deserialize, Serialize};

pub mod detect;
mod event;
pub mod http;
pub mod irc;
mod json;
mod lines;
mod record;
pub mod session;
pub mod websocket;

pub(crate) use event::kicked;
pub use event::{Encoder, Event, Kind, RoomEntry, Said, Stamp, encode, encode_end};
pub use record::{Record, Spoken, read_record, write_gap, write_record};
#[cfg(feature = "tls")]
pub(crate) use session::ALPN;
pub use session::{Opening, Output, Session, Setup};

/// How a client is told what happens. All clients of one encoding read the same log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// Lines, for whoever reads them as they are.
    Lines,
    /// JSON, each object a WebSocket message.
    Json,
    /// IRC's lines.
    Irc,
    /// The same, each with the time at which it was said (`server-time`).
    IrcTime,
}

impl Encoding {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Lines, Self::Json, Self::Irc, Self::IrcTime];

    /// Its place in [`ALL`](Self::ALL).
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// The beginning of `text`, of at most so many bytes, cut between two characters.
pub(crate) fn beginning(text: &str, max_bytes: usize) -> &str {
    let mut end = text.len().min(max_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Moves bytes from the front of `input` to the end of `buffer`, until that has `max_bytes`.
fn extend_within(buffer: &mut Vec<u8>, input: &mut &[u8], max_bytes: usize) {
    let (taken, rest) = input.split_at(input.len().min(max_bytes - buffer.len()));
    // Doubling by itself would pass the bound.
    let wanted = (buffer.len() + taken.len()).max(2 * buffer.len());
    buffer.reserve_exact(wanted.min(max_bytes) - buffer.len());
    buffer.extend_from_slice(taken);
    *input = rest;
}
