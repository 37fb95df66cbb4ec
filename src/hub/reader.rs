//! The thread that reads, tells the room all that there is to tell, and makes new connections.

use std::thread;
use std::time::{Duration, Instant};

use log::{info, warn};

use super::config::{HubConfig, random};
use super::connection::{Asked, Connection, IO_TIMEOUT};
use super::place::Place;
use super::port::Shared;
use super::{EntryId, HubEvent};

/// Whom the events are told. It may block; false: nobody listens any more.
pub(crate) type Tell = Box<dyn FnMut(HubEvent) -> bool + Send>;

/// How long Redis waits for an entry; so late is told what the writer has found out.
const WAIT: Duration = Duration::from_millis(500);

/// The same while a snapshot is waited for, which nobody tells of.
const WAIT_FOR_SNAPSHOT: Duration = Duration::from_millis(50);

/// What is read at once: entries, and fewer where one alone is large.
const READ_ENTRIES: usize = 1000;
const READ_BYTES: usize = 4 << 20;

/// Where entries come faster than one in 3/2 of this, so long is waited for more: members are written
/// to once for all that come together, on every node. Else a busy room costs each node a visit of all
/// its members for each message.
const TOGETHER: Duration = Duration::from_millis(6);

/// Between two attempts to connect, half as long to as long as this.
const LEAST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A connection that has held so long was no mistake.
const HELD: Duration = Duration::from_secs(5);

pub(super) struct Reader {
    config: HubConfig,
    boot: String,
    place: Place,
    tell: Tell,
    is_name_taken: bool,
    largest_bytes: usize,
    /// When entries came last.
    told_at: Instant,
    pause: Duration,
}

/// Why it is not read from this connection any more.
enum Ended {
    /// Nobody listens.
    Over,
    Failed(String),
}

impl Reader {
    pub(super) fn new(config: HubConfig, boot: String, place: Place, tell: Tell) -> Self {
        Self {
            config,
            boot,
            place,
            tell,
            is_name_taken: false,
            largest_bytes: 1,
            told_at: Instant::now(),
            pause: LEAST_PAUSE,
        }
    }

    pub(super) fn identity(&self) -> (HubConfig, String) {
        (self.config.clone(), self.boot.clone())
    }

    pub(super) fn run(mut self, shared: &Shared) {
        let mut connection = self.open();
        loop {
            let epoch = shared.epoch();
            let began = Instant::now();
            let ended = match connection {
                Ok(connection) => self.read(connection, shared),
                Err(why) => Ended::Failed(why),
            };
            let Ended::Failed(why) = ended else {
                return;
            };
            shared.fail(epoch, why);
            if began.elapsed() >= HELD {
                self.pause = LEAST_PAUSE;
            }
            // What failed first is why.
            let why = shared.failure().unwrap_or_default();
            warn!("the hub at {} is away: {why}", self.config);
            if !(self.tell)(HubEvent::Away(why)) {
                return;
            }
            let Some((next, rewound_to)) = self.reconnect(shared) else {
                return;
            };
            info!("the hub at {} is back", self.config);
            if !(self.tell)(HubEvent::Back { rewound_to }) {
                return;
            }
            connection = Ok(next);
        }
    }

    fn open(&self) -> Result<Connection, String> {
        Connection::open(&self.config, WAIT + IO_TIMEOUT)
    }

    fn read(&mut self, mut hub: Connection, shared: &Shared) -> Ended {
        loop {
            if shared.is_over() {
                return Ended::Over;
            }
            if let Some(why) = shared.failure() {
                drop(hub);
                // As long as another process goes on.
                return match shared.sleep(Duration::ZERO) {
                    true => Ended::Failed(why),
                    false => Ended::Over,
                };
            }
            match self.read_once(&mut hub, shared) {
                Ok(true) => {}
                Ok(false) => return Ended::Over,
                Err(why) => return Ended::Failed(why),
            }
        }
    }

    /// Returns whether somebody listens.
    fn read_once(&mut self, hub: &mut Connection, shared: &Shared) -> Result<bool, String> {
        let wanted = shared.wanted();
        let snapshot = wanted.as_ref().map(|name| self.config.snapshot_key(name));
        let max_entries = (READ_BYTES / self.largest_bytes).clamp(1, READ_ENTRIES);
        let answer = hub.ask(&Asked {
            key: &self.config.key,
            marks: &self.place.last_two(),
            snapshot: snapshot.as_deref(),
            after: self.place.position(),
            max_entries,
            wait: match wanted {
                Some(_) => WAIT_FOR_SNAPSHOT,
                None => WAIT,
            },
        })?;
        if !answer.has_marks {
            return Err("the stream was emptied, or has lost its end".to_owned());
        }
        let mut is_heard = true;
        if let (Some(name), Some(data)) = (wanted, answer.snapshot) {
            shared.on_snapshot(&name);
            is_heard &= (self.tell)(HubEvent::Snapshot(data));
        }
        if let Some(last) = answer.last {
            self.place.advance(last);
        }
        if !answer.entries.is_empty() {
            let sizes = answer.entries.iter().map(|entry| entry.data.len());
            self.largest_bytes = sizes.fold(self.largest_bytes, usize::max);
            let has_more = answer.entries.len() >= max_entries;
            is_heard &= (self.tell)(HubEvent::Entries(answer.entries));
            let since = self.told_at.elapsed();
            if !has_more && since < TOGETHER * 3 / 2 {
                thread::sleep(TOGETHER);
            }
            self.told_at = Instant::now();
        }
        Ok(is_heard && self.tell_of_name(shared))
    }

    fn tell_of_name(&mut self, shared: &Shared) -> bool {
        let is_taken = shared.is_name_taken();
        let is_news = is_taken && !self.is_name_taken;
        self.is_name_taken = is_taken;
        !is_news || (self.tell)(HubEvent::NameTaken)
    }

    /// Tries until it succeeds. `None`: nobody needs it any more.
    fn reconnect(&mut self, shared: &Shared) -> Option<(Connection, Option<EntryId>)> {
        let mut last_why = String::new();
        loop {
            // In step, many nodes would come all at once.
            let parts = u32::try_from(random() % 500).unwrap_or_default();
            if !shared.sleep(self.pause * (500 + parts) / 1000) {
                return None;
            }
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            match self.try_connect() {
                Ok((reading, writing, rewound_to)) => {
                    // Handed over meanwhile: the next attempt waits.
                    if shared.link(writing) {
                        return Some((reading, rewound_to));
                    }
                }
                Err(why) if why == last_why => {}
                Err(why) => {
                    warn!("the hub at {} is still away: {why}", self.config);
                    last_why = why;
                }
            }
        }
    }

    fn try_connect(&mut self) -> Result<(Connection, Connection, Option<EntryId>), String> {
        let mut writing = Connection::open(&self.config, IO_TIMEOUT)?;
        // Also tells whether it takes what is written. Whose the name is the writer will find out.
        writing.renew_name(&self.config, &self.boot)?;
        let mut reading = self.open()?;
        let rewound_to = self.place.find_again(&mut reading, &self.config.key)?;
        Ok((reading, writing, rewound_to))
    }
}
