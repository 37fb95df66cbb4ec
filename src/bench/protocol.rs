//! What the engine says to each kind of server and how it reads what comes back: plain lines,
//! Redis (RESP3 publish and subscribe) and NATS. Bytes in, items out, nothing copied but an
//! unfinished tail; knows no socket, no clock and no header.

mod line;
mod nats;
mod redis;

use std::fmt;

use serde::{Deserialize, Serialize};

/// A protocol that carries messages to many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A line in, a line out to the others, perhaps with a prefix.
    #[default]
    Line,
    /// Redis from version 6 on: HELLO 3, SUBSCRIBE, PUBLISH.
    Redis,
    /// NATS: CONNECT, SUB, PUB.
    Nats,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => "line",
            Self::Redis => "redis",
            Self::Nats => "nats",
        })
    }
}

/// One thing that a server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// Carries, or might carry, one message at its end.
    Payload(&'a [u8]),
    /// Talk of the server's own: a notice, an answer, a greeting.
    Talk(&'a [u8]),
    /// Must be answered with [`Protocol::pong`].
    Ping,
    /// The server says that something is wrong.
    Refusal(&'a [u8]),
}

/// The result of looking for one item at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
enum Found<'a> {
    /// An item, and how many bytes it took.
    Item(Item<'a>, usize),
    /// It is not all there yet.
    Unfinished,
    /// These bytes are not this protocol.
    Broken,
}

/// The server spoke something else than the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotThisProtocol;

/// A piece taken over from one read to the next is at most this long, in bytes.
const TAIL_BYTES_MAX: usize = 1 << 20;

/// The unfinished end of what a connection has received so far. Where there was none yet it is one
/// pointer, for thousands are gone through in turn.
#[derive(Debug, Default)]
pub(crate) struct Tail(Option<Box<Kept>>);

#[derive(Debug, Default)]
struct Kept(Vec<u8>);

impl Tail {
    /// Whether nothing is unfinished.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|kept| kept.0.is_empty())
    }

    #[inline]
    fn kept(&mut self) -> &mut Vec<u8> {
        &mut self.0.get_or_insert_default().0
    }
}

/// A protocol, set up for messages of one size on one channel.
#[derive(Debug, Clone)]
pub(crate) struct Protocol {
    kind: Kind,
    text_bytes: usize,
    channel: String,
    /// What stands before every message that arrives, where that is always the same.
    expected: Vec<u8>,
}

impl Protocol {
    /// For texts of `text_bytes`, on a channel that bears the run's number (lines have none).
    #[must_use]
    pub(crate) fn new(kind: Kind, text_bytes: usize, run: u32) -> Self {
        let channel = format!("chinwag-{run:08x}");
        let expected = match kind {
            Kind::Line => Vec::new(),
            Kind::Redis => redis::expected(&channel, text_bytes),
            Kind::Nats => nats::expected(&channel, text_bytes),
        };
        Self {
            kind,
            text_bytes,
            channel,
            expected,
        }
    }

    /// Which one it is.
    #[must_use]
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// What a member sends first, to be in the channel.
    #[must_use]
    pub(crate) fn join(&self) -> Vec<u8> {
        match self.kind {
            Kind::Line => Vec::new(),
            Kind::Redis => redis::join(&self.channel),
            Kind::Nats => nats::join(&self.channel),
        }
    }

    /// What goes before and after each text that is sent.
    #[must_use]
    pub(crate) fn envelope(&self) -> (Vec<u8>, Vec<u8>) {
        match self.kind {
            Kind::Line => (Vec::new(), b"\n".to_vec()),
            Kind::Redis => redis::envelope(&self.channel, self.text_bytes),
            Kind::Nats => nats::envelope(&self.channel, self.text_bytes),
        }
    }

    /// The answer to [`Item::Ping`].
    #[must_use]
    pub(crate) fn pong(&self) -> &'static [u8] {
        b"PONG\r\n"
    }

    /// Hands every whole item of `bytes`, which follow what `tail` has kept, to `take`.
    ///
    /// # Errors
    /// [`NotThisProtocol`] when the bytes cannot be read so; what came before was handed over.
    #[inline]
    pub(crate) fn read(
        &self,
        tail: &mut Tail,
        bytes: &[u8],
        mut take: impl FnMut(Item<'_>),
    ) -> Result<(), NotThisProtocol> {
        let mut rest = if tail.is_empty() {
            bytes
        } else {
            self.finish_tail(tail.kept(), bytes, &mut take)?
        };
        loop {
            match self.first(rest) {
                Found::Item(item, used) => {
                    take(item);
                    rest = &rest[used..];
                }
                Found::Unfinished => break,
                Found::Broken => return Err(NotThisProtocol),
            }
        }
        if rest.is_empty() {
            return Ok(());
        }
        let kept = tail.kept();
        kept.extend_from_slice(rest);
        if kept.len() > TAIL_BYTES_MAX {
            return Err(NotThisProtocol);
        }
        Ok(())
    }

    /// Completes the kept item with as few of `bytes` as it needs, more or less, so that the
    /// bulk is read where it lies; returns the bytes behind it.
    fn finish_tail<'a>(
        &self,
        tail: &mut Vec<u8>,
        bytes: &'a [u8],
        take: &mut impl FnMut(Item<'_>),
    ) -> Result<&'a [u8], NotThisProtocol> {
        let kept = tail.len();
        let mut added = 0;
        while added < bytes.len() {
            let piece = match self.kind {
                // To the newline: no more could be needed.
                Kind::Line => memchr::memchr(b'\n', &bytes[added..]).map_or(usize::MAX, |n| n + 1),
                Kind::Redis | Kind::Nats => self.text_bytes + 64,
            };
            let until = bytes.len().min(added.saturating_add(piece));
            tail.extend_from_slice(&bytes[added..until]);
            added = until;
            match self.first(tail) {
                Found::Item(item, used) => {
                    take(item);
                    tail.clear();
                    return Ok(&bytes[used.saturating_sub(kept)..]);
                }
                Found::Unfinished => {}
                Found::Broken => return Err(NotThisProtocol),
            }
        }
        Ok(&[])
    }

    #[inline]
    fn first<'a>(&self, bytes: &'a [u8]) -> Found<'a> {
        if self.kind == Kind::Line {
            return line::first(bytes, self.text_bytes);
        }
        // Every message of a channel comes with the same words before it.
        if let Some(rest) = bytes.strip_prefix(self.expected.as_slice()) {
            let used = self.expected.len() + self.text_bytes + 2;
            return match rest.get(..self.text_bytes) {
                Some(text) if bytes.len() >= used => Found::Item(Item::Payload(text), used),
                _ => Found::Unfinished,
            };
        }
        match self.kind {
            Kind::Redis => redis::first(bytes),
            Kind::Line | Kind::Nats => nats::first(bytes),
        }
    }
}

