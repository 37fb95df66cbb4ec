//! The witness: stands between an engine and the room of one node, and writes down what its members
//! say, and up to where in the stream the node is when they come and go.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::super::ledger::{Ledger, addressee};
use super::super::oracle::Oracle;
use super::super::records::Records;
use super::super::speech::Tongue;
use crate::hub::{EntryId, HubEvent};
use crate::outbound::{ClientId, Fanout};
use crate::protocol::Encoding;
use crate::service::{Disconnect, Input, Newcomer, Service, TooMany};
use crate::services::room::Room;
use crate::services::room::hub::{Seen, look};
use crate::wire::{Framing, Message};

/// A node that begins tells nobody anything that comes in this time, unless it is told before what
/// the others know.
const PATIENCE: Duration = Duration::from_millis(3100);

/// What all nodes have in common.
#[derive(Default)]
pub(super) struct Story {
    pub(super) ledger: Ledger,
    /// Where each client was, in its order.
    pub(super) stays: BTreeMap<usize, Vec<Stay>>,
    /// What each process's members have said to all, in its order.
    pub(super) said: BTreeMap<usize, Vec<String>>,
    /// What was said to one alone by one on the same node.
    pub(super) told: BTreeMap<usize, Vec<String>>,
}

/// A client's time in one room. Places are bounds, where it is not known what a node has told yet.
#[derive(Debug)]
pub(super) struct Stay {
    pub(super) room: String,
    pub(super) came: (usize, usize),
    pub(super) left: Option<(usize, usize)>,
}

/// Where a node is in the stream.
pub(super) struct View {
    pub(super) node: &'static str,
    /// Its processes are numbered; another one that goes on for it is none of its own.
    pub(super) process: usize,
    /// Where the stream ended when it began.
    tail: EntryId,
    pub(super) read: EntryId,
    /// When it can be sure to have told all that it has read.
    settles_at: Option<Instant>,
}

pub(super) type Shared<T> = Rc<RefCell<T>>;

pub(super) struct Witness {
    pub(super) oracle: Oracle<Room>,
    pub(super) view: Shared<View>,
    pub(super) story: Shared<Story>,
    pub(super) records: Records,
    /// What is known of those who are here, by socket.
    pub(super) connected: Shared<HashMap<usize, usize>>,
}

impl View {
    pub(super) fn new(node: &'static str, process: usize, tail: EntryId) -> Self {
        Self {
            node,
            process,
            tail,
            read: tail,
            settles_at: None,
        }
    }

    /// How much of what was said in a room its members have been told.
    pub(super) fn place(&self, story: &Story, room: &str, now: Instant) -> (usize, usize) {
        let most = story.ledger.place(room, self.read);
        match self.settles_at.is_some_and(|at| at <= now) {
            true => (most, most),
            false => (story.ledger.place(room, self.tail), most),
        }
    }

    fn reads(&mut self, now: Instant, event: &HubEvent) {
        match event {
            HubEvent::Entries(entries) => {
                for entry in entries {
                    self.read = self.read.max(entry.id);
                    if self.settles_at.is_some() {
                        continue;
                    }
                    let is_own_hello = look(&entry.data).is_some_and(|look| {
                        *look.node == *self.node && matches!(look.seen, Seen::Hello)
                    });
                    if is_own_hello {
                        self.settles_at.get_or_insert(now + PATIENCE);
                    }
                }
            }
            HubEvent::Snapshot(_) => {
                self.settles_at = self.settles_at.map(|at| at.min(now));
            }
            _ => {}
        }
    }
}

impl Witness {
    /// What was said to all or to one, as the room hears it.
    fn notes_words(&self, id: usize, client: ClientId, words: &str) {
        let tongue = {
            let book = self.records.borrow();
            let membership = book.clients[id].membership.as_ref();
            membership.expect("it speaks something").speech.tongue
        };
        let is_irc = tongue == Tongue::Irc;
        let private = match is_irc {
            true => words
                .strip_prefix("PRIVMSG n")
                .and_then(|it| it.split_once(" :")),
            false => words
                .strip_prefix("/msg ")
                .and_then(|it| it.split_once(' ')),
        };
        if let Some((_, text)) = private {
            return self.notes_private(client, text);
        }
        let text = match is_irc {
            true => words.strip_prefix("PRIVMSG #lobby :"),
            false => words.strip_prefix("/me ").or(Some(words)),
        };
        let text = text.map(|text| text.trim_matches('\u{1}').trim_start_matches("ACTION "));
        let is_in_room = matches!(self.oracle.inner.whereabouts(client), Some((_, Some(_))));
        if let Some(text) =
            text.filter(|text| is_in_room && !text.is_empty() && !text.starts_with('/'))
        {
            let process = self.view.borrow().process;
            let mut story = self.story.borrow_mut();
            story.said.entry(process).or_default().push(text.to_owned());
        }
    }

