//! The protocols of a room: bytes to requests, frames and commands, and back. No socket, no
//! clock, no room: whoever has those feeds slices in and sends what is appended to a buffer.

pub mod detect;
pub mod http;
pub mod irc;
pub mod websocket;

/// The beginning of `text`, of at most so many bytes, cut between two characters.
fn beginning(text: &str, max_bytes: usize) -> &str {
    let mut end = text.len().min(max_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
