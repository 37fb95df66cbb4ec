//! Bytes to messages. Knows neither sockets nor services: slices go in, messages come out.

mod decoder;

pub use decoder::{Decoder, Message};

/// How a stream of bytes is cut into messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// A message is what one receive returned, cut at the largest message's length.
    Chunk,
    /// A message is a line; it ends with LF or CRLF, which are not part of it.
    Line,
    /// As `Line`; but as long as a client has never sent a newline, what it sent counts as a
    /// message once it has been quiet for a while.
    Auto,
    /// A message is what was sent before a quiet while, newlines and all.
    Raw,
}
