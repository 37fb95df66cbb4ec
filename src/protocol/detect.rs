//! Which protocol a client speaks, by the first bytes that it sends.

use std::ops::ControlFlow::{self, Break, Continue};

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// A TLS hello.
    Tls,
    /// A request of HTTP/1, or what HTTP/2 begins with.
    Http,
    /// An IRC client's opening.
    Irc,
    /// An SSH client or scanner. The room does not speak that: to it these are lines.
    Ssh,
    /// Anything else.
    Lines,
}

/// So many bytes decide in any case: a request line may have no more.
pub const MAX_BYTES: usize = 8 * 1024;

const HTTP_VERSION: &[u8] = b"HTTP/1.";

/// As long as any method that is registered (`UPDATEREDIRECTREF`), and some more.
const MAX_METHOD_BYTES: usize = 20;

/// What `first`, all that a client has sent so far, says of its protocol. `None`: it is the
/// beginning of several; ask again when more has come. What does not end in time is lines.
#[must_use]
pub fn detect(first: &[u8]) -> Option<Protocol> {
    if first.is_empty() {
        return None;
    }
    let mut is_open = false;
    for (protocol, is_it) in [
        (Protocol::Tls, is_tls as fn(&[u8]) -> Option<bool>),
        (Protocol::Irc, is_irc),
        (Protocol::Ssh, is_ssh),
        (Protocol::Http, is_http),
        (Protocol::Http, is_http2),
    ] {
        match is_it(first) {
            Some(true) => return Some(protocol),
            Some(false) => {}
            None => is_open = true,
        }
    }
    (!is_open).then_some(Protocol::Lines)
}

/// What `first` is, behind which nothing comes in time. A request line that lacks nothing but its end
/// is a request.
#[must_use]
pub fn settle(first: &[u8]) -> Protocol {
    let is_request = || is_http(&[first, b"\n"].concat()) == Some(true);
    match detect(first) {
        Some(protocol) => protocol,
        None if is_request() => Protocol::Http,
        None => Protocol::Lines,
    }
}

/// A handshake record of SSL 3 to TLS 1.3 that begins with a client's hello.
fn is_tls(first: &[u8]) -> Option<bool> {
    let is_like = |at: usize, byte: u8| match at {
        0 => byte == 22,
        1 => byte == 3,
        2 => byte <= 4,
        5 => byte == 1,
        _ => true,
    };
    let known = &first[..first.len().min(6)];
    let is_alike = known
        .iter()
        .enumerate()
        .all(|(at, byte)| is_like(at, *byte));
    match is_alike {
        false => Some(false),
        true => (known.len() == 6).then_some(true),
    }
}

fn is_irc(first: &[u8]) -> Option<bool> {
    begins_with_any(first, &[b"CAP ", b"PASS ", b"NICK ", b"USER "])
}

fn is_ssh(first: &[u8]) -> Option<bool> {
    begins_with_any(first, &[b"SSH-2.0-", b"SSH-1."])
}

fn begins_with_any(first: &[u8], openings: &[&[u8]]) -> Option<bool> {
    if openings.iter().any(|opening| first.starts_with(opening)) {
        return Some(true);
    }
    match openings.iter().any(|opening| opening.starts_with(first)) {
        true => None,
        false => Some(false),
    }
}

/// How a client of HTTP/2 begins that has not asked whether it is spoken (RFC 9113, 3.4). It is made
/// so that a server of HTTP/1 refuses it.
fn is_http2(first: &[u8]) -> Option<bool> {
    begins_with_any(first, &[b"PRI * HTTP/2.0\r\n"])
}

/// `METHOD target HTTP/1.x` and the line's end.
fn is_http(first: &[u8]) -> Option<bool> {
    match http_line(first) {
        // A chat line of that length is refused whichever way it is read.
        Continue(()) if first.len() >= MAX_BYTES => Some(first.contains(&b'/')),
        Continue(()) => None,
        Break(is_http) => Some(is_http),
    }
}

/// `Continue`: it ends too early to tell.
fn http_line(first: &[u8]) -> ControlFlow<bool> {
    let (method, rest) = word(first)?;
    let is_method =
        (1..=MAX_METHOD_BYTES).contains(&method.len()) && method.iter().all(u8::is_ascii_uppercase);
    if !is_method {
        return Break(false);
    }
    let Some(rest) = rest else {
        return Continue(());
    };
    let (target, rest) = word(rest)?;
    let Some(rest) = rest else {
        return Continue(());
    };
    if target.is_empty() {
        return Break(false);
    }
    let length = rest.len().min(HTTP_VERSION.len());
    if rest[..length] != HTTP_VERSION[..length] {
        return Break(false);
    }
    match &rest[length..] {
        [] => Continue(()),
        [b'0'..=b'9'] => Continue(()),
        [b'0'..=b'9', b'\r' | b'\n', ..] => Break(true),
        _ => Break(false),
    }
}

/// The word up to a space, and what follows that; `None` where the bytes end before one.
/// A word with a control character in it is no request's.
fn word(bytes: &[u8]) -> ControlFlow<bool, (&[u8], Option<&[u8]>)> {
    let end = bytes.iter().position(|byte| *byte <= b' ' || *byte == 127);
    match end {
        None => Continue((bytes, None)),
        Some(at) if bytes[at] == b' ' => Continue((&bytes[..at], Some(&bytes[at + 1..]))),
        Some(_) => Break(false),
    }
}

