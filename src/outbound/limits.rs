//! What a fanout keeps for its clients, at most.

use super::pacing::Pace;

/// The bounds on what is kept for clients.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Memory of the shared log, in bytes, its index included. A follower that falls off its tail
    /// has lagged.
    pub log_bytes: usize,
    /// Bytes that one client may be owed outside of the log; from there on nothing is added.
    pub max_pending_bytes: usize,
    /// From this many bytes on, owed outside of the log, a client is not read from until it has
    /// taken half of them.
    pub high_water_bytes: usize,
    /// Whether rounds of large busy rooms are spaced out.
    pub pace: Pace,
}
