//! A room on many machines: what its members do is appended to the hub's stream, and what comes back
//! from it, in one order, every node does in the same way. Knows the meaning of entries; not how they
//! travel.
//!
//! Coming, leaving and names are done here at once and told to the others; what is said, the topic
//! and what operators do is done when it comes back, by all. A name that two nodes give at once is
//! whose entry comes first.

#![cfg_attr(
    not(feature = "hub"),
    allow(dead_code, unused_imports, reason = "who joins a hub is not built")
)]

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Room;
use crate::clock;
use crate::hub::{EntryId, HubPort};
use crate::outbound::ClientId;

mod apply;
#[cfg(test)]
mod audit;
mod heard;
mod nodes;
mod orders;
mod packet;
mod presence;
mod recovery;
mod say;
mod snapshot;
mod tail;

use heard::{Heard, Recent};
use nodes::Node;
#[cfg(test)]
pub(crate) use packet::{Look, Seen, look};
use packet::{Member, Op, Packet};
use recovery::Recovery;
use snapshot::Waiting;
pub(crate) use tail::{Resumer, Start};

/// Of what was appended and has not come back, so many bytes; then speakers are not read from. Few in
/// tests, so that simulations come to it.
const MAX_PENDING_BYTES: usize = if cfg!(test) { 8 << 10 } else { 1 << 20 };

/// Beyond this nothing that a member does is taken: many who come, speak once and go again are not
/// held up by not being read from.
const MOST_PENDING_BYTES: usize = 8 << 20;

/// Beyond this, in entries, who came and left meanwhile is not kept: all are told of anew.
pub(super) const MAX_PENDING: usize = 10_000;

/// The node's side of a hub.
pub(super) struct Hub {
    port: Box<dyn HubPort + Send>,
    /// Another process goes on with it.
    is_handed_over: bool,
    pub(super) state: State,
    waiting: Option<Waiting>,
}

/// What another process of this node goes on with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    node: Box<str>,
    /// Names this start to the hub.
    hub_boot: Box<str>,
    /// Names it to other nodes; ascends with each.
    boot: u64,
    /// Of the entry appended last.
    counter: u64,
    /// Of the entry read last.
    position: EntryId,
    pending: VecDeque<Pending>,
    pending_bytes: usize,
    heard: Heard,
    recent: Recent,
    /// The hub has lost its end, and not all nodes have said what they had heard.
    recovery: Option<Recovery>,
    is_away: bool,
    /// Some of who came and left is not in `pending`.
    has_lost_presence: bool,
    nodes: BTreeMap<Box<str>, Node>,
    /// Members of other nodes.
    others: BTreeMap<(Box<str>, Member), ClientId>,
    /// Those of a node that has begun anew, until it has told who is there still.
    stale: BTreeSet<(Box<str>, Member)>,
    /// Members of this node whose name may be another one's yet: the entry by which they have it.
    unconfirmed: HashMap<ClientId, u64>,
    /// How members of other nodes are called there, and cannot be here yet: somebody else is.
    #[serde(default)]
    wanted: BTreeMap<ClientId, Box<str>>,
    /// Nobody told this node what the others know.
    #[serde(default)]
    lacks_snapshot: bool,
    /// Speakers that are not read from until less waits.
    paused: BTreeSet<ClientId>,
    /// When this node says next that it is there, and looks for those that do not.
    #[serde(with = "clock::instant")]
    beat_at: Instant,
}

#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    counter: u64,
    bytes: usize,
    op: Op,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.state.fmt(f)
    }
}

impl Hub {
    /// Appends what this node has done.
    fn submit(&mut self, op: Op) {
        match op.is_presence() && self.state.pending.len() >= MAX_PENDING {
            true => self.state.has_lost_presence = true,
            false => self.append(op),
        }
    }

    /// The same, however much waits: there are no more members than there may be.
    fn append(&mut self, op: Op) {
        let state = &mut self.state;
        state.counter += 1;
        let data = packet::encode(&state.node, state.boot, state.counter, &op);
        let bytes = data.len();
        state.pending_bytes += bytes;
        state.pending.push_back(Pending {
            counter: state.counter,
            bytes,
            op,
        });
        self.port.append(data);
    }

    /// Appends all again that has not come back.
    fn submit_again(&mut self) {
        for Pending { counter, op, .. } in &self.state.pending {
            let data = packet::encode(&self.state.node, self.state.boot, *counter, op);
            self.port.append(data);
        }
    }

    /// An entry of this node has come back: what was appended up to it waits no more.
    fn confirm(&mut self, counter: u64) {
        let state = &mut self.state;
        while let Some(first) = state.pending.front()
            && first.counter <= counter
            && let Some(first) = state.pending.pop_front()
        {
            state.pending_bytes -= first.bytes;
        }
        state.unconfirmed.retain(|_, claim| *claim > counter);
    }

    /// Whether the others have told what they know, or cannot.
    pub(super) fn is_ready(&self) -> bool {
        self.waiting.is_none() || self.state.is_away
    }

    /// Whether so much waits for the hub that speakers have to.
    fn is_full(&self) -> bool {
        let recovery = self.state.recovery.as_ref();
        self.state.pending_bytes >= MAX_PENDING_BYTES || recovery.is_some_and(Recovery::is_full)
    }

    /// The name of a room's member, to other nodes.
    fn member(client: ClientId) -> Member {
        client.pack() as Member
    }

    /// Who a node means here; `None`: nobody who is here.
    fn client(&self, node: &str, member: Member) -> Option<ClientId> {
        match node == &*self.state.node {
            true => usize::try_from(member).ok().map(ClientId::unpack),
            false => self.state.others.get(&(node.into(), member)).copied(),
        }
    }

    /// When [`Room::on_hub_deadline`] should be called.
    pub(super) fn due(&self) -> Option<Instant> {
        let waiting = self.waiting.as_ref().and_then(Waiting::due);
        let recovery = self.state.recovery.as_ref().map(|recovery| recovery.until);
        [Some(self.state.beat_at), waiting, recovery]
            .into_iter()
            .flatten()
            .min()
    }

    /// Another process goes on.
    ///
    /// # Errors
    /// Why it cannot now: what this one waits for would never be told the other.
    pub(super) fn hand_over(&mut self) -> Result<(), String> {
        if self.state.is_away {
            return Err("the hub is away".to_owned());
        }
        if self.waiting.is_some() {
            return Err("the other nodes have not told yet what they know".to_owned());
        }
        self.is_handed_over = true;
        self.port.hand_over();
        Ok(())
    }

    /// It does not.
    pub(super) fn take_back(&mut self) {
        if std::mem::take(&mut self.is_handed_over) {
            self.port.take_back();
        }
    }
}

impl Drop for Hub {
    /// The node ends: all its members leave with it.
    fn drop(&mut self) {
        if !self.is_handed_over {
            self.submit(Op::Bye);
        }
    }
}

/// A node that nothing has come from for so long is dead. The others look at their beats: it is noticed
/// within 20 s.
const DEAD_AFTER: Duration = Duration::from_secs(16);

/// How often a node says that it is there.
const BEAT: Duration = Duration::from_secs(3);
