//! Raw: a message is what was sent before a quiet while.

use super::{Decoded, Decoder, telnet};

/// What an unfinished message may be over the limit, since it may turn out to be its line end.
const LINE_END_BYTES: usize = 2;

impl Decoder {
    pub(super) fn next_raw(&mut self, input: &mut &[u8], limit: usize) -> Option<Decoded<'static>> {
        let limit = limit + LINE_END_BYTES;
        loop {
            let first = *input.first()?;
            let found = if self.is_markup(first) {
                self.take_markup(input, limit)
            } else {
                let end = memchr::memchr(telnet::IAC, input).unwrap_or(input.len());
                let (text, rest) = input.split_at(end);
                *input = rest;
                self.keep(text, limit).map(Decoded::Message)
            };
            if found.is_some() {
                return found;
            }
        }
    }
}

/// `text` without the one line end that it may end with.
pub(super) fn without_line_end(text: &[u8]) -> &[u8] {
    match text {
        [text @ .., b'\r', b'\n' | 0] | [text @ .., b'\n' | b'\r'] => text,
        _ => text,
    }
}
