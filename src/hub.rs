//! Many machines: the room's log through one Redis stream. What this node's clients say is appended
//! to it, and what comes back from it, in the stream's order, is what all nodes tell theirs.
//!
//! Knows Redis; not what an entry means, which is the room's. Two threads of its own wait for it:
//! one reads, one writes. The room holds a [`HubPort`] and is told [`HubEvent`]s; it never waits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[cfg(feature = "hub")]
mod claim;
#[cfg(feature = "hub")]
mod config;
#[cfg(feature = "hub")]
mod connected;
#[cfg(feature = "hub")]
mod connection;
#[cfg(feature = "hub")]
mod place;
#[cfg(feature = "hub")]
mod port;
#[cfg(feature = "hub")]
mod reader;
#[cfg(feature = "hub")]
mod script;
#[cfg(test)]
#[cfg(feature = "hub")]
mod tests;
#[cfg(feature = "hub")]
mod writer;

#[cfg(feature = "hub")]
pub(crate) use config::HubConfig;
#[cfg(feature = "hub")]
pub(crate) use connected::{Connected, connect};

/// A place in the stream: Redis' own id of an entry.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct EntryId {
    /// Redis' clock when it was appended.
    pub ms: u64,
    /// Which one of those of that time.
    pub seq: u64,
}

impl EntryId {
    /// Before all entries.
    pub(crate) const START: Self = Self { ms: 0, seq: 0 };
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl FromStr for EntryId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || -> Option<Self> {
            let (ms, seq) = text.split_once('-')?;
            Some(Self {
                ms: ms.parse().ok()?,
                seq: seq.parse().ok()?,
            })
        };
        parse().ok_or_else(|| format!("'{text}' is not the id of an entry"))
    }
}

/// What was appended once, by some node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub id: EntryId,
    /// As it was appended.
    pub data: Vec<u8>,
}

/// What the room is told, in the order in which it happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HubEvent {
    /// Entries in the stream's order, every one from where reading began; this node's own, too.
    Entries(Vec<Entry>),
    /// The hub cannot be reached, or takes no entries: why, in words. Told once, until `Back`.
    Away(String),
    /// The hub is there again. What was appended and has not been read may be lost: the room calls
    /// [`HubPort::start_again`], then appends it again, in its order.
    Back {
        /// The stream no longer has what was read last: it is empty, or its end is lost, or so much
        /// was appended meanwhile that some was dropped unread. Reading goes on behind this one, which
        /// was read before and is left, or at the start: entries may come a second time.
        rewound_to: Option<EntryId>,
    },
    /// The answer to [`HubPort::want_snapshot`].
    Snapshot(Vec<u8>),
    /// Another node has taken this node's name meanwhile. Told once, until it is this one's again.
    NameTaken,
}

/// The room's end of the hub. Nothing here waits for Redis; dropping it, at the end of the process,
/// waits for at most a second, until what was appended is sent and the node's name is free.
pub(crate) trait HubPort {
    /// Appends one entry, after all that were appended before. From the moment at which the hub
    /// fails until [`start_again`](Self::start_again) it is dropped: the room has it still.
    fn append(&mut self, data: Vec<u8>);

    /// To be called when `Back` is handled: what is appended from here on is taken. The room may have
    /// appended something before it was told of the failure, and the stream must not have that
    /// before what is older.
    fn start_again(&mut self);

    /// Leaves a snapshot for the node of that name, for a minute.
    fn offer_snapshot(&mut self, to: &str, data: Vec<u8>);

    /// Looks, until it comes or this is called anew, for a snapshot that was left under that name.
    fn want_snapshot(&mut self, name: &str);

    /// Another process goes on in this one's place, with the node's name, its boot and its place:
    /// nothing more is read or written here.
    fn hand_over(&mut self);

    /// The other process did not go on: reading goes on where it was left. Told by `Away` and `Back`.
    fn take_back(&mut self);
}
