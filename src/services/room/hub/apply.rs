//! What comes from the hub.

use std::borrow::Cow;
use std::time::Instant;

use log::{debug, warn};

use super::super::Room;
use super::super::channels::ChannelId;
use super::nodes::Node;
use super::packet::Deed;
use super::{BEAT, MAX_PENDING, Op, Packet, packet};
use crate::hub::{Entry, EntryId, HubEvent};
use crate::outbound::{ClientId, Fanout};
use crate::protocol::{Event, Kind, Said};

impl Room {
    pub(in super::super) fn on_hub(&mut self, now: Instant, event: HubEvent, out: &mut Fanout) {
        if self.hub.as_ref().is_none_or(|hub| hub.is_handed_over) {
            return;
        }
        match event {
            HubEvent::Entries(entries) => {
                for entry in entries {
                    self.on_entry(now, &entry, out);
                }
            }
            HubEvent::Away(why) => self.on_away(&why, out),
            HubEvent::Back { rewound_to } => self.on_back(now, rewound_to, out),
            HubEvent::Snapshot(bytes) => self.on_snapshot(now, &bytes, out),
            HubEvent::NameTaken => {
                self.tell_everybody("another server has taken this one's place; it ends", out);
                out.stop();
            }
        }
        self.give_wanted_names(now, out);
        self.resume_speakers(out);
    }

    fn on_away(&mut self, why: &str, out: &mut Fanout) {
        let Some(hub) = &mut self.hub else { return };
        hub.state.is_away = true;
        debug!("the hub is away: {why}");
        self.tell_everybody("the hub is away; what is said waits for it", out);
    }

    fn on_back(&mut self, now: Instant, rewound_to: Option<EntryId>, out: &mut Fanout) {
        let Some(hub) = &mut self.hub else { return };
        hub.state.is_away = false;
        hub.hear_all_anew(now);
        hub.port.start_again();
        match rewound_to {
            Some(to) => {
                warn!("the hub is back, and has lost what it had last");
                self.tell_everybody("the hub is back; it has lost some of what it had", out);
                self.recover(now, to, out);
            }
            None => {
                match hub.state.has_lost_presence {
                    true => self.begin_anew(false, None),
                    false => hub.submit_again(),
                }
                self.tell_everybody("the hub is back", out);
            }
        }
    }

    /// Tells all members of this node.
    fn tell_everybody(&mut self, told: &str, out: &mut Fanout) {
        let rooms: Vec<ChannelId> = self.channels.iter().map(|(id, _)| id).collect();
        for room in rooms {
            self.announce(room, None, Event::Notice(told), out);
        }
    }

    fn on_entry(&mut self, now: Instant, entry: &Entry, out: &mut Fanout) {
        let packet = packet::decode(&entry.data);
        let Some(hub) = &mut self.hub else { return };
        let before = std::mem::replace(&mut hub.state.position, entry.id);
        let Some(packet) = packet else {
            return debug!("entry {} of the hub is none of chinwag's", entry.id);
        };
        let is_own = packet.node == hub.state.node && packet.boot == hub.state.boot;
        if let Some(waiting) = &mut hub.waiting {
            let begins = is_own && matches!(packet.op, Op::Hello { .. });
            if begins {
                waiting.begin(now);
            }
            waiting.entries.push((entry.id, packet));
            if begins && let Some(snapshot) = waiting.early.take() {
                self.on_snapshot(now, &snapshot, out);
            } else if waiting.is_full() {
                self.give_up_snapshot(now, out);
            }
            return;
        }
        if is_own && hub.has_lost_own_before(&packet) {
            warn!("the hub has lost some of what this node has appended");
            self.tell_everybody("the hub has lost some of what it had", out);
            self.recover(now, before, out);
        } else {
            self.apply(now, entry.id, packet, out);
        }
    }

