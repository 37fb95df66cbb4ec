//! What a member of each protocol sends and reads, so that the same can be checked of all of them.

use serde_json::Value;

/// How a member speaks with the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Lines,
    WebSocket,
    Irc,
}

impl Protocol {
    pub(crate) const ALL: [Self; 3] = [Self::Lines, Self::WebSocket, Self::Irc];

    /// Whether a member hears what it says itself.
    pub(crate) fn echoes(self) -> bool {
        self == Self::WebSocket
    }

    /// What a member sends first of all: it takes that nick.
    pub(crate) fn opening(self, nick: &str) -> Vec<u8> {
        match self {
            Self::Lines => Vec::new(),
            Self::WebSocket => b"GET /ws HTTP/1.1\r\nHost: chat\r\nUpgrade: websocket\r\n\
                Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                .to_vec(),
            Self::Irc => format!("USER {nick} 0 * :{nick}\r\n").into_bytes(),
        }
        .into_iter()
        .chain(self.takes_nick(nick))
        .collect()
    }

    pub(crate) fn takes_nick(self, nick: &str) -> Vec<u8> {
        match self {
            Self::Lines | Self::WebSocket => self.line(&format!("/nick {nick}")),
            Self::Irc => self.line(&format!("NICK {nick}")),
        }
    }

    /// Moves from one room to another.
    pub(crate) fn moves(self, from: Option<&str>, to: &str) -> Vec<u8> {
        match (self, from) {
            (Self::Lines | Self::WebSocket, _) => self.line(&format!("/join {to}")),
            (Self::Irc, None) => self.line(&format!("JOIN #{to}")),
            (Self::Irc, Some(from)) => self.line(&format!("PART #{from}\r\nJOIN #{to}")),
        }
    }

    /// Says `text` in the room in which it is.
    pub(crate) fn says(self, room: &str, text: &str) -> Vec<u8> {
        match self {
            Self::Lines | Self::WebSocket => self.line(text),
            Self::Irc => self.line(&format!("PRIVMSG #{room} :{text}")),
        }
    }

    fn line(self, text: &str) -> Vec<u8> {
        match self {
            Self::Lines => format!("{text}\n").into_bytes(),
            Self::Irc => format!("{text}\r\n").into_bytes(),
            Self::WebSocket => frame(text.as_bytes()),
        }
    }

    /// Takes one line, frame or head from the start of what came, and gives its length and what it
    /// says; none when it is not whole yet.
    #[track_caller]
    pub(crate) fn take<'a>(self, came: &'a [u8], stem: &str) -> Option<(usize, Told<'a>)> {
        if self == Self::WebSocket && !came.starts_with(b"HTTP/") {
            let (head, payload) = payload_of(came)?;
            let json = &came[head..head + payload];
            return Some((head + payload, Told::of_json(json)));
        }
        let length = came.iter().position(|byte| *byte == b'\n')? + 1;
        if self == Self::WebSocket {
            let end = came.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
            assert!(came.starts_with(b"HTTP/1.1 101 "), "no WebSocket");
            return Some((end, Told::Other));
        }
        let line = std::str::from_utf8(&came[..length]).expect("the server sends UTF-8");
        let line = line.trim_end_matches(['\r', '\n']);
        let told = match self {
            Self::Irc => Told::of_irc(line, stem),
            Self::Lines | Self::WebSocket => Told::of_line(line),
        };
        Some((length, told))
    }
}

/// A client's frame of text. Its mask is zero: the bytes are as they are.
fn frame(text: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(length) if length < 126 => frame.push(0x80 | length),
        _ => {
            let length = u16::try_from(text.len()).expect("short texts only");
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text);
    frame
}

/// The lengths of a frame's head and of its payload, once all of it is there.
#[track_caller]
fn payload_of(came: &[u8]) -> Option<(usize, usize)> {
    let (kind, short) = (*came.first()?, usize::from(*came.get(1)?));
    assert_eq!(kind, 0x81, "not a whole text: {came:x?}");
    let (head, payload) = match short {
        126 => {
            let length = came.get(2..4)?.try_into().expect("two bytes");
            (4, usize::from(u16::from_be_bytes(length)))
        }
        127 => {
            let length = came.get(2..10)?.try_into().expect("eight bytes");
            let length = usize::try_from(u64::from_be_bytes(length));
            (10, length.expect("a length"))
        }
        short => (2, short),
    };
    (came.len() >= head + payload).then_some((head, payload))
}

/// One thing that a member was told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told<'a> {
    Said {
        from: std::borrow::Cow<'a, str>,
        text: std::borrow::Cow<'a, str>,
    },
    /// It is in this room from here on.
    Room(String),
    Other,
}

impl<'a> Told<'a> {
    fn of_line(line: &'a str) -> Self {
        let rest = line.strip_prefix("* you are in ");
        if let Some((room, _)) = rest.and_then(|rest| rest.split_once("; others here: ")) {
            return Self::Room(room.to_owned());
        }
        match line.split_once(": ") {
            Some((from, text)) if !line.starts_with(['*', '[']) => Self::Said {
                from: from.into(),
                text: text.into(),
            },
            _ => Self::Other,
        }
    }

    /// `stem`: what all nicks of this member begin with; letters may follow.
    fn of_irc(line: &'a str, stem: &str) -> Self {
        let Some((prefix, rest)) = line.strip_prefix(':').and_then(|l| l.split_once(' ')) else {
            return Self::Other;
        };
        let (nick, _) = prefix.split_once('!').unwrap_or((prefix, ""));
        let mut words = rest.splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            (Some("PRIVMSG"), Some(target), Some(text)) if target.starts_with('#') => Self::Said {
                from: nick.into(),
                text: text.strip_prefix(':').unwrap_or(text).into(),
            },
            (Some("JOIN"), Some(room), None) => {
                let is_own = nick
                    .strip_prefix(stem)
                    .is_some_and(|end| end.bytes().all(|byte| byte.is_ascii_lowercase()));
                let room = room.trim_start_matches([':', '#']);
                match is_own {
                    true => Self::Room(room.to_owned()),
                    false => Self::Other,
                }
            }
            _ => Self::Other,
        }
    }

    #[track_caller]
    fn of_json(json: &[u8]) -> Self {
        let told: Value = serde_json::from_slice(json).expect("JSON");
        let field = |name: &str| told[name].as_str().expect("a text").to_owned();
        match told["type"].as_str().expect("a type") {
            "say" => Self::Said {
                from: field("from").into(),
                text: field("text").into(),
            },
            "room" => Self::Room(field("name")),
            "gap" => panic!("a gap was told of"),
            _ => Self::Other,
        }
    }
}
