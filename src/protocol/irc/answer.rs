//! What the server answers: numeric replies and the like.

use super::{HOST, MAX_TARGETS, SERVER};
use crate::protocol::event::Time;

mod lines;

use lines::Lines;

const VERSION: &str = concat!("chinwag-", env!("CARGO_PKG_VERSION"));

/// An answer to one client. What members have chosen (names apart, which are what the room lets
/// them be) must be sanitised before: texts are written as they are, without an end of line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// 001 to 005: what a client that comes in is told first, with its nick. `Lusers` and `Motd`
    /// follow by custom.
    Welcome,
    /// 251, 254 and 255: how many are here.
    Lusers {
        /// Clients.
        members: usize,
        /// Channels.
        channels: usize,
    },
    /// 375, 372 and 376, or 422: the message of the day.
    Motd(&'a [&'a str]),
    /// 433: somebody has that nick.
    NickInUse(&'a str),
    /// 432: no nick may be like that.
    BadNick {
        /// What was asked for.
        nick: &'a str,
        /// Why not.
        why: &'a str,
    },
    /// 464: it is another one.
    WrongPassword,
    /// 464: there is one, and it was not said.
    NeedsPassword,
    /// 406 and 369: nobody is remembered.
    WasNoSuchNick(&'a str),
    /// 351: which program this is.
    Version,
    /// 391: what time it is here.
    /// In milliseconds since 1970.
    Time(u64),
    /// 502: what is asked for is another one's.
    NotYourMode,
    /// 353 and 366: who is in a channel.
    Names {
        /// Which.
        channel: &'a str,
        /// All of them.
        nicks: &'a [&'a str],
    },
    /// 352: one member, asked for by WHO.
    WhoEntry {
        /// The channel that it is in, or `*`.
        channel: &'a str,
        /// Its nick.
        nick: &'a str,
        /// What it says that it is called.
        real_name: &'a str,
        /// Whether it is away.
        is_away: bool,
        /// Whether it is one of the server's operators.
        is_operator: bool,
    },
    /// 315: there are no more; with what was asked for.
    EndOfWho(&'a str),
    /// 311, 319, 312, 313, 301 and 318: all about one.
    Whois {
        /// Its nick.
        nick: &'a str,
        /// What it says that it is called.
        real_name: &'a str,
        /// The channel that it is in.
        channel: Option<&'a str>,
        /// Why it is away, if it is.
        away: Option<&'a str>,
        /// Whether it is one of the server's operators.
        is_operator: bool,
    },
    /// 318 alone: there is nobody of that name to tell anything about.
    EndOfWhois(&'a str),
    /// 301: whom a client speaks to is away.
    IsAway {
        /// Its nick.
        nick: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// 306 or 305: the client itself is away, or back.
    NowAway(bool),
    /// 332 or 331: a channel's topic.
    Topic {
        /// Which.
        channel: &'a str,
        /// The topic, if there is one.
        text: Option<&'a str>,
    },
    /// 321: the channels follow.
    ListStart,
    /// 322: one channel.
    ListEntry {
        /// Which.
        channel: &'a str,
        /// How many are in it.
        members: usize,
        /// Its topic; may be empty.
        topic: &'a str,
    },
    /// 323: there are no more.
    EndOfList,
    /// To MODE. A channel's are fixed, its lists of bans and the like are empty, a member has
    /// none: who asks for these is answered, who would change them is not let.
    Mode {
        /// A channel, or a nick.
        target: &'a str,
        /// What was asked for.
        modes: Option<&'a str>,
        /// Whether who asks is an operator.
        is_operator: bool,
    },
    /// 302: some members, briefly, each with whether it is away.
    Userhost(&'a [(&'a str, bool)]),
    /// 303: those of the names asked for that are here.
    IsOn(&'a [&'a str]),
    /// 401: there is nobody of that name.
    NoSuchNick(&'a str),
    /// 403: there is no such channel.
    NoSuchChannel(&'a str),
    /// 404: a client that is not in a channel says nothing there.
    CannotSend(&'a str),
    /// 405: a member is in one channel at a time.
    TooManyChannels(&'a str),
    /// 407: to that one and those after it nothing was said; there may be so many.
    TooManyTargets(&'a str),
    /// 437: there are as many channels as there may be.
    NoMoreChannels(&'a str),
    /// 381, and its mode: the client is an operator now.
    YouAreOperator,
    /// 465: it is kept out.
    Banned(&'a str),
    /// 491: nobody can be an operator here.
    NoOperators,
    /// 441: somebody is not in that channel.
    NotInChannel {
        /// Who.
        name: &'a str,
        /// Where.
        channel: &'a str,
    },
    /// 442: the client is not in that channel.
    NotOnChannel(&'a str),
    /// 482: only an operator may do that in a channel.
    NotOperator(&'a str),
    /// The last line of a connection, and why it ends.
    Error(&'a str),
    /// To PING.
    Pong(&'a str),
    /// To CAP.
    Cap {
        /// `LS`, `LIST`, `ACK` or `NAK`.
        subcommand: &'a str,
        /// Their names.
        capabilities: &'a str,
    },
    /// 410: CAP knows no such thing.
    UnknownCap(&'a str),
    /// 409: a PING without what is to come back.
    NoOrigin,
    /// 411: nobody is named to whom something is said.
    NoRecipient,
    /// 412: nothing is said.
    NoText,
    /// 417: a line that is too long.
    LineTooLong,
    /// 421: there is no such command.
    UnknownCommand(&'a str),
    /// 431: a nick is missing.
    NoNick,
    /// 451: first the client must come in.
    NotRegistered,
    /// 461: the command needs more.
    MissingParameter(&'a str),
    /// 462: that is over.
    AlreadyRegistered,
    /// A line that is not UTF-8, by the IRCv3 name for that.
    NotUtf8,
}

impl Answer<'_> {
    /// Appends the answer to the client `to`, or `*` while it has no nick.
    #[allow(
        clippy::too_many_lines,
        reason = "a table of one or two lines for each"
    )]
    pub fn encode(&self, to: &str, out: &mut Vec<u8>) {
        let mut lines = Lines { to, out };
        match *self {
            Self::Welcome => lines.welcome(),
            Self::Lusers { members, channels } => {
                let users = format!("there are {members} users on 1 server");
                lines.numeric(251, &[], &users);
                lines.numeric(254, &[&channels.to_string()], "channels formed");
                lines.numeric(255, &[], &format!("I have {members} clients and 0 servers"));
            }
            Self::Motd([]) => lines.numeric(422, &[], "there is no message of the day"),
            Self::Motd(text) => {
                lines.numeric(375, &[], &format!("- {SERVER} message of the day -"));
                for line in text {
                    lines.numeric(372, &[], &format!("- {line}"));
                }
                lines.numeric(376, &[], "end of the message of the day");
            }
            Self::NickInUse(nick) => lines.numeric(433, &[nick], "that nickname is in use"),
            Self::BadNick { nick, why } => lines.numeric(432, &[nick], why),
            Self::WrongPassword => lines.numeric(464, &[], "that password is wrong"),
            Self::NeedsPassword => {
                lines.numeric(464, &[], "there is a password; say it by PASS first of all");
            }
            Self::WasNoSuchNick(nick) => {
                lines.numeric(406, &[nick], "nobody is remembered who has gone");
                lines.numeric(369, &[nick], "end of WHOWAS");
            }
            Self::Version => lines.numeric(351, &[VERSION, SERVER], "a chat in UTF-8"),
            Self::Time(now) => lines.numeric(391, &[SERVER], &Time(now).to_string()),
            Self::NotYourMode => lines.numeric(502, &[], "that is another one's mode"),
            Self::Names { channel, nicks } => {
                lines.list(353, &["=", channel], nicks.iter().copied());
                lines.numeric(366, &[channel], "end of the names");
            }
            Self::WhoEntry {
                channel,
                nick,
                real_name,
                is_away,
                is_operator,
            } => {
                let flags = match (is_away, is_operator) {
                    (false, false) => "H",
                    (false, true) => "H*",
                    (true, false) => "G",
                    (true, true) => "G*",
                };
                let parameters = [channel, nick, HOST, SERVER, nick, flags];
                lines.numeric(352, &parameters, &format!("0 {real_name}"));
            }
            Self::EndOfWho(mask) => lines.numeric(315, &[mask], "end of WHO"),
            Self::Whois {
                nick,
                real_name,
                channel,
                away,
                is_operator,
            } => {
                lines.numeric(311, &[nick, nick, HOST, "*"], real_name);
                if let Some(channel) = channel {
                    lines.numeric(319, &[nick], channel);
                }
                lines.numeric(312, &[nick, SERVER], VERSION);
                if is_operator {
                    lines.numeric(313, &[nick], "is an operator");
                }
                if let Some(reason) = away {
                    lines.numeric(301, &[nick], reason);
                }
                lines.numeric(318, &[nick], "end of WHOIS");
            }
            Self::EndOfWhois(nick) => lines.numeric(318, &[nick], "end of WHOIS"),
            Self::IsAway { nick, reason } => lines.numeric(301, &[nick], reason),
            Self::NowAway(true) => lines.numeric(306, &[], "you are marked as away"),
            Self::NowAway(false) => lines.numeric(305, &[], "you are no longer marked as away"),
            Self::Topic {
                channel,
                text: Some(text),
            } => lines.numeric(332, &[channel], text),
            Self::Topic {
                channel,
                text: None,
            } => lines.numeric(331, &[channel], "no topic is set"),
            Self::ListStart => lines.numeric(321, &["Channel"], "Users  Name"),
            Self::ListEntry {
                channel,
                members,
                topic,
            } => {
                lines.numeric(322, &[channel, &members.to_string()], topic);
            }
            Self::EndOfList => lines.numeric(323, &[], "end of LIST"),
            Self::Mode {
                target,
                modes,
                is_operator,
            } => lines.mode(target, modes, is_operator),
            Self::Userhost(members) => {
                let entry = |(nick, is_away): &(&str, bool)| {
                    let flag = if *is_away { '-' } else { '+' };
                    format!("{nick}={flag}{nick}@{HOST}")
                };
                let entries: Vec<String> = members.iter().map(entry).collect();
                lines.numeric(302, &[], &entries.join(" "));
            }
            Self::IsOn(nicks) => lines.numeric(303, &[], &nicks.join(" ")),
            Self::NoSuchNick(nick) => lines.numeric(401, &[nick], "no such nick"),
            Self::NoSuchChannel(channel) => lines.numeric(403, &[channel], "no such channel"),
            Self::CannotSend(channel) => {
                lines.numeric(404, &[channel], "you are not in that channel");
            }
            Self::TooManyChannels(channel) => {
                lines.numeric(
                    405,
                    &[channel],
                    "you are in a channel already; leave that first",
                );
            }
            Self::TooManyTargets(target) => {
                let why = format!("at most {MAX_TARGETS} at once; not said to that one");
                lines.numeric(407, &[target], &why);
            }
            Self::NoMoreChannels(channel) => {
                lines.numeric(437, &[channel], "there are as many channels as may be");
            }
            Self::YouAreOperator => {
                lines.numeric(381, &[], "you are an operator now");
                lines.line(&format!("MODE {to} :"), "+o");
            }
            Self::Banned(why) => lines.numeric(465, &[], why),
            Self::NoOperators => lines.numeric(491, &[], "there are no operators here"),
            Self::NotInChannel { name, channel } => {
                lines.numeric(441, &[name, channel], "they are not in that channel");
            }
            Self::NotOnChannel(channel) => {
                lines.numeric(442, &[channel], "you are not in that channel");
            }
            Self::NotOperator(channel) => {
                lines.numeric(482, &[channel], "you are not an operator there");
            }
            Self::Error(why) => lines.write("ERROR :", why),
            Self::Pong(token) => lines.line(&format!("PONG {SERVER} :"), token),
            Self::Cap {
                subcommand,
                capabilities,
            } => {
                lines.line(&format!("CAP {to} {subcommand} :"), capabilities);
            }
            Self::UnknownCap(given) => lines.numeric(410, &[given], "invalid CAP command"),
            Self::NoOrigin => lines.numeric(409, &[], "no origin specified"),
            Self::NoRecipient => lines.numeric(411, &[], "no recipient given"),
            Self::NoText => lines.numeric(412, &[], "no text to send"),
            Self::LineTooLong => lines.numeric(417, &[], "that line is too long"),
            Self::UnknownCommand(given) => lines.numeric(421, &[given], "unknown command"),
            Self::NoNick => lines.numeric(431, &[], "no nickname given"),
            Self::NotRegistered => lines.numeric(451, &[], "you have not registered"),
            Self::MissingParameter(command) => {
                lines.numeric(461, &[command], "not enough parameters");
            }
            Self::AlreadyRegistered => lines.numeric(462, &[], "you are registered already"),
            Self::NotUtf8 => lines.line("FAIL * INVALID_UTF8 :", "that line is not UTF-8"),
        }
    }
}
