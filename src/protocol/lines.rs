//! A room's events as lines, for who reads them as they are.

use std::fmt::Write as _;

use super::Event;
use super::event::{GAP, Kind, RoomEntry, Said, kicked};

/// A line in parts, to be sent one after another; it ends with the only newline in it, but for a list
/// of rooms.
pub(super) type Parts<'a> = [&'a [u8]; 5];

/// Of nothing.
pub(super) const NOTHING: Parts<'static> = [b""; 5];

/// The line for an event. Only the server's own begin with `* `: a nick has no `*` and no `[`, and
/// an action begins with two of them. `scratch` holds what has to be put together; what is said
/// goes from where it stands into the log.
pub(super) fn parts<'a>(event: &Event<'a>, scratch: &'a mut String) -> Parts<'a> {
    let parts = match *event {
        Event::Said(Said {
            kind: Kind::Act,
            from,
            text,
            ..
        }) => ["** ", from, " ", text, "\n"],
        Event::Said(Said { from, text, .. }) => [from, ": ", text, "\n", ""],
        Event::Private {
            kind: Kind::Act,
            from,
            text,
            ..
        } => {
            let _ = write!(scratch, "{from} {text}");
            ["[", from, "] * ", scratch, "\n"]
        }
        Event::Private { from, text, .. } => ["[", from, "] ", text, "\n"],
        Event::Notice(text) => ["* ", text, "\n", "", ""],
        Event::Welcome { name, others } => {
            let _ = writeln!(scratch, "{others}; /help lists the commands");
            ["* you are ", name, "; others here: ", scratch, ""]
        }
        Event::You { name, .. } => ["* you are now ", name, "\n", "", ""],
        Event::Names { total, names, .. } => {
            let _ = write!(scratch, "{total} here: {}", names.join(", "));
            if total > names.len() {
                let _ = write!(scratch, " and {} more", total - names.len());
            }
            ["* ", scratch, "\n", "", ""]
        }
        Event::Joined { name, .. } => ["* ", name, " joined\n", "", ""],
        Event::Left { name, .. } => ["* ", name, " left\n", "", ""],
        Event::Kicked { by, name, why, .. } => {
            scratch.push_str(&kicked(name, why));
            ["* ", by, " ", scratch, "\n"]
        }
        Event::Renamed { name, to } => ["* ", name, " is now ", to, "\n"],
        Event::Room { name, others } => {
            let _ = writeln!(scratch, "{others}");
            ["* you are in ", name, "; others here: ", scratch, ""]
        }
        Event::Topic { by: None, text, .. } => match text {
            "" => ["* no topic is set\n", "", "", "", ""],
            text => ["* topic: ", text, "\n", "", ""],
        },
        Event::Topic {
            by: Some(name),
            text,
            ..
        } => match text {
            "" => ["* ", name, " took the topic away\n", "", ""],
            text => ["* ", name, " set the topic: ", text, "\n"],
        },
        Event::Rooms { total, rooms } => {
            write_rooms(total, rooms, scratch);
            [scratch, "", "", "", ""]
        }
        Event::Gap => ["* ", GAP, "\n", "", ""],
    };
    parts.map(str::as_bytes)
}

/// A line for each room.
fn write_rooms(total: usize, rooms: &[RoomEntry<'_>], out: &mut String) {
    for room in rooms {
        let RoomEntry { name, members, .. } = room;
        let _ = match room.topic {
            "" => writeln!(out, "* {name}: {members} here"),
            topic => writeln!(out, "* {name}: {members} here; topic: {topic}"),
        };
    }
    if total > rooms.len() {
        let _ = writeln!(out, "* and {} more rooms", total - rooms.len());
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Stamp;
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn each_event_is_one_line_and_tells_who_speaks() {
        let (room, from, text, name, to) = ("lobby", "ann", "* you are now eve", "ann", "eve");
        let names = &["ann", "eve"];
        let said = |kind| {
            let stamp = Stamp { id: 1, time_ms: 2 };
            Event::Said(Said {
                stamp,
                kind,
                room,
                from,
                text,
            })
        };
        let private = |kind| Event::Private {
            kind,
            time_ms: 2,
            from,
            to,
            text,
        };
        let left = |is_gone| Event::Left {
            room,
            name,
            is_gone,
            why: "bye",
        };
        let topic = |by, text| Event::Topic { room, by, text };
        let entry = |name, members, topic| RoomEntry {
            name,
            members,
            topic,
        };
        let rooms = &[entry(room, 2, ""), entry("games", 1, "tea")];
        for (event, line) in [
            (said(Kind::Say), "ann: * you are now eve\n"),
            (said(Kind::Notice), "ann: * you are now eve\n"),
            (said(Kind::Act), "** ann * you are now eve\n"),
            (private(Kind::Say), "[ann] * you are now eve\n"),
            (private(Kind::Act), "[ann] * ann * you are now eve\n"),
            (Event::Notice("usage: /nick NAME"), "* usage: /nick NAME\n"),
            (
                Event::Welcome { name, others: 3 },
                "* you are ann; others here: 3; /help lists the commands\n",
            ),
            (Event::You { was: "bob", name }, "* you are now ann\n"),
            (
                Event::Names {
                    room,
                    total: 2,
                    names,
                },
                "* 2 here: ann, eve\n",
            ),
            (
                Event::Names {
                    room,
                    total: 7,
                    names,
                },
                "* 7 here: ann, eve and 5 more\n",
            ),
            (Event::Joined { room, name }, "* ann joined\n"),
            (left(true), "* ann left\n"),
            (left(false), "* ann left\n"),
            (Event::Renamed { name, to }, "* ann is now eve\n"),
            (
                Event::Room {
                    name: room,
                    others: 2,
                },
                "* you are in lobby; others here: 2\n",
            ),
            (topic(None, "tea"), "* topic: tea\n"),
            (topic(None, ""), "* no topic is set\n"),
            (topic(Some(name), "tea"), "* ann set the topic: tea\n"),
            (topic(Some(name), ""), "* ann took the topic away\n"),
            (
                Event::Rooms { total: 4, rooms },
                "* lobby: 2 here\n* games: 1 here; topic: tea\n* and 2 more rooms\n",
            ),
            (Event::Gap, "* some of what was said is no longer kept\n"),
        ] {
            let mut scratch = String::new();
            let encoded = parts(&event, &mut scratch).concat();
            assert_eq!(String::from_utf8_lossy(&encoded), line);
            let is_of_a_member = matches!(event, Event::Said(_) | Event::Private { .. });
            assert_eq!(line.starts_with("* "), !is_of_a_member);
        }
    }
}
