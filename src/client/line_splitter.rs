//! Cuts what arrives into lines to show. Bytes in, lines out; no socket, no clock.

/// A longer line is shown in pieces of this.
pub(super) const LINE_MAX_BYTES: usize = 16 * 1024;

/// Holds the beginning of a line whose end has not arrived.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    partial: Vec<u8>,
    /// The beginning of this line has been shown already.
    is_rest: bool,
}

impl LineSplitter {
    /// Whether something waits for the rest of its line.
    pub(super) fn has_partial(&self) -> bool {
        !self.partial.is_empty()
    }

    /// Takes bytes as they arrive; `show` gets each line, without LF or CRLF, and whether it is one from
    /// its start to its end: else it is a piece of one.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut show: impl FnMut(&[u8], bool)) {
        while !bytes.is_empty() {
            let room = LINE_MAX_BYTES.saturating_sub(self.partial.len()).max(1);
            let piece = &bytes[..bytes.len().min(room)];
            if let Some(end) = piece.iter().position(|&byte| byte == b'\n') {
                self.partial.extend_from_slice(&piece[..end]);
                bytes = &bytes[end + 1..];
                self.end_line(&mut show, true);
            } else {
                self.partial.extend_from_slice(piece);
                bytes = &bytes[piece.len()..];
                if self.partial.len() >= LINE_MAX_BYTES {
                    self.pause(&mut show);
                }
            }
        }
    }

    /// Nothing has arrived for a while: whoever writes no newlines should be heard too.
    pub(super) fn pause(&mut self, mut show: impl FnMut(&[u8], bool)) {
        let whole = whole_characters(&self.partial);
        if whole > 0 {
            show(without_cr(&self.partial[..whole]), false);
            self.partial.drain(..whole);
            self.is_rest = true;
        }
    }

    /// Nothing will arrive any more.
    pub(super) fn end(&mut self, mut show: impl FnMut(&[u8], bool)) {
        if self.has_partial() {
            self.end_line(&mut show, false);
        }
    }

    fn end_line(&mut self, show: &mut impl FnMut(&[u8], bool), is_ended: bool) {
        let line = without_cr(&self.partial);
        // The late newline of what was shown already is no line of its own.
        if !(self.is_rest && line.is_empty()) {
            show(line, is_ended && !self.is_rest);
        }
        self.partial.clear();
        self.is_rest = false;
    }
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// How many of `bytes` do not belong to a character that breaks off at their end.
fn whole_characters(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(3);
    for (at, &byte) in bytes.iter().enumerate().skip(tail).rev() {
        let length = match byte {
            0x80..=0xBF => continue,
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            _ => 1,
        };
        return if at + length > bytes.len() {
            at
        } else {
            bytes.len()
        };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown for these arrivals, each followed by a pause.
    fn shown(arrivals: &[&[u8]]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut show = |line: &[u8], _| lines.push(String::from_utf8_lossy(line).into_owned());
        let mut cut = LineSplitter::default();
        for bytes in arrivals {
            cut.push(bytes, &mut show);
            cut.pause(&mut show);
        }
        cut.end(&mut show);
        assert!(!cut.has_partial());
        lines
    }

    #[test]
    fn lines_are_cut_at_lf_and_crlf() {
        assert_eq!(shown(&[b"a\nb\r\n\nc\n"]), ["a", "b", "", "c"]);
        assert_eq!(shown(&[]), [""; 0]);
    }

    #[test]
    fn what_has_no_newline_is_shown_after_a_pause() {
        assert_eq!(shown(&[b"thank you !"]), ["thank you !"]);
        assert_eq!(shown(&[b"one", b"\n", b"two\n"]), ["one", "two"]);
        assert_eq!(shown(&[b"one", b" more\n\n"]), ["one", " more", ""]);
        assert_eq!(shown(&[b"one\r", b"\n"]), ["one"]);
    }

    #[test]
    fn a_piece_is_told_from_a_line() {
        let mut told = Vec::new();
        let mut show = |line: &[u8], is_whole| told.push((line.len(), is_whole));
        let mut cut = LineSplitter::default();
        cut.push(b"1\n2", &mut show);
        cut.push(b"2\n333", &mut show);
        cut.pause(&mut show);
        cut.push(b"4444\n", &mut show);
        cut.push(&[b'x'; LINE_MAX_BYTES], &mut show);
        cut.push(b"55555\n666666", &mut show);
        cut.end(&mut show);
        let pieces = [
            (3, false),
            (4, false),
            (LINE_MAX_BYTES, false),
            (5, false),
            (6, false),
        ];
        assert_eq!(told, [&[(1, true), (2, true)][..], &pieces].concat());
    }

    #[test]
    fn a_character_that_arrives_in_two_is_shown_whole() {
        let text = "好👩".as_bytes();
        for cut in 0..=text.len() {
            let lines = shown(&[&text[..cut], &text[cut..]]);
            assert_eq!(lines.concat(), "好👩", "cut at {cut}");
        }
        assert_eq!(shown(&[b"a\xe4"]), ["a", "\u{FFFD}"]);
        assert_eq!(shown(&[b"\x80\x80\x80\x80"]), ["\u{FFFD}".repeat(4)]);
    }

    #[test]
    fn a_line_without_end_is_shown_in_pieces() {
        let mut longest = 0;
        let mut total = 0;
        let mut cut = LineSplitter::default();
        for _ in 0..100 {
            cut.push(&[b'x'; 1000], |line, _| {
                longest = longest.max(line.len());
                total += line.len();
            });
            assert!(cut.partial.len() < LINE_MAX_BYTES);
        }
        cut.end(|line, _| total += line.len());
        assert_eq!((longest, total), (LINE_MAX_BYTES, 100_000));
    }
}
