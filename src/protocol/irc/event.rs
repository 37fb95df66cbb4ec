//! What happens in a room, as IRC's clients are told of it.

use super::{HOST, Kind, MAX_BODY_BYTES, SERVER};
use crate::protocol::beginning;

const ACTION: (&str, &str) = ("\u{1}ACTION ", "\u{1}");

/// What a message may have at least, whatever names stand before it.
const MIN_TEXT_BYTES: usize = 64;

/// What happens.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// Something is said in a channel, or to one member.
    Message {
        /// How.
        kind: Kind,
        /// The channel, with its `#`, or the member's nick.
        target: &'a str,
        /// Without control characters.
        text: &'a str,
    },
    /// Enters a channel.
    Join(&'a str),
    /// Leaves a channel.
    Part {
        /// The channel, with its `#`.
        channel: &'a str,
        /// Why; may be empty.
        reason: &'a str,
    },
    /// Has another nick.
    Nick(&'a str),
    /// Is gone, and why.
    Quit(&'a str),
    /// Sees that a member goes.
    Kick {
        /// From where.
        channel: &'a str,
        /// Which.
        name: &'a str,
        /// Why; may be empty.
        reason: &'a str,
    },
    /// Gives a channel a topic.
    Topic {
        /// The channel, with its `#`.
        channel: &'a str,
        /// The topic; may be empty.
        text: &'a str,
    },
}

/// Appends what the member `nick` does: a line, or as many as a long text needs. With the time,
/// RFC 3339 in UTC, for clients that asked for `server-time`.
pub fn encode_event(nick: &str, event: Event<'_>, time: Option<&str>, out: &mut Vec<u8>) {
    encode(&format!("{nick}!{nick}@{HOST}"), event, time, out);
}

/// Appends what the server itself says to `target`, a channel or a nick.
pub fn encode_server_notice(target: &str, text: &str, time: Option<&str>, out: &mut Vec<u8>) {
    let kind = Kind::Notice;
    encode(SERVER, Event::Message { kind, target, text }, time, out);
}

fn encode(source: &str, event: Event<'_>, time: Option<&str>, out: &mut Vec<u8>) {
    let tag = time.map_or_else(String::new, |time| format!("@time={time} "));
    let mut line = |head: &str, text: &str, end: &str| {
        for part in [&tag, ":", source, " ", head, text, end, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    };
    // What is left for a text after `:source HEAD`.
    let room = |head: &str, around: usize| {
        let taken = ":".len() + source.len() + " ".len() + head.len() + around;
        MAX_BODY_BYTES.saturating_sub(taken).max(MIN_TEXT_BYTES)
    };
    let mut cut_line = |head: &str, text: &str| line(head, beginning(text, room(head, 0)), "");
    match event {
        Event::Join(channel) => line("JOIN ", channel, ""),
        Event::Nick(new) => line("NICK :", new, ""),
        Event::Part {
            channel,
            reason: "",
        } => line("PART ", channel, ""),
        Event::Part { channel, reason } => cut_line(&format!("PART {channel} :"), reason),
        Event::Quit(reason) => cut_line("QUIT :", reason),
        Event::Kick {
            channel,
            name,
            reason: "",
        } => line(&format!("KICK {channel} "), name, ""),
        Event::Kick {
            channel,
            name,
            reason,
        } => cut_line(&format!("KICK {channel} {name} :"), reason),
        Event::Topic { channel, text } => cut_line(&format!("TOPIC {channel} :"), text),
        Event::Message { kind, target, text } => {
            let (name, (before, after)) = match kind {
                Kind::Say => ("PRIVMSG", ("", "")),
                Kind::Act => ("PRIVMSG", ACTION),
                Kind::Notice => ("NOTICE", ("", "")),
            };
            let head = format!("{name} {target} :{before}");
            for piece in pieces(text, room(&head, after.len())) {
                line(&head, piece, after);
            }
        }
    }
}

/// `text` in pieces of at most so many bytes, cut between characters; an empty one is one piece.
fn pieces(text: &str, max_bytes: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let piece = beginning(text, max_bytes);
        rest = Some(&text[piece.len()..]).filter(|rest| !rest.is_empty());
        Some(piece)
    })
}
