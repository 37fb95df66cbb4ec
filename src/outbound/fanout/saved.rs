//! All that is owed, for another process, where it goes on. Offsets and ids stay what they are.

use serde::{Deserialize, Serialize};

use super::super::feeds::{Feeds, SavedFeeds};
use super::counts::Counts;
use super::{Audience, AudienceId, ClientId, Fanout, Outbox, lookup};

/// A fanout as it is between two turns.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedFanout {
    audiences: Vec<(AudienceId, SavedAudience)>,
    clients: Vec<(ClientId, SavedClient)>,
    counts: Counts,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedAudience {
    feeds: SavedFeeds,
    is_closed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedClient {
    reading_paused: bool,
    is_full_of_gaps: bool,
    feed: u8,
    audience: AudienceId,
    outbox: Outbox,
}

impl Fanout {
    /// What these clients are owed, and all logs.
    pub(crate) fn save(&self, clients: impl Iterator<Item = ClientId>) -> SavedFanout {
        let audiences = self.audiences.iter().map(|(key, audience)| {
            let saved = SavedAudience {
                feeds: audience.feeds.save(),
                is_closed: audience.is_closed,
            };
            (AudienceId::new(key), saved)
        });
        let clients = clients.filter_map(|id| {
            let client = self.get(id)?;
            let saved = SavedClient {
                reading_paused: client.reading_paused,
                is_full_of_gaps: client.is_full_of_gaps,
                feed: client.feed,
                audience: client.audience,
                outbox: client.outbox.clone(),
            };
            Some((id, saved))
        });
        SavedFanout {
            audiences: audiences.collect(),
            clients: clients.collect(),
            counts: self.counts,
        }
    }

    /// Goes on where another fanout was. Every client is written to that is owed anything: whether
    /// its socket takes that is not known.
    pub(crate) fn restore(&mut self, saved: SavedFanout) {
        let limits = self.limits;
        let SavedFanout {
            audiences,
            clients,
            counts,
        } = saved;
        let restored = audiences.into_iter().map(|(id, saved)| {
            let mut audience = Audience::new(limits.log_bytes, limits.pace);
            audience.feeds = Feeds::restore(limits.log_bytes, saved.feeds);
            audience.is_closed = saved.is_closed;
            (id.key(), audience)
        });
        self.audiences = restored.collect();
        self.counts = counts;
        for (id, saved) in clients {
            self.take_in(id, saved);
        }
        let all: Vec<_> = self.audiences.iter().map(|(key, _)| key).collect();
        for key in all {
            self.drop_if_done(AudienceId::new(key));
        }
    }

    fn take_in(&mut self, id: ClientId, saved: SavedClient) {
        if !self.audiences.contains(saved.audience.key()) {
            return;
        }
        self.place(id, saved.audience, saved.feed, saved.outbox);
        let Some(client) = lookup(&mut self.clients, id) else {
            return;
        };
        client.reading_paused = saved.reading_paused;
        client.is_full_of_gaps = saved.is_full_of_gaps;
        // As if its socket had been full until now.
        client.blocked = true;
        self.unblock(id);
    }
}
