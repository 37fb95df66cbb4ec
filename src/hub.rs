//! Many machines: the room's log through one Redis stream. What this node's clients say is appended
//! to it, and what comes back from it, in the stream's order, is what all nodes tell theirs.
//!
//! Knows Redis; not what an entry means, which is the room's. Two threads of its own wait for it:
//! one reads, one writes. The room holds a [`HubPort`] and is told [`HubEvent`]s; it never waits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::failure::CliError;

mod claim;
mod config;
mod connection;
mod place;
mod port;
mod reader;
mod script;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use config::HubConfig;

use connection::Connection;
use place::Place;
use port::Port;
use reader::{Reader, Tell};

/// A place in the stream: Redis' own id of an entry.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub(crate) struct EntryId {
    /// Redis' clock when it was appended.
    pub(crate) ms: u64,
    /// Which one of those of that time.
    pub(crate) seq: u64,
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
pub(crate) struct Entry {
    pub(crate) id: EntryId,
    /// As it was appended.
    pub(crate) data: Vec<u8>,
}

/// What the room is told, in the order in which it happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum HubEvent {
    /// Entries in the stream's order, every one from where reading began; this node's own, too.
    Entries(Vec<Entry>),
    /// The hub cannot be reached, or takes no entries: why, in words. Told once, until `Back`.
    Away(String),
    /// The hub is there again. What was appended and has not been read may be lost: the room calls
    /// [`HubPort::start_again`], then appends it again, in its order.
    Back {
        /// The stream no longer has what was read last: it is empty, or its end is lost, or so much
        /// was appended meanwhile that some was dropped unread. Reading goes on from what is left
        /// that was read before, else from the start: entries may come a second time.
        is_rewound: bool,
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

/// The hub is there, the node's name is this process's, and nothing is read yet.
pub(crate) struct Connected {
    /// Unique to this start of this node.
    pub(crate) boot: String,
    /// Where reading begins: behind the last entry of `tail`.
    pub(crate) position: EntryId,
    /// The newest entries, the oldest of them first.
    pub(crate) tail: Vec<Entry>,
    config: HubConfig,
    /// `None`: the threads have it.
    writing: Option<Connection>,
    /// Whether the name is free again if nothing comes of this start.
    has_new_name: bool,
}

/// Connects, claims the node's name, and reads where the stream stands, with its newest entries. May
/// take some seconds: a name that a dead node still has is watched first.
///
/// # Errors
/// One line: what was asked of which hub, and why it cannot be.
pub(crate) fn connect(config: HubConfig) -> Result<Connected, CliError> {
    let boot = config::new_boot();
    let mut writing = open(&config)?;
    claim::claim(&mut writing, &config, &boot)?;
    let mut connected = Connected {
        boot,
        position: EntryId::START,
        tail: Vec::new(),
        config,
        writing: Some(writing),
        has_new_name: true,
    };
    connected.read_tail()?;
    Ok(connected)
}

fn open(config: &HubConfig) -> Result<Connection, CliError> {
    Connection::open(config, connection::IO_TIMEOUT).map_err(|why| config.failure(&why))
}

impl Connected {
    /// Goes on in the place of a process of this node that has [handed over](HubPort::hand_over).
    ///
    /// # Errors
    /// As of [`connect`].
    pub(crate) fn resume(
        config: HubConfig,
        boot: String,
        position: EntryId,
    ) -> Result<Self, CliError> {
        let mut writing = open(&config)?;
        let is_ours = writing.renew_name(&config, &boot);
        if !is_ours.map_err(|why| config.failure(&why))? {
            return Err(claim::is_running_already(&config));
        }
        Ok(Self {
            boot,
            position,
            tail: Vec::new(),
            config,
            writing: Some(writing),
            has_new_name: false,
        })
    }

    fn read_tail(&mut self) -> Result<(), CliError> {
        let Some(writing) = &mut self.writing else {
            return Ok(());
        };
        let tail = writing.newest_entries(&self.config.key);
        let (position, tail) = tail.map_err(|why| self.config.failure(&why))?;
        self.position = position;
        self.tail = tail;
        Ok(())
    }

    /// Begins to read and to write. `tell` is called on a thread of the hub's, and may wait as long as
    /// it likes: nothing is read meanwhile. False from it: nobody listens any more.
    ///
    /// # Errors
    /// One line: why there are no threads.
    pub(crate) fn start(mut self, tell: Tell) -> Result<Box<dyn HubPort + Send>, CliError> {
        let place = Place::at(self.position);
        let config = self.config.clone();
        let reader = Reader::new(config, self.boot.clone(), place, tell);
        let port = Port::start(reader, self.writing.take());
        port.map(|port| -> Box<dyn HubPort + Send> { Box::new(port) })
            .map_err(|error| CliError::runtime(format!("start a thread for the hub: {error}")))
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        if let Some(writing) = &mut self.writing
            && self.has_new_name
        {
            // Else the name is free when it expires.
            let _ = writing.release_name(&self.config, &self.boot);
        }
    }
}
