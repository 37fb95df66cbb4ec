//! A client's session: what it speaks, found out from what it sends first, and what it says from
//! then on. No socket and no clock: the engine feeds in what it reads, and when, and carries out
//! what comes of it.

#[cfg(any(test, fuzzing))]
pub(crate) mod driver;
mod first_bytes;
mod http_request;
mod output;
mod proxy;
mod state;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Encoding, http, irc};
use crate::wire::{Decoder, Framing};
pub use output::Output;
use output::of_websocket;
use state::State;

/// What has to come first may take this long: a PROXY header, a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What a listener's clients may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Opening {
    /// What a client sends first decides.
    Auto,
    /// Lines.
    Lines,
    /// HTTP and WebSockets.
    Http,
    /// IRC.
    Irc,
    /// Whatever bytes the service takes; nothing is looked at.
    Bytes,
}

/// What a TLS handshake may agree on to be spoken inside, and how a client of [`Opening::Auto`] is
/// taken then: it may send its first bytes a round trip after the handshake is over for the server,
/// and until then it is not silent.
pub(crate) const ALPN: [(&[u8], Opening); 2] =
    [(b"http/1.1", Opening::Http), (b"irc", Opening::Irc)];

/// What all sessions of a server share.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What `GET /` is answered.
    pub page: http::Page,
    /// Whose pages may ask for the WebSocket, beside the server's own: `https://example.org`.
    pub allowed_origins: Vec<String>,
    /// There is a certificate: a TLS hello begins a handshake where [`Opening::Auto`] asks.
    pub has_tls: bool,
    /// The most bytes of a message, but for IRC's lines, which have a limit of their own; over it
    /// there is [`TooLong`](crate::wire::Message::TooLong) in its place.
    pub max_message_bytes: usize,
}

impl Setup {
    /// With the page, no other origins and no certificate.
    pub(crate) fn new(max_message_bytes: usize) -> Self {
        Self {
            page: http::Page::built_in(),
            allowed_origins: Vec::new(),
            has_tls: false,
            max_message_bytes,
        }
    }
}

/// One client's session.
///
/// Tell it of each read with [`on_read`](Self::on_read), then call [`next`](Self::next) until that
/// returns `None`: the input is used up then. When [`due`](Self::due) has come and nothing is there
/// to be read, call [`on_quiet`](Self::on_quiet) until `None`, and so [`finish`](Self::finish) at
/// the end of the stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    state: State,
}

// It stands in the table of clients, of which a round through a room touches every one.
const _: () = assert!(size_of::<Session>() <= size_of::<Decoder>() + 8);

impl Session {
    /// A client that is read as it is, from its first byte on.
    #[must_use]
    pub fn plain(framing: Framing) -> Self {
        Self {
            state: State::Lines(Decoder::new(framing)),
        }
    }

    /// A client that has come `now` to a listener of `opening`, through a proxy that says where it
    /// comes from if `is_proxied`. Its lines are cut by `framing`.
    #[must_use]
    pub fn new(opening: Opening, framing: Framing, is_proxied: bool, now: Instant) -> Self {
        Self {
            state: match is_proxied {
                true => State::begin_proxied(opening, framing, now),
                false => State::begin(opening, framing, now),
            },
        }
    }

    /// A TLS handshake is over, and may have agreed on what is spoken inside; what comes from now on
    /// has come through it.
    pub fn over_tls(&mut self, alpn: Option<&[u8]>, now: Instant) {
        let agreed = ALPN.iter().find(|(name, _)| alpn == Some(*name));
        let agreed = agreed.map(|(_, opening)| *opening);
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::FirstBytes(first) => first.over_tls(agreed, now),
            State::Joining(joining) => match joining.then {
                State::FirstBytes(first) => first.over_tls(agreed, now),
                then => then,
            },
            other => other,
        };
    }

    /// How the client's service is to be told of it, if that is to be done at once. Else
    /// [`Output::Joined`] says when.
    #[must_use]
    pub fn joins_at_once(&self) -> Option<Encoding> {
        self.state.joins_at_once()
    }

    /// Tells that `input` came from one read. Called once per read, before [`next`](Self::next).
    pub fn on_read(&mut self, input: &[u8], now: Instant) {
        self.state.on_read(input, now);
    }

    /// What comes next of `input`; `None`: it is used up. `is_full`: nobody can come in.
    pub fn next<'a, 'input: 'a>(
        &'a mut self,
        input: &mut &'input [u8],
        setup: &Setup,
        is_full: bool,
    ) -> Option<Output<'a>> {
        match self.state {
            State::Lines(ref mut decoder) => decoder
                .next(input, setup.max_message_bytes)
                .map(Output::from),
            State::Irc(ref mut decoder) => {
                decoder.next(input, irc::MAX_LINE_BYTES).map(Output::from)
            }
            State::WebSocket(ref mut reader) => {
                let event = reader.next(input, setup.max_message_bytes)?;
                Some(of_websocket(event))
            }
            _ => self.next_of_opening(input, setup, is_full),
        }
    }

    #[cold]
    fn next_of_opening<'a, 'input: 'a>(
        &'a mut self,
        input: &mut &'input [u8],
        setup: &Setup,
        is_full: bool,
    ) -> Option<Output<'a>> {
        let state = std::mem::replace(&mut self.state, State::Over);
        let (state, output) = state.next(input, setup, is_full);
        self.state = state;
        match output {
            None if !input.is_empty() => self.next(input, setup, is_full),
            output => output,
        }
    }

    /// When [`on_quiet`](Self::on_quiet) has something to do if nothing is read before.
    /// `active_at`: when something was read last.
    #[must_use]
    pub fn due(&self, active_at: Instant) -> Option<Instant> {
        match &self.state {
            State::Lines(decoder) | State::Irc(decoder) => Some(active_at + decoder.flush_after()?),
            State::FirstBytes(first) => first.due(),
            State::Http(request) => Some(request.due()),
            State::Proxied(proxied) => Some(proxied.due()),
            State::Joining(_) => Some(active_at),
            State::WebSocket(_) | State::Silent { .. } | State::Ended(_) | State::Over => None,
        }
    }

    /// [`due`](Self::due) has come, and a read found nothing.
    pub fn on_quiet<'a>(&'a mut self, setup: &Setup, now: Instant) -> Option<Output<'a>> {
        match self.state {
            State::Lines(ref mut decoder) => decoder
                .flush_idle(setup.max_message_bytes)
                .map(Output::Message),
            State::Irc(ref mut decoder) => {
                decoder.flush_idle(irc::MAX_LINE_BYTES).map(Output::Message)
            }
            _ => {
                let (state, output) =
                    std::mem::replace(&mut self.state, State::Over).on_quiet(setup, now);
                self.state = state;
                output
            }
        }
    }

    /// The stream has ended.
    pub fn finish<'a>(&'a mut self, setup: &Setup) -> Option<Output<'a>> {
        let unfinished = match self.state {
            State::Lines(ref mut decoder) => {
                return decoder.finish(setup.max_message_bytes).map(Output::Message);
            }
            State::Irc(ref mut decoder) => {
                return decoder.finish(irc::MAX_LINE_BYTES).map(Output::Message);
            }
            State::Ended(ref mut unsent) => return unsent.next().map(Output::Message),
            ref mut state => std::mem::replace(state, State::Over),
        };
        let (state, output) = unfinished.finish(setup);
        self.state = state;
        match (&self.state, output) {
            (State::Ended(_), None) => self.finish(setup),
            (_, output) => output,
        }
    }

    /// Memory that is held for what the client has sent.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn kept_bytes(&self) -> usize {
        self.state.kept_bytes()
    }
}
