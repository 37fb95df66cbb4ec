//! A client's first bytes: held while it is not decided what it speaks, or whether it is an
//! intruder, and then read again as what they are.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::clock;

use super::super::detect::{self, Protocol, detect, settle};
use super::super::{Encoding, extend_within, http, irc};
use super::http_request::{self, HttpRequest};
use super::output::{end, refuse};
use super::state::{Joining, State, Step};
use super::{HEAD_TIMEOUT, Opening, Output, Setup};
use crate::wire::{Decoded, Decoder, Framing, Message};

/// A client of [`Opening::Auto`] that has sent nothing for this long waits to be greeted: it is one
/// of lines.
const SILENCE: Duration = Duration::from_millis(100);

/// What has come so far may be the beginning of something for this long from its first byte on.
const AMBIGUITY: Duration = Duration::from_millis(200);

/// A client's first bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FirstBytes {
    /// With [`Opening::Auto`] and [`Opening::Http`] its service does not know of the client.
    opening: Opening,
    framing: Framing,
    is_over_tls: bool,
    #[serde(with = "clock::instant")]
    since: Instant,
    #[serde(with = "clock::optional_instant")]
    first_at: Option<Instant>,
    /// All of them so far, at most [`detect::MAX_BYTES`].
    held: Vec<u8>,
    /// Each read has brought one of them, as where a person's keys come one by one.
    is_keyed: bool,
}

impl FirstBytes {
    pub(super) fn new(opening: Opening, framing: Framing, now: Instant) -> Self {
        Self {
            opening,
            framing,
            is_over_tls: false,
            since: now,
            first_at: None,
            held: Vec::new(),
            is_keyed: true,
        }
    }

    /// What has come so far was a handshake's. `agreed`: what it says that the client speaks.
    pub(super) fn over_tls(&self, agreed: Option<Opening>, now: Instant) -> State {
        let opening = match self.opening {
            Opening::Auto => agreed.unwrap_or(Opening::Auto),
            opening => opening,
        };
        let mut state = State::begin(opening, self.framing, now);
        if let State::FirstBytes(first) = &mut state {
            first.is_over_tls = true;
        }
        state
    }

    pub(super) fn on_read(&mut self, now: Instant) {
        self.first_at.get_or_insert(now);
    }

    pub(super) fn due(&self) -> Option<Instant> {
        match (self.opening, self.held.is_empty()) {
            (Opening::Http, _) => Some(self.since + HEAD_TIMEOUT),
            (Opening::Auto, true) => Some(self.since + SILENCE),
            (_, true) => None,
            (_, false) => Some(self.first_at? + AMBIGUITY),
        }
    }

    pub(super) fn next(mut self: Box<Self>, input: &mut &[u8], setup: &Setup) -> Step {
        if self.opening == Opening::Http && self.held.is_empty() {
            http::skip_empty_lines(input);
        }
        let read = *input;
        let known = match self.held.is_empty() {
            // What decides at once need not be held.
            true => &read[..read.len().min(detect::MAX_BYTES)],
            false => {
                self.keep(input);
                &self.held
            }
        };
        match detect(known) {
            Some(protocol) => self.decide(protocol, read, input, setup),
            None => {
                self.keep(input);
                self.is_keyed &= read.len() == 1;
                (State::FirstBytes(self), None)
            }
        }
    }

    /// Holds as much of `input` as may be held.
    fn keep(&mut self, input: &mut &[u8]) {
        extend_within(&mut self.held, input, detect::MAX_BYTES);
    }

    /// It is decided what the client speaks, by what the last `read` has brought, of which `input`
    /// is not held.
    fn decide(
        mut self: Box<Self>,
        protocol: Protocol,
        read: &[u8],
        input: &mut &[u8],
        setup: &Setup,
    ) -> Step {
        match (self.opening, protocol) {
            (Opening::Auto, Protocol::Tls) if setup.has_tls && !self.is_over_tls => {
                let hello = self.take_all(input);
                (State::FirstBytes(self), Some(Output::StartTls(hello)))
            }
            (Opening::Auto | Opening::Http, Protocol::Http) => {
                let request = HttpRequest::new(self.since);
                (State::Http(Box::new(request)), self.again(input))
            }
            (Opening::Http, _) => {
                *input = &[];
                let refusal = http_request::refuse(http::Refusal::BadRequest, setup);
                (State::Over, Some(refusal))
            }
            (_, Protocol::Tls | Protocol::Http | Protocol::Ssh) => {
                *input = &[];
                (State::Over, Some(refuse(self.intrusion(protocol))))
            }
            (Opening::Auto, Protocol::Irc) => self.hear(Opening::Irc, read, input),
            (opening, Protocol::Irc | Protocol::Lines) => self.hear(opening, read, input),
        }
    }

