//! From a configuration to a hub that is there: the node's name, and where the stream stands.

use super::config::{self, HubConfig};
use super::connection::{self, Connection};
use super::place::Place;
use super::port::Port;
use super::reader::{Reader, Tell};
use super::{Entry, EntryId, HubPort, claim};
use crate::failure::CliError;

/// The hub is there, the node's name is this process's, and nothing is read yet.
pub(crate) struct Connected {
    /// Unique to this start of this node.
    pub(crate) boot: String,
    /// The hub's time in µs since 1970, later than that of all entries before. 0 of one that goes on
    /// in another's place.
    pub(crate) time: u64,
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
        time: 0,
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
            time: 0,
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
        let time = writing.time();
        let time = time.map_err(|why| self.config.failure(&why))?;
        // Where Redis' clock was put back, the ids of its entries still ascend.
        self.time = time.max(position.ms.saturating_add(1).saturating_mul(1000));
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
