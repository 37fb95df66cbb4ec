//! What a member is told about what it has asked for: mostly why that is not done.

use std::fmt;

use super::Room;
use super::ignores::MAX_IGNORED;
use super::nick::{MAX_BYTES, NickError};
use crate::outbound::{ClientId, Fanout};
use crate::protocol::irc::Answer;
use crate::protocol::{Encoding, Event, Kind};

#[derive(Debug)]
pub(super) enum Remark<'a> {
    Nick { name: &'a str, why: NickError },
    RoomName(&'a str),
    TooManyRooms(&'a str),
    ThereAlready(&'a str),
    FarBehind,
    NoSuchMember(&'a str),
    Yourself,
    NoOperators,
    NoOperator,
    NoTime,
    TooManyBans(usize),
    NotBanned(&'a str),
    NotMuted(&'a str),
    Muted,
    TooManyIgnored,
    OwedTooMuch(&'a str),
    IsAway { name: &'a str, why: &'a str },
    LargerThanLog,
    TooMuchWaits,
    LongerThan { max_bytes: usize },
    NeedsPassword,
    WrongPassword,
    NoPasswordNeeded,
    Incomplete(&'static str),
    UnknownCommand(&'a str),
}

impl fmt::Display for Remark<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nick { why, .. } => write!(f, "{why}"),
            Self::RoomName(_) => write!(
                f,
                "rooms are named with letters, digits, _ and -, in at most {MAX_BYTES} bytes"
            ),
            Self::TooManyRooms(_) => f.write_str("there are as many rooms as may be; see /rooms"),
            Self::ThereAlready(room) => write!(f, "you are in {room} already"),
            Self::FarBehind => f.write_str(
                "you are too far behind to leave this room; read what was said, then try again",
            ),
            Self::NoOperators => f.write_str("there are no operators here"),
            Self::NoOperator => f.write_str("only an operator may do that: /op PASSWORD"),
            Self::NoTime => f.write_str("that is no length of time; 30s, 10m and 2h are"),
            Self::TooManyBans(most) => {
                write!(f, "there are {most} bans already, as many as may be")
            }
            Self::NotBanned(whom) => write!(f, "{whom} is not banned; see /bans"),
            Self::NotMuted(name) => write!(f, "{name} is not muted"),
            Self::Muted => f.write_str("an operator has muted you; not relayed"),
            Self::Yourself => f.write_str("that is you"),
            Self::TooManyIgnored => {
                write!(f, "you ignore {MAX_IGNORED} already, as many as may be")
            }
            Self::NoSuchMember(name) => write!(f, "there is no {name} here"),
            Self::OwedTooMuch(name) => {
                write!(f, "{name} is owed too much already; not delivered")
            }
            Self::IsAway { name, why } => write!(f, "{name} is away: {why}"),
            Self::LargerThanLog => {
                f.write_str("that is more than the room's log can hold; not relayed")
            }
            Self::TooMuchWaits => f.write_str("too much waits for the hub; not relayed"),
            Self::LongerThan { max_bytes } => {
                write!(f, "your line is over {max_bytes} bytes; not relayed")
            }
            Self::NeedsPassword => f.write_str("this room has a password: /pass PASSWORD"),
            Self::WrongPassword => f.write_str("wrong password"),
            Self::NoPasswordNeeded => f.write_str("you are in already, no password is needed"),
            Self::Incomplete(usage) => write!(f, "usage: {usage}"),
            Self::UnknownCommand(name) => {
                write!(f, "unknown command /{name}; /help lists the commands")
            }
        }
    }
}

impl Room {
    /// Tells a client of lines or JSON in a notice, one of IRC by a numeric reply if there is one.
    pub(super) fn remark(&self, client: ClientId, remark: &Remark<'_>, out: &mut Fanout) {
        match self.encoding(client) {
            Some(Encoding::Irc | Encoding::IrcTime) => match remark {
                Remark::Nick {
                    why: NickError::Unchanged,
                    ..
                } => {}
                Remark::Nick {
                    name,
                    why: NickError::Taken { .. },
                } => self.answer(client, Answer::NickInUse(name), out),
                Remark::Nick { name, why } => {
                    let (nick, why) = (*name, &*why.to_string());
                    self.answer(client, Answer::BadNick { nick, why }, out);
                }
                Remark::RoomName(name) => self.answer(client, Answer::NoSuchChannel(name), out),
                Remark::TooManyRooms(name) => {
                    self.answer(client, Answer::NoMoreChannels(name), out);
                }
                Remark::NoSuchMember(name) => self.answer(client, Answer::NoSuchNick(name), out),
                Remark::IsAway { name, why } => {
                    let (nick, reason) = (*name, *why);
                    self.answer(client, Answer::IsAway { nick, reason }, out);
                }
                Remark::NoOperators => self.answer(client, Answer::NoOperators, out),
                Remark::WrongPassword => self.answer(client, Answer::WrongPassword, out),
                _ => self.tell(client, Event::Notice(&remark.to_string()), out),
            },
            _ => self.tell(client, Event::Notice(&remark.to_string()), out),
        }
    }

    /// Unless it is about a NOTICE, which is never answered by itself.
    pub(super) fn remark_on(
        &self,
        client: ClientId,
        kind: Kind,
        remark: &Remark<'_>,
        out: &mut Fanout,
    ) {
        if kind != Kind::Notice {
            self.remark(client, remark, out);
        }
    }

    /// Of a line over the limit.
    pub(super) fn too_long(&self) -> Remark<'static> {
        Remark::LongerThan {
            max_bytes: self.config.max_message_bytes,
        }
    }
}
