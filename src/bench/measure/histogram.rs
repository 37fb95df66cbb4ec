//! Latencies, kept so that the highest percentiles stay exact to a thousandth.
//! Nanoseconds in, microseconds out, where the report wants them.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// What is longer is counted as this: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;
/// A thousandth.
const DIGITS: u8 = 3;
/// A percentile is told if so many were beyond it: with fewer it is chance, or the maximum.
const BEYOND_MIN: f64 = 10.0;

/// A distribution of durations.
#[derive(Debug, Clone)]
pub(crate) struct Durations(Histogram<u64>);

/// A distribution's figures in microseconds; none where there were too few for one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
pub(crate) struct Summary {
    /// How many there were.
    pub(crate) count: u64,
    /// The median.
    pub(crate) p50: Option<f64>,
    /// 90 of 100 were at most this.
    pub(crate) p90: Option<f64>,
    /// 99 of 100 were at most this.
    pub(crate) p99: Option<f64>,
    /// 999 of 1,000 were at most this.
    pub(crate) p999: Option<f64>,
    /// 9,999 of 10,000 were at most this.
    pub(crate) p9999: Option<f64>,
    /// The longest.
    pub(crate) max: Option<f64>,
    /// The mean.
    pub(crate) mean: Option<f64>,
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
        Self::new(LONGEST_NS)
    }
}

impl Durations {
    /// An empty distribution of durations up to `longest`; longer ones count as that.
    fn new(longest: u64) -> Self {
        #[expect(clippy::expect_used, reason = "constant bounds, tested")]
        let histogram = Histogram::new_with_bounds(1, longest, DIGITS).expect("fit bounds");
        Self(histogram)
    }

    /// Enters one duration.
    #[inline]
    pub(crate) fn record(&mut self, ns: u64) {
        self.0.saturating_record(ns);
    }

    /// Enters `count` durations of `ns`.
    pub(crate) fn record_many(&mut self, ns: u64, count: u64) {
        self.0.saturating_record_n(ns, count);
    }

    /// Enters all of another distribution, exactly.
    pub(crate) fn add(&mut self, other: &Self) {
        // It cannot fail: all of them have the same bounds.
        let _ = self.0.add(&other.0);
    }

    /// How many were entered.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The duration that `share` (0 to 1) of all do not exceed, in microseconds, however few there
    /// are; 0 if there are none.
    pub(crate) fn quantile_us(&self, share: f64) -> f64 {
        us(self.0.value_at_quantile(share))
    }

    /// As [`Self::quantile_us`], if there are enough.
    pub(crate) fn told_us(&self, share: f64) -> Option<f64> {
        // A hair less: 0.9 and 0.99 are a little under what is written.
        let beyond = self.0.len() as f64 * (1.0 - share) + 1e-6;
        (beyond >= BEYOND_MIN).then(|| self.quantile_us(share))
    }

    /// How many it takes for the quantile of this share to be told.
    pub(crate) fn count_for(share: f64) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some 100,000"
        )]
        let count = (BEYOND_MIN / (1.0 - share)).round() as u64;
        count
    }

    /// The longest.
    pub(crate) fn max_us(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| us(self.0.max()))
    }

    /// The mean.
    pub(crate) fn mean_us(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| rounded(self.0.mean() / 1_000.0))
    }

    /// The figures.
    pub(crate) fn summary(&self) -> Summary {
        Summary {
            count: self.0.len(),
            p50: self.told_us(0.5),
            p90: self.told_us(0.9),
            p99: self.told_us(0.99),
            p999: self.told_us(0.999),
            p9999: self.told_us(0.9999),
            max: self.max_us(),
            mean: self.mean_us(),
        }
    }

    /// The curve from the fastest tenth to the slowest, finer towards the slowest, some 60
    /// points; as far as there are enough, and then the slowest.
    pub(crate) fn curve(&self) -> Vec<Point> {
        let mut points = Vec::new();
        let mut rest = 0.9_f64;
        // Ten steps for each further nine.
        while let Some(us) = self.told_us(1.0 - rest) {
            points.push(Point {
                percentile: (1.0 - rest) * 100.0,
                us,
            });
            rest *= 10_f64.powf(-0.1);
            if points.len() >= 100 {
                break;
            }
        }
        points.extend(self.max_us().map(|us| Point {
            percentile: 100.0,
            us,
        }));
        points
    }

    /// The same distribution in whole microseconds, at least 1, as HdrHistogram's tools want it.
    pub(crate) fn in_us(&self) -> Histogram<u64> {
        let mut whole = Self::new(LONGEST_NS / 1_000).0;
        for bucket in self.0.iter_recorded() {
            let middle = self.0.median_equivalent(bucket.value_iterated_to());
            let us = (middle + 500) / 1_000;
            whole.saturating_record_n(us.max(1), bucket.count_at_value());
        }
        whole
    }
}

