//! Plain lines, LF or CRLF. Lines that begin with `* ` are the server's own, but for an echo's.

use super::{Found, Item};

/// The first line: one that is long enough may carry a message at its end. The CR of a CRLF is
/// left to those that are, for where every byte counts it is one too many.
#[inline]
pub(crate) fn first(bytes: &[u8], text_bytes: usize) -> Found<'_> {
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        return Found::Unfinished;
    };
    let line = &bytes[..end];
    let item = if line.len() < text_bytes || line.starts_with(b"* ") {
        Item::Talk(line.strip_suffix(b"\r").unwrap_or(line))
    } else {
        Item::Payload(line)
    };
    Found::Item(item, end + 1)
}
