//! Backpressure: when talk outruns a whole room, and for how long it then waits. Times only.

use std::time::{Duration, Instant};

/// Talk waits this long for a room of which all but one are behind.
pub(super) const OUTRUN_TIMEOUT: Duration = Duration::from_secs(5);

/// And this long after one of those has last taken something: clients that take nothing are not
/// waited for.
pub(super) const STALL_TIMEOUT: Duration = Duration::from_secs(1);

/// What the last sweep over the followers has found, and what has happened since.
#[derive(Debug, Default)]
pub(super) struct Backpressure {
    /// How much had been published at the last sweep.
    pub(super) swept_at: u64,
    /// Since when all followers but one, which may be the talker, have been too far behind.
    outrun_since: Option<Instant>,
    /// When a follower that was too far behind has last taken something.
    progress_at: Option<Instant>,
    /// Whether one has since the last sweep.
    pub(super) has_progress: bool,
}

impl Backpressure {
    /// Notes what a sweep has found.
    pub(super) fn on_sweep(&mut self, published_bytes: u64, is_outrun: bool, now: Instant) {
        self.swept_at = published_bytes;
        self.has_progress = false;
        self.outrun_since = is_outrun.then(|| self.outrun_since.unwrap_or(now));
    }

    /// A follower that was too far behind has taken something.
    pub(super) fn on_progress(&mut self, now: Instant) {
        self.progress_at = Some(now);
        self.has_progress = true;
    }

    /// Until when talk waits, if it is not caught up with before. A progress that was made before
    /// the talk outran the room says nothing about it.
    pub(super) fn throttled_until(&self) -> Option<Instant> {
        let since = self.outrun_since?;
        let progress_at = self.progress_at.map_or(since, |at| at.max(since));
        Some((since + OUTRUN_TIMEOUT).min(progress_at + STALL_TIMEOUT))
    }

    /// Whether a sweep is due: a step of the log has been published since the last one, or
    /// somebody may have caught up.
    pub(super) fn wants_sweep(&self, published_bytes: u64, step_bytes: u64) -> bool {
        published_bytes - self.swept_at >= step_bytes
            || (self.outrun_since.is_some() && self.has_progress)
    }
}
