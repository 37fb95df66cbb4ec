//! Coming into a room, moving to another one, and leaving.

use std::time::Instant;

use super::broadcast::publish;
use super::channels::{ChannelId, Refused};
use super::history::Shown;
use super::members::Departed;
use super::notices::PendingNotices;
use super::remark::Remark;
use super::{Notices, Room};
use crate::outbound::{ClientId, Fanout, Offset};
use crate::protocol::websocket::CloseCode;
use crate::protocol::{self, Encoding, Event};
use crate::service::{Arrival, Service};

/// Coming, and moving.
impl Room {
    /// A client of lines or JSON comes into the lobby: the greeting, the message of the day and the
    /// history.
    pub(super) fn come_in(
        &mut self,
        now: Instant,
        client: ClientId,
        encoding: Encoding,
        (since, came_at): (Option<u64>, Option<Arrival>),
        out: &mut Fanout,
    ) {
        let lobby = ChannelId::LOBBY;
        let (bans, now_ms) = (&self.order.bans, self.time_ms());
        let may_be = |name: &str| !bans.has_name(now_ms, name);
        let name = self.members.add(client, encoding, lobby, may_be);
        // Who came while it was not known what the client speaks may be told of in what it is owed.
        let to_be_told = came_at.map_or(0, |came_at| self.told_here() - came_at.told_here);
        let others = self.members.len(lobby) - 1;
        let others = others.saturating_add_signed(isize::try_from(-to_be_told).unwrap_or(0));
        let name = &*name;
        // JSON's clients are told their name before all else, whatever else they are told.
        let is_greeted = encoding == Encoding::Json || self.config.notices != Notices::Off;
        let welcome = is_greeted.then_some(Event::Welcome { name, others });
        let motd = self.config.motd.iter().map(|line| Event::Notice(line));
        let greeting = welcome.into_iter().chain(motd);
        let greeting = greeting.chain(self.known_topic_of(lobby));
        self.tell_all(client, greeting, out);
        let came_at = came_at.map(|came_at| came_at.log_end);
        self.enter(now, client, lobby, (since, came_at), out);
    }

    /// A client moves to the room of that name, which is made if there is none; it may know all
    /// that was said there up to `since`. One of IRC is in no room before.
    pub(super) fn join(
        &mut self,
        now: Instant,
        client: ClientId,
        name: &str,
        since: Option<u64>,
        out: &mut Fanout,
    ) {
        let from = self.members.room(client);
        if from.is_some() && from == self.channels.find(name) {
            return self.remark(client, &Remark::ThereAlready(name), out);
        }
        if out.is_far_behind(client) {
            return self.remark(client, &Remark::FarBehind, out);
        }
        // The one that it leaves may be the one too many.
        let leaves_none = from.is_some_and(|from| self.members.len(from) == 1);
        let spared = from.filter(|_| leaves_none);
        let found = self
            .channels
            .find_or_make(name, self.stamps.last(), spared, out);
        let to = match found {
            Ok(to) => to,
            Err(Refused::BadName) => return self.remark(client, &Remark::RoomName(name), out),
            Err(Refused::TooMany) => {
                return self.remark(client, &Remark::TooManyRooms(name), out);
            }
        };
        if self.irc.contains_key(&client) {
            return self.join_by_irc(now, client, to, out);
        }
        let Some(encoding) = self.members.encoding(client) else {
            return;
        };
        self.exit(now, client, "", out);
        self.members.enter(client, encoding, to);
        let entered = Event::Room {
            name: self.channels[to].name(),
            others: self.members.len(to) - 1,
        };
        let told = [entered].into_iter().chain(self.known_topic_of(to));
        self.tell_all(client, told, out);
        self.enter(now, client, to, (since, None), out);
    }

    /// A client of lines or JSON that is in a room now is shown it.
    fn enter(
        &mut self,
        now: Instant,
        client: ClientId,
        room: ChannelId,
        before: (Option<u64>, Option<Offset>),
        out: &mut Fanout,
    ) {
        self.follow(client, room, before, out);
        if self.members.encoding(client) == Some(Encoding::Json) {
            self.tell_names(client, out);
        }
        self.announce_newcomer(now, client, room, out);
    }

