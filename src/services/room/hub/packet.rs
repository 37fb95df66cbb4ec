//! What an entry of the stream holds.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::super::nick;
use super::orders::Order;
use crate::addr::Network;
use crate::hub::EntryId;
use crate::protocol::Kind;
use crate::sanitize::sanitize;

/// The names in a deed, and its own place in memory.
const OVERHEAD_BYTES: usize = 200;

/// A member of a node, to the others: its client's id there.
pub(super) type Member = u64;

/// One thing that a node has done. Entries may come twice; their counters tell.
#[derive(Debug, Deserialize)]
pub(super) struct Packet {
    pub(super) node: Box<str>,
    /// Ascends with each beginning of the node.
    pub(super) boot: u64,
    /// From 1 on.
    pub(super) counter: u64,
    pub(super) op: Op,
}

#[derive(Serialize)]
struct Borrowed<'a> {
    node: &'a str,
    boot: u64,
    counter: u64,
    op: &'a Op,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Op {
    /// The node begins, or begins anew: it tells of all its members, and then that it has. It may
    /// want to be told what the others know.
    Hello {
        wants_snapshot: bool,
        /// The hub has lost some of what it had read.
        is_rewound: bool,
    },
    /// It has told of all its members, and said again what may be lost.
    Settled,
    /// It is there.
    Beat,
    /// It ends in good order.
    Bye,
    /// Another one is dead.
    Gone {
        node: Box<str>,
        boot: u64,
    },
    /// A member has come.
    Joined {
        member: Member,
        nick: Box<str>,
        room: Option<Box<str>>,
        away: Option<Box<str>>,
        address: Option<Network>,
    },
    /// It is in that room now, or in none.
    Entered {
        member: Member,
        room: Option<Box<str>>,
    },
    Renamed {
        member: Member,
        nick: Box<str>,
    },
    Left {
        member: Member,
    },
    /// Why it is away; empty: it is back.
    Away {
        member: Member,
        why: Box<str>,
    },
    Said {
        member: Member,
        from: Box<str>,
        room: Box<str>,
        kind: Kind,
        text: Box<str>,
    },
    /// To one member of that node alone.
    Told {
        member: Member,
        from: Box<str>,
        node: Box<str>,
        to: Member,
        kind: Kind,
        text: Box<str>,
    },
    Topic {
        member: Member,
        from: Box<str>,
        room: Box<str>,
        text: Box<str>,
    },
    /// What an operator has asked for.
    Order {
        member: Member,
        order: Order,
    },
    /// What was done before, in case the hub has lost it.
    Again(Vec<Deed>),
}

/// What is to be done once on every node, however often it is read: the entry that it was first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Deed {
    /// Where it was in the stream; `None`: its node, which says it again, has not seen it there.
    pub(super) id: Option<EntryId>,
    pub(super) node: Box<str>,
    pub(super) boot: u64,
    pub(super) counter: u64,
    pub(super) op: Op,
}

impl Op {
    /// Whether it tells who is there and how they are called: a node that begins anew tells that
    /// anyway.
    pub(super) fn is_presence(&self) -> bool {
        matches!(
            self,
            Self::Hello { .. }
                | Self::Settled
                | Self::Beat
                | Self::Joined { .. }
                | Self::Entered { .. }
                | Self::Renamed { .. }
                | Self::Left { .. }
                | Self::Away { .. }
        )
    }

    /// Whether those that are named in it can be called so.
    fn has_names(&self) -> bool {
        match self {
            Self::Joined { nick: name, .. }
            | Self::Renamed { nick: name, .. }
            | Self::Said { from: name, .. }
            | Self::Told { from: name, .. }
            | Self::Topic { from: name, .. } => nick::parse(name).is_ok(),
            Self::Again(deeds) => deeds.iter().all(|it| it.op.is_deed() && it.op.has_names()),
            _ => true,
        }
    }

    pub(super) fn sanitize(&mut self) {
        match self {
            Self::Joined {
                away: Some(text), ..
            }
            | Self::Away { why: text, .. }
            | Self::Said { text, .. }
            | Self::Told { text, .. }
            | Self::Topic { text, .. } => clean(text),
            Self::Order { order, .. } => order.texts().into_iter().for_each(clean),
            Self::Again(deeds) => deeds.iter_mut().for_each(|it| it.op.sanitize()),
            _ => {}
        }
    }

    /// Whether it would be missed.
    pub(super) fn is_said(&self) -> bool {
        matches!(
            self,
            Self::Said { .. } | Self::Told { .. } | Self::Topic { .. }
        )
    }

    /// Whether it is to be done once on every node.
    pub(super) fn is_deed(&self) -> bool {
        self.is_said() || matches!(self, Self::Order { .. })
    }

    /// What a deed takes to be kept or said again, about.
    pub(super) fn bytes(&self) -> usize {
        let text = match self {
            Self::Said { text, .. } | Self::Told { text, .. } | Self::Topic { text, .. } => {
                text.len()
            }
            _ => 0,
        };
        OVERHEAD_BYTES + text
    }
}

impl Packet {
    /// What in it is to be done once.
    pub(super) fn deeds(self, at: EntryId) -> impl Iterator<Item = Deed> {
        let (node, boot, counter) = (self.node, self.boot, self.counter);
        let deeds = match self.op {
            Op::Again(deeds) => deeds,
            op if op.is_deed() => vec![Deed {
                id: None,
                node,
                boot,
                counter,
                op,
            }],
            _ => Vec::new(),
        };
        deeds.into_iter().map(move |deed| Deed {
            id: deed.id.or(Some(at)),
            ..deed
        })
    }
}

pub(super) fn encode(node: &str, boot: u64, counter: u64, op: &Op) -> Vec<u8> {
    let packet = Borrowed {
        node,
        boot,
        counter,
        op,
    };
    // Nothing in there can fail to be written.
    rmp_serde::to_vec_named(&packet).unwrap_or_default()
}

/// `None`: something else. Others than chinwag's nodes may write to the stream, and are not to drive
/// anybody's terminal.
pub(super) fn decode(data: &[u8]) -> Option<Packet> {
    let mut packet: Packet = rmp_serde::from_slice(data).ok()?;
    packet.op.sanitize();
    packet.op.has_names().then_some(packet)
}

fn clean(text: &mut Box<str>) {
    if let Cow::Owned(harmless) = sanitize(text.as_bytes()) {
        *text = harmless.into();
    }
}

/// What an entry says, as far as a simulation has to know.
#[cfg(test)]
pub(crate) struct Look {
    pub(crate) node: Box<str>,
    pub(crate) boot: u64,
    pub(crate) counter: u64,
    pub(crate) seen: Seen,
}

#[cfg(test)]
pub(crate) enum Seen {
    Hello,
    Bye,
    Gone { node: Box<str>, boot: u64 },
    Said { room: Box<str>, text: Box<str> },
    Told { text: Box<str> },
    Other,
}

#[cfg(test)]
pub(crate) fn look(data: &[u8]) -> Option<Look> {
    let Packet {
        node,
        boot,
        counter,
        op,
    } = decode(data)?;
    let op = match op {
        Op::Again(mut deeds) => deeds.pop()?.op,
        op => op,
    };
    let seen = match op {
        Op::Hello { .. } => Seen::Hello,
        Op::Bye => Seen::Bye,
        Op::Gone { node, boot } => Seen::Gone { node, boot },
        Op::Said { room, text, .. } => Seen::Said { room, text },
        Op::Told { text, .. } => Seen::Told { text },
        _ => Seen::Other,
    };
    Some(Look {
        node,
        boot,
        counter,
        seen,
    })
}
