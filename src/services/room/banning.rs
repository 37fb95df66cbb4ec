//! Banning: keeping a name, an address or both out, and ending who is here under it.

use std::time::Instant;

use super::bans::{Ban, Bans, MAX_BANS, Watch};
use super::order::{End, length};
use super::remark::Remark;
use super::{Room, nick, stamps};
use crate::addr::{Network, Peer};
use crate::outbound::{ClientId, Fanout};
use crate::protocol::Event;

/// `/bans` tells of at most so many, the newest.
const BANS_TOLD: usize = 100;

/// What bans keep out.
impl Room {
    /// Bans that outlast the server: those of before, and what is shown all of them when they
    /// change.
    #[must_use]
    pub fn with_bans(mut self, bans: Vec<Ban>, watch: Watch) -> Self {
        self.order.bans = Bans::restored(bans, watch);
        self
    }

    /// A client has come; whether it may.
    pub(super) fn admits(&mut self, client: ClientId, peer: &Peer) -> bool {
        let Some(address) = Network::of(peer) else {
            return true;
        };
        if self.config.operator_password.is_some() {
            self.order.addresses.insert(client, address);
        }
        !self.order.bans.has_address(self.time_ms(), address)
    }

    pub(super) fn is_banned(&self, name: &str) -> bool {
        self.order.bans.has_name(self.time_ms(), name)
    }

    pub(super) fn time_ms(&self) -> u64 {
        stamps::time_ms((self.config.wall_clock)())
    }
}

/// What operators ask for.
impl Room {
    pub(super) fn ban(
        &mut self,
        now: Instant,
        client: ClientId,
        whom: &str,
        time: &str,
        out: &mut Fanout,
    ) {
        let Some((time, length)) = length(time) else {
            return self.remark(client, &Remark::NoTime, out);
        };
        let now_ms = self.time_ms();
        let until_ms = time.map(|time| {
            let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            now_ms.saturating_add(milliseconds)
        });
        let address = Network::parse(whom);
        let target = self.members.find(whom).filter(|_| address.is_none());
        let (ban, name) = match (address, target) {
            (Some(address), _) => (Ban::new(None, Some(address), until_ms), address.to_string()),
            (None, Some(target)) => {
                let name = self.name(target);
                let ban = Ban::new(Some(name), self.order.address(target), until_ms);
                (ban, name.to_owned())
            }
            (None, None) => match nick::parse(whom) {
                Ok(name) => (Ban::new(Some(&name), None, until_ms), name.into()),
                Err(why) => return self.remark(client, &Remark::Nick { name: whom, why }, out),
            },
        };
        if !self.order.bans.add(now_ms, ban) {
            return self.remark(client, &Remark::TooManyBans(MAX_BANS), out);
        }
        self.note(client, target, &format!("banned {name}{length}"), out);
        let ended = match address {
            None => target.into_iter().collect(),
            Some(address) => self.others_from(address),
        };
        for client in ended {
            self.end(now, client, &End::Banned, out);
        }
    }

    /// All who come from there, operators apart: one may ban what it comes from itself.
    fn others_from(&self, address: Network) -> Vec<ClientId> {
        let clients = self.order.addresses.iter();
        let from_there =
            clients.filter(|(client, from)| **from == address && !self.order.is_operator(**client));
        from_there.map(|(client, _)| *client).collect()
    }

    /// Ends those of this node's members whom bans keep out that it has learned of just now.
    pub(super) fn end_banned(&mut self, now: Instant, out: &mut Fanout) {
        let now_ms = self.time_ms();
        let bans = &self.order.bans;
        let is_banned = |client: ClientId, nick: &str| {
            let from = self.order.address(client);
            bans.has_name(now_ms, nick) || from.is_some_and(|from| bans.has_address(now_ms, from))
        };
        let own = self.members.own().into_iter();
        let banned = own.filter(|(client, nick)| is_banned(*client, nick));
        let banned: Vec<ClientId> = banned.map(|(client, _)| client).collect();
        for client in banned {
            self.end(now, client, &End::Banned, out);
        }
    }

    pub(super) fn unban(&mut self, client: ClientId, whom: &str, out: &mut Fanout) {
        match self.order.bans.lift(self.time_ms(), whom) {
            0 => self.remark(client, &Remark::NotBanned(whom), out),
            _ => self.note(client, None, &format!("lifted the ban of {whom}"), out),
        }
    }

    pub(super) fn tell_bans(&mut self, client: ClientId, out: &mut Fanout) {
        let now_ms = self.time_ms();
        let bans = self.order.bans.list(now_ms);
        let mut told: Vec<String> = bans
            .map(|(ban, left)| match left {
                None => ban.to_string(),
                Some(seconds) => format!("{ban}: {seconds} s left"),
            })
            .collect();
        let more = told.len().saturating_sub(BANS_TOLD);
        told.drain(..more);
        match (told.is_empty(), more) {
            (true, _) => told.push("nobody is banned".to_owned()),
            (_, 0) => {}
            _ => told.push(format!("and {more} older ones")),
        }
        self.tell_all(client, told.iter().map(|line| Event::Notice(line)), out);
    }
}
