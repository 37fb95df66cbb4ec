//! The one simulated stream of a hub, and each process's way to it: what Redis does, and the two
//! threads of a node. When anything of it happens, and what fails, the test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::hub::{Entry, EntryId, HubEvent, HubPort};

/// A process's way to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinkId(usize);

#[derive(Clone, Default)]
pub(crate) struct SimHub(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What it has; of what was appended it may have lost some.
    entries: Vec<Entry>,
    snapshots: BTreeMap<String, Vec<u8>>,
    /// Redis' clock.
    now_ms: u64,
    last: EntryId,
    /// On its way, though its sender has given it up.
    late: Vec<Vec<u8>>,
    links: Vec<Link>,
    /// All that came into the stream, since somebody has asked.
    news: Vec<Entry>,
}

struct Link {
    /// Appended, and not in the stream yet.
    queue: Vec<Vec<u8>>,
    is_linked: bool,
    is_taking: bool,
    is_handed_over: bool,
    /// The ends of what was read, as the reader keeps them.
    marks: Vec<EntryId>,
    wanted: Option<String>,
}

struct Port {
    hub: SimHub,
    link: LinkId,
}

impl State {
    fn link(&mut self, link: LinkId) -> &mut Link {
        &mut self.links[link.0]
    }

    fn take_in(&mut self, data: Vec<u8>) {
        let (ms, last) = (self.now_ms, self.last);
        let id = match ms > last.ms {
            true => EntryId { ms, seq: 0 },
            false => EntryId {
                ms: last.ms,
                seq: last.seq + 1,
            },
        };
        self.last = id;
        let entry = Entry { id, data };
        self.news.push(entry.clone());
        self.entries.push(entry);
    }

    fn has(&self, id: EntryId) -> bool {
        self.entries.binary_search_by_key(&id, |it| it.id).is_ok()
    }

    /// Whether the stream still has what was read last, and what was read before that.
    fn has_marks(&self, link: LinkId) -> bool {
        let marks = self.links[link.0].marks.iter();
        marks.rev().take(2).all(|mark| self.has(*mark))
    }

    fn position(&self, link: LinkId) -> usize {
        let mark = self.links[link.0].marks.last();
        mark.map_or(0, |mark| {
            self.entries.partition_point(|entry| entry.id <= *mark)
        })
    }

    fn add_link(&mut self, position: EntryId) -> LinkId {
        let is_at_start = position == EntryId::START;
        self.links.push(Link {
            queue: Vec::new(),
            is_linked: true,
            is_taking: true,
            is_handed_over: false,
            marks: (!is_at_start).then_some(position).into_iter().collect(),
            wanted: None,
        });
        LinkId(self.links.len() - 1)
    }
}

