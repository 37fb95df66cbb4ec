//! What a node that begins has to know of the others: one of those that are there writes it down, as
//! it is at the entry by which the new one began.

use std::time::{Duration, Instant};

use log::warn;
use serde::{Deserialize, Serialize};

use super::super::bans::Bans;
use super::heard::Heard;
use super::nodes::Node;
use super::{Hub, Member, Op, Packet, Room};
use crate::addr::Network;
use crate::hub::EntryId;
use crate::outbound::Fanout;
use crate::sanitize::sanitize;

/// So long it is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// So many entries are kept meanwhile.
const MAX_ENTRIES: usize = 100_000;

/// A node that has begun, and does not know yet what the others do.
pub(super) struct Waiting {
    /// `None`: the entry by which it began has not come yet.
    pub(super) until: Option<Instant>,
    /// What came since.
    pub(super) entries: Vec<(EntryId, Packet)>,
    /// How many of those came before that entry: the snapshot knows of them, but not what was said.
    pub(super) before: usize,
    /// The snapshot, if it has come before that entry was read.
    pub(super) early: Option<Vec<u8>>,
}

impl Waiting {
    pub(super) fn due(&self) -> Option<Instant> {
        self.until
    }

    pub(super) fn begin(&mut self, now: Instant) {
        self.until = Some(now + PATIENCE);
        self.before = self.entries.len();
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= MAX_ENTRIES
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Snapshot {
    nodes: Vec<(Box<str>, u64, u64, bool)>,
    heard: Heard,
    members: Vec<SavedMember>,
    topics: Vec<(Box<str>, Box<str>)>,
    /// What the clock says where it is written down: bans are until a time.
    now_ms: u64,
    #[serde(with = "serde_bytes")]
    bans: Vec<u8>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedMember {
    node: Box<str>,
    member: Member,
    nick: Box<str>,
    room: Option<Box<str>>,
    away: Option<Box<str>>,
    address: Option<Network>,
    /// For so many milliseconds; 0: for good.
    muted_ms: Option<u64>,
}

impl Room {
    /// Another node has begun, and is told what is known here.
    pub(super) fn offer_snapshot(&mut self, now: Instant, to: &Packet) {
        let Some(hub) = &self.hub else { return };
        if hub.waiting.is_some() || to.node == hub.state.node {
            return;
        }
        let own_node = &hub.state.node;
        let own = self.members.own().into_iter();
        let own = own.map(|(client, _)| (own_node, Hub::member(client), client));
        let others = hub.state.others.iter();
        let others = others.map(|((node, member), client)| (node, *member, *client));
        let members = own
            .chain(others)
            .filter(|(node, ..)| **node != to.node)
            .filter_map(|(node, member, client)| {
                Some(SavedMember {
                    node: node.clone(),
                    member,
                    nick: match hub.state.wanted.get(&client) {
                        Some(nick) => nick.clone(),
                        None => self.members.nick(client)?.into(),
                    },
                    room: self
                        .members
                        .room(client)
                        .map(|room| self.channels[room].name().into()),
                    away: self.away.get(&client).cloned(),
                    address: self.order.address(client),
                    muted_ms: self.order.muted_ms(now, client),
                })
            });
        let nodes = hub.state.nodes.iter();
        let topics = self.channels.iter();
        let snapshot = Snapshot {
            members: members.collect(),
            nodes: nodes
                .map(|(name, node)| (name.clone(), node.boot, node.counter, node.is_gone))
                .collect(),
            topics: topics
                .filter(|(_, room)| !room.topic().is_empty())
                .map(|(_, room)| (room.name().into(), room.topic().into()))
                .collect(),
            heard: hub.state.heard.clone(),
            now_ms: self.time_ms(),
            bans: rmp_serde::to_vec_named(&self.order.bans).unwrap_or_default(),
        };
        let name = snapshot_name(&to.node, to.boot);
        if let (Ok(bytes), Some(hub)) = (rmp_serde::to_vec_named(&snapshot), &mut self.hub) {
            hub.port.offer_snapshot(&name, bytes);
        }
    }

    /// What the others know has come. Behind it comes what has happened since.
    pub(super) fn on_snapshot(&mut self, now: Instant, bytes: &[u8], out: &mut Fanout) {
        let waiting = self.hub.as_mut().and_then(|hub| hub.waiting.as_mut());
        let Some(waiting) = waiting else { return };
        if waiting.until.is_none() {
            // What has happened before the entry by which this node began is on its way.
            waiting.early = Some(bytes.into());
            return;
        }
        match rmp_serde::from_slice::<Snapshot>(bytes) {
            Ok(snapshot) => {
                self.apply_what_was_said_before(now, out);
                self.apply_snapshot(now, snapshot, out);
            }
            Err(error) => warn!("the hub's snapshot cannot be read: {error}"),
        }
        self.go_on_without_snapshot(now, out);
    }

    /// Those who have come here already hear what was said since the history was read.
    fn apply_what_was_said_before(&mut self, now: Instant, out: &mut Fanout) {
        let Some(waiting) = self.hub.as_mut().and_then(|hub| hub.waiting.as_mut()) else {
            return;
        };
        let before: Vec<_> = waiting.entries.drain(..waiting.before).collect();
        for (id, packet) in before {
            for deed in packet.deeds(id).filter(|deed| deed.op.is_said()) {
                self.apply_deed(now, deed, out);
            }
        }
    }

    fn apply_snapshot(&mut self, now: Instant, snapshot: Snapshot, out: &mut Fanout) {
        if let Some(hub) = &mut self.hub {
            hub.state.heard.add(snapshot.heard);
            for (name, boot, counter, is_gone) in snapshot.nodes {
                let mut node = Node::new(boot, counter, now);
                node.is_gone = is_gone;
                if name != hub.state.node {
                    hub.state.nodes.insert(name, node);
                }
            }
        }
        for (room, topic) in snapshot.topics {
            if let Some(room) = self.room_of_another_node(&room, out) {
                self.channels[room].set_topic(&sanitize(topic.as_bytes()));
            }
        }
        // Those that are not in there have left.
        if let Some(hub) = &mut self.hub {
            let known = hub.state.others.keys().cloned();
            hub.state.stale.extend(known);
        }
        for saved in snapshot.members {
            let mut op = Op::Joined {
                member: saved.member,
                nick: saved.nick,
                room: saved.room,
                away: saved.away,
                address: saved.address,
            };
            op.sanitize();
            self.apply_joined(now, &saved.node, &op, out);
            let hub = self.hub.as_ref();
            let client = hub.and_then(|hub| hub.client(&saved.node, saved.member));
            if let (Some(client), Some(ms)) = (client, saved.muted_ms) {
                self.order.mute_for(now, client, ms);
            }
        }
        let stale = self
            .hub
            .as_mut()
            .map(|hub| std::mem::take(&mut hub.state.stale));
        for (node, member) in stale.unwrap_or_default() {
            self.apply_left(now, &node, member, out);
        }
        let bans: Option<Bans> = rmp_serde::from_slice(&snapshot.bans).ok();
        if let Some(bans) = bans {
            let now_ms = self.time_ms();
            self.order.bans.replace(bans, snapshot.now_ms, now_ms);
            self.end_banned(now, out);
        }
        // Rooms that only topics have made.
        self.end_empty_rooms(out);
    }

    /// Nobody has told in time what the others know. They may have been away: once one of them is heard,
    /// it is asked.
    pub(super) fn give_up_snapshot(&mut self, now: Instant, out: &mut Fanout) {
        if let Some(hub) = &mut self.hub {
            hub.state.lacks_snapshot = true;
        }
        self.go_on_without_snapshot(now, out);
    }

    /// Another node is there, and may know what this one was not told. What is under way would be said
    /// twice if this node began anew now.
    pub(super) fn ask_again(&mut self) {
        let Some(hub) = &mut self.hub else { return };
        let state = &mut hub.state;
        if !state.lacks_snapshot || hub.waiting.is_some() || !state.pending.is_empty() {
            return;
        }
        state.lacks_snapshot = false;
        self.begin_anew(true, None);
        if let Some(hub) = &mut self.hub {
            hub.want_snapshot();
        }
    }

    /// Nothing more is waited for.
    pub(super) fn go_on_without_snapshot(&mut self, now: Instant, out: &mut Fanout) {
        let waiting = self.hub.as_mut().and_then(|hub| hub.waiting.take());
        for (id, packet) in waiting.into_iter().flat_map(|waiting| waiting.entries) {
            self.apply(now, id, packet, out);
        }
    }
}

pub(super) fn snapshot_name(node: &str, boot: u64) -> String {
    format!("{node}.{boot}")
}
