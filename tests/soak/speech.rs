//! How a checked member speaks, and hears what others say: as lines, over a WebSocket, by IRC.

use serde_json::Value;

use crate::harness::Server;
use crate::irc_client::Irc;
use crate::member::Member;
use crate::peer::Peer;
use crate::websocket_client::{PING, PONG, TEXT, WebSocket, frame};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    Lines,
    WebSocket,
    Irc,
}

/// What comes of some bytes.
pub(crate) enum Heard {
    /// `NICK: TEXT`; or whatever else, of the server's own.
    Line(String),
    /// This has to be answered.
    Asked(Vec<u8>),
    Nothing,
}

impl Speech {
    /// A member of that name.
    #[track_caller]
    pub(crate) fn joins(self, server: &Server, nick: &str) -> Peer {
        let address = server.address();
        match self {
            Self::Lines => Member::joins(server, nick).peer,
            Self::WebSocket => WebSocket::named(address, nick).peer,
            Self::Irc => Irc::joins(address, nick).peer,
        }
    }

    pub(crate) fn says(self, text: &str) -> Vec<u8> {
        match self {
            Self::Lines => format!("{text}\n").into_bytes(),
            Self::WebSocket => frame(TEXT, true, text.as_bytes()),
            Self::Irc => format!("PRIVMSG #lobby :{text}\r\n").into_bytes(),
        }
    }

    /// The first thing in these bytes, and how many of them it is; `None`: it is not whole.
    #[track_caller]
    pub(crate) fn first(self, bytes: &[u8], nick: &str) -> Option<(usize, Heard)> {
        if self == Self::WebSocket {
            return message(bytes, nick);
        }
        let length = bytes.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&bytes[..length]).expect("the server sends UTF-8");
        let heard = match self {
            Self::Irc => of_irc(line.trim_end_matches('\r')),
            _ => Heard::Line(line.to_owned()),
        };
        Some((length + 1, heard))
    }
}

fn of_irc(line: &str) -> Heard {
    if let Some(token) = line.strip_prefix("PING ") {
        return Heard::Asked(format!("PONG {token}\r\n").into_bytes());
    }
    let said = line.strip_prefix(':').and_then(|rest| {
        let (from, text) = rest.split_once(" PRIVMSG #lobby :")?;
        Some(format!("{}: {text}", from.split_once('!')?.0))
    });
    said.map_or(Heard::Nothing, Heard::Line)
}

fn message(bytes: &[u8], nick: &str) -> Option<(usize, Heard)> {
    let (head, length) = match *bytes.get(1)? {
        126 => {
            let length = bytes.get(2..4)?.try_into().ok()?;
            (4, usize::from(u16::from_be_bytes(length)))
        }
        short if short < 126 => (2, usize::from(short)),
        long => panic!("a frame of length {long}"),
    };
    let payload = bytes.get(head..head + length)?;
    let heard = match bytes[0] & 0xf {
        TEXT => {
            let value: Value = serde_json::from_slice(payload).expect("JSON");
            match (value["from"].as_str(), value["text"].as_str()) {
                // It is told of its own, too.
                (Some(from), Some(text)) if value["type"] == "say" && from != nick => {
                    Heard::Line(format!("{from}: {text}"))
                }
                _ => Heard::Nothing,
            }
        }
        PING => Heard::Asked(frame(PONG, true, payload)),
        opcode => panic!("a frame of kind {opcode}"),
    };
    Some((head + length, heard))
}
