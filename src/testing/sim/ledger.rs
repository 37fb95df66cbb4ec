//! The ledger: what stands in a hub's stream, and so what all members hear, in which order. Knows
//! the rules by which an entry counts, not how a node keeps to them.

use std::collections::{BTreeMap, HashMap};

use crate::hub::{Entry, EntryId};
use crate::services::room::hub::{Look, Seen, look};

#[derive(Default)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
    nodes: HashMap<Box<str>, Standing>,
    /// By room, in the stream's order.
    rooms: BTreeMap<String, Vec<Line>>,
    /// By text, of which no two are the same.
    places: HashMap<String, (String, usize)>,
    /// What was said to one alone, by whom it was for.
    told: BTreeMap<usize, Vec<String>>,
    /// Something was lost that some nodes have read, and others not.
    pub(super) is_torn: bool,
    /// How often.
    pub(super) losses: usize,
}

/// What of a node counts next.
struct Standing {
    boot: u64,
    counter: u64,
    is_gone: bool,
}

pub(super) struct Line {
    pub(super) id: EntryId,
    pub(super) text: String,
}

impl Ledger {
    pub(super) fn append(&mut self, entry: &Entry) {
        self.entries.push(entry.clone());
        let Some(look) = look(&entry.data) else {
            return;
        };
        if !self.counts(&look) {
            return;
        }
        match look.seen {
            Seen::Bye => self.is_gone(&look.node, look.boot),
            Seen::Gone { node, boot } => self.is_gone(&node, boot),
            Seen::Said { room, text } => self.add(entry.id, &room, &text),
            Seen::Told { text } => {
                let to = self.told.entry(addressee(&text)).or_default();
                if !to.iter().any(|told| **told == *text) {
                    to.push(text.into());
                }
            }
            Seen::Hello | Seen::Other => {}
        }
    }

    /// Whether an entry is the next of its node's.
    fn counts(&mut self, look: &Look) -> bool {
        let is_hello = matches!(look.seen, Seen::Hello);
        let new = || Standing {
            boot: look.boot,
            counter: look.counter,
            is_gone: false,
        };
        let Some(node) = self.nodes.get_mut(&look.node) else {
            self.nodes.insert(look.node.clone(), new());
            return is_hello;
        };
        if is_hello && look.boot > node.boot {
            *node = new();
            return true;
        }
        let is_next = look.boot == node.boot && look.counter == node.counter + 1;
        if is_next && !node.is_gone {
            node.counter = look.counter;
        }
        is_next && !node.is_gone
    }

    fn is_gone(&mut self, name: &str, boot: u64) {
        if let Some(node) = self.nodes.get_mut(name) {
            node.is_gone |= node.boot == boot;
        }
    }

    fn add(&mut self, id: EntryId, room: &str, text: &str) {
        if self.places.contains_key(text) {
            return;
        }
        let lines = self.rooms.entry(room.to_owned()).or_default();
        self.places
            .insert(text.to_owned(), (room.to_owned(), lines.len()));
        lines.push(Line {
            id,
            text: text.to_owned(),
        });
    }

    /// The end of the stream is lost. Nobody has read what stands behind `most`, and all have read what
    /// stands up to `least`.
    pub(super) fn lose(&mut self, lost: &[Entry], least: EntryId, most: EntryId) {
        let is_said = |entry: &&Entry| {
            let look = look(&entry.data);
            look.is_some_and(|look| matches!(look.seen, Seen::Said { .. } | Seen::Told { .. }))
        };
        let mut half_read = lost
            .iter()
            .filter(|entry| least < entry.id && entry.id <= most);
        let is_torn = self.is_torn || half_read.any(|entry| is_said(&entry));
        let known = std::mem::take(&mut self.entries);
        *self = Self {
            is_torn,
            losses: self.losses + usize::from(!lost.is_empty()),
            ..Self::default()
        };
        let is_lost = |entry: &Entry| lost.iter().any(|lost| lost.id == entry.id);
        for entry in known {
            if entry.id <= most || !is_lost(&entry) {
                self.append(&entry);
            }
        }
    }

    /// Where that stands: in which room, at which place.
    pub(super) fn find(&self, text: &str) -> Option<(&str, usize)> {
        let (room, at) = self.places.get(text)?;
        Some((room, *at))
    }

    pub(super) fn lines(&self, room: &str) -> &[Line] {
        self.rooms.get(room).map_or(&[], Vec::as_slice)
    }

    /// How much of what was said in a room stands there up to that entry.
    pub(super) fn place(&self, room: &str, id: EntryId) -> usize {
        self.lines(room).partition_point(|line| line.id <= id)
    }

    pub(super) fn told(&self, to: usize) -> &[String] {
        self.told.get(&to).map_or(&[], Vec::as_slice)
    }
}

/// Who is to hear what is said to one alone: the text says it.
pub(super) fn addressee(text: &str) -> usize {
    let (_, rest) = text.split_once(" for n").expect("it is for somebody");
    let number = rest.split(' ').next().and_then(|it| it.parse().ok());
    number.expect("the number of a client")
}
