//! What each framing makes of what comes, read by read and with the quiet in between.

mod lines;
mod telnet;

use std::time::Duration;

use proptest::prelude::*;

use super::{Decoded, Decoder, Framing, Message};

use Framing::{Auto, Chunk, Line, Raw, Text};
use Step::{End, Quiet, Read};

const MAX: usize = 8;

/// What happens to a stream.
#[derive(Debug, Clone, Copy)]
enum Step {
    Read(&'static [u8]),
    /// So many milliseconds pass.
    Quiet(u64),
    End,
}

/// What the decoder has said: messages, `!` for one that was too long, `<254 1>` for a reply.
struct Heard {
    decoder: Decoder,
    max: usize,
    said: Vec<String>,
}

impl Heard {
    fn of(framing: Framing, max: usize) -> Self {
        Self {
            decoder: Decoder::new(framing),
            max,
            said: Vec::new(),
        }
    }

    fn read(&mut self, input: &[u8]) {
        self.decoder.on_read(input);
        self.take(input);
    }

    fn take(&mut self, mut input: &[u8]) {
        while let Some(decoded) = self.decoder.next(&mut input, self.max) {
            self.said.push(match decoded {
                Decoded::Message(message) => text(message),
                Decoded::Reply([255, verb, option]) => format!("<{verb} {option}>"),
                Decoded::Reply(other) => panic!("no telnet: {other:?}"),
            });
        }
        assert!(input.is_empty());
        assert!(self.decoder.kept_bytes() <= self.max + 2);
    }

    /// So long a quiet, with what it completes.
    fn quiet(&mut self, time: Duration) {
        if self
            .decoder
            .flush_after()
            .is_some_and(|after| after <= time)
        {
            self.said
                .extend(self.decoder.flush_idle(self.max).map(text));
            assert_eq!(self.decoder.flush_after(), None, "once is enough");
        }
    }

