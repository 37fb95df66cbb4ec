//! The decoder: one connection's place in cutting its stream into messages.
//! Keeps an unfinished tail and some flags, so that an idle connection holds no buffer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::line::LineEnd;
use super::mark::Mark;
use super::telnet::{IAC, Step, Telnet};
use super::{Decoded, Framing, Message, chunk, keys, raw};

/// A raw client that has been quiet for this long has sent a message; a CR that nothing has
/// followed for this long has ended its line.
const QUIET: Duration = Duration::from_millis(200);

/// As [`QUIET`], for a client that sends each key as it is typed: longer than a person hesitates
/// inside a word.
const TYPING_QUIET: Duration = Duration::from_secs(2);

/// Cuts one stream into messages.
///
/// Tell it of each read with [`on_read`](Self::on_read), then call [`next`](Self::next) until
/// that returns `None`: the input is used up then. When nothing has arrived for
/// [`flush_after`](Self::flush_after), call [`flush_idle`](Self::flush_idle), and at the end of
/// the stream [`finish`](Self::finish). What a returned message was kept in is freed by the
/// call after it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Decoder {
    /// The unfinished message.
    pub(super) tail: Vec<u8>,
    pub(super) tail_state: TailState,
    pub(super) framing: Framing,
    /// No read has brought more than one key: before the client's first line end none at all,
    /// after it none since the unfinished line began.
    pub(super) keyed: bool,
    mark: Mark,
    pub(super) line_end: LineEnd,
    telnet: Telnet,
}

/// What is to become of the tail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum TailState {
    /// It grows.
    #[default]
    Open,
    /// The caller has seen it as a message.
    Emitted,
    /// It was too long and is gone; what still comes of that message is skipped.
    Skipping,
}

