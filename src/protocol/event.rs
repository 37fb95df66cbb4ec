//! What happens in a room, and how each encoding tells it.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::websocket::{self, CloseCode, FrameHeader, Opcode};
use super::{Encoding, irc, json, lines};

/// How something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// As it is.
    Say,
    /// As what the speaker does: `/me`, and CTCP's ACTION.
    Act,
    /// As what no program may answer: IRC's NOTICE. To others it is something said.
    Notice,
}

/// Which message it is, and when it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Ascends from message to message. Less than 2^53: JavaScript has no larger whole numbers.
    pub id: u64,
    /// Unix time in milliseconds.
    pub time_ms: u64,
}

/// A line of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said<'a> {
    /// Which, and when.
    pub stamp: Stamp,
    /// How.
    pub kind: Kind,
    /// Where; without IRC's `#`.
    pub room: &'a str,
    /// By whom.
    pub from: &'a str,
    /// What; sanitized.
    pub text: &'a str,
}

/// One of the rooms, briefly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RoomEntry<'a> {
    /// How it is called.
    pub name: &'a str,
    /// How many are in it.
    pub members: usize,
    /// May be empty.
    pub topic: &'a str,
}

/// Something that one member or all of them are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A member says something to all.
    Said(Said<'a>),
    /// A member says something to one alone.
    Private {
        /// How.
        kind: Kind,
        /// When, in milliseconds of Unix time.
        time_ms: u64,
        /// Who says it.
        from: &'a str,
        /// To whom.
        to: &'a str,
        /// What; sanitized.
        text: &'a str,
    },
    /// The server says something.
    Notice(&'a str),
    /// The server greets a newcomer, which has this name.
    Welcome {
        /// The newcomer's.
        name: &'a str,
        /// How many there are beside it.
        others: usize,
    },
    /// The receiver has another name.
    You {
        /// Its old one.
        was: &'a str,
        /// Its new one.
        name: &'a str,
    },
    /// Of all members so many, and the names of these.
    Names {
        /// Where.
        room: &'a str,
        /// All of them.
        total: usize,
        /// Some of them, if they are too many.
        names: &'a [&'a str],
    },
    /// A member has come.
    Joined {
        /// Where.
        room: &'a str,
        /// The member's.
        name: &'a str,
    },
    /// A member has left.
    Left {
        /// Where.
        room: &'a str,
        /// The member's.
        name: &'a str,
        /// Whether its connection ends; else it may be spoken to still, by who speaks IRC.
        is_gone: bool,
        /// Why; may be empty. IRC alone tells it.
        why: &'a str,
    },
    /// An operator has ended a member's connection. That it has left is told too.
    Kicked {
        /// Where the member was.
        room: &'a str,
        /// The operator's name.
        by: &'a str,
        /// The member's.
        name: &'a str,
        /// Why; may be empty.
        why: &'a str,
    },
    /// Another member has another name.
    Renamed {
        /// The old one.
        name: &'a str,
        /// The new one.
        to: &'a str,
    },
    /// The receiver is in another room now. To IRC's clients it is told that they joined.
    Room {
        /// Which.
        name: &'a str,
        /// How many there are beside it.
        others: usize,
    },
    /// What a room is about.
    Topic {
        /// Which.
        room: &'a str,
        /// Who says so now; `None`: it was so before.
        by: Option<&'a str>,
        /// May be empty: about nothing.
        text: &'a str,
    },
    /// Of all rooms so many, and more about these.
    Rooms {
        /// All of them.
        total: usize,
        /// Some of them, if they are too many.
        rooms: &'a [RoomEntry<'a>],
    },
    /// Some of what was asked for is no longer kept. It would stand here.
    Gap,
}

/// How [`Event::Kicked`] is told in words, behind who has done it.
pub(crate) fn kicked(name: &str, why: &str) -> String {
    match why {
        "" => format!("kicked {name}"),
        why => format!("kicked {name}: {why}"),
    }
}

/// How [`Event::Gap`] is told in words.
pub(super) const GAP: &str = "some of what was said is no longer kept";

