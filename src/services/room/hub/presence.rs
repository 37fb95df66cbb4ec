//! Who is where: what this node tells the others of its members, and what they tell of theirs.

use std::time::Instant;

use super::super::channels::ChannelId;
use super::super::members::Change;
use super::super::notices::PendingNotices;
use super::{Hub, Member, Op, Room};
use crate::hub::EntryId;
use crate::outbound::{ClientId, Fanout};
use crate::protocol::{Encoding, Event};

/// This node's members.
impl Room {
    /// Tells the other nodes what has changed of this node's members.
    pub(in super::super) fn tell_changes(&mut self) {
        if self.hub.is_none() {
            return;
        }
        let mut before = None;
        for (client, change) in self.members.take_changes() {
            let is_told = change == Change::Moved && before == Some((client, Change::Came));
            before = Some((client, change));
            if !is_told {
                self.tell_change(client, change);
            }
        }
    }

    fn tell_change(&mut self, client: ClientId, change: Change) {
        let (member, nick) = (Hub::member(client), self.members.nick(client));
        let op = match (change, nick) {
            (Change::Left, _) => Op::Left { member },
            // It has left since.
            (_, None) => return,
            (Change::Came, Some(_)) => match self.joined(client) {
                Some(joined) => joined,
                None => return,
            },
            (Change::Renamed, Some(nick)) => Op::Renamed {
                member,
                nick: nick.into(),
            },
            (Change::Moved, Some(_)) => Op::Entered {
                member,
                room: self.room_name(client),
            },
        };
        let is_claim = matches!(op, Op::Joined { .. } | Op::Renamed { .. });
        if let Some(hub) = &mut self.hub {
            hub.submit(op);
            if is_claim {
                hub.state.unconfirmed.insert(client, hub.state.counter);
            }
            if change == Change::Left {
                hub.state.unconfirmed.remove(&client);
                hub.state.paused.remove(&client);
            }
        }
    }

    fn room_name(&self, client: ClientId) -> Option<Box<str>> {
        let room = self.members.room(client)?;
        Some(self.channels[room].name().into())
    }

    fn joined(&self, client: ClientId) -> Option<Op> {
        Some(Op::Joined {
            member: Hub::member(client),
            nick: self.members.nick(client)?.into(),
            room: self.room_name(client),
            away: self.away.get(&client).cloned(),
            address: self.order.address(client),
        })
    }

    /// Tells the other nodes anew of all members: they take this node for dead, or the hub has lost
    /// what it was told behind some entry. What was said and has not come back is said again behind
    /// that.
    pub(super) fn begin_anew(&mut self, wants_snapshot: bool, lost_behind: Option<EntryId>) {
        let own = self.members.own();
        let own: Vec<ClientId> = own.into_iter().map(|(client, _)| client).collect();
        let joined: Vec<_> = own
            .iter()
            .filter_map(|client| Some((*client, self.joined(*client)?)))
            .collect();
        // What has changed until now is in there.
        drop(self.members.take_changes());
        let Some(hub) = &mut self.hub else {
            return;
        };
        let recovery = hub.state.recovery.as_ref();
        let lost_behind = lost_behind.or(recovery.map(|recovery| recovery.lost_behind));
        let kept = hub.take_pending_deeds();
        let state = &mut hub.state;
        state.has_lost_presence = false;
        state.unconfirmed.clear();
        state.boot = state.boot.saturating_add(1);
        state.counter = 0;
        hub.append(Op::Hello {
            wants_snapshot,
            is_rewound: lost_behind.is_some(),
        });
        for (client, joined) in joined {
            hub.append(joined);
            hub.state.unconfirmed.insert(client, hub.state.counter);
        }
        if let Some(lost_behind) = lost_behind {
            hub.say_again(lost_behind);
        }
        hub.append(Op::Settled);
        for deed in kept {
            hub.append(Op::Again(vec![deed]));
        }
    }
}

/// Members of other nodes.
impl Room {
    pub(super) fn apply_joined(&mut self, now: Instant, node: &str, op: &Op, out: &mut Fanout) {
        let Op::Joined {
            member,
            nick,
            room,
            away,
            address,
        } = op
        else {
            return;
        };
        let key = (Box::from(node), *member);
        let known = self.hub.as_mut().and_then(|hub| {
            hub.state.stale.remove(&key);
            hub.state.others.get(&key).copied()
        });
        let client = match known.filter(|client| self.members.nick(*client).is_some()) {
            Some(client) => {
                self.apply_renamed(now, client, nick, out);
                client
            }
            None => {
                let client = self.take_in_member(now, nick, out);
                if let Some(hub) = &mut self.hub {
                    hub.state.others.insert(key, client);
                }
                client
            }
        };
        match away {
            Some(why) => drop(self.away.insert(client, why.clone())),
            None => drop(self.away.remove(&client)),
        }
        if let Some(address) = address {
            self.order.addresses.insert(client, *address);
        }
        self.apply_entered(now, client, room.as_deref(), out);
    }

