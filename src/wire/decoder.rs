//! The decoder: one connection's place in cutting its stream into messages.
//! Keeps an unfinished tail and nothing else, so that an idle connection holds no buffer.

use super::Framing;

/// What the decoder found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// A whole message, without its line ending.
    Whole(&'a [u8]),
    /// A message over the limit. Its bytes are gone, and so will be the rest of it; it is
    /// reported once.
    TooLong,
}

/// Cuts one stream into messages.
///
/// Feed it with [`next`](Self::next) until that returns `None`: the input is used up then. When
/// it [`awaits_quiet`](Self::awaits_quiet) and nothing has arrived for a while, and also at the
/// end of the stream, call [`quiet`](Self::quiet) until that returns `None`.
#[derive(Debug)]
pub struct Decoder {
    /// The unfinished message; with `handed_out`, one that the caller has already seen.
    tail: Vec<u8>,
    framing: Framing,
    handed_out: bool,
    /// Inside a message that was too long.
    skipping: bool,
}

impl Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        Self {
            tail: Vec::new(),
            framing,
            handed_out: false,
            skipping: false,
        }
    }

    /// Takes the next message of at most `max_message_bytes` off the front of `input`.
    pub fn next<'a, 'input: 'a>(
        &'a mut self,
        input: &mut &'input [u8],
        max_message_bytes: usize,
    ) -> Option<Message<'a>> {
        self.forget_handed_out();
        if input.is_empty() {
            return None;
        }
        match self.framing {
            Framing::Chunk => {
                let (chunk, rest) = input.split_at(input.len().min(max_message_bytes));
                *input = rest;
                Some(Message::Whole(chunk))
            }
            Framing::Raw => self.keep(std::mem::take(input), max_message_bytes),
            Framing::Line | Framing::Auto => self.next_line(input, max_message_bytes),
        }
    }

    /// Whether a while of quiet would complete a message.
    #[must_use]
    pub fn awaits_quiet(&self) -> bool {
        let pending = self.skipping || (!self.tail.is_empty() && !self.handed_out);
        pending && matches!(self.framing, Framing::Auto | Framing::Raw)
    }

    /// Nothing has arrived for a while, or nothing will any more: the pending bytes of a raw
    /// client are a message; an unfinished line is none.
    pub fn quiet(&mut self, max_message_bytes: usize) -> Option<Message<'_>> {
        self.forget_handed_out();
        if !self.awaits_quiet() {
            return None;
        }
        self.skipping = false;
        self.hand_out_tail(max_message_bytes)
    }

    /// What is kept of an unfinished message.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn kept_bytes(&self) -> usize {
        self.tail.len()
    }

    fn next_line<'a, 'input: 'a>(
        &'a mut self,
        input: &mut &'input [u8],
        max: usize,
    ) -> Option<Message<'a>> {
        while let Some(at) = input.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = (&input[..at], &input[at + 1..]);
            *input = rest;
            self.framing = Framing::Line;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if !self.tail.is_empty() {
                self.tail.extend_from_slice(line);
                return self.hand_out_tail(max);
            }
            return Some(bounded(without_line_end(line), max));
        }
        self.keep(std::mem::take(input), max)
    }

    /// Keeps what has no end yet, unless it is too long already.
    fn keep(&mut self, bytes: &[u8], max: usize) -> Option<Message<'static>> {
        if self.skipping {
            return None;
        }
        if self.tail.len() + bytes.len() > max + LINE_END_BYTES {
            self.tail = Vec::new();
            self.skipping = true;
            return Some(Message::TooLong);
        }
        self.tail.extend_from_slice(bytes);
        None
    }

    fn hand_out_tail(&mut self, max: usize) -> Option<Message<'_>> {
        self.handed_out = !self.tail.is_empty();
        self.handed_out
            .then(|| bounded(without_line_end(&self.tail), max))
    }

    fn forget_handed_out(&mut self) {
        if std::mem::take(&mut self.handed_out) {
            self.tail = Vec::new();
        }
    }
}

/// What an unfinished message may be over the limit, since it may turn out to be its CR LF.
const LINE_END_BYTES: usize = 2;

