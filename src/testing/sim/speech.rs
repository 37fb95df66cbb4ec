//! What a member of a room in which many protocols meet says, in the words of its own.

use super::rng::Rng;

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tongue {
    Lines,
    WebSocket,
    Irc,
}

/// How one client speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speech {
    pub(crate) tongue: Tongue,
    /// It has been here before, and knows all up to the message of this id.
    pub(crate) since: Option<u64>,
    /// Of IRC: it wants the time told, and its own messages.
    pub(crate) wants_time: bool,
    pub(crate) wants_echo: bool,
}

const FINAL: u8 = 0x80;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;

/// What a frame may carry whose length takes one byte.
const SHORT_BYTES: usize = 125;

impl Speech {
    /// Whether it is told what it says itself.
    pub(crate) fn hears_itself(&self) -> bool {
        match self.tongue {
            Tongue::Lines => false,
            Tongue::WebSocket => true,
            Tongue::Irc => self.wants_echo,
        }
    }

    /// Whether it asks for more than IRC once had.
    pub(crate) fn negotiates(&self) -> bool {
        self.wants_time || self.wants_echo
    }

    /// What has to come first, with what of it the room hears.
    pub(crate) fn opening(&self, name: &str) -> (Vec<u8>, Vec<String>) {
        match self.tongue {
            Tongue::Lines => (Vec::new(), Vec::new()),
            Tongue::WebSocket => (self.handshake(), Vec::new()),
            Tongue::Irc => {
                let mut lines = vec![format!("NICK {name}"), format!("USER {name} 0 * :{name}")];
                let wanted = [
                    (self.wants_time, "server-time"),
                    (self.wants_echo, "echo-message"),
                ];
                let wanted = wanted.into_iter().filter(|(is_wanted, _)| *is_wanted);
                let wanted: Vec<&str> = wanted.map(|(_, capability)| capability).collect();
                if self.negotiates() {
                    lines.insert(0, format!("CAP REQ :{}", wanted.join(" ")));
                    lines.push("CAP END".to_owned());
                }
                lines.push("JOIN #lobby".to_owned());
                let sent = lines
                    .iter()
                    .flat_map(|line| format!("{line}\r\n").into_bytes());
                (sent.collect(), lines)
            }
        }
    }

    fn handshake(&self) -> Vec<u8> {
        let since = self
            .since
            .map_or_else(String::new, |id| format!("?since={id}"));
        let request = format!(
            "GET /ws{since} HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        request.into_bytes()
    }

    /// What the room hears when it says `text` to all, or to one.
    pub(crate) fn words(&self, to: Option<&str>, text: &str) -> String {
        match (self.tongue, to) {
            (Tongue::Irc, to) => format!("PRIVMSG {} :{text}", to.unwrap_or("#lobby")),
            (_, Some(to)) => format!("/msg {to} {text}"),
            (_, None) => text.to_owned(),
        }
    }

    /// What the room hears when it acts before all.
    pub(crate) fn acting(&self, text: &str) -> String {
        match self.tongue {
            Tongue::Irc => self.words(None, &format!("\u{1}ACTION {text}\u{1}")),
            _ => format!("/me {text}"),
        }
    }

    /// What the room hears when it wants to be called so.
    pub(crate) fn renaming(&self, name: &str) -> String {
        match self.tongue {
            Tongue::Irc => format!("NICK {name}"),
            _ => format!("/nick {name}"),
        }
    }

    /// A command without parameters, which the room knows or not.
    pub(crate) fn command(&self, name: &str) -> String {
        match self.tongue {
            Tongue::Irc => name.to_uppercase(),
            _ => format!("/{name}"),
        }
    }

    /// As it is sent.
    pub(crate) fn wrapped(&self, words: &str, rng: &Rng) -> Vec<u8> {
        match self.tongue {
            Tongue::Lines | Tongue::Irc => {
                let end = if rng.bool() { "\r\n" } else { "\n" };
                [words, end].concat().into_bytes()
            }
            Tongue::WebSocket => message(words.as_bytes(), rng),
        }
    }

    /// The last that it sends, if its protocol has a word for that, with the code that it should be
    /// answered.
    pub(crate) fn farewell(&self, rng: &Rng) -> Option<(Vec<u8>, u16)> {
        if self.tongue != Tongue::WebSocket {
            return None;
        }
        let (first, payload, code): (u8, &[u8], u16) = match rng.below(6) {
            0 => (FINAL | BINARY, b"\0\x01", 1003),
            1 => (FINAL | TEXT, b"\xff", 1007),
            2 => (FINAL, b"goes on with nothing", 1002),
            _ => (FINAL | CLOSE, &[3, 0xe8], 1000),
        };
        let mut sent = Vec::new();
        frame(first, payload, rng, &mut sent);
        Some((sent, code))
    }
}

/// A message, in one frame or several; there may be pings before and between them.
fn message(payload: &[u8], rng: &Rng) -> Vec<u8> {
    let mut sent = Vec::new();
    let (mut rest, mut opcode) = (payload, TEXT);
    loop {
        if rng.chance(10) {
            frame(FINAL | PING, b"are you there", rng, &mut sent);
        }
        let count = match rng.chance(5) {
            true => rng.below(rest.len() + 1),
            false => rest.len(),
        };
        let (piece, after) = rest.split_at(count);
        let is_last = after.is_empty();
        frame(
            if is_last { FINAL | opcode } else { opcode },
            piece,
            rng,
            &mut sent,
        );
        if is_last {
            return sent;
        }
        (rest, opcode) = (after, 0);
    }
}

fn frame(first: u8, payload: &[u8], rng: &Rng, sent: &mut Vec<u8>) {
    const MASKED: u8 = 0x80;
    sent.push(first);
    match u8::try_from(payload.len()) {
        Ok(length) if payload.len() <= SHORT_BYTES => sent.push(MASKED | length),
        _ => {
            let length = u16::try_from(payload.len()).expect("it is short");
            sent.push(MASKED | 126);
            sent.extend(length.to_be_bytes());
        }
    }
    let mask = rng.bytes(4);
    sent.extend_from_slice(&mask);
    let masked = payload.iter().zip(mask.iter().cycle());
    sent.extend(masked.map(|(byte, key)| byte ^ key));
}