    /// Does what an entry says, as every node does.
    pub(super) fn apply(&mut self, now: Instant, id: EntryId, packet: Packet, out: &mut Fanout) {
        let Some(hub) = &mut self.hub else { return };
        // What stands behind a gap its node says again, behind what is missing.
        if !hub.accepts(&packet, now) {
            return;
        }
        let is_own_node = packet.node == hub.state.node;
        if is_own_node && packet.boot == hub.state.boot {
            hub.confirm(packet.counter);
        }
        match packet.op {
            Op::Hello {
                wants_snapshot,
                is_rewound,
            } => {
                if wants_snapshot {
                    self.offer_snapshot(now, &packet);
                }
                self.mark_stale(&packet.node);
                if is_rewound && !is_own_node {
                    self.help_recover(now, id);
                }
            }
            Op::Settled => {
                self.apply_end_of(now, &packet.node, true, out);
                self.await_no_more(now, &packet.node, out);
            }
            Op::Bye => {
                self.apply_end_of(now, &packet.node, false, out);
                self.note_gone(&packet.node);
                self.await_no_more(now, &packet.node, out);
            }
            Op::Gone { node, boot } => self.apply_gone(now, &node, boot, out),
            ref op @ (Op::Joined { .. }
            | Op::Entered { .. }
            | Op::Renamed { .. }
            | Op::Left { .. }
            | Op::Away { .. }) => {
                if !is_own_node {
                    self.apply_presence(now, &packet.node, op, out);
                }
            }
            Op::Again(deeds) => self.on_said_again(now, id, deeds, out),
            Op::Beat if is_own_node => {}
            Op::Beat => self.ask_again(),
            op => {
                let deed = Deed {
                    id: Some(id),
                    node: packet.node,
                    boot: packet.boot,
                    counter: packet.counter,
                    op,
                };
                self.on_deed(now, deed, out);
            }
        }
    }

