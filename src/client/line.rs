//! What a room's line says, read as the server writes it. Text only.
//!
//! What members say never looks like what the server says itself, and none of it is taken for a fact
//! unless it is written exactly so: other servers begin lines with `* ` too.

use unicode_normalization::char::is_combining_mark;

/// A line, by who speaks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A member, to all; an action too.
    Said { from: &'a str, text: &'a str },
    /// A member, to the reader alone.
    Private,
    /// The server.
    Notice(Notice<'a>),
    /// Who knows.
    Other,
}

/// What the server tells of itself, of the room and of those in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notice<'a> {
    /// The whole greeting: none but a chinwag room writes it.
    Welcome {
        name: &'a str,
        others: usize,
    },
    /// What the reader is called.
    You(&'a str),
    /// The reader has come to another room.
    Entered {
        room: &'a str,
        others: usize,
    },
    /// Who is here: of so many these, by their names, after commas.
    Names {
        total: usize,
        names: &'a str,
    },
    Joined(&'a str),
    Left(&'a str),
    Renamed {
        name: &'a str,
        to: &'a str,
    },
    /// Some have come, left or been renamed, and so many are here now.
    Summed {
        here: usize,
    },
    /// A line of `/help`, by the command that it is about.
    Help(&'a str),
    /// The room has a password.
    NeedsPassword,
    /// The room is full.
    Full,
    Other,
}

const NEEDS_PASSWORD: &str = "this room has a password: /pass PASSWORD";
const GREETING_END: &str = "; /help lists the commands";

/// The longest name of a member or a room, in bytes, inclusive.
const NAME_MAX_BYTES: usize = 32;

impl<'a> Line<'a> {
    pub(super) fn parse(line: &'a str) -> Self {
        if let Some(action) = line.strip_prefix("** ") {
            let (from, text) = action.split_once(' ').unwrap_or((action, ""));
            Self::Said { from, text }
        } else if let Some(notice) = line.strip_prefix("* ") {
            Self::Notice(Notice::parse(notice))
        } else if line.starts_with('[') {
            Self::Private
        } else {
            let said = line.split_once(": ");
            said.map_or(Self::Other, |(from, text)| Self::Said { from, text })
        }
    }
}

impl<'a> Notice<'a> {
    fn parse(notice: &'a str) -> Self {
        let known = match notice {
            NEEDS_PASSWORD => Some(Self::NeedsPassword),
            _ if notice.starts_with('/') => help(notice),
            _ => you(notice)
                .or_else(|| names(notice))
                .or_else(|| full(notice))
                .or_else(|| summed(notice))
                .or_else(|| member(notice)),
        };
        known.unwrap_or(Self::Other)
    }
}

/// `/nick NAME      take another name`: at least two spaces stand between the two.
fn help(notice: &str) -> Option<Notice<'_>> {
    let (usage, _) = notice.split_once("  ")?;
    usage.split(' ').next().map(Notice::Help)
}

/// `you are …`: how the reader is called, or where it is.
fn you(notice: &str) -> Option<Notice<'_>> {
    let told = notice.strip_prefix("you are ")?;
    if let Some(name) = told.strip_prefix("now ") {
        return is_name(name).then_some(Notice::You(name));
    }
    let (what, others) = told.split_once("; others here: ")?;
    let (others, is_whole) = match others.strip_suffix(GREETING_END) {
        Some(others) => (others, true),
        None => (others, false),
    };
    let others = count(others)?;
    match what.strip_prefix("in ") {
        Some(room) if is_name(room) && !is_whole => Some(Notice::Entered { room, others }),
        _ if !is_name(what) => None,
        _ if is_whole => Some(Notice::Welcome { name: what, others }),
        _ => Some(Notice::You(what)),
    }
}

/// `7 here: ann, eve and 5 more`.
fn names(notice: &str) -> Option<Notice<'_>> {
    let (total, names) = notice.split_once(" here: ")?;
    let total = count(total)?;
    let some = names.strip_suffix(" more").and_then(|names| {
        let (some, more) = names.rsplit_once(" and ")?;
        count(more).map(|_| some)
    });
    let names = some.unwrap_or(names);
    let is_list = names.split(", ").all(is_name);
    is_list.then_some(Notice::Names { total, names })
}

/// `full: 100 are here; try again later`.
fn full(notice: &str) -> Option<Notice<'_>> {
    let here = notice.strip_prefix("full: ")?;
    let here = here.strip_suffix(" are here; try again later")?;
    count(here).map(|_| Notice::Full)
}

/// `12 joined, 3 left, 1 took another nick; 60 are here`.
fn summed(notice: &str) -> Option<Notice<'_>> {
    let (changes, here) = notice.split_once("; ")?;
    let here = count(here.strip_suffix(" are here")?)?;
    let is_change = |change: &str| {
        let change = change.split_once(' ');
        change.is_some_and(|(many, what)| {
            count(many).is_some() && matches!(what, "joined" | "left" | "took another nick")
        })
    };
    let is_sum = changes.split(", ").all(is_change);
    is_sum.then_some(Notice::Summed { here })
}

