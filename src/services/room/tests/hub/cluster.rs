//! Nodes, and the hub that the test plays between them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use super::super::super::hub::Start;
use super::super::hall::Hall;
use super::super::*;
use crate::hub::{Entry, EntryId, HubEvent, HubPort};
use crate::protocol::Encoding;
use crate::service::Input;
use crate::testing::some_time;

/// What Redis would have.
#[derive(Default)]
struct Stream {
    entries: Vec<Entry>,
    snapshots: HashMap<String, Vec<u8>>,
    last_ms: u64,
}

type Shared = Arc<Mutex<Stream>>;

fn lock(stream: &Shared) -> MutexGuard<'_, Stream> {
    stream.lock().unwrap()
}

/// One node's way to it.
#[derive(Default)]
struct Link {
    /// Appended and not there yet.
    under_way: Vec<Vec<u8>>,
    /// The hub has failed, and the room has not said that it knows.
    is_closed: bool,
    wanted: Option<String>,
}

struct Port {
    stream: Shared,
    link: Arc<Mutex<Link>>,
}

impl HubPort for Port {
    fn append(&mut self, data: Vec<u8>) {
        let mut link = self.link.lock().unwrap();
        if !link.is_closed {
            link.under_way.push(data);
        }
    }

    fn start_again(&mut self) {
        self.link.lock().unwrap().is_closed = false;
    }

    fn offer_snapshot(&mut self, to: &str, data: Vec<u8>) {
        lock(&self.stream).snapshots.insert(to.to_owned(), data);
    }

    fn want_snapshot(&mut self, name: &str) {
        self.link.lock().unwrap().wanted = Some(name.to_owned());
    }

    fn hand_over(&mut self) {}

    fn take_back(&mut self) {}
}

pub(super) struct Node {
    pub(super) hall: Hall,
    link: Arc<Mutex<Link>>,
    /// How many entries it has read.
    read: usize,
    is_away: bool,
    /// What it had read behind this one is lost.
    rewound_to: Option<EntryId>,
}

pub(super) struct Cluster {
    stream: Shared,
    nodes: BTreeMap<&'static str, Node>,
}

fn told_of_all() -> Config {
    Config {
        notices: Notices::On,
        history_lines: 50,
        operator_password: Some(Password::new(b"master").unwrap()),
        ..plain()
    }
}

