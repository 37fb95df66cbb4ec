//! Audiences that come and go, and clients that move from one to another.

use super::{Audience, AudienceId, ClientId, Fanout, feed_index, gap, log_of, lookup};

/// For services: audiences.
impl Fanout {
    /// One more audience.
    pub fn add_audience(&mut self) -> AudienceId {
        let audience = Audience::new(self.limits.log_bytes, self.limits.pace);
        AudienceId::new(self.audiences.insert(audience))
    }

    /// Forgets an audience, as soon as none of its clients is owed anything of it.
    pub fn remove_audience(&mut self, id: AudienceId) {
        if id != AudienceId::FIRST {
            self.audiences[id.key()].is_closed = true;
            self.drop_if_done(id);
        }
    }

    /// Whether a client is owed so much of what was published that it cannot leave it behind and
    /// follow another audience.
    #[must_use]
    pub fn is_far_behind(&self, id: ClientId) -> bool {
        self.get(id).is_some_and(|client| {
            let owed = gap(client, &self.audiences).unwrap_or(0);
            owed > self.limits.max_pending_bytes as u64
        })
    }

    /// The client follows nothing from here on, and keeps no audience: what it is owed becomes its
    /// own. Not for one that [is far behind](Self::is_far_behind).
    pub fn leave(&mut self, id: ClientId) {
        self.unfollow(id);
        if let Some(feed) = self.get(id).map(|client| client.feed) {
            self.choose_log(id, AudienceId::FIRST, feed.into());
        }
    }
}

impl Fanout {
    /// From here on a client's outbox means this log. What it is still owed of another one becomes
    /// its own, which is as much as a log holds at most.
    pub(super) fn choose_log(&mut self, id: ClientId, audience: AudienceId, feed: usize) {
        let Some(client) = lookup(&mut self.clients, id) else {
            return;
        };
        let (old, feed) = (client.audience, feed_index(feed));
        if (old, client.feed) == (audience, feed) {
            return;
        }
        self.counts.sent.messages += client.outbox.detach(log_of(&self.audiences, client));
        client.feed = feed;
        if old == audience {
            return;
        }
        client.audience = audience;
        self.audiences[audience.key()].clients += 1;
        let left = &mut self.audiences[old.key()];
        left.in_ring -= usize::from(std::mem::take(&mut client.in_ring));
        client.is_urgent = false;
        self.urgent_clients -= left.schedule.forget(id);
        self.leave_audience(old);
        self.make_urgent(id);
    }

    pub(super) fn leave_audience(&mut self, id: AudienceId) {
        self.audiences[id.key()].clients -= 1;
        self.drop_if_done(id);
    }

    pub(super) fn drop_if_done(&mut self, id: AudienceId) {
        let audience = &self.audiences[id.key()];
        if audience.is_closed && audience.clients == 0 {
            self.urgent_clients -= audience.schedule.urgent_len();
            self.audiences.remove(id.key());
            for list in [&mut self.urgent, &mut self.due] {
                list.retain(|other| *other != id);
            }
            self.to_sweep.retain(|other| *other != id);
        }
    }
}
