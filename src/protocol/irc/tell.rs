//! What a room tells, in IRC's words.

use super::answer::Answer;
use super::event::{Event, encode_event, encode_server_notice};
use crate::protocol::event::{GAP, Said, Time};
use crate::protocol::{Event as Told, RoomEntry};

/// Appends what `to` is told: a nick, or a channel where all in it are.
#[allow(clippy::too_many_lines, reason = "a table")]
pub(in crate::protocol) fn tell(told: &Told<'_>, to: &str, has_time: bool, out: &mut Vec<u8>) {
    let channel = |room: &str| format!("#{room}");
    let time = |time_ms| has_time.then(|| Time(time_ms).to_string());
    match *told {
        Told::Said(Said {
            stamp,
            kind,
            room,
            from,
            text,
        }) => {
            let target = &channel(room);
            let message = Event::Message { kind, target, text };
            encode_event(from, message, time(stamp.time_ms).as_deref(), out);
        }
        Told::Private {
            kind,
            time_ms,
            from,
            to: target,
            text,
        } => {
            let message = Event::Message { kind, target, text };
            encode_event(from, message, time(time_ms).as_deref(), out);
        }
        Told::Notice(text) => encode_server_notice(to, text, None, out),
        // Numeric replies say it, and that it has joined.
        Told::Welcome { .. } | Told::Room { .. } => {}
        Told::Topic {
            room,
            by: None,
            text,
        } => {
            let (channel, text) = (&*channel(room), Some(text).filter(|text| !text.is_empty()));
            Answer::Topic { channel, text }.encode(to, out);
        }
        Told::Topic {
            room,
            by: Some(name),
            text,
        } => {
            let channel = &*channel(room);
            encode_event(name, Event::Topic { channel, text }, None, out);
        }
        Told::Rooms { rooms, .. } => tell_rooms(rooms, to, out),
        Told::Names { room, names, .. } => {
            let (channel, nicks) = (&*channel(room), names);
            Answer::Names { channel, nicks }.encode(to, out);
        }
        Told::Joined { room, name } => encode_event(name, Event::Join(&channel(room)), None, out),
        Told::Left {
            name,
            is_gone: true,
            why,
            ..
        } => encode_event(name, Event::Quit(why), None, out),
        Told::Left {
            room, name, why, ..
        } => {
            let (channel, reason) = (&*channel(room), why);
            encode_event(name, Event::Part { channel, reason }, None, out);
        }
        Told::Kicked {
            room,
            by,
            name,
            why: reason,
        } => {
            let channel = &*channel(room);
            let kick = Event::Kick {
                channel,
                name,
                reason,
            };
            encode_event(by, kick, None, out);
        }
        Told::You {
            was: name,
            name: to,
        }
        | Told::Renamed { name, to } => {
            encode_event(name, Event::Nick(to), None, out);
        }
        Told::Gap => encode_server_notice(to, GAP, None, out),
    }
}

fn tell_rooms(rooms: &[RoomEntry<'_>], to: &str, out: &mut Vec<u8>) {
    Answer::ListStart.encode(to, out);
    for room in rooms {
        let entry = Answer::ListEntry {
            channel: &format!("#{}", room.name),
            members: room.members,
            topic: room.topic,
        };
        entry.encode(to, out);
    }
    Answer::EndOfList.encode(to, out);
}
