//! Where a session stands.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::super::websocket::Reader;
use super::super::{Encoding, http};
use super::first_bytes::{FirstBytes, Unsent};
use super::http_request::{self, HttpRequest};
use super::output::{end, refuse};
use super::proxy::Proxied;
use super::{Opening, Output, Setup};
use crate::wire::{Decoder, Framing};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum State {
    /// Lines, or whatever bytes the service takes.
    Lines(Decoder),
    Irc(Decoder),
    WebSocket(Box<Reader>),
    /// Its service knows it, as one of lines or of IRC, and it has sent nothing yet.
    Silent {
        opening: Opening,
        framing: Framing,
    },
    /// It is not decided what it speaks, or whether it speaks what it should.
    FirstBytes(Box<FirstBytes>),
    Http(Box<HttpRequest>),
    /// Its proxy has to say first where it comes from.
    Proxied(Box<Proxied>),
    /// Its service is to be told of it with the next call.
    Joining(Box<Joining>),
    /// It has ended before it was decided what it speaks. These are its messages.
    Ended(Box<Unsent>),
    /// Nothing that it sends counts.
    Over,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Joining {
    pub(super) encoding: Encoding,
    pub(super) since: Option<u64>,
    pub(super) then: State,
}

/// A step of a session that has not come to its messages: where it then stands, and what is to be
/// done. With nothing to be done and input left, it goes on there.
pub(super) type Step = (State, Option<Output<'static>>);

impl State {
    /// The state of a client that has come without a proxy, or from behind it.
    pub(super) fn begin(opening: Opening, framing: Framing, now: Instant) -> Self {
        match opening {
            Opening::Bytes => Self::Lines(Decoder::new(framing)),
            Opening::Lines | Opening::Irc => Self::Silent { opening, framing },
            Opening::Auto | Opening::Http => {
                Self::FirstBytes(Box::new(FirstBytes::new(opening, framing, now)))
            }
        }
    }

    pub(super) fn begin_proxied(opening: Opening, framing: Framing, now: Instant) -> Self {
        Self::Proxied(Box::new(Proxied::new(opening, framing, now)))
    }

    pub(super) fn joins_at_once(&self) -> Option<Encoding> {
        match self {
            Self::Lines(_) => Some(Encoding::Lines),
            Self::Silent { opening, .. } => Some(opening.encoding()),
            _ => None,
        }
    }

    pub(super) fn on_read(&mut self, input: &[u8], now: Instant) {
        match self {
            Self::Lines(decoder) | Self::Irc(decoder) => decoder.on_read(input),
            Self::Silent { opening, framing } => {
                let mut first = FirstBytes::new(*opening, *framing, now);
                first.on_read(now);
                *self = Self::FirstBytes(Box::new(first));
            }
            Self::FirstBytes(first) => first.on_read(now),
            Self::Proxied(proxied) => proxied.on_read(now),
            Self::Joining(joining) => joining.then.on_read(input, now),
            Self::WebSocket(_) | Self::Http(_) | Self::Ended(_) | Self::Over => {}
        }
    }

    pub(super) fn next(self, input: &mut &[u8], setup: &Setup, is_full: bool) -> Step {
        match self {
            Self::FirstBytes(first) => first.next(input, setup),
            Self::Http(request) => request.next(input, setup, is_full),
            Self::Proxied(proxied) => proxied.next(input),
            Self::Joining(joining) => joining.join(),
            // Nobody has told of a read.
            Self::Silent { opening, framing } if !input.is_empty() => {
                (opening.decoding(framing), None)
            }
            Self::Ended(_) | Self::Over => {
                *input = &[];
                (self, None)
            }
            other => (other, None),
        }
    }

    pub(super) fn on_quiet(self, setup: &Setup, now: Instant) -> Step {
        match self {
            Self::FirstBytes(first) if first.due().is_some_and(|at| at <= now) => {
                first.on_quiet(setup)
            }
            Self::Http(request) if request.due() <= now => (
                Self::Over,
                Some(http_request::refuse(http::Refusal::Timeout, setup)),
            ),
            Self::Proxied(proxied) if proxied.due() <= now => {
                (Self::Over, Some(refuse("no PROXY header in 10 s")))
            }
            Self::Joining(joining) => joining.join(),
            other => (other, None),
        }
    }

    pub(super) fn finish(self, setup: &Setup) -> Step {
        match self {
            Self::FirstBytes(first) => first.finish(setup),
            Self::Http(_) => (Self::Over, Some(end())),
            Self::Proxied(proxied) if proxied.is_silent() => (Self::Over, Some(end())),
            Self::Proxied(_) => (Self::Over, Some(refuse("a PROXY header without an end"))),
            Self::Joining(joining) => joining.join(),
            other => (other, None),
        }
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn kept_bytes(&self) -> usize {
        match self {
            Self::Lines(decoder) | Self::Irc(decoder) => decoder.kept_bytes(),
            Self::WebSocket(reader) => reader.kept_bytes(),
            Self::FirstBytes(first) => first.kept_bytes(),
            Self::Http(request) => request.kept_bytes(),
            Self::Proxied(proxied) => proxied.kept_bytes(),
            Self::Joining(joining) => joining.then.kept_bytes(),
            Self::Ended(unsent) => unsent.kept_bytes(),
            Self::Silent { .. } | Self::Over => 0,
        }
    }
}

impl Joining {
    pub(super) fn join(self) -> Step {
        let Self {
            encoding,
            since,
            then,
        } = self;
        (then, Some(Output::Joined { encoding, since }))
    }
}

impl Opening {
    /// How a client is told things that has turned out to speak no HTTP.
    pub(super) fn encoding(self) -> Encoding {
        match self {
            Self::Irc => Encoding::Irc,
            _ => Encoding::Lines,
        }
    }

    /// The state of a client whose first bytes are to be heard.
    pub(super) fn decoding(self, framing: Framing) -> State {
        match self {
            Self::Irc => State::Irc(Decoder::new(Framing::Line)),
            _ => State::Lines(Decoder::new(framing)),
        }
    }
}
