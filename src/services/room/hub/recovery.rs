//! When the hub has lost its end: what any node has heard of that, all hear, and in one order.
//!
//! All have heard beginnings of one and the same sequence. Each node says again what it has heard and
//! the hub has lost, and each does what it had missed of that. What is new waits until all nodes have
//! said all: else those that had heard less would hear it before.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use log::warn;
use serde::{Deserialize, Serialize};

use super::packet::Deed;
use super::{Hub, MAX_PENDING_BYTES, Op, Room};
use crate::clock;
use crate::hub::EntryId;
use crate::outbound::Fanout;

/// So long it is waited for the other nodes; each is back within 2 s after the hub is.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is held meanwhile, so many bytes: beyond it, it is not waited any longer. No node reads from
/// its speakers at `MAX_PENDING_BYTES` of it.
const MAX_HELD_BYTES: usize = 16 << 20;

/// In one entry, so many bytes are said again.
const AGAIN_BYTES: usize = 64 << 10;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Recovery {
    /// Nodes that have not said all that they had heard.
    awaited: HashSet<Box<str>>,
    #[serde(with = "clock::instant")]
    pub(super) until: Instant,
    /// Behind this one, what was heard may be lost.
    pub(super) lost_behind: EntryId,
    /// What was read meanwhile, in its order.
    held: Vec<Deed>,
    held_bytes: usize,
}

impl Recovery {
    /// Whether so much waits that speakers have to.
    pub(super) fn is_full(&self) -> bool {
        self.held_bytes >= MAX_PENDING_BYTES
    }
}

impl Room {
    /// The hub has lost what this node has read behind that entry.
    pub(super) fn recover(&mut self, now: Instant, to: EntryId, out: &mut Fanout) {
        let before = self
            .hub
            .as_ref()
            .and_then(|hub| hub.state.recovery.as_ref());
        let lost_behind = before.map_or(to, |before| before.lost_behind.min(to));
        // It has been read, and all others that have are to be told of it.
        self.end_recovery(now, out);
        self.begin_anew(false, Some(lost_behind));
        if let Some(hub) = &mut self.hub {
            hub.state.position = to;
            hub.await_others(now, lost_behind);
        }
    }

    /// Another node has begun to. This one has said all that it had to say again, if it had anything.
    pub(super) fn help_recover(&mut self, now: Instant, at: EntryId) {
        if let Some(hub) = &mut self.hub {
            hub.await_others(now, at);
            hub.submit(Op::Settled);
        }
    }

    /// That node has said all, or never will.
    pub(super) fn await_no_more(&mut self, now: Instant, node: &str, out: &mut Fanout) {
        let recovery = self
            .hub
            .as_mut()
            .and_then(|hub| hub.state.recovery.as_mut());
        if let Some(recovery) = recovery {
            recovery.awaited.remove(node);
            if recovery.awaited.is_empty() {
                self.end_recovery(now, out);
            }
        }
    }

    pub(super) fn end_recovery(&mut self, now: Instant, out: &mut Fanout) {
        let Some(recovery) = self.hub.as_mut().and_then(|hub| hub.state.recovery.take()) else {
            return;
        };
        if !recovery.awaited.is_empty() {
            warn!(
                "going on without what {:?} may have heard",
                recovery.awaited
            );
        }
        for deed in recovery.held {
            self.apply_deed(now, deed, out);
        }
    }

    /// What is to be done once, and is new here or waits.
    pub(super) fn on_deed(&mut self, now: Instant, deed: Deed, out: &mut Fanout) {
        let recovery = self
            .hub
            .as_mut()
            .and_then(|hub| hub.state.recovery.as_mut());
        let Some(recovery) = recovery else {
            return self.apply_deed(now, deed, out);
        };
        recovery.held_bytes += deed.op.bytes();
        recovery.held.push(deed);
        if recovery.held_bytes > MAX_HELD_BYTES {
            self.end_recovery(now, out);
        }
    }

    /// What a node says again: what was heard before comes before all that is new.
    pub(super) fn on_said_again(
        &mut self,
        now: Instant,
        at: EntryId,
        deeds: Vec<Deed>,
        out: &mut Fanout,
    ) {
        for mut deed in deeds {
            match deed.id {
                Some(_) => self.apply_deed(now, deed, out),
                None => {
                    deed.id = Some(at);
                    self.on_deed(now, deed, out);
                }
            }
        }
    }

    pub(super) fn apply_deed(&mut self, now: Instant, deed: Deed, out: &mut Fanout) {
        let Some(hub) = &mut self.hub else { return };
        if !hub.state.heard.is_new(&deed.node, deed.boot, deed.counter) {
            return;
        }
        let id = deed.id.unwrap_or(EntryId::START);
        self.apply_said(now, id, &deed.node, &deed.op, out);
        if let Some(hub) = &mut self.hub {
            hub.state.recent.push(deed);
        }
    }
}

impl Hub {
    /// What is new waits for what others have heard.
    pub(super) fn await_others(&mut self, now: Instant, lost_behind: EntryId) {
        let state = &mut self.state;
        let live = state.nodes.iter().filter(|(_, node)| !node.is_gone);
        let awaited = live.map(|(name, _)| name.clone());
        let awaited: HashSet<_> = awaited.filter(|name| *name != state.node).collect();
        if state.recovery.is_none() && !awaited.is_empty() {
            state.recovery = Some(Recovery {
                awaited,
                until: now + PATIENCE,
                lost_behind,
                held: Vec::new(),
                held_bytes: 0,
            });
        }
    }

    /// Says again what was heard behind that entry.
    pub(super) fn say_again(&mut self, lost_behind: EntryId) {
        let lost: Vec<Deed> = self.state.recent.behind(lost_behind).cloned().collect();
        let (mut together, mut bytes) = (Vec::new(), 0);
        for deed in lost {
            bytes += deed.op.bytes();
            together.push(deed);
            if bytes >= AGAIN_BYTES {
                bytes = 0;
                self.submit(Op::Again(std::mem::take(&mut together)));
            }
        }
        if !together.is_empty() {
            self.submit(Op::Again(together));
        }
    }

    /// What has not come back of this node's deeds; what was said again of others' comes anew anyway.
    pub(super) fn take_pending_deeds(&mut self) -> Vec<Deed> {
        let state = &mut self.state;
        let (node, boot) = (state.node.clone(), state.boot);
        state.pending_bytes = 0;
        let pending = std::mem::take(&mut state.pending).into_iter();
        let deeds = pending.flat_map(|pending| match pending.op {
            Op::Again(deeds) => deeds.into_iter().filter(|deed| deed.id.is_none()).collect(),
            op if op.is_deed() => vec![Deed {
                id: None,
                node: node.clone(),
                boot,
                counter: pending.counter,
                op,
            }],
            _ => Vec::new(),
        });
        deeds.collect()
    }
}