fn without_line_end(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

fn bounded(text: &[u8], max: usize) -> Message<'_> {
    match text.len() <= max {
        true => Message::Whole(text),
        false => Message::TooLong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: usize = 8;

    /// What the decoder says of `pieces`, `!` for a message that was too long.
    fn decode(framing: Framing, pieces: &[&[u8]], ends: bool) -> Vec<String> {
        fn text(message: Message<'_>) -> String {
            match message {
                Message::Whole(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                Message::TooLong => "!".to_owned(),
            }
        }
        let mut decoder = Decoder::new(framing);
        let mut said = Vec::new();
        for piece in pieces {
            let mut input = *piece;
            while let Some(message) = decoder.next(&mut input, MAX) {
                said.push(text(message));
            }
            assert!(input.is_empty());
        }
        if ends {
            while let Some(message) = decoder.quiet(MAX) {
                said.push(text(message));
            }
        }
        said
    }

    #[test]
    fn chunks_are_cut_at_the_largest_message_only() {
        assert_eq!(
            decode(Framing::Chunk, &[b"0123456789", b"a\n"], true),
            ["01234567", "89", "a\n"]
        );
    }

    #[test]
    fn lines_end_with_lf_or_crlf() {
        let all: &[(&[&[u8]], &[&str])] = &[
            (&[b"a\nb\r\n\n"], &["a", "b", ""]),
            (&[b"a", b"b\n"], &["ab"]),
            (&[b"ab\r", b"\n"], &["ab"]),
            (&[b"a\rb\n"], &["a\rb"]),
            (&[b"unfinished!"], &["!"]),
            (&[b"short"], &[]),
            (&[b"12345678\n"], &["12345678"]),
            (&[b"12345678\r\n"], &["12345678"]),
            (&[b"1234", b"5678\r", b"\n"], &["12345678"]),
            (&[b"123456789\nok\n"], &["!", "ok"]),
            (&[b"12345678", b"9", b"\nok\n"], &["!", "ok"]),
            (&[b"123456789012345", b"tail of it\nok\n"], &["!", "ok"]),
        ];
        for (pieces, expected) in all {
            assert_eq!(&decode(Framing::Line, pieces, true), expected, "{pieces:?}");
        }
    }

    #[test]
    fn a_client_without_newlines_is_heard_once_it_is_quiet() {
        assert_eq!(decode(Framing::Auto, &[b"h", b"i"], true), ["hi"]);
        assert_eq!(decode(Framing::Auto, &[b"h", b"i"], false), [""; 0]);
        assert_eq!(decode(Framing::Auto, &[b"a\nb"], true), ["a"]);
        assert_eq!(
            decode(Framing::Auto, &[b"123456789ab", b"more"], true),
            ["!"]
        );
        assert_eq!(decode(Framing::Auto, &[b"123456789"], true), ["!"]);
    }

    #[test]
    fn after_the_quiet_a_refused_raw_client_is_heard_again() {
        let mut decoder = Decoder::new(Framing::Auto);
        assert_eq!(
            decoder.next(&mut &b"123456789ab"[..], MAX),
            Some(Message::TooLong)
        );
        assert!(decoder.awaits_quiet());
        assert_eq!(decoder.quiet(MAX), None);
        assert!(!decoder.awaits_quiet());
        assert_eq!(decoder.next(&mut &b"hi"[..], MAX), None);
        assert_eq!(decoder.quiet(MAX), Some(Message::Whole(b"hi")));
        assert_eq!(decoder.quiet(MAX), None);
        assert_eq!(decoder.tail.capacity(), 0);
    }

    #[test]
    fn raw_keeps_newlines_but_the_last() {
        assert_eq!(decode(Framing::Raw, &[b"a\nb", b"\r\n"], true), ["a\nb"]);
        assert_eq!(decode(Framing::Raw, &[b"12345678\r\n"], true), ["12345678"]);
    }

    proptest! {
        #[test]
        fn every_way_to_cut_a_stream_gives_the_same_messages(
            stream in prop::collection::vec(prop::sample::select(b"ab\r\n\n".to_vec()), 0..80),
            cuts in prop::collection::vec(0usize..80, 0..12),
            framing in prop::sample::select(vec![Framing::Line, Framing::Auto, Framing::Raw]),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(stream.len())).collect();
            cuts.sort_unstable();
            cuts.push(stream.len());
            let mut at = 0;
            let pieces: Vec<&[u8]> = cuts
                .into_iter()
                .map(|cut| &stream[std::mem::replace(&mut at, cut)..cut])
                .collect();
            prop_assert_eq!(decode(framing, &pieces, true), decode(framing, &[&stream], true));
        }
    }
}
