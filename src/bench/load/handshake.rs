//! What a connection says first, and what it waits for before it counts as there.
//! Bytes only.

/// Bytes searched at most; a server that says more without the expected words is not awaited.
const SEARCHED_BYTES_MAX: usize = 256 * 1024;

/// The opening words of every connection of a run.
#[derive(Debug, Clone)]
pub(crate) struct Handshake {
    /// Sent after the connection stands: the protocol's own words.
    pub(crate) join: Vec<u8>,
    /// Then this, with `{n}` replaced.
    pub(crate) hello: Option<String>,
    /// Then this is awaited.
    pub(crate) expect: Option<Vec<u8>>,
}

impl Handshake {
    /// What connection number `n` sends.
    pub(crate) fn words(&self, n: usize) -> Vec<u8> {
        let mut words = self.join.clone();
        if let Some(hello) = &self.hello {
            words.extend_from_slice(hello.replace("{n}", &n.to_string()).as_bytes());
            words.push(b'\n');
        }
        words
    }
}

/// One connection's wait for the expected words.
#[derive(Debug, Default)]
pub(crate) struct Expect {
    heard: Vec<u8>,
    total_bytes: usize,
}

impl Expect {
    /// Hears more; returns where in `bytes` what follows the line with the expected words
    /// begins, once they have come.
    pub(crate) fn feed(&mut self, bytes: &[u8], expected: &[u8]) -> Option<usize> {
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

    /// Whether it is hopeless.
    pub(crate) fn gave_up(&self) -> bool {
        self.total_bytes > SEARCHED_BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_has_its_number() {
        let handshake = Handshake {
            join: b"J\r\n".to_vec(),
            hello: Some("NICK u{n}\r\nUSER u{n}".to_owned()),
            expect: None,
        };
        assert_eq!(handshake.words(7), b"J\r\nNICK u7\r\nUSER u7\n");
    }

    #[test]
    fn the_words_are_found_however_they_are_cut() {
        let said = b"hello\nyou are welcome, ann\nnext";
        for cut in 1..said.len() {
            let mut wait = Expect::default();
            let mut rest = None;
            for (i, piece) in said.chunks(cut).enumerate() {
                if let Some(at) = wait.feed(piece, b"welcome") {
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
        let mut wait = Expect::default();
        assert_eq!(wait.feed(&vec![b'x'; SEARCHED_BYTES_MAX + 1], b"y"), None);
        assert!(wait.gave_up());
    }
}
