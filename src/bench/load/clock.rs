//! The run's time: nanoseconds from its start, the same for all threads. The only place in the
//! load engine that asks the system what time it is.

use std::time::{Duration, Instant};

/// A clock that began at 0 when it was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// Starts it.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// The time now.
    #[inline]
    pub(crate) fn now_ns(&self) -> u64 {
        ns(self.0.elapsed())
    }
}

/// A duration as the run counts it.
#[inline]
pub(crate) fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