/// What clients send first, and what it is.
#[cfg(test)]
pub(super) const OPENINGS: &[(&[u8], Protocol)] = &[
    (b"\x16\x03\x01\x02\x00\x01\x00", Protocol::Tls),
    (b"\x16\x03\x03\xff\xff\x01", Protocol::Tls),
    (b"\x16\x03\x01\x02\x00\x02", Protocol::Lines),
    (b"\x16\x05", Protocol::Lines),
    (b"GET / HTTP/1.1\r\n", Protocol::Http),
    (b"GET / HTTP/1.0\n", Protocol::Http),
    (b"HEAD /healthz HTTP/1.1\r\n", Protocol::Http),
    (b"PROPFIND * HTTP/1.1\r\n", Protocol::Http),
    (b"CONNECT example.org:443 HTTP/1.1\r\n", Protocol::Http),
    (b"GET / HTTP/2.0\r\n", Protocol::Lines),
    (b"PRI * HTTP/2.0\r\n", Protocol::Http),
    (b"PRI * HTTP/2.0 is new\n", Protocol::Lines),
    (b"PRI * HTTP/2.1\r\n", Protocol::Lines),
    (b"GET / HTTP/1.1 \r\n", Protocol::Lines),
    (b"GET /\r\n", Protocol::Lines),
    (b"GET  HTTP/1.1\r\n", Protocol::Lines),
    (b"get / HTTP/1.1\r\n", Protocol::Lines),
    (b"GET the milk\n", Protocol::Lines),
    (b"HELLO\n", Protocol::Lines),
    (b"ABCDEFGHIJKLMNOPQRSTU / HTTP/1.1\r\n", Protocol::Lines),
    (b"GET /a\0b HTTP/1.1\r\n", Protocol::Lines),
    (b"CAP LS 302\r\n", Protocol::Irc),
    (b"NICK ann\r\n", Protocol::Irc),
    (b"PASS x", Protocol::Irc),
    (b"USER a 0 * :b", Protocol::Irc),
    (b"NICKY says hi\n", Protocol::Lines),
    (b"Nick ann\r\n", Protocol::Lines),
    (b"NICK\r\n", Protocol::Lines),
    (b"/nick ann\n", Protocol::Lines),
    (b"SSH-2.0-OpenSSH_9.9\r\n", Protocol::Ssh),
    (b"SSH is down\n", Protocol::Lines),
    (b"\xff\xfb\x1f", Protocol::Lines),
    (b" GET / HTTP/1.1\r\n", Protocol::Lines),
    (b"\n", Protocol::Lines),
    (b"\0", Protocol::Lines),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is decided as the bytes come one by one, and with how many.
    fn one_by_one(bytes: &[u8]) -> Option<(Protocol, usize)> {
        (1..=bytes.len()).find_map(|length| Some((detect(&bytes[..length])?, length)))
    }

    #[test]
    fn the_first_bytes_tell() {
        for (bytes, expected) in OPENINGS {
            let text = bytes.escape_ascii();
            assert_eq!(detect(bytes), Some(*expected), "{text}");
            assert_eq!(
                one_by_one(bytes).map(|(it, _)| it),
                Some(*expected),
                "{text}"
            );
        }
        assert_eq!(detect(b""), None);
        for open in [
            "G",
            "GET /",
            "GET / HTTP/1.",
            "GET / HTTP/1.1",
            "CAP",
            "NIC",
            "SSH-2",
            "\x16\x03",
        ] {
            assert_eq!(detect(open.as_bytes()), None, "{open}");
        }
    }

    #[test]
    fn a_request_that_lacks_its_lines_end_is_one() {
        for (bytes, expected) in OPENINGS {
            assert_eq!(settle(bytes), *expected, "{}", bytes.escape_ascii());
        }
        for (open, expected) in [
            ("GET / HTTP/1.1", Protocol::Http),
            ("HEAD /healthz HTTP/1.0", Protocol::Http),
            ("GET / HTTP/1.", Protocol::Lines),
            ("GET /", Protocol::Lines),
            ("GET", Protocol::Lines),
            ("CAP", Protocol::Lines),
            ("PRI * HTTP/2.0", Protocol::Lines),
        ] {
            assert_eq!(settle(open.as_bytes()), expected, "{open}");
        }
    }

    #[test]
    fn a_request_line_without_end_is_decided_too() {
        let line = [b"GET /".as_slice(), &[b'a'; MAX_BYTES]].concat();
        assert_eq!(one_by_one(&line), Some((Protocol::Http, MAX_BYTES)));
        let shout = [b"AAAH ".as_slice(), &[b'A'; MAX_BYTES]].concat();
        assert_eq!(one_by_one(&shout), Some((Protocol::Lines, MAX_BYTES)));
    }

    proptest! {
        /// However a read cuts it, what follows changes nothing that was decided before.
        #[test]
        fn what_is_decided_stays(
            opening in prop::sample::select(OPENINGS),
            kept in 0usize..40,
            rest in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let bytes = [&opening.0[..kept.min(opening.0.len())], &rest].concat();
            let mut decided = None;
            for length in 0..=bytes.len() {
                let now = detect(&bytes[..length]);
                prop_assert!(decided.is_none() || now == decided, "{:?}", bytes);
                decided = now;
            }
        }
    }
}
