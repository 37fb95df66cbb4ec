//! What an entry of the stream holds.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::super::nick;
use super::orders::Order;
use crate::addr::Network;
use crate::protocol::Kind;
use crate::sanitize::sanitize;

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
    },
    /// It has told of all its members.
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
    /// What was an entry of an earlier boot, in case the hub has lost it.
    Again {
        boot: u64,
        counter: u64,
        op: Box<Op>,
    },
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

    /// As it is said again, if it would be missed, after it was the entry of that counter.
    pub(super) fn again(self, boot: u64, counter: u64) -> Self {
        match self.is_said() {
            true => Self::Again {
                boot,
                counter,
                op: Box::new(self),
            },
            false => self,
        }
    }

    /// Whether those that are named in it can be called so.
    fn has_names(&self) -> bool {
        match self {
            Self::Joined { nick: name, .. }
            | Self::Renamed { nick: name, .. }
            | Self::Said { from: name, .. }
            | Self::Told { from: name, .. }
            | Self::Topic { from: name, .. } => nick::parse(name).is_ok(),
            Self::Again { op, .. } => op.is_said() && op.has_names(),
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
            Self::Again { op, .. } => op.sanitize(),
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
