//! PROXY headers, good and bad, before every opening.

use super::*;

/// 192.0.2.1:56324 to 198.51.100.1:443.
const FOUR: &[u8] = &[192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 4, 1, 0xbb];

/// A header of version 2.
fn v2(command: u8, family: u8, said: &[u8]) -> Vec<u8> {
    let length = u16::try_from(said.len()).unwrap().to_be_bytes();
    let fixed = [command, family, length[0], length[1]];
    [b"\r\n\r\n\0\r\nQUIT\n", &fixed[..], said].concat()
}

fn unknown(more: usize) -> String {
    format!("PROXY UNKNOWN {}\r\n", "x".repeat(more))
}

#[test]
fn a_proxy_says_where_a_client_comes_from() {
    let six = [&[0; 15][..], &[1], &[0; 15], &[2], &[0, 80, 1, 0xbb]].concat();
    let longest = "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
        ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    let unknown = unknown(91);
    assert_eq!(unknown.len(), 107);
    for (header, from) in [
        (
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".to_vec(),
            "192.0.2.1:56324",
        ),
        (b"PROXY TCP6 ::1 ::2 80 0\r\n".to_vec(), "[::1]:80"),
        (
            longest.into(),
            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
        ),
        (b"PROXY UNKNOWN\r\n".to_vec(), ""),
        (unknown.clone().into(), ""),
        (v2(0x21, 0x11, FOUR), "192.0.2.1:56324"),
        (v2(0x21, 0x21, &six), "[::1]:80"),
        (v2(0x21, 0x31, &[0; 216]), ""),
        (v2(0x21, 0x00, b""), ""),
        (v2(0x20, 0x11, FOUR), ""),
        (v2(0x20, 0x00, b""), ""),
    ] {
        for (opening, then, expected) in [
            (Opening::Lines, "hi\n", vec![LINES, said("hi")]),
            (Opening::Bytes, "hi\n", vec![LINES, said("hi")]),
            (Opening::Irc, "PING\n", vec![IRC, said("PING")]),
            (Opening::Auto, "NICK a\n", vec![IRC, said("NICK a")]),
            (Opening::Lines, "", vec![LINES]),
            (Opening::Auto, "", vec![]),
            (Opening::Http, "", vec![]),
        ] {
            let new = || Driver::new(opening, Framing::Line, true);
            let heard = play_cut(new, &[&header, then.as_bytes()].concat());
            let expected = [vec![Heard::From(from.parse().ok())], expected].concat();
            assert_eq!(heard, expected, "{}", header.escape_ascii());
        }
    }
}

#[test]
fn what_else_a_proxy_says_is_passed_over() {
    let header = v2(0x21, 0x11, &[FOUR, &[0; 2048]].concat());
    let new = || Driver::new(Opening::Lines, Framing::Line, true);
    let from = Heard::From("192.0.2.1:56324".parse().ok());
    let heard = play_cut(new, &[&header[..], b"hi\n"].concat());
    assert_eq!(heard, [from, LINES, said("hi")]);
}

#[test]
fn a_bad_header_ends_it() {
    let version_1 = [
        "TCP4 192.0.2.1 198.51.100.1 56324 443\n",
        "TCP4 192.0.2.1 198.51.100.1 056324 443\r\n",
        "TCP4 192.0.2.1 198.51.100.1 65536 443\r\n",
        "TCP4 192.0.2.1 198.51.100.1 +80 443\r\n",
        "TCP4 192.0.2.1 198.51.100.1 80\r\n",
        "TCP4 192.0.2.1 198.51.100.1 80 \r\n",
        "TCP4  192.0.2.1 198.51.100.1 80 443\r\n",
        "TCP4 ::1 ::2 80 443\r\n",
        "UDP4 192.0.2.1 198.51.100.1 80 443\r\n",
        "UNKNOWNS\r\n",
    ];
    let version_1 = version_1.map(|line| format!("PROXY {line}").into_bytes());
    let version_2 = [
        v2(0x31, 0x11, FOUR),
        v2(0x22, 0x11, FOUR),
        v2(0x21, 0x41, FOUR),
        v2(0x21, 0x21, FOUR),
        v2(0x21, 0x11, &[0; 2300]),
    ];
    let bad = version_1.into_iter().chain(version_2);
    let bad = bad.chain([unknown(92).into()]);
    let bad = bad.map(|bytes| (bytes, "a bad PROXY header"));
    let none = [&b"hello\n"[..], b"\r\n\r\nx", b"GET / HTTP/1.1\r\n"];
    let none = none.map(|bytes| (bytes.to_vec(), "no PROXY header"));
    for (bytes, why) in bad.chain(none) {
        let new = || Driver::new(Opening::Auto, Framing::Line, true);
        let heard = play_cut(new, &bytes);
        assert_eq!(heard, [turned_away(why)], "{}", bytes.escape_ascii());
    }
}
