//! Which nodes there are: where each one's entries stand, and when it was last heard.

use std::collections::VecDeque;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{DEAD_AFTER, Hub, Op, Packet};
use crate::clock;

/// What a node has said under so many boots before it may say again.
const MAX_BOOTS: usize = 16;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) boot: u64,
    /// Of its last entry.
    pub(super) counter: u64,
    /// The same of the boots before, for entries that come again.
    pub(super) before: VecDeque<(u64, u64)>,
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
            before: VecDeque::new(),
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
            let mut before = std::mem::take(&mut node.before);
            before.truncate(MAX_BOOTS - 1);
            before.push_front((node.boot, node.counter));
            *node = Node {
                before,
                ..Node::new(packet.boot, packet.counter, now)
            };
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

    /// Whether what a node says again has been missed here.
    pub(super) fn was_missed(&mut self, node: &str, boot: u64, counter: u64) -> bool {
        let Some(node) = self.state.nodes.get_mut(node) else {
            return false;
        };
        match node.before.iter_mut().find(|(of, _)| *of == boot) {
            Some((_, last)) if counter <= *last => return false,
            Some((_, last)) => *last = counter,
            // Nothing of that boot has come here.
            None => {
                node.before.truncate(MAX_BOOTS - 1);
                node.before.push_front((boot, counter));
            }
        }
        true
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
