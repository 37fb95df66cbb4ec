//! What clients are told of their end, and what they say made harmless.

use std::borrow::Cow;

use crate::protocol::websocket::CloseCode;
use crate::protocol::{self, Encoding, Event};
use crate::sanitize;
use crate::service::{Disconnect, TooMany};

/// What a client is told of why the server ends it, and IRC's clients of why it has gone.
pub(super) fn reason(why: &Disconnect) -> Option<&'static str> {
    Some(match why {
        Disconnect::Shutdown => "the server ends",
        Disconnect::Restarted => "the server restarts; come again",
        Disconnect::Lagged { .. } => "too slow",
        Disconnect::Idle => "idle for too long",
        Disconnect::Silent => "silent for too long",
        Disconnect::Panicked => "internal error",
        Disconnect::Broken(_) => "connection lost",
        Disconnect::Eof | Disconnect::Unfinished => return None,
    })
}

/// The same as a WebSocket says it; `None`: there is nobody to tell.
pub(super) fn close_code(why: &Disconnect) -> Option<CloseCode> {
    Some(match why {
        Disconnect::Shutdown | Disconnect::Restarted => CloseCode::GoingAway,
        Disconnect::Lagged { .. } => CloseCode::TryAgainLater,
        Disconnect::Idle => CloseCode::Normal,
        Disconnect::Silent => CloseCode::Policy,
        Disconnect::Panicked => CloseCode::Internal,
        Disconnect::Eof | Disconnect::Broken(_) | Disconnect::Unfinished => return None,
    })
}

/// What a client has said, harmless to see. A WebSocket's message needs no end of line, but may
/// have one.
pub(super) fn text_of(encoding: Encoding, bytes: &[u8]) -> Cow<'_, str> {
    let end: &[_] = match encoding {
        Encoding::Json => b"\r\n",
        _ => b"",
    };
    let length = bytes.iter().rposition(|byte| !end.contains(byte));
    sanitize::sanitize(&bytes[..length.map_or(0, |last| last + 1)])
}

/// All that a client is told that is one too many.
pub(super) fn refusal(of: TooMany, encoding: Encoding) -> Vec<u8> {
    let here = match of {
        TooMany::Here(count) => format!("{count} are here"),
        TooMany::FromAddress(count) => format!("{count} are here from your address"),
    };
    let why = format!("full: {here}; try again later");
    let mut bytes = Vec::new();
    if !matches!(encoding, Encoding::Irc | Encoding::IrcTime) {
        protocol::encode(encoding, &Event::Notice(&why), "*", &mut bytes);
    }
    protocol::encode_end(encoding, CloseCode::TryAgainLater, &why, &mut bytes);
    bytes
}
