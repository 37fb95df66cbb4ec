//! A node with a tiny room: it counts what it says, takes from each start of a node what is next, and
//! says again at `Back` what it has not read.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use super::super::*;

const PATIENCE: Duration = Duration::from_secs(15);

pub(super) struct Node {
    pub(super) port: Box<dyn HubPort + Send>,
    events: Receiver<HubEvent>,
    pub(super) boot: String,
    /// Where the next process would go on.
    pub(super) position: EntryId,
    said: u64,
    unread: VecDeque<u64>,
    last: HashMap<String, u64>,
    /// Who said which, in the order in which it was read.
    pub(super) heard: Vec<(String, u64)>,
    /// Entries that were dropped as read before, or too early.
    pub(super) dropped: usize,
    pub(super) snapshot: Option<Vec<u8>>,
    pub(super) is_name_taken: bool,
    pub(super) away: Vec<String>,
    pub(super) back: Vec<bool>,
}

pub(super) fn config(url: &str, name: &str) -> HubConfig {
    HubConfig::new(url, "chinwag".to_owned(), name.to_owned()).unwrap()
}

impl Node {
    pub(super) fn join(url: &str, name: &str) -> Self {
        Self::start(connect(config(url, name)).unwrap())
    }

    pub(super) fn start(connected: Connected) -> Self {
        let boot = connected.boot.clone();
        let (position, tail) = (connected.position, connected.tail.clone());
        let (sender, events) = sync_channel(64);
        let tell = Box::new(move |event| sender.send(event).is_ok());
        let mut node = Self {
            port: connected.start(tell).unwrap(),
            events,
            boot,
            position,
            said: 0,
            unread: VecDeque::new(),
            last: HashMap::new(),
            heard: Vec::new(),
            dropped: 0,
            snapshot: None,
            is_name_taken: false,
            away: Vec::new(),
            back: Vec::new(),
        };
        node.read(tail);
        node
    }

    pub(super) fn say(&mut self) {
        self.said += 1;
        self.unread.push_back(self.said);
        self.append(self.said);
    }

    fn append(&mut self, number: u64) {
        let said = format!("{} {number}", self.boot);
        self.port.append(said.into_bytes());
    }

    pub(super) fn unread(&self) -> usize {
        self.unread.len()
    }

    fn read(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            self.position = entry.id;
            let text = String::from_utf8(entry.data).unwrap();
            let (boot, number) = text.split_once(' ').unwrap();
            let number = number.parse().unwrap();
            let last = self.last.entry(boot.to_owned()).or_insert(0);
            // What was said before a start that is not in the stream any more is not missed.
            let is_next = number == *last + 1 || *last == 0 && boot != self.boot;
            if !is_next {
                self.dropped += 1;
                continue;
            }
            *last = number;
            self.heard.push((boot.to_owned(), number));
            if boot == self.boot {
                assert_eq!(self.unread.pop_front(), Some(number));
            }
        }
    }

    /// Takes what it is told within so long; false: nothing.
    pub(super) fn turn(&mut self, limit: Duration) -> bool {
        let event = match self.events.recv_timeout(limit) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => return false,
            Err(RecvTimeoutError::Disconnected) => panic!("the hub has ended"),
        };
        match event {
            HubEvent::Entries(entries) => self.read(entries),
            HubEvent::Snapshot(data) => self.snapshot = Some(data),
            HubEvent::NameTaken => self.is_name_taken = true,
            HubEvent::Away(why) => {
                assert_eq!(self.away.len(), self.back.len(), "away twice: {why}");
                self.away.push(why);
            }
            HubEvent::Back { rewound_to } => {
                self.back.push(rewound_to.is_some());
                assert_eq!(self.away.len(), self.back.len(), "back twice");
                self.port.start_again();
                for number in self.unread.clone() {
                    self.append(number);
                }
            }
        }
        true
    }

    #[track_caller]
    pub(super) fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < deadline, "never: {what}");
            self.turn(Duration::from_millis(10));
        }
    }

    /// Another process goes on in its place.
    pub(super) fn upgrade(mut self, url: &str, name: &str) -> Self {
        self.port.hand_over();
        let boot = self.boot.clone();
        let connected = Connected::resume(config(url, name), boot, self.position).unwrap();
        let mut next = Self::start(connected);
        next.said = self.said;
        next.last = self.last.clone();
        next.heard = self.heard.clone();
        for number in self.unread.clone() {
            next.unread.push_back(number);
            next.append(number);
        }
        next
    }

    /// All that was heard, once it is so much.
    #[track_caller]
    pub(super) fn hear(&mut self, entries: usize) -> Vec<(String, u64)> {
        let what = format!("{entries} entries");
        self.until(&what, |node| node.heard.len() >= entries);
        assert_eq!(self.heard.len(), entries);
        self.heard.clone()
    }
}

/// Both hear all that both have said, in one order and each once.
#[track_caller]
pub(super) fn agree(nodes: &mut [Node; 2]) {
    let deadline = Instant::now() + PATIENCE;
    let said: u64 = nodes.iter().map(|node| node.said).sum();
    let said = usize::try_from(said).unwrap();
    while nodes.iter().any(|node| node.heard.len() < said) {
        let heard = nodes.each_ref().map(|node| node.heard.len());
        assert!(Instant::now() < deadline, "of {said} heard: {heard:?}");
        for node in nodes.iter_mut() {
            node.turn(Duration::from_millis(5));
        }
    }
    assert!(nodes[0].heard == nodes[1].heard, "in two orders");
    assert!(nodes.iter().all(|node| node.heard.len() == said));
}
