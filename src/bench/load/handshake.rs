//! What a connection says first, and what it waits for before it counts as there.
//! Bytes only.

use crate::bench::config::Settings;
use crate::bench::protocol::{Opening, Protocol};

/// Bytes searched at most; a server that says more without the expected words is not awaited.
const SEARCHED_BYTES_MAX: usize = 256 * 1024;

/// The opening words of every connection of a run.
#[derive(Debug, Clone)]
pub(crate) struct Handshake {
    protocol: Protocol,
    /// Sent after the protocol's own words, with `{n}` replaced.
    hello: Option<String>,
    /// Awaited after that.
    expect: Option<Vec<u8>>,
}

/// What a connection waits for before it is open.
#[derive(Debug)]
pub(crate) enum Wait {
    /// The words of the command line.
    Words(Expect),
    /// What the protocol wants.
    Opening(Opening),
}

impl Handshake {
    /// Of a run with these `settings`.
    pub(crate) fn new(settings: &Settings, protocol: Protocol) -> Self {
        Self {
            protocol,
            hello: settings.hello.clone(),
            expect: settings.expect.clone().map(String::into_bytes),
        }
    }

    /// What connection number `n`, which is the `nth` that was dialled, sends, and what it waits for
    /// then.
    pub(crate) fn begin(&self, n: usize, nth: usize) -> (Vec<u8>, Option<Wait>) {
        let (mut words, opening) = self.protocol.join(nth);
        if let Some(hello) = &self.hello {
            words.extend_from_slice(hello.replace("{n}", &n.to_string()).as_bytes());
            words.push(b'\n');
        }
        let wait = match (opening, &self.expect) {
            (Some(opening), _) => Some(Wait::Opening(opening)),
            (None, Some(expected)) => Some(Wait::Words(Expect::new(expected.clone()))),
            (None, None) => None,
        };
        (words, wait)
    }
}

impl Wait {
    /// Hears more, and appends to `answer` what is to be said to it; returns where in `bytes` that
    /// ends, once the connection is open.
    ///
    /// # Errors
    /// Why it will not be.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        answer: &mut Vec<u8>,
    ) -> Result<Option<usize>, String> {
        match self {
            Self::Opening(opening) => opening.feed(bytes, answer),
            Self::Words(expect) => match expect.feed(bytes) {
                None if expect.total_bytes > SEARCHED_BYTES_MAX => {
                    Err("the expected words did not come".to_owned())
                }
                at => Ok(at),
            },
        }
    }
}

/// One connection's wait for the expected words.
#[derive(Debug)]
pub(crate) struct Expect {
    expected: Vec<u8>,
    heard: Vec<u8>,
    total_bytes: usize,
}

impl Expect {
    fn new(expected: Vec<u8>) -> Self {
        Self {
            expected,
            heard: Vec::new(),
            total_bytes: 0,
        }
    }

    /// Hears more; returns where in `bytes` what follows the line with the expected words
    /// begins, once they have come.
    fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        let expected = &self.expected;
        let kept = self.heard.len();
        self.heard.extend_from_slice(bytes);
        self.total_bytes += bytes.len();
        if let Some(at) = memchr::memmem::find(&self.heard, expected) {
            let after = at + expected.len();
            let rest = self.heard.get(after..).unwrap_or_default();
            let line_end = memchr::memchr(b'\n', rest).map_or(after, |n| after + n + 1);
            return Some(line_end.saturating_sub(kept).min(bytes.len()));
        }
        // Only what could be the beginning of the words is kept.
        let keep = self.heard.len().min(expected.len().saturating_sub(1));
        self.heard.drain(..self.heard.len() - keep);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::protocol::Kind;

    #[test]
    fn each_connection_has_its_number() {
        let handshake = Handshake {
            protocol: Protocol::new(Kind::Line, 60, 1),
            hello: Some("NICK u{n}\r\nUSER u{n}".to_owned()),
            expect: None,
        };
        let (words, wait) = handshake.begin(7, 9);
        assert_eq!(words, b"NICK u7\r\nUSER u7\n");
        assert!(wait.is_none());
    }

    #[test]
    fn the_words_are_found_however_they_are_cut() {
        let said = b"hello\nyou are welcome, ann\nnext";
        for cut in 1..said.len() {
            let mut wait = Expect::new(b"welcome".to_vec());
            let mut rest = None;
            for (i, piece) in said.chunks(cut).enumerate() {
                if let Some(at) = wait.feed(piece) {
                    rest = Some(i * cut + at);
                    break;
                }
            }
            let rest = rest.unwrap();
            // To the end of the line, as far as it has come.
            assert!((20..=27).contains(&rest), "{cut}: {rest}");
            if cut >= 27 {
                assert_eq!(rest, 27);
            }
        }
        let mut wait = Wait::Words(Expect::new(b"y".to_vec()));
        let mut answer = Vec::new();
        let mut said = |bytes: usize| wait.feed(&vec![b'x'; bytes], &mut answer);
        assert_eq!(said(SEARCHED_BYTES_MAX), Ok(None));
        assert!(said(1).is_err());
    }
}