    /// Shows a newcomer what was said before, and owes it what will be. It knows all up to the
    /// message of the id `since` if it was here before; and if it came a while ago, the log ended at
    /// `came_at` then.
    pub(super) fn follow(
        &mut self,
        client: ClientId,
        room: ChannelId,
        (since, came_at): (Option<u64>, Option<Offset>),
        out: &mut Fanout,
    ) {
        let Some(encoding) = self.members.encoding(client) else {
            return;
        };
        let came_at = came_at.unwrap_or(Offset::MAX);
        let feed = encoding.index();
        let channel = &mut self.channels[room];
        let (history, to) = (&mut channel.history, &channel.addressees);
        let audience = to.audience();
        if !out.has_log(audience, feed) {
            history.fill(encoding, to, &mut self.encoder, out);
        }
        let ignores = &self.ignores;
        let is_ignored = |speaker| ignores.is_ignored(speaker, client);
        let known = (since.map(|since| (since, self.stamps.last())), came_at);
        let Shown { has_gap, runs } = history.shown(encoding, known, is_ignored, (to, out));
        if has_gap && encoding == Encoding::Json {
            self.tell(client, Event::Gap, out);
        }
        for run in runs {
            out.replay(client, audience, feed, run);
        }
        out.follow_from(client, audience, feed, came_at);
    }

    pub(super) fn announce_newcomer(
        &mut self,
        now: Instant,
        client: ClientId,
        room: ChannelId,
        out: &mut Fanout,
    ) {
        let members = self.members.len(room);
        if self
            .channels
            .announces(now, room, members, PendingNotices::joined)
            && let Some(name) = self.members.nick(client).map(str::to_owned)
        {
            let channel = &self.channels[room];
            let joined = Event::Joined {
                room: channel.name(),
                name: &name,
            };
            let to = &channel.addressees;
            let published = publish(to, Some(client), &joined, &mut self.encoder, out);
            self.channels[room].note_told(published, 1);
        }
    }

    /// Those that stay are there as soon as anybody is.
    pub(super) fn open_kept_rooms(&mut self, out: &mut Fanout) {
        let start_id = self.stamps.last();
        for name in std::mem::take(&mut self.config.kept_rooms) {
            if let Ok(room) = self.channels.find_or_make(&name, start_id, None, out) {
                self.channels.keep(room);
            }
        }
        self.restore_past();
    }
}

/// Leaving.
impl Room {
    /// A member leaves its room; what it has been told so far it is still owed. Which that was.
    pub(super) fn exit(
        &mut self,
        now: Instant,
        client: ClientId,
        why: &str,
        out: &mut Fanout,
    ) -> Option<ChannelId> {
        let room = self.members.exit(client)?;
        let name = self.name(client).to_owned();
        self.announce_left(now, client, (room, &name), (false, why), out);
        Some(room)
    }

    /// A client goes, whether it has come in or not, and hears nothing more.
    pub(super) fn leave(&mut self, now: Instant, client: ClientId, why: &str, out: &mut Fanout) {
        out.unfollow(client);
        let Some(Departed { nick, room }) = self.forget(client) else {
            return;
        };
        if let Some(room) = room {
            self.announce_left(now, client, (room, &nick), (true, why), out);
        }
    }

    fn announce_left(
        &mut self,
        now: Instant,
        client: ClientId,
        (room, name): (ChannelId, &str),
        (is_gone, why): (bool, &str),
        out: &mut Fanout,
    ) {
        let members = self.members.len(room);
        // Where a room goes on, who is about to come reads of it.
        if members == 0 && self.channels.end_unless_kept(room, out) {
            return;
        }
        if self
            .channels
            .announces(now, room, members + 1, PendingNotices::left)
        {
            let channel = &self.channels[room];
            let left = Event::Left {
                room: channel.name(),
                name,
                is_gone,
                why,
            };
            let to = &channel.addressees;
            let published = publish(to, Some(client), &left, &mut self.encoder, out);
            self.channels[room].note_told(published, -1);
        }
    }

    /// Rooms in which nobody is end.
    pub(super) fn end_empty_rooms(&mut self, out: &mut Fanout) {
        for room in self.channels.unkept() {
            if self.members.len(room) == 0 {
                self.channels.end_unless_kept(room, out);
            }
        }
    }

    /// Forgets a client. The others are told by who knows that there are any.
    pub(super) fn forget(&mut self, client: ClientId) -> Option<Departed> {
        self.visitors.remove(client);
        self.irc.remove(&client);
        self.away.remove(&client);
        self.ignores.forget(client);
        self.order.forget(client);
        self.members.remove(client)
    }

    /// Sends the last that a client is told, and ends it.
    pub(super) fn hang_up(&self, client: ClientId, code: CloseCode, why: &str, out: &mut Fanout) {
        if let Some(encoding) = self.encoding(client) {
            let mut bytes = Vec::new();
            protocol::encode_end(encoding, code, why, &mut bytes);
            out.answer(client, &bytes);
        }
        out.close_after_flush(client);
    }
}