    /// A member of another node has that name from here on, unless somebody had it before.
    fn take_in_member(&mut self, now: Instant, nick: &str, out: &mut Fanout) -> ClientId {
        self.make_way(now, nick, None, out);
        self.members.pass_guest(nick);
        let client = self.members.add_of_another_node(nick);
        if self.members.nick(client) != Some(nick)
            && let Some(hub) = &mut self.hub
        {
            hub.state.wanted.insert(client, nick.into());
        }
        client
    }

    /// Members of other nodes that could not be called as they are there, are so once nobody else is.
    pub(super) fn give_wanted_names(&mut self, now: Instant, out: &mut Fanout) {
        let wanted = self.hub.as_mut().map(|hub| &mut hub.state.wanted);
        for (client, nick) in wanted.map(std::mem::take).unwrap_or_default() {
            self.apply_renamed(now, client, &nick, out);
        }
    }

    /// A member of this node whose claim of a name has come later gets another one.
    fn make_way(&mut self, now: Instant, nick: &str, except: Option<ClientId>, out: &mut Fanout) {
        let Some(holder) = self.members.find(nick) else {
            return;
        };
        let hub = self.hub.as_ref();
        let is_late = hub.is_some_and(|hub| hub.state.unconfirmed.contains_key(&holder));
        if is_late && Some(holder) != except {
            let was = self.members.nick(holder).unwrap_or_default().to_owned();
            let guest = self.members.next_guest(|_| true);
            self.rename(now, holder, &guest, out);
            let told = format!("{was} is taken, on another node");
            self.tell(holder, Event::Notice(&told), out);
        }
    }

    pub(super) fn apply_renamed(
        &mut self,
        now: Instant,
        client: ClientId,
        nick: &str,
        out: &mut Fanout,
    ) {
        let Some(hub) = &mut self.hub else { return };
        hub.state.wanted.remove(&client);
        let before = self.members.nick(client);
        if before.is_none_or(|before| before == nick) {
            return;
        }
        self.make_way(now, nick, Some(client), out);
        self.members.pass_guest(nick);
        let Ok((was, to)) = self.members.rename(client, nick) else {
            if let Some(hub) = &mut self.hub {
                hub.state.wanted.insert(client, nick.into());
            }
            return;
        };
        if let Some(room) = self.members.room(client)
            && self
                .channels
                .announces(now, room, self.members.len(room), PendingNotices::renamed)
        {
            let (name, to) = (&*was, &*to);
            self.announce(room, None, Event::Renamed { name, to }, out);
        }
    }

    /// It is in that room from here on.
    pub(super) fn apply_entered(
        &mut self,
        now: Instant,
        client: ClientId,
        room: Option<&str>,
        out: &mut Fanout,
    ) {
        if self.members.nick(client).is_none() {
            return;
        }
        let to = room.and_then(|room| self.room_of_another_node(room, out));
        let from = self.members.room(client);
        if from == to {
            return;
        }
        if from.is_some() {
            self.exit(now, client, "", out);
        }
        if let Some(to) = to {
            self.members.enter(client, Encoding::Lines, to);
            self.announce_newcomer(now, client, to, out);
        }
    }

    pub(super) fn room_of_another_node(
        &mut self,
        name: &str,
        out: &mut Fanout,
    ) -> Option<ChannelId> {
        let start_id = self.stamps.last();
        let room = self.channels.find_or_make(name, start_id, None, out).ok()?;
        self.restore_past();
        Some(room)
    }

    pub(super) fn apply_left(
        &mut self,
        now: Instant,
        node: &str,
        member: Member,
        out: &mut Fanout,
    ) {
        let key = (Box::from(node), member);
        let left = self.hub.as_mut().and_then(|hub| {
            hub.state.stale.remove(&key);
            hub.state.others.remove(&key)
        });
        if let Some(client) = left {
            if let Some(hub) = &mut self.hub {
                hub.state.wanted.remove(&client);
            }
            self.leave(now, client, "", out);
        }
    }

    /// A node ends, or is dead: all its members leave, or those of which it no longer tells.
    pub(super) fn apply_end_of(
        &mut self,
        now: Instant,
        node: &str,
        of_stale: bool,
        out: &mut Fanout,
    ) {
        let Some(hub) = &self.hub else {
            return;
        };
        let state = &hub.state;
        let members: Vec<Member> = state
            .others
            .keys()
            .filter(|key| *key.0 == *node && (!of_stale || state.stale.contains(*key)))
            .map(|(_, member)| *member)
            .collect();
        for member in members {
            self.apply_left(now, node, member, out);
        }
    }
}
