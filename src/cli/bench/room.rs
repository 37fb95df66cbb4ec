//! The arguments of `chinwag bench room`.

use clap::{Args, ValueEnum};

use super::Common;
use super::values::yes_or_no;
use crate::bench::config::Load;
use crate::bench::protocol::{self, IRC_TEXT_BYTES_MAX};
use crate::units::whole;

/// Members that send in a room, if there are so many.
const SENDERS: usize = 10;

#[derive(Args)]
pub(super) struct RoomArguments {
    #[command(flatten)]
    common: Common,
    /// How many of the members send [default: 10, or all of fewer]
    #[arg(long, value_name = "N", value_parser = whole::<usize>(1..=u64::MAX))]
    senders: Option<usize>,
    /// How messages are carried
    #[arg(long, value_enum, default_value = "line")]
    protocol: Protocol,
    /// Whether the server gives the sender its own message too [default: yes with redis and ws,
    /// else no]
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = yes_or_no)]
    own: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Protocol {
    /// Lines; what a server puts before a message does not matter
    Line,
    /// Redis 6 or later: SUBSCRIBE and PUBLISH
    Redis,
    /// NATS: SUB and PUB
    Nats,
    /// WebSocket, at /ws: text in, chinwag's JSON or the text as it is out
    Ws,
    /// IRC, in #lobby
    Irc,
}

impl RoomArguments {
    /// What is asked for, if it does not contradict itself.
    ///
    /// # Errors
    /// What does.
    pub(super) fn into_load(self) -> Result<Load, String> {
        let members = self.common.connections;
        let senders = self.senders.unwrap_or(SENDERS.min(members));
        let protocol = match self.protocol {
            Protocol::Line => protocol::Kind::Line,
            Protocol::Redis => protocol::Kind::Redis,
            Protocol::Nats => protocol::Kind::Nats,
            Protocol::Ws => protocol::Kind::Ws,
            Protocol::Irc => protocol::Kind::Irc,
        };
        let gives_own = matches!(self.protocol, Protocol::Redis | Protocol::Ws);
        let own = self.own.unwrap_or(gives_own);
        if members < 2 {
            return Err("a room takes at least 2 --connections".to_owned());
        }
        if senders > members {
            return Err(format!(
                "{senders} --senders are more than the {members} --connections"
            ));
        }
        if own && self.protocol == Protocol::Nats {
            return Err("--own: NATS is told not to, as in a room".to_owned());
        }
        if !own && self.protocol == Protocol::Redis {
            return Err("--own=no: Redis always does".to_owned());
        }
        if self.protocol == Protocol::Irc && self.common.size > IRC_TEXT_BYTES_MAX {
            return Err(format!(
                "--size {} is more than the {} of a text that an IRC line has room for",
                self.common.size, IRC_TEXT_BYTES_MAX
            ));
        }
        if protocol != protocol::Kind::Line {
            let name = protocol.to_string();
            if self.common.hello.is_some() || self.common.expect.is_some() {
                return Err(format!(
                    "--hello and --expect are for line servers, not for {name}"
                ));
            }
            if self.common.addresses.is_empty() && !protocol.is_room() {
                return Err(format!("--protocol {name} takes the ADDR of such a server"));
            }
        }
        self.common.into_load(Some(Room {
            senders,
            protocol,
            own,
        }))
    }
}

/// What a room has that an echo has not.
pub(super) struct Room {
    pub(super) senders: usize,
    pub(super) protocol: protocol::Kind,
    pub(super) own: bool,
}
