//! How messages come to a room: the measure of whether waiting for more of them pays.
//! Times and counts only.

/// A room is busy when at least so many messages come in the time of a round: else waiting would
/// merge nothing.
const BUSY_MESSAGES_PER_ROUND: f64 = 3.0;

/// After so many times the usual time from one message to the next, no more are waited for.
const QUIET_INTERVALS: f64 = 4.0;

/// The weight of the newest interval in the smoothed one.
const INTERVAL_WEIGHT: f64 = 1.0 / 8.0;

/// Longer silence says no more than this.
const LONGEST_INTERVAL_NS: f64 = 1e9;

/// What has come so far, smoothed.
#[derive(Debug)]
pub(super) struct Arrivals {
    /// Messages that [`note`](Self::note) has not seen yet.
    unnoted: i32,
    /// When messages last came.
    last_ns: u64,
    /// Time from one message to the next, smoothed.
    interval_ns: f64,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self {
            unnoted: 0,
            last_ns: 0,
            interval_ns: LONGEST_INTERVAL_NS,
        }
    }
}

impl Arrivals {
    /// Counts a message.
    pub(super) fn count(&mut self) {
        self.unnoted = self.unnoted.saturating_add(1);
    }

    /// Takes the messages since the last call for ones that came together, after a gap.
    pub(super) fn note(&mut self, now_ns: u64) {
        if self.unnoted == 0 {
            return;
        }
        let gap_ns = (now_ns.saturating_sub(self.last_ns) as f64).min(LONGEST_INTERVAL_NS);
        let faded = (1.0 - INTERVAL_WEIGHT).powi(self.unnoted - 1);
        let with_gap = self.interval_ns + INTERVAL_WEIGHT * (gap_ns - self.interval_ns);
        self.interval_ns = with_gap * faded;
        self.last_ns = now_ns;
        self.unnoted = 0;
    }

    /// Whether so many come in the time of a round that it pays to wait for more.
    pub(super) fn are_many(&self, round_ns: u64) -> bool {
        self.interval_ns * BUSY_MESSAGES_PER_ROUND <= round_ns as f64
    }

    /// When silence will have lasted so long that no more is to be waited for.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some seconds"
    )]
    pub(super) fn quiet_ns(&self) -> u64 {
        self.last_ns + (QUIET_INTERVALS * self.interval_ns) as u64
    }
}
