//! Lines of the log that a crowd could cause, summed up: a few one by one, then how many more.
//! Counts and times only; what the lines say is their owner's affair.

use std::time::{Duration, Instant};

/// So many lines of a kind are written out in one window.
const LINES_PER_WINDOW: u32 = 5;

const WINDOW: Duration = Duration::from_secs(10);

/// One kind of line.
#[derive(Debug, Default)]
pub(crate) struct LogLimiter {
    told: u32,
    held_back: u64,
    /// End of the present window.
    until: Option<Instant>,
}

impl LogLimiter {
    /// Counts one, and tells whether it may be written out.
    pub(crate) fn allow(&mut self, now: Instant) -> bool {
        self.until.get_or_insert(now + WINDOW);
        self.told += 1;
        let may = self.told <= LINES_PER_WINDOW;
        self.held_back += u64::from(!may);
        may
    }

    /// When [`sum_up`](Self::sum_up) should be asked.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.until
    }

    /// At the end of a window: how many were held back in it, if any.
    pub(crate) fn sum_up(&mut self, now: Instant) -> Option<u64> {
        self.until.filter(|until| *until <= now)?;
        let held_back = std::mem::take(self).held_back;
        (held_back > 0).then_some(held_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_costs_a_few_lines_and_a_sum() {
        let mut muffler = LogLimiter::default();
        let start = Instant::now();
        let written = (0..10_000).filter(|_| muffler.allow(start)).count();
        assert_eq!(written, 5);
        assert_eq!(muffler.sum_up(start), None);
        assert_eq!(muffler.due(), Some(start + WINDOW));
        assert_eq!(muffler.sum_up(start + WINDOW), Some(9_995));
        assert_eq!(muffler.due(), None);
        assert!(muffler.allow(start + WINDOW));
        assert_eq!(muffler.sum_up(start + 2 * WINDOW), None);
    }
}
