//! Lines, raw clients and typed keys.

use super::Framing::{Auto, Line};
use super::Step::{self, End, Quiet, Read};
use super::check;

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
            // A command waits for its line's end alone, unless it turns out to come from a raw client.
            (
                &[Read(b"/"), Read(b"w"), Quiet(99_000), Read(b"\n")],
                &["/w"],
            ),
            (&[Read(b"/"), Read(b"w"), Quiet(99_000), End], &[]),
            (&[Read(b"/"), Read(b"who"), Quiet(199)], &[]),
            (&[Read(b"/"), Read(b"who"), Quiet(200)], &["/who"]),
            (
                &[
                    Read(b"/"),
                    Read(b"12345678"),
                    Quiet(199),
                    Read(b"pin\nok\n"),
                ],
                &["!", "ok"],
            ),
            (
                &[Read(b"/"), Read(b"\x7f"), Read(b"a"), Quiet(2_000)],
                &["a"],
            ),
            // Enter in a raw terminal.
            (
                &[
                    Read(b"h"),
                    Read(b"\r"),
                    Read(b"y"),
                    Read(b"o"),
                    Read(b"\r"),
                    Read(b"\n"),
                ],
                &["h", "yo"],
            ),
            (
                &[Read(b"/"), Read(b"\r"), Read(b"\r"), Read(b"y")],
                &["/", ""],
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
