//! The course of the measured time, in intervals of 100 ms or more. No clock here.

use serde::{Deserialize, Serialize};

use crate::bench::measure::histogram::us;

/// Intervals that a timeline has at most; with more, two become one.
const INTERVALS_MAX: usize = 240;
/// The shortest interval: 100 ms.
const INTERVAL_NS_MIN: u64 = 100_000_000;

/// One interval of the measured time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Interval {
    /// Where it begins, in seconds from the start of the measured time.
    pub(crate) at_s: f64,
    /// Messages sent in it.
    pub(crate) sent: u64,
    /// Deliveries in it.
    pub(crate) received: u64,
    /// The longest latency of a delivery in it.
    pub(crate) max_us: f64,
}

/// What was counted in one interval.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) longest_ns: u64,
}

/// The course of the measured time, in intervals.
#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    interval_ns: u64,
    intervals: Vec<Counts>,
    /// The interval that was last asked for, and where it begins: to divide is slow.
    last: usize,
    last_ns: u64,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            interval_ns: INTERVAL_NS_MIN,
            intervals: Vec::new(),
            last: 0,
            last_ns: 0,
        }
    }
}

impl Timeline {
    /// The interval that is so long after the start.
    #[inline]
    pub(crate) fn at(&mut self, since_ns: u64) -> &mut Counts {
        let is_last = since_ns.wrapping_sub(self.last_ns) < self.interval_ns;
        if !is_last || self.intervals.is_empty() {
            self.find(since_ns);
        }
        &mut self.intervals[self.last]
    }

    #[cold]
    fn find(&mut self, since_ns: u64) {
        let mut at = usize::try_from(since_ns / self.interval_ns).unwrap_or(usize::MAX);
        while at >= INTERVALS_MAX {
            self.coarsen();
            at /= 2;
        }
        if at >= self.intervals.len() {
            self.intervals.resize(at + 1, Counts::default());
        }
        (self.last, self.last_ns) = (at, at as u64 * self.interval_ns);
    }

    fn coarsen(&mut self) {
        let pairs = self.intervals.chunks(2);
        self.intervals = pairs
            .map(|pair| pair.iter().copied().fold(Counts::default(), Counts::plus))
            .collect();
        self.interval_ns = self.interval_ns.saturating_mul(2);
        (self.last, self.last_ns) = (0, 0);
    }

    /// Adds another thread's.
    pub(crate) fn add(&mut self, mut other: Self) {
        while self.interval_ns < other.interval_ns {
            self.coarsen();
        }
        while other.interval_ns < self.interval_ns {
            other.coarsen();
        }
        let length = self.intervals.len().max(other.intervals.len());
        self.intervals.resize(length, Counts::default());
        for (mine, theirs) in self.intervals.iter_mut().zip(other.intervals) {
            *mine = mine.plus(theirs);
        }
    }

    /// The length of an interval in seconds.
    pub(crate) fn interval_s(&self) -> f64 {
        us(self.interval_ns) / 1e6
    }

    /// As the report has it.
    pub(crate) fn intervals(&self) -> Vec<Interval> {
        let intervals = self.intervals.iter().enumerate();
        intervals
            .map(|(i, counts)| Interval {
                at_s: us(i as u64 * self.interval_ns) / 1e6,
                sent: counts.sent,
                received: counts.received,
                max_us: us(counts.longest_ns),
            })
            .collect()
    }
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            received: self.received + other.received,
            longest_ns: self.longest_ns.max(other.longest_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::load::schedule::SECOND_NS;

    #[test]
    fn a_long_timeline_has_no_more_intervals() {
        let mut timeline = Timeline::default();
        for second in 0..3_600 {
            timeline.at(second * SECOND_NS).sent += 1;
        }
        let mut short = Timeline::default();
        short.at(SECOND_NS).sent = 5;
        timeline.add(short);
        let intervals = timeline.intervals();
        assert!(
            (120..=240).contains(&intervals.len()),
            "{}",
            intervals.len()
        );
        assert_eq!(intervals.iter().map(|i| i.sent).sum::<u64>(), 3_605);
    }
}
