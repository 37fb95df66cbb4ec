//! What each framing makes of what comes, read by read and with the quiet in between.

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

    fn read(&mut self, mut input: &[u8]) {
        self.decoder.on_read(input);
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
    assert!(size_of::<Decoder>() <= 40, "{}", size_of::<Decoder>());
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
fn lines_end_with_lf_or_crlf_or_telnets_cr_nul() {
    check(
        Line,
        &[
            (&[Read(b"a\nb\r\n\n")], &["a", "b", ""]),
            (&[Read(b"a\r\0b\r\0\0c\n")], &["a", "b", "\\x00c"]),
            (&[Read(b"a"), Read(b"b\n")], &["ab"]),
            (&[Read(b"ab\r"), Read(b"\n")], &["ab"]),
            (&[Read(b"ab\r"), Read(b"\0")], &["ab"]),
            (&[Read(b"a\rb\r\r\n")], &["a\\rb\\r"]),
            (&[Read(b"a\r"), Read(b"b\n")], &["a\\rb"]),
            (&[Read(b"\r"), Read(b"\n")], &[""]),
            (&[Read(b"unfinished!")], &["!"]),
            (&[Read(b"short"), Quiet(9_000), End], &[]),
            (&[Read(b"12345678\n")], &["12345678"]),
            (&[Read(b"12345678\r\n")], &["12345678"]),
            (
                &[Read(b"1234"), Read(b"5678\r"), Read(b"\n")],
                &["12345678"],
            ),
            (&[Read(b"123456789\nok\n")], &["!", "ok"]),
            (
                &[Read(b"12345678"), Read(b"9"), Read(b"\nok\n")],
                &["!", "ok"],
            ),
            (&[Read(b"12345678\rx"), Read(b"\r\0ok\n")], &["!", "ok"]),
            (
                &[Read(b"123456789012345"), Read(b"tail\r"), Read(b"\nok\n")],
                &["!", "ok"],
            ),
        ],
    );
}

#[test]
fn a_cr_that_nothing_follows_ends_a_line() {
    for framing in [Line, Auto] {
        check(
            framing,
            &[
                (&[Read(b"hi\r"), Quiet(199)], &[]),
                (&[Read(b"hi\r"), Quiet(200)], &["hi"]),
                (
                    &[Read(b"hi\r"), Quiet(200), Read(b"\nyou\n")],
                    &["hi", "you"],
                ),
                (
                    &[Read(b"hi\r"), Quiet(200), Read(b"\0"), Read(b"\n")],
                    &["hi", ""],
                ),
                (
                    &[Read(b"hi\r"), Quiet(200), Read(b"\r"), Quiet(200)],
                    &["hi", ""],
                ),
                (
                    &[Read(b"hi\r"), Quiet(200), Read(b"you"), Quiet(9_000)],
                    &["hi"],
                ),
                (&[Read(b"hi\r"), End], &["hi"]),
                (
                    &[Read(b"too long now\r"), Quiet(200), Read(b"ok\n")],
                    &["!", "ok"],
                ),
            ],
        );
    }
}

#[test]
fn a_client_that_has_ended_no_line_is_raw() {
    check(
        Auto,
        &[
            (&[Read(b"hi"), Quiet(199)], &[]),
            (&[Read(b"hi"), Quiet(200)], &["hi"]),
            (
                &[Read(b"hi"), Read(b"!"), Quiet(200), Read(b"x"), Quiet(200)],
                &["hi!", "x"],
            ),
            (&[Read(b"/who"), Quiet(200)], &["/who"]),
            (&[Read(b"hi"), End], &["hi"]),
            (&[Read(b"/who"), End], &["/who"]),
            (&[Read(b"a\nbc"), Quiet(9_000), End], &["a"]),
            (&[Read(b"123456789ab"), Read(b"more"), End], &["!"]),
            (
                &[Read(b"123456789"), Quiet(200), Read(b"hi"), Quiet(200)],
                &["!", "hi"],
            ),
        ],
    );
}

#[test]
fn what_is_typed_key_by_key_waits_for_its_lines_end() {
    let crab: &[Step] = &[Read(b"\xf0\x9f"), Read(b"\xa6"), Read(b"\x80")];
    let typed = [crab, &[Read(b"\xc3\xa9"), Quiet(1_999), Read(b"\r\n")]].concat();
    check(
        Auto,
        &[
            (&[Read(b"h"), Quiet(1_999), Read(b"i"), Quiet(1_999)], &[]),
            (&[Read(b"h"), Read(b"i"), Quiet(2_000)], &["hi"]),
            (&[Read(b"h"), Read(b"i"), End], &["hi"]),
            (
                &[Read(b"h"), Read(b"i"), Quiet(300), Read(b"\r"), Quiet(200)],
                &["hi"],
            ),
            (&typed, &["\\xf0\\x9f\\xa6\\x80\\xc3\\xa9"]),
            // A command waits for its line's end alone, also where two keys came together.
            (
                &[Read(b"/"), Read(b"w"), Quiet(99_000), Read(b"\n")],
                &["/w"],
            ),
            (&[Read(b"/"), Read(b"w"), Quiet(99_000), End], &[]),
            (&[Read(b"/"), Read(b"w"), Read(b"ho"), Quiet(99_000)], &[]),
            (
                &[
                    Read(b"/"),
                    Read(b"12345678"),
                    Quiet(99_000),
                    Read(b"pin\nok\n"),
                ],
                &["!", "ok"],
            ),
            (
                &[Read(b"/"), Read(b"\x7f"), Read(b"a"), Quiet(2_000)],
                &["a"],
            ),
            // Two at once: a raw client.
            (&[Read(b"h"), Read(b"el"), Quiet(200)], &["hel"]),
            (
                &[Read("éé".as_bytes()), Quiet(200)],
                &["\\xc3\\xa9\\xc3\\xa9"],
            ),
            (
                &[Read(b"hi"), Quiet(200), Read(b"x"), Quiet(200)],
                &["hi", "x"],
            ),
            // Telnet's commands are no keys, nor is a byte order mark more than one.
            (
                &[Read(b"\xff\xfd\x01\xff\xfb\x1fh"), Quiet(200)],
                &["<252 1>", "<254 31>"],
            ),
            (
                &[Read(b"\xef\xbb\xbf"), Read(b"h"), Quiet(200), Quiet(2_000)],
                &["h"],
            ),
        ],
    );
}

#[test]
fn a_typed_line_is_edited() {
    check(
        Line,
        &[
            (
                &[Read(b"a"), Read(b"\x08"), Read(b"b"), Read(b"\r\n")],
                &["b"],
            ),
            (
                &[
                    Read("é".as_bytes()),
                    Read("€".as_bytes()),
                    Read(b"\x7f"),
                    Read(b"\n"),
                ],
                &["\\xc3\\xa9"],
            ),
            (
                &[Read(b"\x08"), Read(b"\x08\x08"), Read(b"a"), Read(b"\n")],
                &["a"],
            ),
            (
                &[Read(b"a"), Read(b"\x15"), Read(b"b"), Read(b"\n")],
                &["b"],
            ),
            (&[Read(b"a"), Read(b"b"), Read(b"\x7f\r\n")], &["a"]),
            // Arrows and the like move nothing.
            (
                &[
                    Read(b"a"),
                    Read(b"\x1b[A"),
                    Read(b"\x1b[1;5C"),
                    Read(b"\x1bOP"),
                    Read(b"b"),
                    Read(b"\n"),
                ],
                &["ab"],
            ),
            // Each line shows anew how it comes. In one that comes whole, all is text.
            (
                &[
                    Read(b"a\x08b\n"),
                    Read(b"c"),
                    Read(b"\x7f"),
                    Read(b"d"),
                    Read(b"\n"),
                ],
                &["a\\x08b", "d"],
            ),
            (
                &[Read(b"ab"), Read(b"\x7f"), Read(b"\n"), Read(b"\x7f\n")],
                &["ab\\x7f", "\\x7f"],
            ),
        ],
    );
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

#[test]
fn telnet_is_taken_out_and_refused() {
    const LONG_SB: &[u8] = &[b'x'; 600];
    for (framing, end) in [(Line, b"\n".as_slice()), (Auto, b"\n"), (Raw, b"")] {
        let ends = Read(end);
        let rest = "x".repeat(600 - 512);
        let all: &[(&[Step], &[&str])] = &[
            // PuTTY's greeting.
            (
                &[Read(b"\xff\xfb\x1f\xff\xfb\x20\xff\xfd\x01hi"), ends, End],
                &["<254 31>", "<254 32>", "<252 1>", "hi"],
            ),
            (
                &[Read(b"h\xff"), Read(b"\xfd"), Read(b"\x01i"), ends, End],
                &["<252 1>", "hi"],
            ),
            // What agrees with us is not answered.
            (&[Read(b"\xff\xfc\x01\xff\xfe\x01hi"), ends, End], &["hi"]),
            // Ctrl-C of Linux' telnet.
            (
                &[Read(b"\xff\xf4\xff\xfd\x06hi"), ends, End],
                &["<252 6>", "hi"],
            ),
            (&[Read(b"a\xff\xf6b\xff\xf2c"), ends, End], &["abc"]),
            (&[Read(b"a\xff\xff"), ends, End], &["a\\xff"]),
            // A window's size, with rows that would be a newline, and an IAC sent twice.
            (
                &[
                    Read(b"\xff\xfa\x1f\0\x50\0\x0a\xff\xff"),
                    Read(b"\xff"),
                    Read(b"\xf0hi"),
                    ends,
                    End,
                ],
                &["hi"],
            ),
            // No telnet: a byte that is no UTF-8.
            (
                &[Read(b"a\xff b\xff"), Read(b"c"), ends, End],
                &["a\\xff b\\xffc"],
            ),
            (&[Read(b"abc\xff\xf7"), Read(b"d"), ends, End], &["abd"]),
            (&[Read(b"abc\xff\xf8d"), ends, End], &["d"]),
        ];
        check(framing, all);
        let mut heard = Heard::of(framing, 1024);
        heard.read(b"\xff\xfa");
        heard.read(LONG_SB);
        heard.read(end);
        heard.end();
        assert_eq!(heard.said, [rest], "one that never ends");
    }
    check(
        Line,
        &[
            (&[Read(b"a\xff\n")], &["a\\xff"]),
            // Between a CR and its LF.
            (&[Read(b"a\r\xff\xf1\nb\n")], &["a", "b"]),
            (
                &[Read(b"a\r\xff"), Read(b"\xf1"), Read(b"\0b\n")],
                &["a", "b"],
            ),
            (&[Read(b"a\r\xff\xffb\n")], &["a\\r\\xffb"]),
            (
                &[Read(b"123456789\xff\xfd\x01\nok\n")],
                &["!", "<252 1>", "ok"],
            ),
        ],
    );
}

#[test]
fn a_byte_order_mark_at_the_start_is_dropped() {
    for framing in [Line, Auto] {
        check(
            framing,
            &[
                (&[Read(b"\xef\xbb\xbf/who\n")], &["/who"]),
                (
                    &[Read(b"\xef"), Read(b"\xbb"), Read(b"\xbf/who\n")],
                    &["/who"],
                ),
                (
                    &[Read(b"\xff\xfb\x01\xef\xbb\xbf/who\n")],
                    &["<254 1>", "/who"],
                ),
                (
                    &[Read(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n")],
                    &["a", "\\xef\\xbb\\xbfb"],
                ),
                (&[Read(b"\xef\xbb"), Read(b"a\n")], &["\\xef\\xbba"]),
                (&[Read(b"\xef\xbb\xff\xff\n")], &["\\xef\\xbb\\xff"]),
                (&[Read(b"\xef\n")], &["\\xef"]),
                (&[Read(b"\xef\xbb\xbf\n")], &[""]),
            ],
        );
    }
    for framing in [Auto, Raw] {
        check(
            framing,
            &[
                (&[Read(b"\xef\xbb\xbfhi"), Quiet(200)], &["hi"]),
                (&[Read(b"\xef\xbb"), Quiet(2_000)], &["\\xef\\xbb"]),
                (&[Read(b"\xef"), End], &["\\xef"]),
                (&[Read(b"\xef\xbb\xbf"), End], &[]),
            ],
        );
    }
}

proptest! {
    /// Keys alone are not cut as one likes: how reads cut them is what tells that they are keys.
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
        for end in cuts {
            cut.read(&stream[std::mem::replace(&mut at, end)..end]);
        }
        whole.read(&stream);
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