/// Unix time in milliseconds, shown as RFC 3339 has it: `2026-11-26T11:53:04.123Z`.
pub(super) struct Time(pub(super) u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = i64::try_from(self.0).unwrap_or(i64::MAX);
        let time = jiff::Timestamp::from_millisecond(milliseconds);
        write!(f, "{:.3}", time.unwrap_or(jiff::Timestamp::MAX))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Appends `event` as one client reads it. `to` is its name, or `*` while it has none.
pub fn encode(encoding: Encoding, event: &Event<'_>, to: &str, out: &mut Vec<u8>) {
    match encoding {
        Encoding::Lines => {
            for part in lines::parts(event, &mut String::new()) {
                out.extend_from_slice(part);
            }
        }
        Encoding::Json => {
            let mut object = Vec::new();
            json::write(event, &mut object);
            websocket::encode(Opcode::Text, &object, out);
        }
        Encoding::Irc => irc::tell(event, to, false, out),
        Encoding::IrcTime => irc::tell(event, to, true, out),
    }
}

/// Appends the last that a client is told, if its protocol has a word for it.
pub fn encode_end(encoding: Encoding, code: CloseCode, why: &str, out: &mut Vec<u8>) {
    match encoding {
        Encoding::Lines => {}
        Encoding::Json => websocket::encode_close(code, why, out),
        Encoding::Irc | Encoding::IrcTime => irc::Answer::Error(why).encode("", out),
    }
}

/// Encodes for logs. Its buffers are kept from one event to the next.
#[derive(Debug, Default)]
pub struct Encoder {
    line: String,
    json: Vec<u8>,
    irc: Vec<u8>,
    irc_time: Vec<u8>,
}

/// A buffer that has grown beyond this, in bytes, is not kept.
const KEPT_BUFFER_BYTES: usize = 64 << 10;

impl Encoder {
    /// Encodes what all in `channel`, as IRC calls it, are told: for each log that is `wanted`, by
    /// [`Encoding::index`], a message in parts. What is said is not copied on its way into the log
    /// of lines.
    pub fn encode<R>(
        &mut self,
        event: &Event<'_>,
        channel: &str,
        wanted: [bool; Encoding::ALL.len()],
        then: impl FnOnce(&[(usize, &[&[u8]])]) -> R,
    ) -> R {
        let Self {
            line,
            json,
            irc,
            irc_time,
        } = self;
        line.clear();
        let is_wanted = |encoding: Encoding| wanted[encoding.index()];
        let line = match is_wanted(Encoding::Lines) {
            true => lines::parts(event, line),
            false => lines::NOTHING,
        };
        json.clear();
        if is_wanted(Encoding::Json) {
            json::write(event, json);
        }
        let header = FrameHeader::new(Opcode::Text, json.len());
        irc.clear();
        if is_wanted(Encoding::Irc) {
            irc::tell(event, channel, false, irc);
        }
        irc_time.clear();
        if is_wanted(Encoding::IrcTime) {
            irc::tell(event, channel, true, irc_time);
        }
        let all: [&[&[u8]]; Encoding::ALL.len()] =
            [&line, &[header.as_bytes(), json], &[irc], &[irc_time]];
        let mut messages = [(0, &[] as &[&[u8]]); Encoding::ALL.len()];
        let mut count = 0;
        for (feed, parts) in all.into_iter().enumerate() {
            if wanted[feed] {
                messages[count] = (feed, parts);
                count += 1;
            }
        }
        let result = then(&messages[..count]);
        for buffer in [json, irc, irc_time] {
            if buffer.capacity() > KEPT_BUFFER_BYTES {
                *buffer = Vec::new();
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_in_utc_with_milliseconds() {
        for (time_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_693_984_123, "2026-11-26T11:53:04.123Z"),
            (1_795_693_984_000, "2026-11-26T11:53:04.000Z"),
        ] {
            assert_eq!(Time(time_ms).to_string(), text);
        }
        assert!(Time(u64::MAX).to_string().starts_with("9999-"));
    }

    /// An encoder gives to the logs what `encode` gives to one client, whatever it encoded before.
    #[test]
    fn all_logs_and_one_client_are_told_the_same() {
        let said = |text| {
            Event::Said(Said {
                stamp: Stamp { id: 7, time_ms: 1 },
                kind: Kind::Act,
                room: "lobby",
                from: "ann",
                text,
            })
        };
        let long = "x".repeat(KEPT_BUFFER_BYTES + 1);
        let mut encoder = Encoder::default();
        for event in [said(&long), Event::Notice("2 joined"), said("waves")] {
            for wanted in [[true; 4], [true, false, false, true], [false; 4]] {
                let told: Vec<(usize, Vec<u8>)> =
                    encoder.encode(&event, "#lobby", wanted, |messages| {
                        let whole = messages.iter().map(|(feed, parts)| (*feed, parts.concat()));
                        whole.collect()
                    });
                let expected: Vec<(usize, Vec<u8>)> = Encoding::ALL
                    .into_iter()
                    .filter(|encoding| wanted[encoding.index()])
                    .map(|encoding| {
                        let mut out = Vec::new();
                        encode(encoding, &event, "#lobby", &mut out);
                        (encoding.index(), out)
                    })
                    .collect();
                assert_eq!(told, expected);
                assert!(encoder.json.capacity() <= KEPT_BUFFER_BYTES);
            }
        }
    }

    #[test]
    fn an_end_is_told_where_there_is_a_word_for_it() {
        let end = |encoding| {
            let mut out = Vec::new();
            encode_end(encoding, CloseCode::GoingAway, "the server ends", &mut out);
            out
        };
        assert_eq!(end(Encoding::Lines), b"");
        assert_eq!(end(Encoding::Json), b"\x88\x11\x03\xe9the server ends");
        assert_eq!(end(Encoding::Irc), b"ERROR :the server ends\r\n");
    }
}
