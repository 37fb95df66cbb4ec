//! The median of some figures, and where it may lie.

/// An interval that holds the true median with this probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) from: f64,
    pub(crate) to: f64,
    /// From 0 to 1.
    pub(crate) confidence: f64,
}

/// What is aimed at: five figures have it from the smallest to the largest.
const CONFIDENCE: f64 = 0.9375;

impl Interval {
    /// Whether it says with confidence that the median is not `value`.
    pub(crate) fn excludes(&self, value: f64) -> bool {
        self.confidence >= CONFIDENCE && !(self.from..=self.to).contains(&value)
    }
}

/// The median of positive figures; between two it is their geometric mean, so that the median of
/// ratios is the reverse of that of the reversed ratios.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(if lower > 0.0 {
        (lower / upper).sqrt() * upper
    } else {
        f64::midpoint(lower, upper)
    })
}

/// The interval of the median by the sign test, which asks nothing of how the figures are
/// distributed: it leaves out as many at each end as [`CONFIDENCE`] allows.
pub(crate) fn interval(mut values: Vec<f64>) -> Option<Interval> {
    values.sort_by(f64::total_cmp);
    let count = values.len();
    // P(at most k of n are below the median), summed up term by term.
    let mut term = 0.5_f64.powi(i32::try_from(count).ok()?);
    let (mut tail, mut left_out) = (term, 0);
    let mut confidence = 1.0 - 2.0 * tail;
    for k in 1..=count / 2 {
        term *= (count + 1 - k) as f64 / k as f64;
        tail += term;
        if 1.0 - 2.0 * tail < CONFIDENCE {
            break;
        }
        (left_out, confidence) = (k, 1.0 - 2.0 * tail);
    }
    Some(Interval {
        from: *values.get(left_out)?,
        to: *values.get(count.checked_sub(1 + left_out)?)?,
        confidence,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_even_and_odd() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        let ratios = [0.5, 2.0];
        assert_eq!(median(ratios.to_vec()), Some(1.0));
        assert_eq!(median(vec![0.0, 2.0]), Some(1.0));
        assert_eq!(median(Vec::new()), None);
        let huge = median(vec![f64::MAX, f64::MAX]).unwrap();
        assert!((huge / f64::MAX - 1.0).abs() < 1e-9);
    }

    #[test]
    fn five_have_the_interval_from_end_to_end() {
        let five = interval(vec![1.2, 1.1, 1.5, 1.3, 1.4]).unwrap();
        assert_eq!((five.from, five.to, five.confidence), (1.1, 1.5, 0.9375));
        assert!(five.excludes(1.0) && !five.excludes(1.2));
        let four = interval(vec![1.2, 1.1, 1.5, 1.3]).unwrap();
        assert_eq!(four.confidence, 0.875);
        assert!(!four.excludes(1.0), "too few to say so");
        // Of ten, one at each end may be left out: 1 - 2 * 11 / 1024.
        let ten = interval((1..=10).map(f64::from).collect()).unwrap();
        assert_eq!((ten.from, ten.to), (2.0, 9.0));
        assert!((ten.confidence - 0.978_515_625).abs() < 1e-12);
        assert_eq!(interval(Vec::new()), None);
        assert_eq!(interval(vec![1.0]).unwrap().confidence, 0.0);
    }
}
