//! Chunks: a message is what one receive returned. Text is cut between its characters.

use super::{Decoder, Message};

/// Takes the next chunk of at most `limit` bytes off the front of `input`.
pub(super) fn next_chunk<'a>(input: &mut &'a [u8], limit: usize) -> Option<Message<'a>> {
    let (chunk, rest) = input.split_at(input.len().min(limit));
    *input = rest;
    (!chunk.is_empty()).then_some(Message::Whole(chunk))
}

impl Decoder {
    /// As [`next_chunk`], but a character of which only a part has come, at most 3 bytes, waits
    /// for the rest of it. What is not UTF-8 waits for nothing.
    pub(super) fn next_text<'a, 'input: 'a>(
        &'a mut self,
        input: &mut &'input [u8],
        limit: usize,
    ) -> Option<Message<'a>> {
        if input.is_empty() {
            return None;
        }
        let kept = self.tail.len();
        let taken = input.len().min(limit.saturating_sub(kept));
        if kept > 0 {
            self.tail.extend_from_slice(&input[..taken]);
        }
        let chunk = match kept {
            0 => &input[..taken],
            _ => &self.tail[..],
        };
        let mut complete = chunk.len() - unfinished_bytes(chunk);
        if complete == 0 && taken == input.len() {
            if kept == 0 {
                self.tail.extend_from_slice(input);
            }
            *input = &[];
            return None;
        }
        if complete == 0 {
            // The limit is less than one character.
            complete = chunk.len();
        }
        let (head, rest) = input.split_at(complete - kept);
        *input = rest;
        if kept == 0 {
            return Some(Message::Whole(head));
        }
        self.tail.truncate(complete);
        Some(self.emit())
    }
}

/// How many bytes at the end of `bytes` are the beginning of a character of UTF-8.
fn unfinished_bytes(bytes: &[u8]) -> usize {
    (1..=bytes.len().min(3))
        .find(|length| {
            let end = &bytes[bytes.len() - length..];
            std::str::from_utf8(end)
                .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
        })
        .unwrap_or(0)
}
