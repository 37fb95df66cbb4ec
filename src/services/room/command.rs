//! What members ask for, and what a line means. Text in, meaning out; knows no members.

use super::order::OperatorCommand;
use crate::protocol::Kind;
use crate::sanitize::skip_invisible;

/// What a member asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    /// An empty line.
    Nothing,
    /// Something for everybody.
    Say(Kind, &'a str),
    Nick(&'a str),
    Who,
    PrivateMessage {
        kind: Kind,
        to: &'a str,
        text: &'a str,
    },
    Help,
    /// An operator's password.
    Op(&'a str),
    /// What operators alone may do.
    Operator(OperatorCommand<'a>),
    /// The room's password.
    Pass(&'a str),
    /// Moves to another room, or begins to hear one: only who speaks IRC hears none.
    Join {
        name: &'a str,
        /// It has been there before, and knows all up to the message of this id.
        since: Option<u64>,
    },
    /// Leaves a room for none, and why.
    Part(&'a str),
    /// Which rooms there are.
    Rooms,
    /// What its room is about, or is to be about: nothing, if that is empty.
    Topic(Option<&'a str>),
    /// Is away, and why; if that is empty, is back.
    Away(&'a str),
    /// Hears no more of somebody, or does again; if that is empty, of whom.
    Ignore(&'a str),
    /// Leaves, and why.
    Quit(&'a str),
    /// A command that lacks what it needs, with its usage.
    Incomplete(&'static str),
    /// No command has this name.
    Unknown(&'a str),
}

const HELP: &[&str] = &[
    "/nick NAME      take another name: letters, digits, _ and -, at most 32 bytes",
    "/who            who is here",
    "/msg NAME TEXT  tell one member alone, in whatever room",
    "/me TEXT        say what you do",
    "/join NAME      move to another room; it is made if there is none",
    "/rooms          which rooms there are",
    "/topic [TEXT]   what this room is about, or is to be about; - for nothing",
    "/away [TEXT]    tell who writes to you alone why you are away; without TEXT: be back",
    "/ignore [NAME]  hear no more of NAME, or do again; without NAME: of whom you hear nothing",
    "/help           this list",
    "/quit           leave",
    "//TEXT          say /TEXT",
];

const OPERATORS_HELP: &[&str] = &[
    "/op PASSWORD    become an operator; only operators may do the rest",
    "/kick NAME [WHY]            end somebody's connection",
    "/ban NAME|ADDR[/64] [TIME]  keep somebody out, for 30s, 10m, 2h or for good",
    "/unban NAME|ADDR[/64]       let in again",
    "/bans                       who is kept out",
    "/mute NAME [TIME]           relay nothing that somebody says",
    "/unmute NAME                let speak again",
];

/// What the commands are, a line each; those of operators too, if there may be any.
pub(super) fn help(has_operators: bool) -> impl Iterator<Item = &'static str> {
    let more = OPERATORS_HELP.iter().filter(move |_| has_operators);
    HELP.iter().chain(more).copied()
}

/// A command begins with `/`, whatever stands before it that shows nothing, and is in whatever case. White space shows, so a
/// line that begins with it is text: a space is how one says `/who` (`//` is another), and U+00A0 or
/// U+3000 is a space to whoever sees it.
pub(super) fn parse(line: &str) -> Command<'_> {
    let Some(command) = skip_invisible(line).strip_prefix('/') else {
        return match line.is_empty() {
            true => Command::Nothing,
            false => Command::Say(Kind::Say, line),
        };
    };
    if command.starts_with('/') {
        return Command::Say(Kind::Say, command);
    }
    let (name, rest) = split_word(command);
    let lower = name.to_ascii_lowercase();
    match (&*lower, rest) {
        ("nick", "") => Command::Incomplete("/nick NAME"),
        ("nick", name) => Command::Nick(name.trim_end()),
        ("who", _) => Command::Who,
        ("me", "") => Command::Incomplete("/me TEXT"),
        ("me", action) => Command::Say(Kind::Act, action),
        ("msg", rest) => match split_word(rest) {
            (_, "") => Command::Incomplete("/msg NAME TEXT"),
            (to, text) => Command::PrivateMessage {
                kind: Kind::Say,
                to,
                text,
            },
        },
        ("join", "") => Command::Incomplete("/join NAME"),
        ("join", rest) => join(rest.trim_end()),
        ("rooms", _) => Command::Rooms,
        ("topic", "") => Command::Topic(None),
        ("topic", "-") => Command::Topic(Some("")),
        ("topic", text) => Command::Topic(Some(text)),
        ("away", why) => Command::Away(why),
        ("ignore", name) => Command::Ignore(name.trim_end()),
        ("op", "") => Command::Incomplete("/op PASSWORD"),
        ("op", password) => Command::Op(password),
        ("kick" | "ban" | "unban" | "bans" | "mute" | "unmute", rest) => operator(&lower, rest),
        ("help", _) => Command::Help,
        ("pass", "") => Command::Incomplete("/pass PASSWORD"),
        ("pass", password) => Command::Pass(password),
        ("quit", why) => Command::Quit(why),
        _ => Command::Unknown(name),
    }
}

/// What only an operator may do, by the name of its command, without `/`.
pub(super) fn operator<'a>(command: &str, rest: &'a str) -> Command<'a> {
    let (name, rest) = split_word(rest);
    let usage = match command {
        "kick" => "/kick NAME [WHY]",
        "ban" => "/ban NAME|ADDR[/64] [TIME]",
        "unban" => "/unban NAME|ADDR[/64]",
        "mute" => "/mute NAME [TIME]",
        "unmute" => "/unmute NAME",
        _ => return Command::Operator(OperatorCommand::Bans),
    };
    let (whom, time) = (name, rest.trim_end());
    Command::Operator(match command {
        _ if name.is_empty() => return Command::Incomplete(usage),
        "kick" => OperatorCommand::Kick { name, why: rest },
        "ban" => OperatorCommand::Ban { whom, time },
        "unban" => OperatorCommand::Unban(whom),
        "mute" => OperatorCommand::Mute { name, time },
        _ => OperatorCommand::Unmute(name),
    })
}

/// A room, and perhaps the id of what was heard of it last: for programs.
fn join(rest: &str) -> Command<'_> {
    let (name, id) = split_word(rest);
    match id.parse() {
        Ok(id) => Command::Join {
            name,
            since: Some(id),
        },
        Err(_) => Command::Join {
            name: rest,
            since: None,
        },
    }
}

/// The first word and what follows the white space after it.
fn split_word(text: &str) -> (&str, &str) {
    match text.split_once([' ', '\t']) {
        Some((word, rest)) => (word, rest.trim_start_matches([' ', '\t'])),
        None => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_means_one_thing() {
        let say = |text| Command::Say(Kind::Say, text);
        let msg = |to, text| Command::PrivateMessage {
            kind: Kind::Say,
            to,
            text,
        };
        let join = |name, since| Command::Join { name, since };
        for (line, expected) in [
            ("/join", Command::Incomplete("/join NAME")),
            ("/join games ", join("games", None)),
            ("/join  #games 12", join("#games", Some(12))),
            ("/join a b", join("a b", None)),
            ("/rooms", Command::Rooms),
            ("/topic ", Command::Topic(None)),
            ("/topic -", Command::Topic(Some(""))),
            ("/topic  tea - time", Command::Topic(Some("tea - time"))),
            ("/away", Command::Away("")),
            ("/away at lunch", Command::Away("at lunch")),
            ("/ignore bob ", Command::Ignore("bob")),
            ("", Command::Nothing),
            ("hi /nick", say("hi /nick")),
            (" /who", say(" /who")),
            ("//nick x", say("/nick x")),
            ("///", say("//")),
            ("/nick ann", Command::Nick("ann")),
            ("/nick  ann ", Command::Nick("ann")),
            ("/nick ann b", Command::Nick("ann b")),
            ("/nick", Command::Incomplete("/nick NAME")),
            ("/who", Command::Who),
            ("/whom", Command::Unknown("whom")),
            ("/me waves  twice", Command::Say(Kind::Act, "waves  twice")),
            ("/me ", Command::Incomplete("/me TEXT")),
            ("/msg bob hi there", msg("bob", "hi there")),
            ("/msg  bob\thi", msg("bob", "hi")),
            ("/msg bob", Command::Incomplete("/msg NAME TEXT")),
            ("/msg", Command::Incomplete("/msg NAME TEXT")),
            ("/help", Command::Help),
            ("/quit", Command::Quit("")),
            ("/quit for now", Command::Quit("for now")),
            ("/pass", Command::Incomplete("/pass PASSWORD")),
            ("/pass open sesame", Command::Pass("open sesame")),
            ("/", Command::Unknown("")),
            ("\u{FEFF}/msg bob hi", msg("bob", "hi")),
            ("\u{FEFF}\u{200B}\u{2060}/who", Command::Who),
            ("\u{200F}\u{AD}\u{FE0F}\u{FFFD}//nick", say("/nick")),
            ("\u{200B}hi", say("\u{200B}hi")),
            ("\u{200B}", say("\u{200B}")),
            ("\u{200B} /who", say("\u{200B} /who")),
            ("\t/who", say("\t/who")),
            ("\u{A0}/who", say("\u{A0}/who")),
            ("\u{3000}/who", say("\u{3000}/who")),
            ("/NICK x", Command::Nick("x")),
            ("/Pass Open", Command::Pass("Open")),
            ("/NICKS x", Command::Unknown("NICKS")),
        ] {
            assert_eq!(parse(line), expected, "{line:?}");
        }
    }

    #[test]
    fn what_operators_may_do_means_one_thing() {
        for (line, expected) in [
            ("/op", Command::Incomplete("/op PASSWORD")),
            ("/op open sesame", Command::Op("open sesame")),
            ("/kick", Command::Incomplete("/kick NAME [WHY]")),
            (
                "/kick bob be nice",
                Command::Operator(OperatorCommand::Kick {
                    name: "bob",
                    why: "be nice",
                }),
            ),
            (
                "/ban 10.0.0.1 2h ",
                Command::Operator(OperatorCommand::Ban {
                    whom: "10.0.0.1",
                    time: "2h",
                }),
            ),
            (
                "/unban bob",
                Command::Operator(OperatorCommand::Unban("bob")),
            ),
            (
                "/UNBAN Bob",
                Command::Operator(OperatorCommand::Unban("Bob")),
            ),
            ("/bans", Command::Operator(OperatorCommand::Bans)),
            (
                "/mute bob",
                Command::Operator(OperatorCommand::Mute {
                    name: "bob",
                    time: "",
                }),
            ),
            (
                "/unmute bob",
                Command::Operator(OperatorCommand::Unmute("bob")),
            ),
        ] {
            assert_eq!(parse(line), expected, "{line:?}");
        }
    }
}