impl SimHub {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody has failed inside")
    }

    pub(crate) fn set_clock(&self, now_ms: u64) {
        self.lock().now_ms = now_ms;
    }

    /// A node begins: its way, where it reads from, what comes before that, and its port.
    pub(crate) fn start(&self) -> (LinkId, EntryId, Vec<Entry>, Box<dyn HubPort + Send>) {
        let mut state = self.lock();
        let tail = state.entries.clone();
        let position = tail.last().map_or(EntryId::START, |last| last.id);
        let link = state.add_link(position);
        (link, position, tail, self.port(link))
    }

    /// Another process of a node goes on from there.
    pub(crate) fn resume(&self, position: EntryId) -> (LinkId, Box<dyn HubPort + Send>) {
        let link = self.lock().add_link(position);
        (link, self.port(link))
    }

    fn port(&self, link: LinkId) -> Box<dyn HubPort + Send> {
        let hub = self.clone();
        Box::new(Port { hub, link })
    }

    /// The way that was made last.
    pub(crate) fn newest(&self) -> LinkId {
        LinkId(self.lock().links.len() - 1)
    }

    /// How much is appended and not in the stream.
    pub(crate) fn under_way(&self, link: LinkId) -> usize {
        self.lock().link(link).queue.len()
    }

    /// Whether there is anything to read.
    pub(crate) fn has_news(&self, link: LinkId) -> bool {
        let state = self.lock();
        let link_state = &state.links[link.0];
        let wanted = link_state.wanted.as_ref();
        let has_snapshot = wanted.is_some_and(|name| state.snapshots.contains_key(name));
        let has_entries = state.position(link) < state.entries.len();
        let is_read = link_state.is_linked && !link_state.is_handed_over;
        is_read && (has_snapshot || has_entries || !state.has_marks(link))
    }

    pub(crate) fn is_linked(&self, link: LinkId) -> bool {
        self.lock().link(link).is_linked
    }

    /// So many of a node's come into the stream.
    pub(crate) fn lands(&self, link: LinkId, count: usize) {
        let mut state = self.lock();
        let queue = &mut state.link(link).queue;
        let count = count.min(queue.len());
        let landed: Vec<_> = queue.drain(..count).collect();
        landed.into_iter().for_each(|data| state.take_in(data));
    }

    /// What a node's reader tells next, of at most so many entries.
    pub(crate) fn reads(&self, link: LinkId, count: usize) -> Vec<HubEvent> {
        let mut state = self.lock();
        if !state.link(link).is_linked || state.link(link).is_handed_over {
            return Vec::new();
        }
        if !state.has_marks(link) {
            drop(state);
            return self.cut(link, 0, false).into_iter().collect();
        }
        let mut events = Vec::new();
        let wanted = state.link(link).wanted.clone();
        if let Some(snapshot) = wanted.and_then(|name| state.snapshots.remove(&name)) {
            state.link(link).wanted = None;
            events.push(HubEvent::Snapshot(snapshot));
        }
        let unread = state.entries[state.position(link)..].iter();
        let entries: Vec<Entry> = unread.take(count).cloned().collect();
        if let Some(last) = entries.last() {
            state.link(link).marks.push(last.id);
            events.push(HubEvent::Entries(entries));
        }
        events
    }

    /// A node's connections break: of what is under way so many arrive, the others perhaps later. What
    /// its reader tells of that.
    pub(crate) fn cut(&self, link: LinkId, arrive: usize, is_late: bool) -> Option<HubEvent> {
        if !self.is_linked(link) {
            return None;
        }
        self.lands(link, arrive);
        let mut state = self.lock();
        let rest = std::mem::take(&mut state.link(link).queue);
        if is_late {
            state.late.extend(rest);
        }
        let link = state.link(link);
        (link.is_linked, link.is_taking) = (false, false);
        Some(HubEvent::Away("it was cut".to_owned()))
    }

    /// A node's connections are made anew. What its reader tells of that.
    pub(crate) fn mend(&self, link: LinkId) -> Option<HubEvent> {
        if self.is_linked(link) {
            return None;
        }
        let mut state = self.lock();
        let mut rewound_to = None;
        if !state.has_marks(link) {
            let marks = &state.links[link.0].marks;
            let left = marks.iter().rev().find(|mark| state.has(**mark)).copied();
            state.link(link).marks = left.into_iter().collect();
            rewound_to = Some(left.unwrap_or(EntryId::START));
        }
        state.link(link).is_linked = true;
        Some(HubEvent::Back { rewound_to })
    }

    /// What was given up arrives all the same.
    pub(crate) fn late_arrives(&self) {
        let mut state = self.lock();
        let late = std::mem::take(&mut state.late);
        late.into_iter().for_each(|data| state.take_in(data));
    }

    /// The last of the stream are lost, and all snapshots. What is under way to it may arrive yet.
    pub(crate) fn loses_tail(&self, count: usize) -> Vec<Entry> {
        let mut state = self.lock();
        let left = state.entries.len().saturating_sub(count);
        state.snapshots.clear();
        state.entries.split_off(left)
    }

    /// What its senders have given up never arrives.
    pub(crate) fn loses_late(&self) {
        self.lock().late.clear();
    }

    pub(crate) fn loses_snapshots(&self) {
        self.lock().snapshots.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// What has come into the stream since this was last asked.
    pub(crate) fn take_news(&self) -> Vec<Entry> {
        std::mem::take(&mut self.lock().news)
    }

    /// The process is killed: nothing more comes from it.
    pub(crate) fn forget(&self, link: LinkId) {
        let mut state = self.lock();
        let link = state.link(link);
        link.queue.clear();
        (link.is_linked, link.is_taking) = (false, false);
    }
}

impl HubPort for Port {
    fn append(&mut self, data: Vec<u8>) {
        let mut state = self.hub.lock();
        let link = state.link(self.link);
        if link.is_taking {
            link.queue.push(data);
        }
    }

    fn start_again(&mut self) {
        let mut state = self.hub.lock();
        let link = state.link(self.link);
        link.is_taking = link.is_linked;
        link.queue.clear();
    }

    fn offer_snapshot(&mut self, to: &str, data: Vec<u8>) {
        let mut state = self.hub.lock();
        if state.link(self.link).is_linked {
            state.snapshots.insert(to.to_owned(), data);
        }
    }

    fn want_snapshot(&mut self, name: &str) {
        self.hub.lock().link(self.link).wanted = Some(name.to_owned());
    }

    fn hand_over(&mut self) {
        let mut state = self.hub.lock();
        let link = state.link(self.link);
        link.is_handed_over = true;
        (link.is_linked, link.is_taking) = (false, false);
        link.queue.clear();
    }

    fn take_back(&mut self) {
        self.hub.lock().link(self.link).is_handed_over = false;
    }
}
