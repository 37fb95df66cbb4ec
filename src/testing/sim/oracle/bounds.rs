//! What a client is owed stays within its bounds.

use super::Oracle;
use crate::outbound::{ClientId, Fanout};
use crate::service::Service;

/// What one client may be owed beyond its bound: one answer, of some hundred names at most, and
/// this many lines of history, each with its nick.
const ONE_ANSWER_BYTES: usize = 4096;
pub(in super::super) const MOST_HISTORY_LINES: usize = 10;
const NICK_BYTES: usize = 40;

impl<S: Service> Oracle<S> {
    /// What is owed is bounded, however its client speaks.
    pub(super) fn check_owed(&self, client: ClientId, out: &Fanout) {
        let id = self.sockets[&client];
        let limits = self.outbound;
        let owed = out.held_bytes(client);
        let history = MOST_HISTORY_LINES * (self.limits.max_message_bytes + NICK_BYTES);
        let most = limits.max_pending_bytes + ONE_ANSWER_BYTES + history;
        assert!(owed <= most, "#{id} is owed {owed}");
    }

    /// What is owed a client is looked at before it is heard, whatever way its message comes in.
    pub(super) fn check_held(&self, client: ClientId, out: &Fanout) {
        let id = self.sockets[&client];
        let limits = self.outbound;
        let mark = limits.high_water_bytes.min(limits.max_pending_bytes);
        assert!(out.held_bytes(client) < mark, "#{id} is not held");
    }
}