/// `ann joined`, `ann left` or `ann is now eve`.
fn member(notice: &str) -> Option<Notice<'_>> {
    let (name, what) = notice.split_once(' ').filter(|(name, _)| is_name(name))?;
    match what {
        "joined" => Some(Notice::Joined(name)),
        "left" => Some(Notice::Left(name)),
        _ => {
            let to = what.strip_prefix("is now ").filter(|to| is_name(to))?;
            Some(Notice::Renamed { name, to })
        }
    }
}

/// Not all that `parse` takes: a server writes no sign.
fn count(digits: &str) -> Option<usize> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

/// Whether a member or a room may be called so; what that lets through drives no terminal.
pub(super) fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || is_combining_mark(c);
    (1..=NAME_MAX_BYTES).contains(&name.len()) && name.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Encoding, Event, encode};

    /// The line for an event, as the server writes it.
    fn line(event: &Event<'_>) -> String {
        let mut bytes = Vec::new();
        encode(Encoding::Lines, event, "ann", &mut bytes);
        String::from_utf8(bytes).unwrap().trim_end().to_owned()
    }

    #[test]
    fn what_a_room_tells_is_understood() {
        let (room, name, to) = ("lobby", "ann", "李雷");
        let names = &["ann", "李雷"];
        let listed = |total| Event::Names { room, total, names };
        for (event, expected) in [
            (
                Event::Welcome { name, others: 3 },
                Notice::Welcome { name, others: 3 },
            ),
            (Event::You { was: "bob", name }, Notice::You(name)),
            (
                Event::Room {
                    name: room,
                    others: 2,
                },
                Notice::Entered { room, others: 2 },
            ),
            (
                listed(2),
                Notice::Names {
                    total: 2,
                    names: "ann, 李雷",
                },
            ),
            (
                listed(7),
                Notice::Names {
                    total: 7,
                    names: "ann, 李雷",
                },
            ),
            (Event::Joined { room, name }, Notice::Joined(name)),
            (
                Event::Left {
                    room,
                    name,
                    is_gone: true,
                    why: "",
                },
                Notice::Left(name),
            ),
            (Event::Renamed { name, to }, Notice::Renamed { name, to }),
            (
                Event::Notice("12 joined, 3 left, 1 took another nick; 60 are here"),
                Notice::Summed { here: 60 },
            ),
            (
                Event::Notice("1 left; 50 are here"),
                Notice::Summed { here: 50 },
            ),
            (Event::Notice(NEEDS_PASSWORD), Notice::NeedsPassword),
            (
                Event::Notice("full: 9 are here; try again later"),
                Notice::Full,
            ),
            (
                Event::Notice("/msg NAME TEXT  tell one member alone, in whatever room"),
                Notice::Help("/msg"),
            ),
            (
                Event::Notice("//TEXT          say /TEXT"),
                Notice::Help("//TEXT"),
            ),
        ] {
            assert_eq!(Line::parse(&line(&event)), Line::Notice(expected));
        }
    }

    #[test]
    fn what_only_looks_like_it_is_nothing() {
        for notice in [
            "you are ",
            "you are in",
            "you are marked as away",
            "you are in games already",
            "you are in games; others here: 2; /help lists the commands",
            "you are ann; others here: ",
            "you are ann; others here: 1; /help lists the commands.",
            "you are now a\u{200B}b",
            "you are now \u{1b}[2J",
            "topic: bob joined",
            "ann set the topic: bob joined",
            "bob joined the army",
            "bob is now ",
            "topic: 1 joined; 9 are here",
            "1 joined; -9 are here",
            "99999999999999999999999 here: ann",
            "2 here: ann; eve",
            "2 here: ",
            "lobby: 2 here",
            "/help is your friend",
            &format!("{} joined", "x".repeat(33)),
        ] {
            let parsed = Notice::parse(notice);
            assert_eq!(parsed, Notice::Other, "{notice}");
        }
    }

    #[test]
    fn who_speaks_is_told() {
        let said = |from, text| Line::Said { from, text };
        assert_eq!(Line::parse("ann: * bob left"), said("ann", "* bob left"));
        assert_eq!(Line::parse("** ann bob left"), said("ann", "bob left"));
        assert_eq!(Line::parse("** ann"), said("ann", ""));
        assert_eq!(Line::parse("[ann] hi: all"), Line::Private);
        assert_eq!(Line::parse("*ann: hi"), said("*ann", "hi"));
        assert_eq!(Line::parse("thank you !"), Line::Other);
        assert_eq!(Line::parse(""), Line::Other);
    }
}
