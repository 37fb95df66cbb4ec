//! Latencies, kept so that the highest percentiles stay exact to a thousandth.
//! Nanoseconds in, microseconds out, where the report wants them.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// What is longer is counted as this: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;
/// A thousandth.
const DIGITS: u8 = 3;

/// A distribution of durations.
#[derive(Debug, Clone)]
pub(crate) struct Durations(Histogram<u64>);

/// A distribution's figures in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
pub(crate) struct Summary {
    /// How many there were.
    pub(crate) count: u64,
    /// The median.
    pub(crate) p50: f64,
    /// 90 of 100 were at most this.
    pub(crate) p90: f64,
    /// 99 of 100 were at most this.
    pub(crate) p99: f64,
    /// 999 of 1,000 were at most this.
    pub(crate) p999: f64,
    /// 9,999 of 10,000 were at most this.
    pub(crate) p9999: f64,
    /// The longest.
    pub(crate) max: f64,
    /// The mean.
    pub(crate) mean: f64,
}

/// One point of a distribution's curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Point {
    /// From 0 to 100.
    pub(crate) percentile: f64,
    /// That percent of all were at most this many microseconds.
    pub(crate) us: f64,
}

impl Default for Durations {
    fn default() -> Self {
        Self::new()
    }
}

impl Durations {
    /// An empty distribution.
    ///
    /// # Panics
    /// Never: the bounds are constants that the library accepts.
    #[must_use]
    pub(crate) fn new() -> Self {
        #[expect(clippy::expect_used, reason = "constant bounds, tested")]
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("fit bounds");
        Self(histogram)
    }

    /// Enters one duration.
    #[inline]
    pub(crate) fn record(&mut self, ns: u64) {
        self.0.saturating_record(ns);
    }

    /// Whether nothing was entered.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The duration that `share` (0 to 1) of all do not exceed, in nanoseconds.
    #[must_use]
    pub(crate) fn quantile_ns(&self, share: f64) -> u64 {
        self.0.value_at_quantile(share)
    }

    /// The figures; all 0 when empty.
    #[must_use]
    pub(crate) fn summary(&self) -> Summary {
        let at = |share| us(self.0.value_at_quantile(share));
        Summary {
            count: self.0.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: us(self.0.max()),
            mean: rounded(self.0.mean() / 1_000.0),
        }
    }

    /// The curve from the fastest tenth to the slowest, finer towards the slowest, some 60
    /// points.
    #[must_use]
    pub(crate) fn curve(&self) -> Vec<Point> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut points = Vec::new();
        let mut rest = 0.9_f64;
        // Ten steps for each further nine, as far as there are values to tell apart.
        #[expect(clippy::cast_precision_loss, reason = "a count, for a drawing")]
        let finest = 1.0 / self.0.len() as f64;
        while rest > finest && points.len() < 100 {
            let share = 1.0 - rest;
            points.push(Point {
                percentile: share * 100.0,
                us: us(self.quantile_ns(share)),
            });
            rest *= 10_f64.powf(-0.1);
        }
        points.push(Point {
            percentile: 100.0,
            us: us(self.0.max()),
        });
        points
    }
}

/// Nanoseconds as microseconds with three decimals.
#[must_use]
pub(crate) fn us(ns: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "an hour in ns needs 42 bits")]
    let us = ns as f64 / 1_000.0;
    rounded(us)
}

/// A figure for people: three decimals.
#[must_use]
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_a_thousandth() {
        let mut durations = Durations::new();
        for us in 1..=100_000 {
            durations.record(us * 1_000);
        }
        let summary = durations.summary();
        for (found, expected) in [
            (summary.p50, 50_000.0),
            (summary.p90, 90_000.0),
            (summary.p99, 99_000.0),
            (summary.p999, 99_900.0),
            (summary.p9999, 99_990.0),
            (summary.max, 100_000.0),
            (summary.mean, 50_000.5),
        ] {
            assert!((found / expected - 1.0).abs() < 0.001, "{found} {expected}");
        }
        assert_eq!(summary.count, 100_000);
    }

    #[test]
    fn nothing_is_all_zeros() {
        assert_eq!(Durations::new().summary(), Summary::default());
        assert_eq!(Durations::new().curve(), Vec::new());
    }

    #[test]
    fn the_extremes_are_kept() {
        let mut durations = Durations::new();
        durations.record(0);
        durations.record(u64::MAX);
        assert!((durations.summary().max / 3.6e9 - 1.0).abs() < 0.001);
    }

    #[test]
    fn the_curve_rises_to_the_slowest() {
        let mut durations = Durations::new();
        for ns in 0..10_000 {
            durations.record(ns * 1_000);
        }
        let curve = durations.curve();
        assert!((30..=60).contains(&curve.len()), "{}", curve.len());
        assert!(curve.is_sorted_by(|a, b| a.us <= b.us && a.percentile < b.percentile));
        assert!(curve.last().is_some_and(|p| p.percentile == 100.0));
    }
}