/// Nanoseconds as microseconds with three decimals.
pub(crate) fn us(ns: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "an hour in ns needs 42 bits")]
    let us = ns as f64 / 1_000.0;
    rounded(us)
}

/// A figure for people: three decimals.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(all_ns: impl Iterator<Item = u64>) -> Durations {
        let mut durations = Durations::default();
        all_ns.for_each(|ns| durations.record(ns));
        durations
    }

    #[test]
    fn percentiles_are_right_to_a_thousandth() {
        let summary = of((1..=100_000).map(|us| us * 1_000)).summary();
        for (found, expected) in [
            (summary.p50, 50_000.0),
            (summary.p90, 90_000.0),
            (summary.p99, 99_000.0),
            (summary.p999, 99_900.0),
            (summary.p9999, 99_990.0),
            (summary.max, 100_000.0),
            (summary.mean, 50_000.5),
        ] {
            let found = found.unwrap();
            assert!((found / expected - 1.0).abs() < 0.001, "{found} {expected}");
        }
        assert_eq!(summary.count, 100_000);
    }

    #[test]
    fn a_percentile_of_too_few_is_not_told() {
        let told = |count| {
            let s = of(0..count).summary();
            let all = [s.p50, s.p90, s.p99, s.p999, s.p9999, s.max, s.mean];
            all.map(|figure| usize::from(figure.is_some()))
        };
        assert_eq!(told(0), [0; 7]);
        assert_eq!(told(19), [0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(told(20), [1, 0, 0, 0, 0, 1, 1]);
        assert_eq!(told(100), [1, 1, 0, 0, 0, 1, 1]);
        assert_eq!(told(1_000), [1, 1, 1, 0, 0, 1, 1]);
        assert_eq!(told(9_999), [1, 1, 1, 0, 0, 1, 1]);
        assert_eq!(told(100_000), [1; 7]);
        assert_eq!(Durations::default().curve(), Vec::new());
    }

    #[test]
    fn the_extremes_are_kept() {
        let durations = of([0, u64::MAX].into_iter());
        assert!((durations.max_us().unwrap() / 3.6e9 - 1.0).abs() < 0.001);
    }

    #[test]
    fn added_up_they_are_what_all_were() {
        let (mut odd, even) = (of((1..999).step_by(2)), of((0..999).step_by(2)));
        odd.add(&even);
        assert_eq!(odd.0, of(0..999).0);
    }

    #[test]
    fn whole_microseconds_keep_the_count_and_the_value() {
        let whole = of((1..=10_000).map(|us| us * 1_000)).in_us();
        assert_eq!(whole.len(), 10_000);
        let p99 = whole.value_at_quantile(0.99) as f64;
        assert!((p99 / 9_900.0 - 1.0).abs() < 0.002, "{p99}");
        assert_eq!(of(std::iter::once(3)).in_us().max(), 1);
    }

    #[test]
    fn the_curve_rises_to_the_slowest() {
        let curve = of((0..10_000).map(|ns| ns * 1_000)).curve();
        assert!((20..=60).contains(&curve.len()), "{}", curve.len());
        assert!(curve.is_sorted_by(|a, b| a.us <= b.us && a.percentile < b.percentile));
        assert!(curve.last().is_some_and(|p| p.percentile == 100.0));
    }
}
