//! What the server counts, as a service may tell it. Numbers only.

use std::time::Duration;

use crate::outbound::{Rounds, Sent};
use crate::protocol::Encoding;

/// A turn of the loop takes at most so many microseconds, for a histogram; longer ones come last.
pub const TURN_BOUNDS_US: [u32; 12] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000,
];

/// What has happened since the start, and what is now.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// Clients that are here, and as many as may be.
    pub clients: usize,
    /// The most that may be here.
    pub max_clients: usize,
    /// Those of them of which it is known what they speak, by [`Encoding::index`].
    pub clients_by_encoding: [usize; Encoding::ALL.len()],
    /// Clients that were taken in.
    pub accepted: u64,
    /// Clients that were turned away.
    pub refused: u64,
    /// Clients that were disconnected since they were too slow.
    pub lagged: u64,
    /// Clients that were ended by an internal error.
    pub panicked: u64,
    /// Messages that clients have sent.
    pub messages: u64,
    /// Bytes that clients have sent.
    pub received_bytes: u64,
    /// What they were sent.
    pub sent: Sent,
    /// Rounds through followers.
    pub rounds: Rounds,
    /// How far the client that is farthest behind is.
    pub lag_bytes: u64,
    /// Turns of the loop.
    pub turns: Turns,
}

/// How long turns of the loop took, without waiting.
#[derive(Debug, Clone, Copy, Default)]
pub struct Turns {
    /// By [`TURN_BOUNDS_US`]; the last ones took longer.
    pub counts: [u64; TURN_BOUNDS_US.len() + 1],
    /// Together.
    pub total: Duration,
}

impl Turns {
    /// One more.
    pub(crate) fn add(&mut self, took: Duration) {
        let within = |bound: &u32| took > Duration::from_micros(u64::from(*bound));
        self.counts[TURN_BOUNDS_US
            .iter()
            .take_while(|bound| within(bound))
            .count()] += 1;
        self.total += took;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_counts_within_its_bound() {
        let mut turns = Turns::default();
        for us in [0, 50, 51, 100, 250_000, 250_001, 9_000_000] {
            turns.add(Duration::from_micros(us));
        }
        let mut expected = [0; TURN_BOUNDS_US.len() + 1];
        (expected[0], expected[1], expected[11], expected[12]) = (2, 2, 1, 2);
        assert_eq!(turns.counts, expected);
        assert_eq!(turns.total, Duration::from_micros(9_500_202));
    }
}
