//! Coming into the room, and leaving it.

use std::time::Instant;

use super::history::Shown;
use super::members::Departed;
use super::{LOBBY, Notices, Room};
use crate::outbound::{AudienceId, ClientId, Fanout, Offset};
use crate::protocol::websocket::CloseCode;
use crate::protocol::{self, Encoding, Event};

impl Room {
    /// A client of lines or JSON comes into the room: the greeting, the message of the day and the
    /// history.
    pub(super) fn come_in(
        &mut self,
        now: Instant,
        client: ClientId,
        encoding: Encoding,
        before: (Option<u64>, Option<Offset>),
        out: &mut Fanout,
    ) {
        let name = self.members.add(client, encoding);
        let others = self.members.len() - 1;
        let name = &*name;
        // JSON's clients are told their name before all else, whatever else they are told.
        let is_greeted = encoding == Encoding::Json || self.config.notices != Notices::Off;
        let welcome = is_greeted.then_some(Event::Welcome { name, others });
        let motd = self.config.motd.iter().map(|line| Event::Notice(line));
        self.tell_all(client, welcome.into_iter().chain(motd), out);
        self.follow(client, encoding, before, out);
        if encoding == Encoding::Json {
            self.tell_names(client, out);
        }
        self.announce_newcomer(now, client, name, out);
    }

    /// Shows a newcomer what was said before, and owes it what will be. It knows all up to the
    /// message of the id `since` if it was here before; and if it came a while ago, the log ended at
    /// `came_at` then.
    pub(super) fn follow(
        &mut self,
        client: ClientId,
        encoding: Encoding,
        (since, came_at): (Option<u64>, Option<Offset>),
        out: &mut Fanout,
    ) {
        let came_at = came_at.unwrap_or(Offset::MAX);
        let feed = encoding.index();
        if !out.has_log(AudienceId::FIRST, feed) {
            self.history.fill(encoding, &mut self.encoder, out);
        }
        let Shown { has_gap, runs } = self.history.shown(encoding, since, came_at, out);
        if has_gap && encoding == Encoding::Json {
            self.tell(client, Event::Gap, out);
        }
        for run in runs {
            out.replay(client, AudienceId::FIRST, feed, run);
        }
        out.follow_from(client, AudienceId::FIRST, feed, came_at);
    }

    pub(super) fn announce_newcomer(
        &mut self,
        now: Instant,
        client: ClientId,
        name: &str,
        out: &mut Fanout,
    ) {
        if self.pending.joined(now, self.members.len()) {
            self.announce(Some(client), Event::Joined { room: LOBBY, name }, out);
        }
    }

    /// A client goes, whether it has come in or not, and hears nothing more.
    pub(super) fn leave(&mut self, now: Instant, client: ClientId, why: &str, out: &mut Fanout) {
        out.unfollow(client);
        let Some(departed) = self.forget(client) else {
            return;
        };
        if departed.was_here && self.pending.left(now, self.members.len() + 1) {
            let left = Event::Left {
                room: LOBBY,
                name: &departed.nick,
                is_gone: true,
                why,
            };
            self.announce(Some(client), left, out);
        }
    }

    /// Forgets a client. The others are told by who knows that there are any.
    pub(super) fn forget(&mut self, client: ClientId) -> Option<Departed> {
        self.visitors.remove(client);
        self.irc.remove(&client);
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
