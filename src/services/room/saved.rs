//! A room for another process, which goes on with it: all but what its configuration says.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::channels::{Channel, ChannelId};
use super::ignores::Ignores;
use super::members::{Members, SavedMembers};
use super::order::Order;
use super::stamps::Stamps;
use super::transcript::Past;
use super::visitors::{Visitor, Visitors};
use super::{Room, hub, irc};
use crate::outbound::ClientId;

#[derive(Serialize)]
struct Saved<'a> {
    members: SavedMembers,
    visitors: &'a HashMap<ClientId, Visitor>,
    irc: &'a HashMap<ClientId, Box<irc::Client>>,
    channels: Vec<(ChannelId, &'a Channel)>,
    away: &'a HashMap<ClientId, Box<str>>,
    ignores: &'a Ignores,
    stamps: &'a Stamps,
    past: &'a Past,
    order: &'a Order,
    hub: Option<&'a hub::State>,
}

/// The same, as the other process has it.
#[derive(Deserialize)]
struct Restored {
    members: SavedMembers,
    visitors: HashMap<ClientId, Visitor>,
    irc: HashMap<ClientId, Box<irc::Client>>,
    channels: Vec<(ChannelId, Channel)>,
    away: HashMap<ClientId, Box<str>>,
    ignores: Ignores,
    stamps: Stamps,
    past: Past,
    order: Order,
    hub: Option<hub::State>,
}

impl Room {
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        rmp_serde::to_vec_named(&Saved {
            members: self.members.save(),
            visitors: self.visitors.all(),
            irc: &self.irc,
            channels: self.channels.iter().collect(),
            away: &self.away,
            ignores: &self.ignores,
            stamps: &self.stamps,
            past: &self.past,
            order: &self.order,
            hub: self.hub.as_ref().map(|hub| &hub.state),
        })
    }

    pub(super) fn of_bytes(&mut self, saved: &[u8]) -> Result<(), String> {
        let restored: Restored = rmp_serde::from_slice(saved).map_err(|error| error.to_string())?;
        self.members = Members::restore(restored.members);
        self.visitors = Visitors::of(restored.visitors);
        self.irc = restored.irc;
        self.channels.restore(restored.channels);
        self.away = restored.away;
        self.ignores = restored.ignores;
        self.stamps = restored.stamps;
        self.past = restored.past;
        self.order.restore(restored.order);
        restored.hub.map_or(Ok(()), |state| self.resume_hub(state))
    }
}
