//! Bytes to messages. Knows neither sockets nor services: slices go in, messages come out.

use serde::{Deserialize, Serialize};

mod chunk;
mod decoder;
mod keys;
mod line;
mod mark;
mod raw;
mod telnet;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;

/// How a stream of bytes is cut into messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Framing {
    /// A message is what one receive returned, cut at the largest message's length.
    Chunk,
    /// As `Chunk`, but cut between two characters of UTF-8.
    Text,
    /// A message is a line. It ends with LF, CR LF, CR NUL, or a CR that neither follows within
    /// 200 ms; its end is no part of it.
    Line,
    /// As `Line`. But what a client sends that has not yet ended a line is a message once the
    /// client has been quiet for 200 ms; if it sends each key as it is typed, for 2 s.
    Auto,
    /// A message is what was sent before 200 ms of quiet, newlines and all but the last.
    Raw,
}

/// A message that a client has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// A whole message, without its line ending.
    Whole(&'a [u8]),
    /// A message over the limit. Its bytes are gone, and so will be the rest of it; it is
    /// reported once.
    TooLong,
}

/// What the decoder found next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// What the client says.
    Message(Message<'a>),
    /// Bytes to send back at once: the refusal of what telnet would negotiate.
    Reply([u8; 3]),
}