impl Cluster {
    pub(super) fn of(names: &[&'static str]) -> Self {
        let mut cluster = Self {
            stream: Shared::default(),
            nodes: BTreeMap::new(),
        };
        lock(&cluster.stream).last_ms = 1_795_693_984_000;
        for name in names {
            cluster.starts(name);
            cluster.settles();
        }
        cluster
    }

    pub(super) fn starts(&mut self, name: &'static str) {
        let tail = lock(&self.stream).entries.clone();
        self.starts_with(name, tail);
    }

    /// A node starts that reads this much of the stream's end.
    pub(super) fn starts_with(&mut self, name: &'static str, tail: Vec<Entry>) {
        let link = Arc::<Mutex<Link>>::default();
        let port = Port {
            stream: Arc::clone(&self.stream),
            link: Arc::clone(&link),
        };
        let last = lock(&self.stream).entries.last().map(|last| last.id);
        let start = Start {
            node: name.to_owned(),
            boot: name.to_owned(),
            time: (lock(&self.stream).last_ms + 1) * 1000,
            position: last.unwrap_or(EntryId::START),
            tail,
            port: Box::new(port),
        };
        let hall = Hall::new(told_of_all()).with(|room| room.with_hub(some_time(), start));
        let read = lock(&self.stream).entries.len();
        let node = Node {
            hall,
            link,
            read,
            is_away: false,
            rewound_to: None,
        };
        self.nodes.insert(name, node);
    }

    /// Somebody else writes into the stream.
    pub(super) fn is_written(&mut self, ms: u64, data: Vec<u8>) {
        let id = EntryId { ms, seq: u64::MAX };
        lock(&self.stream).entries.push(Entry { id, data });
    }

    pub(super) fn node(&mut self, name: &str) -> &mut Node {
        self.nodes.get_mut(name).unwrap()
    }

    pub(super) fn comes(&mut self, node: &str, name: &str) {
        let hall = &mut self.node(node).hall;
        hall.comes(name, Encoding::Lines);
        hall.says(name, format!("/nick {name}"));
    }

    /// What a node has appended is in the stream.
    pub(super) fn sends(&mut self, name: &str) {
        let count = self.node(name).link.lock().unwrap().under_way.len();
        self.sends_some(name, count);
    }

    pub(super) fn sends_some(&mut self, name: &str, count: usize) {
        let node = &self.nodes[name];
        if node.is_away {
            return;
        }
        let mut link = node.link.lock().unwrap();
        let count = count.min(link.under_way.len());
        let mut stream = lock(&self.stream);
        for data in link.under_way.drain(..count) {
            stream.last_ms += 1;
            let (ms, seq) = (stream.last_ms, 0);
            let id = EntryId { ms, seq };
            stream.entries.push(Entry { id, data });
        }
    }

    /// A node is told of so many entries more.
    pub(super) fn reads_some(&mut self, name: &str, count: usize) {
        let stream = Arc::clone(&self.stream);
        let node = self.node(name);
        if node.is_away {
            return;
        }
        let wanted = node.link.lock().unwrap().wanted.clone();
        let snapshot = wanted.and_then(|wanted| lock(&stream).snapshots.remove(&wanted));
        if let Some(snapshot) = snapshot {
            node.link.lock().unwrap().wanted = None;
            node.happens(HubEvent::Snapshot(snapshot));
        }
        let entries: Vec<Entry> = {
            let stream = lock(&stream);
            let rest = &stream.entries[node.read.min(stream.entries.len())..];
            rest.iter().take(count).cloned().collect()
        };
        node.read += entries.len();
        if !entries.is_empty() {
            node.happens(HubEvent::Entries(entries));
        }
    }

    /// A node is told of all that is new.
    pub(super) fn reads(&mut self, name: &str) {
        self.reads_some(name, usize::MAX);
    }

    /// So many beats pass on those nodes, on each beside the others.
    pub(super) fn waits(&mut self, names: &[&str], beats: usize) {
        for _ in 0..beats {
            for name in names {
                self.node(name).hall.waits(Duration::from_secs(3));
                self.sends(name);
            }
            for name in names {
                self.reads(name);
            }
        }
    }

    pub(super) fn loses_snapshots(&mut self) {
        lock(&self.stream).snapshots.clear();
    }

    /// All that is under way arrives.
    pub(super) fn settles(&mut self) {
        let names: Vec<&str> = self.nodes.keys().copied().collect();
        loop {
            for name in &names {
                self.sends(name);
                self.reads_some(name, usize::MAX);
            }
            let end = lock(&self.stream).entries.len();
            let is_quiet = |node: &Node| {
                let link = node.link.lock().unwrap();
                node.is_away || node.read == end && link.under_way.is_empty()
            };
            if self.nodes.values().all(is_quiet) {
                let wants = |node: &Node| node.link.lock().unwrap().wanted.clone();
                let snapshots = &lock(&self.stream).snapshots;
                let waiting = self.nodes.values().filter_map(wants);
                if !waiting
                    .into_iter()
                    .any(|name| snapshots.contains_key(&name))
                {
                    return;
                }
            }
        }
    }

    /// The hub fails for a node: what was under way is there in part.
    pub(super) fn fails(&mut self, name: &str, arrive: usize) {
        self.sends_some(name, arrive);
        let node = self.node(name);
        if node.is_away {
            return;
        }
        node.is_away = true;
        let mut link = node.link.lock().unwrap();
        link.under_way.clear();
        link.is_closed = true;
        drop(link);
        node.happens(HubEvent::Away("it was cut".to_owned()));
    }

    pub(super) fn returns(&mut self, name: &str) {
        let node = self.node(name);
        if node.is_away {
            node.is_away = false;
            let rewound_to = node.rewound_to.take();
            node.happens(HubEvent::Back { rewound_to });
        }
    }

    /// The hub fails for all, and has so many entries fewer then.
    pub(super) fn loses_end(&mut self, lost: usize) {
        let names: Vec<&str> = self.nodes.keys().copied().collect();
        for name in &names {
            self.fails(name, 0);
        }
        let end = self.cuts_end(lost);
        for node in self.nodes.values_mut() {
            node.rewinds(end);
        }
    }

    /// The stream has so many entries fewer; returns how many are left, and the last of them.
    fn cuts_end(&mut self, lost: usize) -> (usize, EntryId) {
        let mut stream = lock(&self.stream);
        let left = stream.entries.len().saturating_sub(lost);
        stream.entries.truncate(left);
        let last = stream.entries.last();
        (left, last.map_or(EntryId::START, |last| last.id))
    }

    /// The last entry is deleted; those who have read it read on.
    pub(super) fn takes_out_last(&mut self) {
        let mut stream = lock(&self.stream);
        stream.entries.pop();
        let left = stream.entries.len();
        for node in self.nodes.values_mut() {
            node.read = node.read.min(left);
        }
    }

    /// One of those that know of the loss is back before those that do not.
    pub(super) fn tells_of_loss(&mut self, first: usize) {
        let nodes = self.nodes.iter();
        let know = nodes.filter(|(_, node)| node.rewound_to.is_some());
        let know: Vec<&str> = know.map(|(name, _)| *name).collect();
        if !know.is_empty() {
            let name = know[first % know.len()];
            self.returns(name);
            self.sends(name);
        }
    }

    /// The hub fails over to one that lacks so many of the last entries; one node has sent what it had
    /// by the time it notices.
    pub(super) fn loses_its_end(&mut self, lost: usize, quick: &str) {
        let end = self.cuts_end(lost);
        self.sends(quick);
        let names: Vec<&'static str> = self.nodes.keys().copied().collect();
        for name in names {
            let was_away = self.node(name).is_away;
            self.fails(name, 0);
            self.node(name).rewinds(end);
            if !was_away {
                self.returns(name);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        for node in self.nodes.values_mut() {
            node.hall.clear();
        }
    }

    #[track_caller]
    pub(super) fn hears(&mut self, node: &str, name: &str, expected: &[&str]) {
        self.node(node).hall.hears(name, expected);
    }

    pub(super) fn says(&mut self, node: &str, name: &str, line: &str) {
        self.node(node).hall.says(name, line);
    }
}

impl Node {
    /// The stream ends earlier than it has read.
    fn rewinds(&mut self, (left, last): (usize, EntryId)) {
        if self.read > left {
            self.read = left;
            let before = self.rewound_to.replace(last);
            self.rewound_to = before.map(|before| before.min(last)).or(Some(last));
        }
    }

    fn happens(&mut self, event: HubEvent) {
        let hall = &mut self.hall;
        let now = hall.now();
        hall.room.on_input(now, Input::Hub(event), &mut hall.out);
    }
}

/// Three nodes with a member each.
pub(super) fn three() -> Cluster {
    let mut cluster = Cluster::of(&["a", "b", "c"]);
    for (node, name) in [("a", "ann"), ("b", "bob"), ("c", "eve")] {
        cluster.comes(node, name);
        cluster.settles();
    }
    cluster.clear();
    cluster
}
