//! What is no text: telnet's commands and byte order marks.

use std::time::Duration;

use super::Framing::{Auto, Line, Raw};
use super::Step::{self, End, Quiet, Read};
use super::{Heard, MAX, check};

#[test]
fn telnet_is_taken_out_and_refused() {
    for (framing, end) in [(Line, b"\n".as_slice()), (Auto, b"\n"), (Raw, b"")] {
        let ends = Read(end);
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

/// Whatever it swallows, it is none of what is said, and so never too long.
#[test]
fn a_subnegotiation_that_never_ends_ends_with_its_line() {
    const LONG: &[u8] = &[b'x'; 600];
    for framing in [Line, Auto, Raw] {
        for (begin, more, said) in [
            (
                b"\xff\xfa".as_slice(),
                b"\nhi\n".as_slice(),
                &["", "hi"][..],
            ),
            (b"yes\xff\xfa", b"\nhi\n", &["yes", "hi"]),
            (b"\xff\xfa", b"\xff\xf0hi\n", &["hi"]),
            (b"\xff\xfa", b"\xff\xff\xf0\xff\nhi\n", &["", "hi"]),
        ] {
            let mut heard = Heard::of(framing, MAX);
            heard.read(begin);
            heard.read(LONG);
            heard.read(more);
            heard.end();
            let said = match framing {
                Raw => vec![said.join("\\n")],
                _ => said.iter().map(|line| line.to_string()).collect(),
            };
            assert_eq!(heard.said, said, "{framing:?} {begin:?} {more:?}");
        }
    }
    // Short of that many bytes a newline is one of them, as in a window of ten rows.
    let mut heard = Heard::of(Line, MAX);
    heard.read(b"\xff\xfa\x1f\0\x50\0\x0a\nhi\n\xff\xf0ho\n");
    assert_eq!(heard.said, ["ho"]);
    // Who ends no lines is quiet.
    for (framing, said) in [(Auto, ["hi"]), (Raw, ["hi"])] {
        let mut heard = Heard::of(framing, MAX);
        heard.read(b"\xff\xfa");
        heard.read(LONG);
        heard.quiet(Duration::from_secs(2));
        heard.read(b"hi");
        heard.quiet(Duration::from_secs(2));
        assert_eq!(heard.said, said);
    }
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
