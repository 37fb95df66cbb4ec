//! Laggards: clients that are too far behind, for the reactor to end.

use std::time::Instant;

use super::{AudienceId, ClientId, Fanout, log_of};

/// A client that is too far behind, as a sweep finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Laggard {
    pub(crate) id: ClientId,
    pub(super) audience: AudienceId,
    /// Bytes between the first one still owed and the log's end.
    pub(crate) behind_bytes: u64,
    /// Part of what it is owed next is gone. If not, it soon will be: time for a last word.
    pub(crate) is_torn: bool,
}

impl Fanout {
    /// Whether a sweep has found some that were not taken yet.
    pub(crate) fn has_laggards(&self) -> bool {
        !self.laggards.is_empty()
    }

    /// Clients that missed what has been trimmed, or soon will. A stalled one never becomes
    /// writable, so they have to be looked for.
    pub(crate) fn take_laggards(&mut self, now: Instant) -> Vec<Laggard> {
        for id in std::mem::take(&mut self.to_sweep) {
            if self.wants_sweep(id) {
                self.sweep(id, now);
            }
        }
        let mut laggards = std::mem::take(&mut self.laggards);
        // The sweep was while talk was read, and what has been read since has trimmed more.
        for laggard in &mut laggards {
            laggard.is_torn |= self.is_torn(laggard.id);
        }
        laggards
    }

    fn is_torn(&self, id: ClientId) -> bool {
        self.get(id).is_some_and(|client| {
            let owed_from = client.outbox.owed_from();
            owed_from.is_some_and(|next| next < log_of(&self.audiences, client).start())
        })
    }
}
