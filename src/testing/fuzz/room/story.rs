//! What was said in the room, written down between the engine and the room, and the judgement
//! of what each member got.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use super::net::Wire;
use crate::addr::Peer;
use crate::outbound::{ClientId, Fanout};
use crate::sanitize::{sanitize, skip_invisible};
use crate::service::{Disconnect, Service};
use crate::services::room::Room;
use crate::testing::fuzz::is_harmful;
use crate::wire::{Framing, Message};

/// What one client may be owed beyond its bound: one answer, and what is replayed.
const ONE_ANSWER_BYTES: usize = 2048;

pub(super) struct Story {
    /// The conversation: who said what.
    lines: Vec<(ClientId, String)>,
    members: Vec<Member>,
    max_pending_bytes: usize,
}

struct Member {
    client: ClientId,
    token: usize,
    /// How many lines there were when it came, and when it left.
    came: usize,
    left: Option<usize>,
    why: Option<Disconnect>,
}

impl Story {
    pub(super) fn new(max_pending_bytes: usize) -> Self {
        Self {
            lines: Vec::new(),
            members: Vec::new(),
            max_pending_bytes,
        }
    }

    /// Nobody is owed anything new from here on.
    pub(super) fn stop(&mut self) {
        let lines = self.lines.len();
        for member in &mut self.members {
            member.left.get_or_insert(lines);
        }
    }

    fn leave(&mut self, client: ClientId) {
        let lines = self.lines.len();
        if let Some(member) = self.member(client) {
            member.left.get_or_insert(lines);
        }
    }

    fn member(&mut self, client: ClientId) -> Option<&mut Member> {
        self.members
            .iter_mut()
            .find(|member| member.client == client)
    }

    /// Checks what the client behind `wire` got.
    pub(super) fn judge(&self, token: usize, wire: &Wire, history_lines: usize) {
        let Some(member) = self.members.iter().find(|member| member.token == token) else {
            let refusal = "* full: 6 are here; try again later\n";
            assert!(refusal.as_bytes().starts_with(&wire.got), "{:?}", wire.got);
            return;
        };
        let got = without_refusals(&wire.got);
        let lines = whole_lines(&got);
        for line in &lines {
            assert!(!is_harmful(line), "{line:?}");
        }
        let said: Vec<&str> = lines.iter().filter_map(|line| text_of(line)).collect();
        let until = member.left.unwrap_or(self.lines.len());
        let heard = &self.lines[member.came..until];
        let owed: Vec<&str> = (heard.iter())
            .filter(|(from, _)| *from != member.client)
            .map(|(_, text)| text.as_str())
            .collect();
        let before = &self.lines[..member.came];
        let fits = |replayed: usize| {
            let history = before[before.len() - replayed..].iter();
            let all = history
                .map(|(_, text)| text.as_str())
                .chain(owed.iter().copied());
            if member.got_all(wire) {
                all.eq(said.iter().copied())
            } else {
                all.take(said.len()).eq(said.iter().copied())
            }
        };
        let most = history_lines.min(before.len());
        assert!(
            (0..=most).any(fits),
            "{:?} got {said:?}, and was owed {owed:?} after some of {before:?}",
            member.client
        );
        assert!(!member.got_all(wire) || got.last().is_none_or(|byte| *byte == b'\n'));
        assert!(member.why.is_none_or(|why| why != Disconnect::Panicked));
    }
}

impl Member {
    /// Whether it must have got everything: it is here, or has ended in good order.
    fn got_all(&self, wire: &Wire) -> bool {
        let in_order = wire.is_shut || self.why == Some(Disconnect::Eof);
        in_order || (self.why.is_none() && !wire.is_closed && !wire.broken)
    }
}

/// Without what telnet is refused, which no text of the room can be taken for.
fn without_refusals(mut got: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    while let Some(at) = got.iter().position(|byte| *byte == 0xff) {
        text.extend_from_slice(&got[..at]);
        got = &got[got.len().min(at + 3)..];
    }
    [&text, got].concat()
}

fn whole_lines(got: &[u8]) -> Vec<&str> {
    let lines = got.split_inclusive(|byte| *byte == b'\n');
    let whole = lines.filter_map(|line| line.strip_suffix(b"\n"));
    whole
        .map(|line| std::str::from_utf8(line).unwrap_or_else(|_| panic!("{line:?} is no text")))
        .collect()
}

/// What somebody said for all to hear, without who it was.
fn text_of(line: &str) -> Option<&str> {
    if line.starts_with("* ") || line.starts_with("** ") || line.starts_with('[') {
        return None;
    }
    let Some((nick, text)) = line.split_once(": ") else {
        panic!("{line:?} has no sender");
    };
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    assert!(nick.len() <= 32 && nick.chars().all(is_name), "{nick:?}");
    Some(text)
}

/// The room, with somebody who writes down what it is told.
pub(super) struct Probe {
    room: Room,
    story: Rc<RefCell<Story>>,
}

impl Probe {
    pub(super) fn new(room: Room, story: Rc<RefCell<Story>>) -> Self {
        Self { room, story }
    }

    fn look(&self, client: ClientId, out: &Fanout) {
        let mut story = self.story.borrow_mut();
        if out.is_closing(client) {
            story.leave(client);
        }
        let most = story.max_pending_bytes + ONE_ANSWER_BYTES;
        for member in story.members.iter().filter(|member| member.why.is_none()) {
            assert!(out.held_bytes(member.client) <= most, "owed too much");
        }
    }
}

impl Service for Probe {
    fn refusal(&self, clients: usize) -> Option<String> {
        self.room.refusal(clients)
    }

    fn framing(&self) -> Framing {
        self.room.framing()
    }

    fn on_open(&mut self, now: Instant, client: ClientId, peer: &Peer, out: &mut Fanout) {
        let mut story = self.story.borrow_mut();
        let member = Member {
            client,
            token: client.pack(),
            came: story.lines.len(),
            left: None,
            why: None,
        };
        story.members.push(member);
        drop(story);
        self.room.on_open(now, client, peer, out);
        self.look(client, out);
    }

    fn on_message(
        &mut self,
        now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Fanout,
    ) {
        if let Message::Whole(bytes) = message {
            let text = sanitize(bytes);
            let text = match skip_invisible(&text).strip_prefix('/') {
                None => &text,
                Some(text) if text.starts_with('/') => text,
                Some(_) => "",
            };
            if !text.is_empty() {
                let line = (client, text.to_owned());
                self.story.borrow_mut().lines.push(line);
            }
        }
        self.room.on_message(now, client, message, out);
        self.look(client, out);
    }

    fn on_end(&mut self, now: Instant, client: ClientId, out: &mut Fanout) {
        self.room.on_end(now, client, out);
        self.look(client, out);
    }

    fn on_close(&mut self, now: Instant, client: ClientId, why: &Disconnect, out: &mut Fanout) {
        self.room.on_close(now, client, why, out);
        let mut story = self.story.borrow_mut();
        story.leave(client);
        if let Some(member) = story.member(client) {
            assert!(member.why.is_none(), "closed twice");
            member.why = Some(*why);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.room.deadline()
    }

    fn on_deadline(&mut self, now: Instant, out: &mut Fanout) {
        self.room.on_deadline(now, out);
    }
}
