//! What operators do, for every node: each does the same when it comes back.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::super::order::OperatorCommand;
use super::{Hub, Op, Room};
use crate::outbound::{ClientId, Fanout};

/// An operator's command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Order {
    Kick { name: Box<str>, why: Box<str> },
    Ban { whom: Box<str>, time: Box<str> },
    Unban(Box<str>),
    Mute { name: Box<str>, time: Box<str> },
    Unmute(Box<str>),
}

impl Order {
    /// `None`: that asks for nothing but an answer.
    fn of(command: &OperatorCommand<'_>) -> Option<Self> {
        Some(match *command {
            OperatorCommand::Kick { name, why } => Self::Kick {
                name: name.into(),
                why: why.into(),
            },
            OperatorCommand::Ban { whom, time } => Self::Ban {
                whom: whom.into(),
                time: time.into(),
            },
            OperatorCommand::Unban(whom) => Self::Unban(whom.into()),
            OperatorCommand::Bans => return None,
            OperatorCommand::Mute { name, time } => Self::Mute {
                name: name.into(),
                time: time.into(),
            },
            OperatorCommand::Unmute(name) => Self::Unmute(name.into()),
        })
    }

    /// All that is told in it.
    pub(super) fn texts(&mut self) -> Vec<&mut Box<str>> {
        match self {
            Self::Kick { name, why } => vec![name, why],
            Self::Ban { whom, time } => vec![whom, time],
            Self::Mute { name, time } => vec![name, time],
            Self::Unban(whom) | Self::Unmute(whom) => vec![whom],
        }
    }

    fn command(&self) -> OperatorCommand<'_> {
        match self {
            Self::Kick { name, why } => OperatorCommand::Kick { name, why },
            Self::Ban { whom, time } => OperatorCommand::Ban { whom, time },
            Self::Unban(whom) => OperatorCommand::Unban(whom),
            Self::Mute { name, time } => OperatorCommand::Mute { name, time },
            Self::Unmute(name) => OperatorCommand::Unmute(name),
        }
    }
}

impl Room {
    /// Has an operator's command done on every node; `false`: there is no hub, or it concerns this
    /// node alone.
    pub(in super::super) fn order_by_hub(
        &mut self,
        client: ClientId,
        command: &OperatorCommand<'_>,
        out: &mut Fanout,
    ) -> bool {
        let Some(order) = Order::of(command).filter(|_| self.hub.is_some()) else {
            return false;
        };
        let member = Hub::member(client);
        self.submit_of(client, Op::Order { member, order }, out);
        true
    }

    pub(super) fn apply_order(
        &mut self,
        now: Instant,
        operator: ClientId,
        order: &Order,
        out: &mut Fanout,
    ) {
        self.carry_out_order(now, operator, order.command(), out);
    }
}
