//! What the engine says to each kind of server and how it reads what comes back: plain lines,
//! Redis (RESP3 publish and subscribe), NATS, WebSocket and IRC. Bytes in, items out, nothing copied but an
//! unfinished tail; knows no socket, no clock and no header.

mod irc;
mod line;
mod nats;
mod redis;
mod ws;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use irc::TEXT_BYTES_MAX as IRC_TEXT_BYTES_MAX;

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
    /// WebSocket: a frame of text in, JSON or a frame of text out.
    Ws,
    /// IRC: PRIVMSG to one channel.
    Irc,
}

impl Kind {
    /// Whether a room of this kind promises one order, and each message under its sender's nick.
    pub(crate) fn is_room(self) -> bool {
        matches!(self, Self::Line | Self::Ws | Self::Irc)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => "line",
            Self::Redis => "redis",
            Self::Nats => "nats",
            Self::Ws => "ws",
            Self::Irc => "irc",
        })
    }
}

/// One thing that a server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// Carries, or might carry, one message at its end.
    Payload(&'a [u8]),
    /// One message, and under whose nick it came.
    Said {
        /// The nick.
        from: &'a [u8],
        /// Carries, or might carry, the message.
        text: &'a [u8],
    },
    /// Talk of the server's own: a notice, an answer, a greeting.
    Talk(&'a [u8]),
    /// Must be answered with [`Protocol::pong`] of the same bytes.
    Ping(&'a [u8]),
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
    run: u32,
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
            Kind::Line | Kind::Ws | Kind::Irc => Vec::new(),
            Kind::Redis => redis::expected(&channel, text_bytes),
            Kind::Nats => nats::expected(&channel, text_bytes),
        };
        Self {
            kind,
            run,
            text_bytes,
            channel,
            expected,
        }
    }

    /// What [`NotThisProtocol`] means, for people.
    pub(crate) fn not_this(&self) -> String {
        match self.kind {
            Kind::Line => "the server sends a line that has no end".to_owned(),
            other => format!("the server does not speak {other}"),
        }
    }

    /// What client `number` sends first, to be in the channel, and what it waits for then.
    #[must_use]
    pub(crate) fn join(&self, number: usize) -> (Vec<u8>, Option<Opening>) {
        match self.kind {
            Kind::Line => (Vec::new(), None),
            Kind::Redis => (redis::join(&self.channel), None),
            Kind::Nats => (nats::join(&self.channel), None),
            Kind::Ws => (ws::request(), Some(Opening::Ws(ws::Upgrade::default()))),
            Kind::Irc => {
                let opening = Opening::Irc(irc::Registration::default());
                (irc::register(self.run, number), Some(opening))
            }
        }
    }

    /// What goes before and after each text that is sent.
    #[must_use]
    pub(crate) fn envelope(&self) -> (Vec<u8>, Vec<u8>) {
        match self.kind {
            Kind::Line => (Vec::new(), b"\n".to_vec()),
            Kind::Redis => redis::envelope(&self.channel, self.text_bytes),
            Kind::Nats => nats::envelope(&self.channel, self.text_bytes),
            Kind::Ws => ws::envelope(self.text_bytes),
            Kind::Irc => irc::envelope(),
        }
    }

    /// Makes a text, which is whole, what travels in the envelope.
    #[inline]
    pub(crate) fn seal(&self, text: &mut [u8]) {
        if self.kind == Kind::Ws {
            ws::mask(text);
        }
    }

    /// Appends the answer to [`Item::Ping`].
    #[cold]
    pub(crate) fn pong(&self, payload: &[u8], out: &mut Vec<u8>) {
        match self.kind {
            Kind::Line | Kind::Redis | Kind::Nats => out.extend_from_slice(b"PONG\r\n"),
            Kind::Ws => ws::pong(payload, out),
            Kind::Irc => irc::pong(payload, out),
        }
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
        if rest.len() > TAIL_BYTES_MAX {
            return Err(NotThisProtocol);
        }
        if !rest.is_empty() {
            tail.kept().extend_from_slice(rest);
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
                Kind::Line | Kind::Irc => {
                    memchr::memchr(b'\n', &bytes[added..]).map_or(usize::MAX, |n| n + 1)
                }
                Kind::Redis | Kind::Nats => self.text_bytes + 64,
                Kind::Ws => self.text_bytes + 256,
            };
            // At least as much as is there, so that a long one is not looked through too often.
            let until = bytes.len().min(added.saturating_add(piece.max(tail.len())));
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
            if tail.len() > TAIL_BYTES_MAX {
                return Err(NotThisProtocol);
            }
        }
        Ok(&[])
    }

    #[inline]
    fn first<'a>(&self, bytes: &'a [u8]) -> Found<'a> {
        match self.kind {
            Kind::Line => return line::first(bytes, self.text_bytes),
            Kind::Ws => return ws::first(bytes, self.text_bytes),
            Kind::Irc => return irc::first(bytes, self.text_bytes),
            Kind::Redis | Kind::Nats => {}
        }
        // Every message of a channel comes with the same words before it.
        if let Some(rest) = bytes.strip_prefix(self.expected.as_slice()) {
            let used = self.expected.len() + self.text_bytes + 2;
            return match rest.get(..self.text_bytes) {
                Some(text) if bytes.len() >= used => Found::Item(Item::Payload(text), used),
                _ => Found::Unfinished,
            };
        }
        if self.kind == Kind::Redis {
            redis::first(bytes)
        } else {
            nats::first(bytes)
        }
    }
}

/// What a client waits for before it is in.
#[derive(Debug)]
pub(crate) enum Opening {
    /// The answer to an HTTP request.
    Ws(ws::Upgrade),
    /// Its place in the channel.
    Irc(irc::Registration),
}

impl Opening {
    /// Hears more, and appends to `answer` what is to be said to it; returns where in `bytes` that
    /// ends, once the client is in.
    ///
    /// # Errors
    /// Why the server does not let it in.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        answer: &mut Vec<u8>,
    ) -> Result<Option<usize>, String> {
        match self {
            Self::Ws(upgrade) => upgrade.feed(bytes),
            Self::Irc(registration) => registration.feed(bytes, answer),
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
mod tests;