    /// One that is here and called so hears it at once.
    fn notes_private(&self, from: ClientId, text: &str) {
        let room = &self.oracle.inner;
        if room.whereabouts(from).is_none() {
            return;
        }
        let to = addressee(text);
        let name = format!("n{to}");
        let is_called = |client: &ClientId| {
            room.whereabouts(*client)
                .is_some_and(|(nick, _)| nick == name)
        };
        let mut here = self.oracle.sockets.iter();
        if here.any(|(client, id)| *id == to && is_called(client)) {
            let mut story = self.story.borrow_mut();
            story.told.entry(to).or_default().push(text.to_owned());
        }
    }

    /// Notes where a client is now, and what all are called.
    fn looks(&self, now: Instant, client: ClientId, id: usize) {
        let room = match self.oracle.sockets.contains_key(&client) {
            true => self
                .oracle
                .inner
                .whereabouts(client)
                .and_then(|(_, room)| room),
            false => None,
        };
        let mut story = self.story.borrow_mut();
        let stays = story.stays.get(&id).map_or(&[][..], Vec::as_slice);
        let open = stays.last().filter(|stay| stay.left.is_none());
        if open.map(|stay| &*stay.room) != room {
            let view = self.view.borrow();
            if let Some(open) = open {
                let left = view.place(&story, &open.room, now);
                let stays = story.stays.entry(id).or_default();
                stays.last_mut().expect("it is there").left = Some(left);
            }
            if let Some(room) = room {
                let mut came = view.place(&story, room, now);
                if let Some(before) = self.connected.borrow_mut().remove(&id) {
                    came.0 = came.0.min(before);
                }
                let (room, left) = (room.to_owned(), None);
                story
                    .stays
                    .entry(id)
                    .or_default()
                    .push(Stay { room, came, left });
            }
        }
        let mut book = self.records.borrow_mut();
        for (client, id) in &self.oracle.sockets {
            if let Some((nick, _)) = self.oracle.inner.whereabouts(*client) {
                let record = &mut book.clients[*id];
                if record.nick != nick {
                    record.nick = nick.to_owned();
                }
            }
        }
        self.oracle.inner.audit_hub();
    }
}

impl Service for Witness {
    fn framing(&self) -> Framing {
        self.oracle.framing()
    }

    fn speaks_protocols(&self) -> bool {
        self.oracle.speaks_protocols()
    }

    fn refusal(&self, of: TooMany, encoding: Encoding) -> Option<Vec<u8>> {
        self.oracle.refusal(of, encoding)
    }

    fn farewell(&self, client: ClientId, why: &Disconnect) -> Option<Vec<u8>> {
        self.oracle.farewell(client, why)
    }

    fn on_open(
        &mut self,
        now: Instant,
        client: ClientId,
        newcomer: &Newcomer<'_>,
        out: &mut Fanout,
    ) {
        let _watch = self.records.borrow().failed.clone();
        self.oracle.on_open(now, client, newcomer, out);
        self.looks(now, client, self.oracle.sockets[&client]);
    }

    fn on_message(
        &mut self,
        now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Fanout,
    ) {
        let _watch = self.records.borrow().failed.clone();
        let id = self.oracle.sockets[&client];
        if let Message::Whole(bytes) = message {
            let words = std::str::from_utf8(bytes).expect("only text is sent");
            self.notes_words(id, client, words);
        }
        self.oracle.on_message(now, client, message, out);
        self.looks(now, client, id);
    }

    fn on_end(&mut self, now: Instant, client: ClientId, out: &mut Fanout) {
        let _watch = self.records.borrow().failed.clone();
        self.oracle.on_end(now, client, out);
        self.looks(now, client, self.oracle.sockets[&client]);
    }

    fn on_close(&mut self, now: Instant, client: ClientId, why: &Disconnect, out: &mut Fanout) {
        let _watch = self.records.borrow().failed.clone();
        let id = self.oracle.sockets[&client];
        self.oracle.on_close(now, client, why, out);
        self.looks(now, client, id);
    }

    fn on_input(&mut self, now: Instant, input: Input, out: &mut Fanout) {
        let _watch = self.records.borrow().failed.clone();
        if let Input::Hub(event) = &input {
            self.view.borrow_mut().reads(now, event);
        }
        self.oracle.on_input(now, input, out);
        self.looks(now, ClientId::NOBODY, usize::MAX);
    }

    fn wants_input(&self) -> bool {
        self.oracle.wants_input()
    }

    fn begin_handover(&mut self) -> Result<(), String> {
        self.oracle.begin_handover()
    }

    fn cancel_handover(&mut self) {
        self.oracle.cancel_handover();
    }

    fn save(&self) -> Option<Result<Vec<u8>, String>> {
        self.oracle.save()
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        self.oracle.restore(saved)
    }

    fn deadline(&self) -> Option<Instant> {
        self.oracle.deadline()
    }

    fn on_deadline(&mut self, now: Instant, out: &mut Fanout) {
        let _watch = self.records.borrow().failed.clone();
        self.oracle.on_deadline(now, out);
        self.looks(now, ClientId::NOBODY, usize::MAX);
    }
}
