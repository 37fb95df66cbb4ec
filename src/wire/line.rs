//! Lines: a message ends with LF, CR LF, telnet's CR NUL, or a CR that nothing follows.

use serde::{Deserialize, Serialize};

use super::decoder::TailState;
use super::{Decoded, Decoder, Framing, Message, telnet};

/// Where a stream stands about a CR.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum LineEnd {
    #[default]
    None,
    /// A CR has come, and nothing after it: it ends the line or is text.
    Pending,
    /// A CR has ended the line by itself. A LF or NUL still belongs to that end.
    Over,
}

/// What stands at the front of the input.
struct Piece<'a> {
    text: &'a [u8],
    /// Bytes of input that it takes, its end included.
    taken: usize,
    end: PieceEnd,
}

enum PieceEnd {
    /// The line ends here.
    Line,
    /// A CR, of which nobody knows yet.
    Cr,
    /// Nothing in particular.
    Open,
}

impl Decoder {
    pub(super) fn next_line<'a, 'input: 'a>(
        &'a mut self,
        input: &mut &'input [u8],
        limit: usize,
    ) -> Option<Decoded<'a>> {
        loop {
            let first = *input.first()?;
            if self.is_markup(first) {
                match self.take_markup(input, limit) {
                    None => continue,
                    found => return found,
                }
            }
            let Piece { text, taken, end } = match (std::mem::take(&mut self.line_end), first) {
                (LineEnd::Pending, b'\n' | 0) => piece(&[], 1, PieceEnd::Line),
                // Nobody types a CR for anything but the line's end, and some type on at once.
                (LineEnd::Pending, _) if self.keyed => piece(&[], 0, PieceEnd::Line),
                (LineEnd::Pending, _) => piece(b"\r", 0, PieceEnd::Open),
                (LineEnd::Over, b'\n' | 0) => piece(&[], 1, PieceEnd::Open),
                (LineEnd::None | LineEnd::Over, _) => first_piece(input),
            };
            *input = &input[taken..];
            if let PieceEnd::Line = end {
                if self.ends_message() {
                    return Some(Decoded::Message(self.end_line(text, limit)));
                }
                continue;
            }
            if let PieceEnd::Cr = end {
                self.line_end = LineEnd::Pending;
            }
            if let Some(too_long) = self.keep(text, limit) {
                return Some(Decoded::Message(too_long));
            }
        }
    }

    /// A line's end has come. Whether it ends a message, and not one that was too long.
    pub(super) fn ends_message(&mut self) -> bool {
        self.framing = Framing::Line;
        self.ends_open_message()
    }

    /// The line that ends with `text`.
    pub(super) fn end_line<'a, 'input: 'a>(
        &'a mut self,
        text: &'input [u8],
        limit: usize,
    ) -> Message<'a> {
        if self.tail.is_empty() && !self.keyed {
            return match text.len() <= limit {
                true => Message::Whole(text),
                false => Message::TooLong,
            };
        }
        if let Some(too_long) = self.keep(text, limit) {
            self.tail_state = TailState::Open;
            return too_long;
        }
        self.emit()
    }
}

fn piece(text: &[u8], taken: usize, end: PieceEnd) -> Piece<'_> {
    Piece { text, taken, end }
}

/// The text up to what may end a line or begin a command of telnet's.
fn first_piece(input: &[u8]) -> Piece<'_> {
    let Some(at) = memchr::memchr3(b'\n', b'\r', telnet::IAC, input) else {
        return piece(input, input.len(), PieceEnd::Open);
    };
    let (taken, end) = match (input[at], input.get(at + 1)) {
        (b'\n', _) => (at + 1, PieceEnd::Line),
        (b'\r', Some(b'\n' | 0)) => (at + 2, PieceEnd::Line),
        (b'\r', _) => (at + 1, PieceEnd::Cr),
        _ => (at, PieceEnd::Open),
    };
    piece(&input[..at], taken, end)
}
