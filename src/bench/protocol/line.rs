//! Plain lines, LF or CRLF. Lines that begin with `* ` are the server's own.

use super::{Found, Item, crlf_line};

/// The first line: whoever is long enough may carry a message at its end.
#[inline]
pub(super) fn first(bytes: &[u8], text_bytes: usize) -> Found<'_> {
    let Some((line, used)) = crlf_line(bytes) else {
        return Found::Unfinished;
    };
    let item = if line.len() < text_bytes || line.starts_with(b"* ") {
        Item::Talk(line)
    } else {
        Item::Payload(line)
    };
    Found::Item(item, used)
}
