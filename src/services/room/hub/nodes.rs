//! Which nodes there are: where each one's entries stand, and when it was last heard.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{DEAD_AFTER, Hub, Op, Packet};
use crate::clock;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) boot: u64,
    /// Of its last entry.
    pub(super) counter: u64,
    /// It was found dead; what still comes of that boot does not count.
    pub(super) is_gone: bool,
    #[serde(with = "clock::instant")]
    pub(super) heard_at: Instant,
}

impl Node {
    pub(super) fn new(boot: u64, counter: u64, now: Instant) -> Self {
        Self {
            boot,
            counter,
            is_gone: false,
            heard_at: now,
        }
    }
}

impl Hub {
    /// Whether an entry is the next of its node's. Another may have come before, or is lost.
    pub(super) fn accepts(&mut self, packet: &Packet, now: Instant) -> bool {
        let nodes = &mut self.state.nodes;
        let is_hello = matches!(packet.op, Op::Hello { .. });
        let Some(node) = nodes.get_mut(&packet.node) else {
            let node = Node::new(packet.boot, packet.counter, now);
            nodes.insert(packet.node.clone(), node);
            return true;
        };
        if is_hello && packet.boot > node.boot {
            *node = Node::new(packet.boot, packet.counter, now);
            return true;
        }
        let is_next =
            packet.boot == node.boot && node.counter.checked_add(1) == Some(packet.counter);
        if !is_next || node.is_gone {
            return false;
        }
        node.counter = packet.counter;
        node.heard_at = now;
        true
    }

    /// Whether its node had appended others before this entry that were not read here, and that the
    /// stream no longer has.
    pub(super) fn is_behind_a_gap(&self, packet: &Packet) -> bool {
        let node = self.state.nodes.get(&packet.node);
        node.is_some_and(|node| {
            node.boot == packet.boot
                && !node.is_gone
                && node.counter < packet.counter.saturating_sub(1)
        })
    }

    /// The same of an entry of this node's own start; also if its beginning itself is missing.
    pub(super) fn has_lost_own_before(&self, packet: &Packet) -> bool {
        let own = self.state.nodes.get(&self.state.node);
        let is_hello = matches!(packet.op, Op::Hello { .. });
        own.is_some_and(|own| own.boot != packet.boot && !is_hello) || self.is_behind_a_gap(packet)
    }

    /// This process stood still, or the hub was away: nobody could be heard.
    pub(super) fn hear_all_anew(&mut self, now: Instant) {
        for node in self.state.nodes.values_mut() {
            node.heard_at = now;
        }
    }

    /// The nodes that were not heard for too long.
    pub(super) fn silent_nodes(&self, now: Instant) -> Vec<(Box<str>, u64)> {
        let nodes = self.state.nodes.iter();
        let silent = nodes.filter(|(name, node)| {
            **name != self.state.node && !node.is_gone && node.heard_at + DEAD_AFTER <= now
        });
        silent
            .map(|(name, node)| (name.clone(), node.boot))
            .collect()
    }
}