/// The line at the start of `bytes` without its CR LF, and how many bytes it took.
fn crlf_line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = memchr::memchr(b'\n', bytes)?;
    let line = &bytes[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every item as text, however the bytes are cut.
    fn items(kind: Kind, bytes: &[u8], cut: usize) -> Result<Vec<String>, NotThisProtocol> {
        let protocol = Protocol::new(kind, 60, 1);
        let (mut tail, mut found) = (Tail::default(), Vec::new());
        for piece in bytes.chunks(cut) {
            protocol.read(&mut tail, piece, |item| {
                let (what, text) = match item {
                    Item::Payload(text) => ("payload", text),
                    Item::Talk(text) => ("talk", text),
                    Item::Ping => ("ping", &b""[..]),
                    Item::Refusal(text) => ("refusal", text),
                };
                found.push(format!("{what} {}", String::from_utf8_lossy(text)));
            })?;
        }
        Ok(found)
    }

    fn at_every_cut(kind: Kind, bytes: &[u8], expected: &[String]) {
        for cut in 1..=bytes.len() {
            assert_eq!(
                items(kind, bytes, cut).as_deref(),
                Ok(expected),
                "cut {cut}"
            );
        }
    }

    #[test]
    fn lines() {
        let text = "m".repeat(60);
        let stream = format!("* hello\nwelcome\r\n{text}\nann: {text}\r\n\n{text}xx\nhalf");
        at_every_cut(
            Kind::Line,
            stream.as_bytes(),
            &[
                "talk * hello".to_owned(),
                "talk welcome".to_owned(),
                format!("payload {text}"),
                format!("payload ann: {text}\r"),
                "talk ".to_owned(),
                format!("payload {text}xx"),
            ],
        );
    }

    #[test]
    fn redis() {
        let text = "m".repeat(60);
        let push = |channel: &str, text: &str| {
            format!(
                ">3\r\n$7\r\nmessage\r\n${}\r\n{channel}\r\n${}\r\n{text}\r\n",
                channel.len(),
                text.len()
            )
        };
        let stream = [
            "%2\r\n$5\r\nproto\r\n:3\r\n$7\r\nmodules\r\n*0\r\n".to_owned(),
            ">3\r\n$9\r\nsubscribe\r\n$16\r\nchinwag-00000001\r\n:1\r\n".to_owned(),
            push("chinwag-00000001", &text),
            ":4\r\n".to_owned(),
            push("chinwag-00000001", "short"),
            push("chinwag-00000001", &text),
            "-ERR no\r\n".to_owned(),
            "_\r\n$-1\r\n".to_owned(),
        ]
        .concat();
        at_every_cut(
            Kind::Redis,
            stream.as_bytes(),
            &[
                "talk ".to_owned(),
                "talk ".to_owned(),
                format!("payload {text}"),
                "talk :4".to_owned(),
                "payload short".to_owned(),
                format!("payload {text}"),
                "refusal -ERR no".to_owned(),
                "talk _".to_owned(),
                "talk ".to_owned(),
            ],
        );
        assert_eq!(
            items(Kind::Redis, b"HTTP/1.1\r\n", 99),
            Err(NotThisProtocol)
        );
    }

    #[test]
    fn nats() {
        let text = "m".repeat(60);
        let stream = format!(
            "INFO {{\"a\":1}}\r\nPING\r\nMSG chinwag-00000001 1 60\r\n{text}\r\n+OK\r\n\
             MSG chinwag-00000001 1 3\r\na\nb\r\nPONG\r\n-ERR 'slow'\r\n"
        );
        at_every_cut(
            Kind::Nats,
            stream.as_bytes(),
            &[
                "talk INFO {\"a\":1}".to_owned(),
                "ping ".to_owned(),
                format!("payload {text}"),
                "talk +OK".to_owned(),
                "payload a\nb".to_owned(),
                "talk PONG".to_owned(),
                "refusal -ERR 'slow'".to_owned(),
            ],
        );
        assert_eq!(items(Kind::Nats, b"HELLO\r\n", 99), Err(NotThisProtocol));
    }

    #[test]
    fn what_is_sent() {
        let redis = Protocol::new(Kind::Redis, 60, 0xab);
        assert_eq!(
            redis.envelope().0,
            b"*3\r\n$7\r\nPUBLISH\r\n$16\r\nchinwag-000000ab\r\n$60\r\n"
        );
        let nats = Protocol::new(Kind::Nats, 60, 0xab);
        assert_eq!(nats.envelope().0, b"PUB chinwag-000000ab 60\r\n");
        assert_eq!(nats.envelope().1, b"\r\n");
        let line = Protocol::new(Kind::Line, 60, 0xab);
        assert_eq!(line.envelope(), (Vec::new(), b"\n".to_vec()));
    }
}