impl Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        Self {
            tail: Vec::new(),
            tail_state: TailState::Open,
            framing,
            keyed: matches!(framing, Framing::Line | Framing::Auto),
            mark: Mark::default(),
            line_end: LineEnd::None,
            telnet: Telnet::default(),
        }
    }

    /// Tells that `input` came from one read. Called once per read, before [`next`](Self::next).
    pub fn on_read(&mut self, input: &[u8]) {
        self.drop_emitted();
        let begins_line = self.tail.is_empty() && self.tail_state == TailState::Open;
        match self.framing {
            Framing::Chunk | Framing::Text | Framing::Raw => {}
            Framing::Line if begins_line => {
                self.keyed = keys::is_typed(self.telnet, input, begins_line);
            }
            Framing::Line | Framing::Auto => {
                self.keyed = self.keyed && keys::is_typed(self.telnet, input, begins_line);
            }
        }
    }

    /// Takes the next message of at most `max_message_bytes`, or the next reply, off the front of
    /// `input`; `None`: the input is used up.
    pub fn next<'a, 'input: 'a>(
        &'a mut self,
        input: &mut &'input [u8],
        max_message_bytes: usize,
    ) -> Option<Decoded<'a>> {
        self.drop_emitted();
        match self.framing {
            Framing::Chunk => chunk::next_chunk(input, max_message_bytes).map(Decoded::Message),
            Framing::Text => self
                .next_text(input, max_message_bytes)
                .map(Decoded::Message),
            Framing::Raw => self.next_raw(input, max_message_bytes),
            Framing::Line | Framing::Auto => self.next_line(input, max_message_bytes),
        }
    }

    /// How long the stream must be quiet until [`flush_idle`](Self::flush_idle) has something to
    /// do; `None`: no quiet completes anything.
    #[must_use]
    pub fn flush_after(&self) -> Option<Duration> {
        let is_pending = match self.tail_state {
            TailState::Open => !self.tail.is_empty() || !self.mark.held().is_empty(),
            TailState::Emitted => false,
            TailState::Skipping => true,
        };
        match self.framing {
            _ if self.line_end == LineEnd::Pending => Some(QUIET),
            Framing::Chunk | Framing::Line => None,
            _ if !is_pending && !self.telnet.is_runaway() => None,
            Framing::Text | Framing::Raw => Some(QUIET),
            Framing::Auto if self.awaits_line_end() => None,
            Framing::Auto if self.keyed => Some(TYPING_QUIET),
            Framing::Auto => Some(QUIET),
        }
    }

    /// The stream has been quiet for [`flush_after`](Self::flush_after): the pending message, if
    /// that completes one.
    pub fn flush_idle(&mut self, max_message_bytes: usize) -> Option<Message<'_>> {
        self.drop_emitted();
        self.flush_after()?;
        if self.line_end == LineEnd::Pending {
            self.line_end = LineEnd::Over;
            let ends_message = self.ends_message();
            return ends_message.then(|| self.end_line(&[], max_message_bytes));
        }
        if self.telnet.is_runaway() {
            self.telnet = Telnet::Text;
        }
        self.tail.extend_from_slice(self.mark.decide());
        if !self.ends_open_message() || self.tail.is_empty() {
            return None;
        }
        if self.framing == Framing::Raw {
            let length = raw::without_line_end(&self.tail).len();
            self.tail.truncate(length);
        }
        if self.tail.len() > max_message_bytes {
            self.tail = Vec::new();
            return Some(Message::TooLong);
        }
        Some(self.emit())
    }

    /// The stream has ended: the last message, if what is pending counts as one. An unfinished
    /// line does not.
    pub fn finish(&mut self, max_message_bytes: usize) -> Option<Message<'_>> {
        self.drop_emitted();
        if self.flush_after().is_none() {
            self.tail = Vec::new();
        }
        self.flush_idle(max_message_bytes)
    }

    /// What is kept of an unfinished message.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn kept_bytes(&self) -> usize {
        self.tail.len()
    }

    /// Hands out the tail; the next call drops it.
    pub(super) fn emit(&mut self) -> Message<'_> {
        self.tail_state = TailState::Emitted;
        Message::Whole(&self.tail)
    }

    fn drop_emitted(&mut self) {
        if self.tail_state == TailState::Emitted {
            self.tail_state = TailState::Open;
            self.tail = Vec::new();
        }
    }

    /// A message's end has come. Says whether it was not too long, so that there is a message.
    pub(super) fn ends_open_message(&mut self) -> bool {
        std::mem::take(&mut self.tail_state) != TailState::Skipping
    }

    /// Keeps text that has no end yet, unless the message is over `limit` bytes with it. Edits
    /// the tail instead where a person types key by key: only then is a backspace meant for the
    /// line. In a line that came in one piece, a client's terminal has already applied it, so
    /// what is left is a character like any other.
    pub(super) fn keep(&mut self, text: &[u8], limit: usize) -> Option<Message<'static>> {
        if text.is_empty() || self.tail_state == TailState::Skipping {
            return None;
        }
        let fits = match self.keyed {
            true => keys::edit(&mut self.tail, text, limit),
            false => self.tail.len() + text.len() <= limit,
        };
        if !fits {
            self.tail = Vec::new();
            self.tail_state = TailState::Skipping;
            return Some(Message::TooLong);
        }
        if !self.keyed {
            self.tail.extend_from_slice(text);
        }
        self.drop_empty();
        None
    }

    /// Whether the next byte, `first`, is no text, or not known to be.
    pub(super) fn is_markup(&self, first: u8) -> bool {
        self.telnet.takes(first) || self.mark.is_open()
    }

    /// Takes what [is markup](Self::is_markup) off the front of `input`: a byte of telnet's, or of
    /// a byte order mark at the stream's start. What was held for one and is none is kept.
    pub(super) fn take_markup(
        &mut self,
        input: &mut &[u8],
        limit: usize,
    ) -> Option<Decoded<'static>> {
        let (&first, rest) = input.split_first()?;
        let mut step = Step::Nothing;
        if self.telnet.takes(first) {
            step = self.telnet.step(first);
            if step.takes_byte() {
                *input = rest;
            }
            match step {
                Step::Nothing | Step::CutOff => return None,
                Step::Reply(reply) => return Some(Decoded::Reply(reply)),
                _ => {}
            }
        } else if self.mark.takes(first) {
            *input = rest;
            return None;
        }
        // A byte of text has come, or a command that acts on the last one: what was held is text.
        let held = match std::mem::take(&mut self.line_end) {
            LineEnd::Pending => b"\r",
            LineEnd::None | LineEnd::Over => self.mark.decide(),
        };
        let mut too_long = self.keep(held, limit);
        match step {
            Step::Nothing | Step::CutOff | Step::Reply(_) => {}
            Step::Iac | Step::NoCommand => too_long = too_long.or(self.keep(&[IAC], limit)),
            Step::EraseCharacter => keys::erase_character(&mut self.tail),
            Step::EraseLine => self.tail.clear(),
        }
        self.drop_empty();
        too_long.map(Decoded::Message)
    }

    /// No buffer is kept for nothing.
    fn drop_empty(&mut self) {
        if self.tail.is_empty() {
            self.tail = Vec::new();
        }
    }

    /// Whether a person has begun to type a command, which only its line's end completes: what
    /// is meant for one must not become public because somebody stopped to think.
    fn awaits_line_end(&self) -> bool {
        let is_too_long = self.tail_state == TailState::Skipping;
        self.keyed && (is_too_long || self.tail.first() == Some(&b'/'))
    }
}