    /// What is wrong with a client of lines, or of IRC, that speaks `protocol`.
    fn intrusion(&self, protocol: Protocol) -> &'static str {
        match (protocol, self.opening) {
            (Protocol::Tls, Opening::Auto) if self.is_over_tls => "a TLS hello inside of TLS",
            (Protocol::Tls, Opening::Auto) => "a TLS hello, and there is no certificate",
            (Protocol::Tls, _) => "a TLS hello where lines are expected",
            (Protocol::Ssh, _) => "an SSH client",
            _ => "an HTTP request where lines are expected",
        }
    }

    /// The client is one of lines, or of IRC.
    fn hear(&mut self, as_of: Opening, read: &[u8], input: &mut &[u8]) -> Step {
        let mut state = as_of.decoding(self.framing);
        if let State::Lines(decoder) | State::Irc(decoder) = &mut state {
            decoder.on_read(self.judged(read));
        }
        let again = self.again(input);
        if self.opening != Opening::Auto {
            return (state, again);
        }
        let encoding = as_of.encoding();
        let joining = Joining {
            encoding,
            since: None,
            then: state,
        };
        match again {
            None => joining.join(),
            again => (State::Joining(Box::new(joining)), again),
        }
    }

    /// What tells a decoder whether the client sends each key as it is typed: what came in the
    /// last `read` if each one before it has brought one key, else all.
    fn judged<'a>(&'a self, read: &'a [u8]) -> &'a [u8] {
        match self.is_keyed {
            true => read,
            false => &self.held,
        }
    }

    /// What is held and what follows it, to be read again; `None`: nothing is held, so that the
    /// input can stay where it is.
    fn again(&mut self, input: &mut &[u8]) -> Option<Output<'static>> {
        (!self.held.is_empty()).then(|| Output::Again(self.take_all(input)))
    }

    fn take_all(&mut self, input: &mut &[u8]) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(std::mem::take(input));
        all
    }

    /// [`due`](Self::due) has come.
    pub(super) fn on_quiet(self: Box<Self>, setup: &Setup) -> Step {
        match self.opening {
            Opening::Http => {
                let is_silent = self.held.is_empty();
                let mut refusal = http_request::refuse(http::Refusal::Timeout, setup);
                // Browsers connect before they know whether they will ask for anything.
                if let Output::Last { refused, .. } = &mut refusal
                    && is_silent
                {
                    *refused = None;
                }
                (State::Over, Some(refusal))
            }
            _ if self.held.is_empty() => self.join_silent(),
            _ => {
                let protocol = settle(&self.held);
                self.decide(protocol, &[], &mut &[][..], setup)
            }
        }
    }

    /// The client has sent nothing, and is one of lines.
    fn join_silent(&self) -> Step {
        let (opening, framing) = (Opening::Lines, self.framing);
        let joined = Output::Joined {
            encoding: Encoding::Lines,
            since: None,
        };
        let is_unknown = self.opening == Opening::Auto;
        (
            State::Silent { opening, framing },
            is_unknown.then_some(joined),
        )
    }

    /// The stream has ended: what is held is lines, or a request that was not finished.
    pub(super) fn finish(&self, setup: &Setup) -> Step {
        match self.opening {
            Opening::Http => return (State::Over, Some(end())),
            _ if self.held.is_empty() => return self.join_silent(),
            Opening::Auto if settle(&self.held) == Protocol::Http => {
                return (State::Over, Some(end()));
            }
            _ if settle(&self.held) == Protocol::Http => {
                return (State::Over, Some(refuse(self.intrusion(Protocol::Http))));
            }
            _ => {}
        }
        let (is_irc, framing) = (self.opening == Opening::Irc, self.framing);
        let (mut decoder, max_bytes) = match is_irc {
            true => (Decoder::new(Framing::Line), irc::MAX_LINE_BYTES),
            false => (Decoder::new(framing), setup.max_message_bytes),
        };
        decoder.on_read(self.judged(&[]));
        let unsent = State::Ended(Box::new(Unsent::new(&self.held, decoder, max_bytes)));
        if self.opening != Opening::Auto {
            return (unsent, None);
        }
        let joined = Output::Joined {
            encoding: Encoding::Lines,
            since: None,
        };
        (unsent, Some(joined))
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn kept_bytes(&self) -> usize {
        self.held.capacity()
    }
}

/// The messages of a client that has ended. `None`: one that was too long.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Unsent {
    messages: VecDeque<Option<Vec<u8>>>,
    current: Option<Vec<u8>>,
}

impl Unsent {
    /// What `decoder` makes of `bytes` and their end.
    fn new(mut bytes: &[u8], mut decoder: Decoder, max_bytes: usize) -> Self {
        let own = |message: Message<'_>| match message {
            Message::Whole(bytes) => Some(bytes.to_vec()),
            Message::TooLong => None,
        };
        let mut messages = VecDeque::new();
        while let Some(decoded) = decoder.next(&mut bytes, max_bytes) {
            if let Decoded::Message(message) = decoded {
                messages.push_back(own(message));
            }
        }
        messages.extend(decoder.finish(max_bytes).map(own));
        Self {
            messages,
            current: None,
        }
    }

    pub(super) fn next(&mut self) -> Option<Message<'_>> {
        self.current = self.messages.pop_front()?;
        Some(match &self.current {
            Some(text) => Message::Whole(text),
            None => Message::TooLong,
        })
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn kept_bytes(&self) -> usize {
        let unsent = self.messages.iter().chain([&self.current]);
        unsent.flatten().map(Vec::capacity).sum()
    }
}
