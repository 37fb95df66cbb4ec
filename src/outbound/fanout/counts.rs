//! What a fanout has done, for whoever watches the server.

use serde::{Deserialize, Serialize};

use super::super::outbox::Sent;
use super::super::schedule::Rounds;
use super::Fanout;

/// Since the beginning.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) sent: Sent,
    pub(crate) rounds: Rounds,
}

impl Fanout {
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// How far the follower that is farthest behind is, in bytes. Looks at every client.
    pub(crate) fn lag_bytes(&self) -> u64 {
        let clients = self.clients.iter().flatten();
        let gaps = clients.filter_map(|client| super::gap(client, &self.audiences));
        gaps.max().unwrap_or(0)
    }
}
