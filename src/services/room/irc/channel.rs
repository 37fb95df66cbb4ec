//! Clients of IRC that enter a room and leave it, and how they are told of it.

use std::time::Instant;

use super::super::Room;
use super::super::channels::ChannelId;
use super::super::remark::Remark;
use crate::outbound::{ClientId, Fanout};
use crate::protocol::Event;

impl Room {
    /// Enters a room.
    pub(in super::super) fn join_by_irc(
        &mut self,
        now: Instant,
        client: ClientId,
        room: ChannelId,
        out: &mut Fanout,
    ) {
        let (Some(irc), Some(name)) = (self.irc.get(&client), self.members.nick(client)) else {
            return;
        };
        let name = name.to_owned();
        let since = irc.heard_until.filter(|(left, _)| *left == room);
        self.members.enter(client, irc.encoding(), room);
        let joined = Event::Joined {
            room: self.channels[room].name(),
            name: &name,
        };
        let told = [joined].into_iter().chain(self.known_topic_of(room));
        self.tell_all(client, told, out);
        self.tell_names(client, out);
        self.follow(client, room, (since.map(|(_, id)| id), None), out);
        self.announce_newcomer(now, client, room, out);
    }

    /// It may want to be told when each thing was said, or no longer: what it is owed so far it gets as it
    /// was to be told, and then it follows the other log.
    pub(super) fn change_encoding(&mut self, client: ClientId, out: &mut Fanout) {
        let (Some(irc), Some(old)) = (self.irc.get(&client), self.members.encoding(client)) else {
            return;
        };
        let encoding = irc.encoding();
        if encoding == old {
            return;
        }
        self.members.set_encoding(client, encoding);
        let joined = self.members.room(client);
        let channel = &mut self.channels[joined.unwrap_or(ChannelId::LOBBY)];
        let (history, to) = (&mut channel.history, &channel.addressees);
        let (audience, feed) = (to.audience(), encoding.index());
        if !out.has_log(audience, feed) {
            history.fill(encoding, to, &mut self.encoder, out);
        }
        out.follow(client, audience, feed);
        if joined.is_none() {
            out.unfollow(client);
        }
    }

    /// Leaves its room, and can still be spoken to.
    pub(in super::super) fn part(
        &mut self,
        now: Instant,
        client: ClientId,
        why: &str,
        out: &mut Fanout,
    ) {
        let Some(room) = self.members.room(client) else {
            return;
        };
        // Only the lobby is there for as long as anybody may be owed what was said in it.
        let is_lobby = room == ChannelId::LOBBY;
        if !is_lobby && out.is_far_behind(client) {
            return self.remark(client, &Remark::FarBehind, out);
        }
        let left = Event::Left {
            room: self.channels[room].name(),
            name: self.name(client),
            is_gone: false,
            why,
        };
        out.unfollow(client);
        self.tell(client, left, out);
        self.exit(now, client, why, out);
        if !is_lobby {
            out.leave(client);
        }
        if let Some(irc) = self.irc.get_mut(&client) {
            irc.heard_until = Some((room, self.stamps.last()));
        }
    }
}