    fn apply_presence(&mut self, now: Instant, node: &str, op: &Op, out: &mut Fanout) {
        let hub = self.hub.as_ref();
        let client = |member| hub.and_then(|hub| hub.client(node, member));
        match op {
            Op::Joined { .. } => self.apply_joined(now, node, op, out),
            Op::Left { member } => self.apply_left(now, node, *member, out),
            Op::Entered { member, room } => {
                if let Some(client) = client(*member) {
                    self.apply_entered(now, client, room.as_deref(), out);
                }
            }
            Op::Renamed { member, nick } => {
                if let Some(client) = client(*member) {
                    self.apply_renamed(now, client, nick, out);
                }
            }
            Op::Away { member, why } => {
                if let Some(client) = client(*member) {
                    match why.is_empty() {
                        true => drop(self.away.remove(&client)),
                        false => drop(self.away.insert(client, why.clone())),
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn apply_said(
        &mut self,
        now: Instant,
        id: EntryId,
        node: &str,
        op: &Op,
        out: &mut Fanout,
    ) {
        let Some(hub) = &self.hub else { return };
        let of = |member| hub.client(node, member);
        match op {
            Op::Said {
                member,
                from,
                room,
                kind,
                text,
            } => {
                let speaker = of(*member).unwrap_or(ClientId::NOBODY);
                let from = &*self.name_of_speaker(speaker, from);
                self.deliver(speaker, (id, *kind), (from, room, text), out);
            }
            Op::Told {
                member,
                from,
                node: to_node,
                to,
                kind,
                text,
            } => {
                if *to_node == hub.state.node
                    && let Ok(to) = usize::try_from(*to)
                {
                    let speaker = of(*member).unwrap_or(ClientId::NOBODY);
                    let to = ClientId::unpack(to);
                    let from = &*self.name_of_speaker(speaker, from);
                    self.deliver_to_one(speaker, from, to, (*kind, text), id.ms, out);
                }
            }
            Op::Topic {
                member,
                from,
                room,
                text,
            } => {
                let speaker = of(*member).unwrap_or(ClientId::NOBODY);
                if let Some(room) = self.channels.find(room) {
                    let from = self.name_of_speaker(speaker, from);
                    self.topic_is(room, &from, text, out);
                }
            }
            Op::Order { member, order } => {
                if let Some(operator) = of(*member) {
                    self.apply_order(now, operator, order, out);
                }
            }
            _ => {}
        }
    }

    /// As whom somebody is heard: by the name under which it was said, unless that is another one's by
    /// now, who has not said it.
    fn name_of_speaker<'a>(&self, speaker: ClientId, said_as: &'a str) -> Cow<'a, str> {
        let is_another_ones = |holder| holder != speaker;
        match self.members.nick(speaker) {
            Some(nick) if self.members.find(said_as).is_some_and(is_another_ones) => {
                Cow::Owned(nick.to_owned())
            }
            _ => Cow::Borrowed(said_as),
        }
    }

    /// All in a room of this node hear what somebody, here or elsewhere, has said.
    fn deliver(
        &mut self,
        speaker: ClientId,
        (id, kind): (EntryId, Kind),
        (from, room, text): (&str, &str, &str),
        out: &mut Fanout,
    ) {
        let stamp = self.stamps.of_entry(id);
        if let Some(room) = self.channels.find(room) {
            let said = Said {
                stamp,
                kind,
                room: "",
                from,
                text,
            };
            self.publish_said(speaker, room, said, out);
        }
    }

    fn mark_stale(&mut self, node: &str) {
        let Some(hub) = &mut self.hub else { return };
        let state = &mut hub.state;
        let of_node = state.others.keys().filter(|(of, _)| **of == *node).cloned();
        state.stale.extend(of_node);
    }

    fn note_gone(&mut self, node: &str) {
        let state = self.hub.as_mut().map(|hub| &mut hub.state);
        if let Some(node) = state.and_then(|state| state.nodes.get_mut(node)) {
            node.is_gone = true;
        }
    }

    fn apply_gone(&mut self, now: Instant, node: &str, boot: u64, out: &mut Fanout) {
        let Some(hub) = &mut self.hub else { return };
        let is_of_boot = |node: &&mut Node| node.boot == boot && !node.is_gone;
        let Some(found) = hub.state.nodes.get_mut(node).filter(is_of_boot) else {
            return;
        };
        found.is_gone = true;
        if *node == *hub.state.node {
            // It has begun anew since, and what it has said again is on its way.
            if boot != hub.state.boot {
                return;
            }
            warn!("the other nodes took this one for dead; it tells them of its members anew");
            return self.begin_anew(false, None);
        }
        warn!("node {node} is dead; its members leave");
        self.apply_end_of(now, node, false, out);
        self.await_no_more(now, node, out);
    }

    /// Says that this node is there, and looks for those that are not.
    pub(in super::super) fn on_hub_deadline(&mut self, now: Instant, out: &mut Fanout) {
        let Some(hub) = &mut self.hub else { return };
        let gave_up = hub.waiting.as_ref().is_some_and(|waiting| {
            let until = waiting.until;
            until.is_some_and(|until| until <= now)
        });
        if gave_up {
            warn!("no other node told what it knows; going on without");
            return self.give_up_snapshot(now, out);
        }
        if hub
            .state
            .recovery
            .as_ref()
            .is_some_and(|recovery| recovery.until <= now)
        {
            self.end_recovery(now, out);
            return self.resume_speakers(out);
        }
        if hub.state.beat_at > now {
            return;
        }
        // This process stood still, and could hear nobody.
        if hub.state.beat_at + BEAT < now {
            hub.hear_all_anew(now);
        }
        hub.state.beat_at = now + BEAT;
        if hub.state.is_away || hub.waiting.is_some() {
            return hub.hear_all_anew(now);
        }
        if hub.state.has_lost_presence && hub.state.pending.len() < MAX_PENDING {
            return self.begin_anew(false, None);
        }
        hub.submit(Op::Beat);
        for (node, boot) in hub.silent_nodes(now) {
            hub.submit(Op::Gone { node, boot });
        }
    }

    fn resume_speakers(&mut self, out: &mut Fanout) {
        if let Some(hub) = &mut self.hub
            && !hub.state.paused.is_empty()
            && hub.state.pending_bytes < super::MAX_PENDING_BYTES / 2
            && !hub.is_full()
        {
            for client in std::mem::take(&mut hub.state.paused) {
                out.resume_reading(client);
            }
        }
    }
}