    fn end(&mut self) {
        self.said.extend(self.decoder.finish(self.max).map(text));
        assert_eq!(self.decoder.finish(self.max), None);
        assert_eq!(self.decoder.tail.capacity(), 0);
    }
}

fn text(message: Message<'_>) -> String {
    match message {
        Message::Whole(bytes) => bytes.escape_ascii().to_string(),
        Message::TooLong => "!".to_owned(),
    }
}

#[track_caller]
fn check(framing: Framing, all: &[(&[Step], &[&str])]) {
    for (steps, expected) in all {
        let mut heard = Heard::of(framing, MAX);
        for step in *steps {
            match step {
                Read(bytes) => heard.read(bytes),
                Quiet(ms) => heard.quiet(Duration::from_millis(*ms)),
                End => heard.end(),
            }
        }
        assert_eq!(&heard.said, expected, "{framing:?} {steps:?}");
    }
}

#[test]
fn an_idle_connection_holds_little() {
    assert!(size_of::<Decoder>() <= 32, "{}", size_of::<Decoder>());
    let mut heard = Heard::of(Line, MAX);
    heard.read(b"ab");
    heard.read(b"c\n");
    assert_eq!(heard.said, ["abc"]);
    assert_eq!(heard.decoder.tail.capacity(), 0);
}

#[test]
fn chunks_are_what_reads_brought() {
    check(
        Chunk,
        &[
            (
                &[Read(b"0123456789"), Read(b"a\n"), End],
                &["01234567", "89", "a\\n"],
            ),
            (
                &[Read(b"\xff\xfb\x01\xef\xbb\xbf"), End],
                &["\\xff\\xfb\\x01\\xef\\xbb\\xbf"],
            ),
        ],
    );
}

#[test]
fn text_is_cut_between_characters() {
    let euro = "\\xe2\\x82\\xac";
    check(
        Text,
        &[
            // By the limit.
            (
                &[Read("1234567€9".as_bytes())],
                &["1234567", &format!("{euro}9")],
            ),
            (&[Read("12345€".as_bytes())], &[&format!("12345{euro}")]),
            // By the read.
            (
                &[Read(b"a\xe2\x82"), Read(b"\xac\n")],
                &["a", &format!("{euro}\\n")],
            ),
            (&[Read(b"\xe2"), Read(b"\x82"), Read(b"\xac")], &[euro]),
            (
                &[Read(b"\xf0\x9f"), Read(b"\x98\x801234567\xe2")],
                &["\\xf0\\x9f\\x98\\x801234", "567"],
            ),
            // The rest of it never comes.
            (&[Read(b"a\xe2"), Quiet(199)], &["a"]),
            (&[Read(b"a\xe2"), Quiet(200)], &["a", "\\xe2"]),
            (&[Read(b"a\xe2\x82"), End], &["a", "\\xe2\\x82"]),
            (&[Read(b"a\xe2"), Read(b"b")], &["a", "\\xe2b"]),
            // What is no UTF-8, and what telnet would be elsewhere, passes.
            (&[Read(b"\xff\xfd\x01\x80"), End], &["\\xff\\xfd\\x01\\x80"]),
            (&[Read(b"a\xe9b\xed\xa0"), End], &["a\\xe9b\\xed\\xa0"]),
        ],
    );
}

#[test]
fn a_limit_of_less_than_a_character_cuts_it() {
    let mut heard = Heard::of(Text, 2);
    heard.read("a€b".as_bytes());
    assert_eq!(heard.said, ["a", "\\xe2\\x82", "\\xacb"]);
}

#[test]
fn raw_keeps_newlines_but_the_last() {
    check(
        Raw,
        &[
            (&[Read(b"a\nb"), Read(b"\r\n"), Quiet(199)], &[]),
            (&[Read(b"a\nb"), Read(b"\r\n"), Quiet(200)], &["a\\nb"]),
            (&[Read(b"a"), Quiet(200), Read(b"b"), End], &["a", "b"]),
            (&[Read(b"12345678\r\n"), End], &["12345678"]),
            (&[Read(b"a\x08"), End], &["a\\x08"]),
            (&[Read(b"123456789"), End], &["!"]),
            (
                &[
                    Read(b"1234567890a"),
                    Read(b"b"),
                    Quiet(200),
                    Read(b"c"),
                    End,
                ],
                &["!", "c"],
            ),
        ],
    );
}

proptest! {
    /// But for keys: how reads cut them is what tells that they are keys.
    #[test]
    fn every_way_to_cut_a_stream_gives_the_same_messages(
        stream in prop::collection::vec(
            prop::sample::select(b"ab\r\n\n\0\xef\xbb\xbf\xff\xff\xfa\xf0\xf7\xfd".to_vec()), 0..80),
        cuts in prop::collection::vec(0usize..80, 0..12),
        framing in prop::sample::select(vec![Line, Auto, Raw]),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(stream.len())).collect();
        cuts.sort_unstable();
        cuts.push(stream.len());
        let mut at = 0;
        let (mut cut, mut whole) = (Heard::of(framing, MAX), Heard::of(framing, MAX));
        cut.decoder.on_read(b"no keys");
        whole.decoder.on_read(b"no keys");
        for end in cuts {
            cut.take(&stream[std::mem::replace(&mut at, end)..end]);
        }
        whole.take(&stream);
        cut.end();
        whole.end();
        prop_assert_eq!(cut.said, whole.said);
    }

    /// No character is cut, and no byte is lost.
    #[test]
    fn text_stays_text(text in "[a-c€é🦀]{0,40}", cuts in prop::collection::vec(0usize..80, 0..12)) {
        let mut heard: Vec<u8> = Vec::new();
        let mut decoder = Decoder::new(Text);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(text.len())).collect();
        cuts.sort_unstable();
        cuts.push(text.len());
        let mut at = 0;
        for end in cuts {
            let mut input = &text.as_bytes()[std::mem::replace(&mut at, end)..end];
            decoder.on_read(input);
            while let Some(Decoded::Message(Message::Whole(bytes))) = decoder.next(&mut input, MAX) {
                prop_assert!(std::str::from_utf8(bytes).is_ok());
                prop_assert!(!bytes.is_empty() && bytes.len() <= MAX);
                heard.extend(bytes);
            }
            prop_assert!(decoder.kept_bytes() <= 3);
        }
        prop_assert_eq!(decoder.finish(MAX), None);
        prop_assert_eq!(heard, text.into_bytes());
    }
}
