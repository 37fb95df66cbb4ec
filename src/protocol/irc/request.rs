//! What a line asks of the room.

use std::borrow::Cow;

use super::Kind;
use super::answer::Answer;
use super::message::Message;

/// What a client asks of the room. Names of channels have their `#`; lists have commas, for
/// [`targets`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'a> {
    /// Wants a name: the first of its own, or another.
    Nick(&'a str),
    /// Enters channels.
    Join {
        /// A list.
        channels: &'a str,
    },
    /// Leaves channels.
    Part {
        /// A list; `None`: all.
        channels: Option<&'a str>,
        /// What it says to it.
        reason: Option<&'a str>,
    },
    /// Says something.
    Message {
        /// How.
        kind: Kind,
        /// A list of channels and names.
        targets: &'a str,
        /// Without colours and the like, and never empty.
        text: Cow<'a, str>,
    },
    /// Who is in channels; `None`: anywhere.
    Names(Option<&'a str>),
    /// Who is in a channel, or has a name, with more about each.
    Who {
        /// A channel, a name, or a mask for names; `None`: all.
        mask: Option<&'a str>,
        /// Only operators are asked for.
        operators: bool,
    },
    /// All about one, by name.
    Whois(&'a str),
    /// A channel's topic.
    Topic {
        /// Whose.
        channel: &'a str,
        /// The new one, which may be empty; `None`: asks for it.
        text: Option<&'a str>,
    },
    /// Which channels there are; of a list, if one is given.
    List(Option<&'a str>),
    /// The modes of a channel or of a name.
    Mode {
        /// Whose.
        target: &'a str,
        /// What is to change, or to be listed; `None`: asks for all.
        modes: Option<&'a str>,
    },
    /// Is away, with this reason, or back.
    Away(Option<&'a str>),
    /// Says an operator's password.
    Oper(&'a str),
    /// Ends somebody, as an operator.
    Kick {
        /// Where.
        channel: &'a str,
        /// Whom.
        name: &'a str,
        /// Why.
        why: Option<&'a str>,
    },
    /// One of the room's own commands for operators, and what follows it.
    Operator {
        /// `BAN`, `UNBAN`, `BANS`, `MUTE` or `UNMUTE`, in whatever case.
        command: &'a str,
        /// As they stand in the line.
        words: String,
    },
    /// Who had a name before.
    Whowas(&'a str),
    /// Which program this is.
    Version,
    /// What time it is.
    Time,
    /// The message of the day.
    Motd,
    /// How many are here.
    Lusers,
    /// About some names, briefly.
    Userhost(Vec<&'a str>),
    /// Which of these names are here.
    Ison(Vec<&'a str>),
    /// Leaves.
    Quit(Option<&'a str>),
}

/// The items of a list.
pub fn targets(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter(|item| !item.is_empty())
}

impl<'a> Request<'a> {
    /// What a line of a registered client means; `None`: nothing that needs an answer. `name` is
    /// its command in capitals.
    pub(super) fn of<'n>(name: &'n str, message: &Message<'a>) -> Result<Option<Self>, Answer<'n>>
    where
        'a: 'n,
    {
        let first = message.get(0);
        let second = message.get(1);
        let needed = first.ok_or(Answer::MissingParameter(name));
        let names = || -> Result<Vec<&'a str>, Answer<'n>> {
            needed?;
            let words = message.parameters.iter();
            let names = words.flat_map(|words| words.split(' '));
            Ok(names.filter(|name| !name.is_empty()).collect())
        };
        let command = match name {
            "NICK" => Self::Nick(first.ok_or(Answer::NoNick)?),
            "JOIN" if first == Some("0") => Self::Part {
                channels: None,
                reason: None,
            },
            // Some ask with an empty name whether they are registered.
            "JOIN" if first.is_none() && !message.parameters.is_empty() => return Ok(None),
            "JOIN" => Self::Join { channels: needed? },
            "PART" => Self::Part {
                channels: Some(needed?),
                reason: second,
            },
            "PRIVMSG" => return said(name, message),
            // A notice is never answered by itself.
            "NOTICE" => return Ok(said(name, message).unwrap_or_default()),
            "NAMES" => Self::Names(first),
            // Another word asks for certain fields.
            "WHO" => Self::Who {
                mask: first,
                operators: second == Some("o"),
            },
            // With two, the first is the server that is to answer.
            "WHOIS" => Self::Whois(second.or(first).ok_or(Answer::NoNick)?),
            "TOPIC" => Self::Topic {
                channel: needed?,
                text: message.parameters.get(1).copied(),
            },
            "WHOWAS" => Self::Whowas(first.ok_or(Answer::NoNick)?),
            "LIST" => Self::List(first),
            "MODE" => Self::Mode {
                target: needed?,
                modes: second,
            },
            "AWAY" => Self::Away(first),
            // The first is the operator's name, of which there is none.
            "OPER" => Self::Oper(second.ok_or(Answer::MissingParameter(name))?),
            "KICK" => Self::Kick {
                channel: needed?,
                name: second.ok_or(Answer::MissingParameter(name))?,
                why: message.get(2),
            },
            "BAN" | "UNBAN" | "BANS" | "MUTE" | "UNMUTE" => Self::Operator {
                command: message.command,
                words: message.parameters.join(" "),
            },
            "VERSION" => Self::Version,
            "TIME" => Self::Time,
            "MOTD" => Self::Motd,
            "LUSERS" => Self::Lusers,
            "USERHOST" => Self::Userhost(names()?),
            "ISON" => Self::Ison(names()?),
            "QUIT" => Self::Quit(first),
            _ => return Err(Answer::UnknownCommand(message.command)),
        };
        Ok(Some(command))
    }
}

/// Of what clients ask one another by CTCP only an ACTION is something that is said.
fn said<'a>(name: &str, message: &Message<'a>) -> Result<Option<Request<'a>>, Answer<'static>> {
    let targets = message.get(0).ok_or(Answer::NoRecipient)?;
    let text = message.get(1).ok_or(Answer::NoText)?;
    let (kind, text) = match (text.strip_prefix('\u{1}'), name) {
        (None, "NOTICE") => (Kind::Notice, text),
        (None, _) => (Kind::Say, text),
        (Some(request), "PRIVMSG") => {
            let request = request.strip_suffix('\u{1}').unwrap_or(request);
            match request.strip_prefix("ACTION ") {
                Some(action) => (Kind::Act, action),
                None => return Ok(None),
            }
        }
        (Some(_), _) => return Ok(None),
    };
    let text = without_formatting(text);
    match text.is_empty() {
        true => Err(Answer::NoText),
        false => Ok(Some(Request::Message {
            kind,
            targets,
            text,
        })),
    }
}

/// `text` without colours, bold type and the like, which no other protocol could show.
fn without_formatting(text: &str) -> Cow<'_, str> {
    const COLOUR: char = '\u{3}';
    const HEX_COLOUR: char = '\u{4}';
    const OTHERS: &str = "\u{2}\u{f}\u{11}\u{16}\u{1d}\u{1e}\u{1f}";
    let is_format = |c: char| c == COLOUR || c == HEX_COLOUR || OTHERS.contains(c);
    if !text.contains(is_format) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_format) {
        plain.push_str(&rest[..at]);
        let format = rest[at..].chars().next();
        // Each of them is one byte.
        rest = &rest[at + 1..];
        rest = match format {
            Some(COLOUR) => without_colours(rest, 2, |c| c.is_ascii_digit()),
            Some(HEX_COLOUR) => without_colours(rest, 6, |c| c.is_ascii_hexdigit()),
            _ => rest,
        };
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// `text` without the numbers of a colour, and of the one behind it, at its beginning.
fn without_colours(text: &str, digits: usize, is_digit: impl Fn(char) -> bool) -> &str {
    let number = |text: &str| {
        text.chars()
            .take(digits)
            .take_while(|c| is_digit(*c))
            .count()
    };
    let front = number(text);
    let rest = &text[front..];
    match rest.strip_prefix(',').map(number) {
        Some(behind) if front > 0 && behind > 0 => &rest[1 + behind..],
        _ => rest,
    }
}
