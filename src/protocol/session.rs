//! A client's session: what it speaks, found out from what it sends first, and what it says from
//! then on. No socket and no clock: the engine feeds in what it reads, and when, and carries out
//! what comes of it.

#[cfg(any(test, fuzzing))]
pub(crate) mod driver;
mod first_bytes;
mod http_request;
mod proxy;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::websocket::{self, Reader};
use super::{Encoding, http, irc};
use crate::wire::{Decoded, Decoder, Framing, Message};
use first_bytes::{FirstBytes, Unsent};
use http_request::HttpRequest;
use proxy::Proxied;

/// What has to come first may take this long: a PROXY header, a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What a listener's clients may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// there is [`Message::TooLong`] in its place.
    pub max_message_bytes: usize,
}

/// What the engine is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// The client says this to its service.
    Message(Message<'a>),
    /// To be sent back at once.
    Reply(Cow<'a, [u8]>),
    /// The client's service is to be told of it.
    Joined {
        /// How it is told things.
        encoding: Encoding,
        /// It has been here before, and knows all up to the message of this id.
        since: Option<u64>,
    },
    /// All that was held back, and the input, which is used up: it is to be fed to
    /// [`Session::next`] again, without being announced again.
    Again(Vec<u8>),
    /// A TLS handshake begins with these bytes. The input is used up.
    StartTls(Vec<u8>),
    /// The client's address as its proxy says it; `None`: the proxy speaks for itself, or does not
    /// know. What follows is still in the input.
    ProxiedFrom(Option<SocketAddr>),
    /// To be sent, then our side ends.
    Last {
        /// May be empty.
        reply: Vec<u8>,
        /// What the client has done wrong, for the log; `None`: nothing.
        refused: Option<&'static str>,
    },
    /// The client has ended, in its protocol's words. To be sent; then it is as if its stream had
    /// ended.
    End(Vec<u8>),
}

/// One client's session.
///
/// Tell it of each read with [`on_read`](Self::on_read), then call [`next`](Self::next) until that
/// returns `None`: the input is used up then. When [`due`](Self::due) has come and nothing is there
/// to be read, call [`on_quiet`](Self::on_quiet) until `None`, and so [`finish`](Self::finish) at
/// the end of the stream.
#[derive(Debug)]
pub struct Session {
    state: State,
}

// It stands in the table of clients, of which a round through a room touches every one.
const _: () = assert!(size_of::<Session>() <= size_of::<Decoder>() + 8);

#[derive(Debug)]
enum State {
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

#[derive(Debug)]
struct Joining {
    encoding: Encoding,
    since: Option<u64>,
    then: State,
}

/// A step of a session that has not come to its messages: where it then stands, and what is to be
/// done. With nothing to be done and input left, it goes on there.
type Step = (State, Option<Output<'static>>);

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
        let state = match is_proxied {
            true => State::Proxied(Box::new(Proxied::new(opening, framing, now))),
            false => State::begin(opening, framing, now),
        };
        Self { state }
    }

    /// A TLS handshake is over; what comes from now on has come through it.
    pub fn over_tls(&mut self, now: Instant) {
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::FirstBytes(first) => first.over_tls(now),
            State::Joining(joining) => match joining.then {
                State::FirstBytes(first) => first.over_tls(now),
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

impl State {
    /// The state of a client that has come without a proxy, or from behind it.
    fn begin(opening: Opening, framing: Framing, now: Instant) -> Self {
        match opening {
            Opening::Bytes => Self::Lines(Decoder::new(framing)),
            Opening::Lines | Opening::Irc => Self::Silent { opening, framing },
            Opening::Auto | Opening::Http => {
                Self::FirstBytes(Box::new(FirstBytes::new(opening, framing, now)))
            }
        }
    }

    fn joins_at_once(&self) -> Option<Encoding> {
        match self {
            Self::Lines(_) => Some(Encoding::Lines),
            Self::Silent { opening, .. } => Some(opening.encoding()),
            _ => None,
        }
    }

    fn on_read(&mut self, input: &[u8], now: Instant) {
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

    fn next(self, input: &mut &[u8], setup: &Setup, is_full: bool) -> Step {
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

    fn on_quiet(self, setup: &Setup, now: Instant) -> Step {
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

    fn finish(self, setup: &Setup) -> Step {
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
    fn kept_bytes(&self) -> usize {
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
    fn join(self) -> Step {
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
    fn encoding(self) -> Encoding {
        match self {
            Self::Irc => Encoding::Irc,
            _ => Encoding::Lines,
        }
    }

    /// The state of a client whose first bytes are to be heard.
    fn decoding(self, framing: Framing) -> State {
        match self {
            Self::Irc => State::Irc(Decoder::new(Framing::Line)),
            _ => State::Lines(Decoder::new(framing)),
        }
    }
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

impl Output<'_> {
    /// What is to be done, if that is more than passing bytes on.
    pub(crate) fn into_step(self) -> Option<Output<'static>> {
        Some(match self {
            Output::Message(_) | Output::Reply(_) => return None,
            Output::Joined { encoding, since } => Output::Joined { encoding, since },
            Output::Again(bytes) => Output::Again(bytes),
            Output::StartTls(bytes) => Output::StartTls(bytes),
            Output::ProxiedFrom(address) => Output::ProxiedFrom(address),
            Output::Last { reply, refused } => Output::Last { reply, refused },
            Output::End(reply) => Output::End(reply),
        })
    }
}

impl<'a> From<Decoded<'a>> for Output<'a> {
    fn from(decoded: Decoded<'a>) -> Self {
        match decoded {
            Decoded::Message(message) => Self::Message(message),
            Decoded::Reply(bytes) => Self::Reply(Cow::Owned(bytes.to_vec())),
        }
    }
}

fn of_websocket(event: Result<websocket::Event<'_>, websocket::CloseCode>) -> Output<'_> {
    use websocket::{CloseCode, Event, Opcode};
    let mut reply = Vec::new();
    match event {
        Ok(Event::Text(text)) => {
            let line = text.strip_suffix('\n').unwrap_or(text);
            let line = line.strip_suffix('\r').unwrap_or(line);
            Output::Message(Message::Whole(line.as_bytes()))
        }
        Ok(Event::TooLong) => Output::Message(Message::TooLong),
        Ok(Event::Ping(bytes)) => {
            websocket::encode(Opcode::Pong, bytes, &mut reply);
            Output::Reply(Cow::Owned(reply))
        }
        Ok(Event::Close(code)) => {
            let code = code.map(u16::to_be_bytes);
            let payload = code.as_ref().map_or(&[][..], |code| &code[..]);
            websocket::encode(Opcode::Close, payload, &mut reply);
            Output::End(reply)
        }
        Err(code) => {
            websocket::encode_close(code, "", &mut reply);
            let refused = Some(match code {
                CloseCode::Unsupported => "a WebSocket message of bytes",
                CloseCode::NotText => "a WebSocket message that is not UTF-8",
                _ => "a WebSocket frame that breaks the protocol",
            });
            Output::Last { reply, refused }
        }
    }
}

/// The client is turned away without a word, since it would not understand one.
fn refuse(why: &'static str) -> Output<'static> {
    Output::Last {
        reply: Vec::new(),
        refused: Some(why),
    }
}

/// The client has ended before it has asked for anything.
fn end() -> Output<'static> {
    Output::Last {
        reply: Vec::new(),
        refused: None,
    }
}
