//! A room's events as JSON: one object each, which a WebSocket sends as one message.

use serde::Serialize;

use super::event::{Event, Kind, RoomEntry, Said, Time, kicked};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Object<'a> {
    Say(Spoken<'a>),
    Me(Spoken<'a>),
    Private {
        from: &'a str,
        to: &'a str,
        text: &'a str,
    },
    Notice {
        text: &'a str,
    },
    You {
        name: &'a str,
    },
    Names {
        names: &'a [&'a str],
        /// How many there are, where not all are named.
        #[serde(skip_serializing_if = "Option::is_none")]
        total: Option<usize>,
    },
    Joined {
        name: &'a str,
    },
    Left {
        name: &'a str,
    },
    Renamed {
        name: &'a str,
        to: &'a str,
    },
    Room {
        name: &'a str,
    },
    Topic {
        room: &'a str,
        text: &'a str,
        /// Who has set it just now.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<&'a str>,
    },
    Rooms {
        rooms: &'a [RoomEntry<'a>],
        /// How many there are, where not all are told.
        #[serde(skip_serializing_if = "Option::is_none")]
        total: Option<usize>,
    },
    Gap,
}

#[derive(Serialize)]
struct Spoken<'a> {
    id: u64,
    time: Time,
    room: &'a str,
    from: &'a str,
    text: &'a str,
}

/// Appends the object for an event.
pub(super) fn write(event: &Event<'_>, out: &mut Vec<u8>) {
    let words;
    let object = match *event {
        Event::Said(Said {
            stamp,
            kind,
            room,
            from,
            text,
        }) => {
            let spoken = Spoken {
                id: stamp.id,
                time: Time(stamp.time_ms),
                room,
                from,
                text,
            };
            match kind {
                Kind::Say | Kind::Notice => Object::Say(spoken),
                Kind::Act => Object::Me(spoken),
            }
        }
        Event::Private {
            kind: Kind::Act,
            from,
            to,
            text,
            ..
        } => {
            words = format!("* {from} {text}");
            Object::Private {
                from,
                to,
                text: &words,
            }
        }
        Event::Private { from, to, text, .. } => Object::Private { from, to, text },
        Event::Notice(text) => Object::Notice { text },
        Event::Welcome { name, .. } | Event::You { name, .. } => Object::You { name },
        Event::Names { total, names, .. } => Object::Names {
            names,
            total: (total > names.len()).then_some(total),
        },
        Event::Joined { name, .. } => Object::Joined { name },
        Event::Left { name, .. } => Object::Left { name },
        Event::Kicked { by, name, why, .. } => {
            words = format!("{by} {}", kicked(name, why));
            Object::Notice { text: &words }
        }
        Event::Renamed { name, to } => Object::Renamed { name, to },
        Event::Room { name, .. } => Object::Room { name },
        Event::Topic { room, by, text } => Object::Topic {
            room,
            text,
            from: by,
        },
        Event::Rooms { total, rooms } => Object::Rooms {
            rooms,
            total: (total > rooms.len()).then_some(total),
        },
        Event::Gap => Object::Gap,
    };
    let written = serde_json::to_writer(out, &object);
    debug_assert!(written.is_ok(), "there are only texts and numbers in it");
}

#[cfg(test)]
mod tests {
    use super::super::event::Stamp;
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn events_are_objects_as_the_contract_has_them() {
        let (room, from, text, name, to) = ("lobby", "ann", "say \"hi\"\t\\", "ann", "eve");
        let names = &["ann", "eve"];
        let said = |kind| {
            Event::Said(Said {
                stamp: Stamp {
                    id: 1_795_693_984_123_456,
                    time_ms: 1_795_693_984_123,
                },
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
            text: "psst",
        };
        let topic = |by| Event::Topic {
            room,
            by,
            text: "tea",
        };
        let rooms = &[RoomEntry {
            name: room,
            members: 2,
            topic: "tea",
        }];
        let spoken = r#""id":1795693984123456,"time":"2026-11-26T11:53:04.123Z","room":"lobby","from":"ann","text":"say \"hi\"\t\\"}"#;
        let say = format!(r#"{{"type":"say",{spoken}"#);
        for (event, expected) in [
            (said(Kind::Say), say.as_str()),
            (said(Kind::Notice), &say),
            (said(Kind::Act), &format!(r#"{{"type":"me",{spoken}"#)),
            (
                private(Kind::Say),
                r#"{"type":"private","from":"ann","to":"eve","text":"psst"}"#,
            ),
            (
                private(Kind::Act),
                r#"{"type":"private","from":"ann","to":"eve","text":"* ann psst"}"#,
            ),
            (Event::Notice("full"), r#"{"type":"notice","text":"full"}"#),
            (
                Event::Welcome { name, others: 3 },
                r#"{"type":"you","name":"ann"}"#,
            ),
            (
                Event::You { was: "bob", name },
                r#"{"type":"you","name":"ann"}"#,
            ),
            (
                Event::Names {
                    room,
                    total: 2,
                    names,
                },
                r#"{"type":"names","names":["ann","eve"]}"#,
            ),
            (
                Event::Names {
                    room,
                    total: 7,
                    names,
                },
                r#"{"type":"names","names":["ann","eve"],"total":7}"#,
            ),
            (
                Event::Joined { room, name },
                r#"{"type":"joined","name":"ann"}"#,
            ),
            (
                Event::Left {
                    room,
                    name,
                    is_gone: true,
                    why: "",
                },
                r#"{"type":"left","name":"ann"}"#,
            ),
            (
                Event::Kicked {
                    room,
                    by: from,
                    name: to,
                    why: "be nice",
                },
                r#"{"type":"notice","text":"ann kicked eve: be nice"}"#,
            ),
            (
                Event::Renamed { name, to },
                r#"{"type":"renamed","name":"ann","to":"eve"}"#,
            ),
            (
                Event::Room {
                    name: room,
                    others: 2,
                },
                r#"{"type":"room","name":"lobby"}"#,
            ),
            (
                topic(None),
                r#"{"type":"topic","room":"lobby","text":"tea"}"#,
            ),
            (
                topic(Some(from)),
                r#"{"type":"topic","room":"lobby","text":"tea","from":"ann"}"#,
            ),
            (
                Event::Rooms { total: 1, rooms },
                r#"{"type":"rooms","rooms":[{"name":"lobby","members":2,"topic":"tea"}]}"#,
            ),
            (
                Event::Rooms { total: 3, rooms },
                r#"{"type":"rooms","rooms":[{"name":"lobby","members":2,"topic":"tea"}],"total":3}"#,
            ),
            (Event::Gap, r#"{"type":"gap"}"#),
        ] {
            let mut out = Vec::new();
            write(&event, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }
}
