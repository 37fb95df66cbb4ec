//! The beginning of a node: what was said before on other nodes is the history here.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::super::channels;
use super::super::transcript::{PastLine, RoomPast};
use super::heard::Heard;
use super::packet::Deed;
use super::snapshot::{Waiting, snapshot_name};
use super::{BEAT, Hub, Op, Room, State, packet};
use crate::hub::{Entry, EntryId, HubPort};

/// Whoever was heard so long before the newest entry is there still.
const RECENTLY: Duration = Duration::from_secs(20);

/// How another process of a node is succeeded at the hub: by its boot, and where it has read to.
pub(crate) struct Resumer(
    #[expect(clippy::type_complexity, reason = "it is said once")]
    pub(crate)  Box<dyn FnMut(&str, EntryId) -> Result<Box<dyn HubPort + Send>, String>>,
);

impl std::fmt::Debug for Resumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resumer")
    }
}

/// A hub that is there, for a room that begins.
pub(crate) struct Start {
    /// What this node is called.
    pub(crate) node: String,
    /// Names this start to the hub.
    pub(crate) boot: String,
    /// The hub's time in µs since 1970, later than that of all entries before: a later start of this
    /// node has a larger one, whatever this machine's clock says.
    pub(crate) time: u64,
    /// Where reading begins.
    pub(crate) position: EntryId,
    /// The entries before that, the oldest first.
    pub(crate) tail: Vec<Entry>,
    pub(crate) port: Box<dyn HubPort + Send>,
}

impl Room {
    /// A room that is one with those of other nodes.
    pub(crate) fn with_hub(mut self, now: Instant, start: Start) -> Self {
        let seen = self.read_tail(&start);
        // Before anything is said behind it.
        self.restore_past();
        let state = State {
            node: start.node.into(),
            hub_boot: start.boot.into(),
            boot: start.time,
            counter: 0,
            position: start.position,
            pending: Default::default(),
            pending_bytes: 0,
            heard: seen.done,
            recent: Default::default(),
            recovery: None,
            is_away: false,
            has_lost_presence: false,
            nodes: Default::default(),
            others: Default::default(),
            stale: Default::default(),
            unconfirmed: HashMap::new(),
            wanted: Default::default(),
            lacks_snapshot: false,
            paused: Default::default(),
            beat_at: now + BEAT,
        };
        let wants_snapshot = seen.others_are_there;
        self.members.be_of_node(&state.node);
        self.hub = Some(Hub::new(start.port, state));
        self.begin_anew(wants_snapshot, None);
        if let Some(hub) = &mut self.hub
            && wants_snapshot
        {
            hub.want_snapshot();
        }
        self
    }

    /// A room that may have to go on in another process's place.
    pub(crate) fn with_hub_resumer(mut self, resumer: Resumer) -> Self {
        self.hub_resumer = Some(resumer);
        self
    }

    /// Goes on with the state of another process of this node.
    pub(in super::super) fn resume_hub(&mut self, state: State) -> Result<(), String> {
        let port = match &mut self.hub_resumer {
            Some(Resumer(resume)) => resume(&state.hub_boot, state.position)?,
            None => return Err("the process before was at a hub".to_owned()),
        };
        self.members.be_of_node(&state.node);
        let mut hub = Hub::new(port, state);
        // What of that has been appended before is dropped when it is read.
        hub.submit_again();
        self.hub = Some(hub);
        Ok(())
    }

    fn read_tail(&mut self, start: &Start) -> Seen {
        let mut done = Heard::default();
        let mut heard: HashMap<Box<str>, u64> = HashMap::new();
        for Entry { id, data } in &start.tail {
            let Some(packet) = packet::decode(data) else {
                continue;
            };
            match packet.op {
                Op::Bye => drop(heard.remove(&packet.node)),
                _ => drop(heard.insert(packet.node.clone(), id.ms)),
            }
            for deed in packet.deeds(*id) {
                if done.is_new(&deed.node, deed.boot, deed.counter) {
                    self.note_past(deed);
                }
            }
        }
        for past in self.past.values_mut() {
            end(past, self.config.history_lines);
        }
        let newest = start.tail.last().map_or(0, |entry| entry.id.ms);
        let recently = u64::try_from(RECENTLY.as_millis()).unwrap_or(u64::MAX);
        let others_are_there = heard
            .iter()
            .any(|(node, ms)| **node != *start.node && ms.saturating_add(recently) >= newest);
        Seen {
            others_are_there,
            done,
        }
    }

    fn note_past(&mut self, deed: Deed) {
        let Deed {
            id: Some(id), op, ..
        } = deed
        else {
            return;
        };
        if let Op::Said {
            from,
            room,
            kind,
            text,
            ..
        } = op
            && let Some(look) = channels::look(&room)
        {
            let stamp = self.stamps.of_entry(id);
            let line = PastLine::new(stamp, kind, from, text);
            self.past.entry(look).or_default().lines.push(line);
        }
    }
}

struct Seen {
    others_are_there: bool,
    /// What is in the history.
    done: Heard,
}

/// Lines are noted the oldest first; a past has the newest first, and no more than are shown.
fn end(past: &mut RoomPast, most: usize) {
    past.lines.reverse();
    if let Some(dropped) = past.lines.get(most) {
        past.dropped = dropped.id();
        past.lines.truncate(most);
    }
}

impl Hub {
    fn new(port: Box<dyn HubPort + Send>, state: State) -> Self {
        Self {
            port,
            is_handed_over: false,
            state,
            waiting: None,
        }
    }

    pub(super) fn want_snapshot(&mut self) {
        let name = snapshot_name(&self.state.node, self.state.boot);
        self.port.want_snapshot(&name);
        self.waiting = Some(Waiting {
            until: None,
            entries: Vec::new(),
            before: 0,
            early: None,
        });
    }
}
