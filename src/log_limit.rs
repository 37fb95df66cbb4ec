//! Lines of the log that a crowd could cause, summed up: a few one by one, then how many more.
//! Counts and times only; what the lines say is their owner's affair.

use std::time::{Duration, Instant};

/// Lines of a kind that are written out in one window; more are counted.
const LINES_PER_WINDOW: u32 = 5;

const WINDOW: Duration = Duration::from_secs(10);

/// One kind of line.
#[derive(Debug, Default)]
pub(crate) struct LogLimiter {
    allowed: u32,
    suppressed: u64,
    /// End of the present window.
    until: Option<Instant>,
}

impl LogLimiter {
    /// Counts one, and tells whether it may be written out.
    pub(crate) fn allow(&mut self, now: Instant) -> bool {
        self.until.get_or_insert(now + WINDOW);
        self.allowed += 1;
        let may = self.allowed <= LINES_PER_WINDOW;
        self.suppressed += u64::from(!may);
        may
    }

    /// When [`take_suppressed`](Self::take_suppressed) should be asked.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.until
    }

    /// At the end of a window: how many were held back in it, if any.
    pub(crate) fn take_suppressed(&mut self, now: Instant) -> Option<u64> {
        self.until.filter(|until| *until <= now)?;
        let suppressed = std::mem::take(self).suppressed;
        (suppressed > 0).then_some(suppressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_costs_a_few_lines_and_a_sum() {
        let mut limiter = LogLimiter::default();
        let start = Instant::now();
        let written = (0..10_000).filter(|_| limiter.allow(start)).count();
        assert_eq!(written, 5);
        assert_eq!(limiter.take_suppressed(start), None);
        assert_eq!(limiter.due(), Some(start + WINDOW));
        assert_eq!(limiter.take_suppressed(start + WINDOW), Some(9_995));
        assert_eq!(limiter.due(), None);
        assert!(limiter.allow(start + WINDOW));
        assert_eq!(limiter.take_suppressed(start + 2 * WINDOW), None);
    }
}
