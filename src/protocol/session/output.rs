//! What comes of what a client sends.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::super::Encoding;
use super::super::websocket::{self, CloseCode, Event, Opcode};
use crate::wire::{Decoded, Message};

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
    /// [`Session::next`](super::Session::next) again, without being announced again.
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

/// What comes of a frame.
pub(super) fn of_websocket(event: Result<Event<'_>, CloseCode>) -> Output<'_> {
    let mut reply = Vec::new();
    match event {
        Ok(Event::Text(text)) => {
            // Some send what they would send as a line.
            let line = text.strip_suffix("\r\n").or(text.strip_suffix('\n'));
            Output::Message(Message::Whole(line.unwrap_or(text).as_bytes()))
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
pub(super) fn refuse(why: &'static str) -> Output<'static> {
    Output::Last {
        reply: Vec::new(),
        refused: Some(why),
    }
}

/// The client has ended before it has asked for anything.
pub(super) fn end() -> Output<'static> {
    Output::Last {
        reply: Vec::new(),
        refused: None,
    }
}
