//! What a simulation may know of a room on many machines, and what must always hold there.

use super::super::Room;
use super::MAX_PENDING_BYTES;
use crate::outbound::ClientId;

/// So much may be said in the turn in which the bound is come to.
const MAX_OVER_BYTES: usize = 64 << 10;

impl Room {
    /// What a client of this server's is called, and where it is; `None`: it has no name yet.
    pub(crate) fn whereabouts(&self, client: ClientId) -> Option<(&str, Option<&str>)> {
        let nick = self.members.nick(client)?;
        let room = self.members.room(client);
        Some((nick, room.map(|room| self.channels[room].name())))
    }

    /// Asserts that what waits for the hub is counted, and bounded.
    pub(crate) fn audit_hub(&self) {
        let Some(hub) = &self.hub else { return };
        let state = &hub.state;
        let bytes: usize = state.pending.iter().map(|pending| pending.bytes).sum();
        assert_eq!(state.pending_bytes, bytes, "what waits is miscounted");
        assert!(
            bytes <= MAX_PENDING_BYTES + MAX_OVER_BYTES,
            "{bytes} bytes wait"
        );
        let counters = state.pending.iter().map(|pending| pending.counter);
        assert!(counters.is_sorted_by(|one, next| one + 1 == *next));
    }
}
