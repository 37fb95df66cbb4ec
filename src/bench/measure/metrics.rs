//! What a run measures: distributions and counts over its window, and its course over time.
//! Times come in as nanoseconds; no clock here.

use serde::{Deserialize, Serialize};

use crate::bench::measure::histogram::{Durations, us};

/// Slices of time that the window is cut into at most.
const INTERVALS_MAX: u64 = 120;
/// The shortest slice: 100 ms.
const INTERVAL_NS_MIN: u64 = 100_000_000;

/// The time in which messages that are due count, in nanoseconds from the start of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Window {
    /// Messages due from here on.
    pub(crate) from_ns: u64,
    /// Messages due before this.
    pub(crate) to_ns: u64,
}

impl Window {
    /// Whether `at_ns` is in it.
    #[inline]
    #[must_use]
    pub(crate) fn contains(&self, at_ns: u64) -> bool {
        (self.from_ns..self.to_ns).contains(&at_ns)
    }
}

/// One slice of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Interval {
    /// Where it begins, in seconds from the window's start.
    pub(crate) at_s: f64,
    /// Messages sent in it.
    pub(crate) sent: u64,
    /// Deliveries in it.
    pub(crate) received: u64,
    /// The longest latency of a delivery in it.
    pub(crate) max_us: f64,
}

/// Everything measured.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    window: Window,
    interval_ns: u64,
    intervals: Vec<(u64, u64, u64)>,
    /// Due time to delivery.
    pub(crate) latency: Durations,
    /// Real sending to delivery; open loop only, in a closed loop it is the latency.
    pub(crate) service: Durations,
    /// Due time to the last receiver's delivery; rooms only.
    pub(crate) last_receiver: Durations,
    /// First to last receiver's delivery; rooms only.
    pub(crate) skew: Durations,
    /// Due time to sending, of messages that the server did not hold up; open loop only.
    pub(crate) send_lag: Durations,
    /// How long the generator worked between two waits: so late a delivery may be read.
    pub(crate) iteration: Durations,
    /// From asking for a connection until it stands.
    pub(crate) connect: Durations,
    /// From asking for a connection until the server has answered on it; echo only.
    pub(crate) first_answer: Durations,
}

impl Metrics {
    /// Sets the window; before that nothing falls into it.
    pub(crate) fn open_window(&mut self, window: Window) {
        let length = window.to_ns.saturating_sub(window.from_ns);
        self.interval_ns = INTERVAL_NS_MIN.max(length.div_ceil(INTERVALS_MAX));
        let intervals = usize::try_from(length.div_ceil(self.interval_ns)).unwrap_or(0);
        self.intervals = vec![(0, 0, 0); intervals];
        self.window = window;
    }

    /// The window.
    #[inline]
    #[must_use]
    pub(crate) fn window(&self) -> Window {
        self.window
    }

    /// Enters what one read brought.
    #[inline]
    pub(crate) fn read_batch(&mut self, now_ns: u64, deliveries: u64, longest_ns: u64) {
        if let Some((_, received, longest)) = self.slice(now_ns) {
            *received += deliveries;
            *longest = (*longest).max(longest_ns);
        }
    }

    /// Enters that `messages` were sent.
    #[inline]
    pub(crate) fn sent(&mut self, now_ns: u64, messages: u64) {
        if let Some((sent, ..)) = self.slice(now_ns) {
            *sent += messages;
        }
    }

    /// The course over the window.
    #[must_use]
    pub(crate) fn timeline(&self) -> Vec<Interval> {
        self.intervals
            .iter()
            .enumerate()
            .map(|(i, (sent, received, longest))| Interval {
                at_s: us(i as u64 * self.interval_ns) / 1e6,
                sent: *sent,
                received: *received,
                max_us: us(*longest),
            })
            .collect()
    }

    /// The length of a slice in seconds.
    #[must_use]
    pub(crate) fn interval_s(&self) -> f64 {
        us(self.interval_ns) / 1e6
    }

    #[inline]
    fn slice(&mut self, now_ns: u64) -> Option<&mut (u64, u64, u64)> {
        let at = now_ns.checked_sub(self.window.from_ns)? / self.interval_ns.max(1);
        self.intervals.get_mut(usize::try_from(at).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_course_is_cut_into_slices() {
        let mut metrics = Metrics::default();
        metrics.read_batch(5, 1, 1);
        metrics.open_window(Window {
            from_ns: 1_000_000_000,
            to_ns: 1_250_000_000,
        });
        metrics.read_batch(999_999_999, 7, 7);
        metrics.read_batch(1_000_000_000, 2, 5_000);
        metrics.read_batch(1_099_999_999, 3, 4_000);
        metrics.sent(1_249_000_000, 4);
        metrics.sent(1_350_000_000, 9);
        let timeline = metrics.timeline();
        assert_eq!(timeline.len(), 3);
        assert_eq!((timeline[0].received, timeline[0].max_us), (5, 5.0));
        assert_eq!((timeline[2].sent, timeline[2].at_s), (4, 0.2));
        assert_eq!(
            timeline[1],
            Interval {
                at_s: 0.1,
                ..Interval::default()
            }
        );
    }

    #[test]
    fn a_long_window_has_no_more_slices() {
        let mut metrics = Metrics::default();
        metrics.open_window(Window {
            from_ns: 0,
            to_ns: 3_600_000_000_000,
        });
        assert_eq!(metrics.timeline().len(), 120);
    }
}
