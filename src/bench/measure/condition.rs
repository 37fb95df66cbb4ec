//! A bound on the latency, as people write it: `p99<20ms`.

use std::fmt;

use crate::bench::measure::histogram::Durations;
use crate::units;

/// The figures of the latency that may be bounded.
const FIGURES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p999", 0.999),
    ("p9999", 0.9999),
];
const MAX: &str = "max";
const MEAN: &str = "mean";

/// How a figure is held against its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// One figure of the latency and its bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    figure: &'static str,
    comparison: Comparison,
    limit_us: f64,
    text: String,
}

impl Condition {
    /// Reads `FIGURE<TIME`, also with `<=`, `>` and `>=`.
    ///
    /// # Errors
    /// Says what is wrong with `text`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let at = text
            .find(['<', '>'])
            .ok_or("a comparison is missing, as in p99<20ms")?;
        let (name, rest) = text.split_at(at);
        let (comparison, limit) = match rest.as_bytes() {
            [b'<', b'=', ..] => (Comparison::AtMost, &rest[2..]),
            [b'<', ..] => (Comparison::Less, &rest[1..]),
            [b'>', b'=', ..] => (Comparison::AtLeast, &rest[2..]),
            _ => (Comparison::More, &rest[1..]),
        };
        let names = FIGURES.map(|(name, _)| name).into_iter().chain([MAX, MEAN]);
        let figure = names
            .clone()
            .find(|known| *known == name.trim())
            .ok_or_else(|| {
                let known: Vec<&str> = names.collect();
                format!("'{}' is none of {}", name.trim(), known.join(", "))
            })?;
        Ok(Self {
            figure,
            comparison,
            limit_us: microseconds(limit.trim())?,
            text: text.to_owned(),
        })
    }

    /// Whether it asks for little, as opposed to finding fault with much.
    #[must_use]
    pub fn is_upper_bound(&self) -> bool {
        matches!(self.comparison, Comparison::Less | Comparison::AtMost)
    }

    /// The figure's value, in microseconds. However few samples there are, it is the sample's own.
    pub(crate) fn value_us(&self, latency: &Durations) -> f64 {
        match (
            self.figure,
            FIGURES.iter().find(|(name, _)| *name == self.figure),
        ) {
            (_, Some((_, share))) => latency.quantile_us(*share),
            (MAX, None) => latency.max_us().unwrap_or(0.0),
            (_, None) => latency.mean_us().unwrap_or(0.0),
        }
    }

    /// Why `latency` tells nothing of a percentile, if it does not: what is not told is not judged.
    pub(crate) fn too_few(&self, latency: &Durations) -> Option<String> {
        let (name, share) = FIGURES.iter().find(|(name, _)| *name == self.figure)?;
        latency.told_us(*share).is_none().then(|| {
            format!(
                "{name} is not known of {} messages, it takes {}",
                latency.count(),
                Durations::count_for(*share)
            )
        })
    }

    /// Whether `latency` is as the condition says.
    pub(crate) fn is_met(&self, latency: &Durations) -> bool {
        let value = self.value_us(latency);
        match self.comparison {
            Comparison::Less => value < self.limit_us,
            Comparison::AtMost => value <= self.limit_us,
            Comparison::More => value > self.limit_us,
            Comparison::AtLeast => value >= self.limit_us,
        }
    }

    /// The figure's name.
    pub(crate) fn figure(&self) -> &'static str {
        self.figure
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn microseconds(text: &str) -> Result<f64, String> {
    let digits = text.strip_suffix("us").or_else(|| text.strip_suffix("µs"));
    if let Some(digits) = digits {
        return match digits.parse::<f64>() {
            Ok(us) if us.is_finite() && us >= 0.0 => Ok(us),
            _ => Err(format!("'{digits}' is not a number")),
        };
    }
    units::parse_duration(text)
        .map(|limit| limit.as_secs_f64() * 1e6)
        .map_err(|why| format!("{why}; or us"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_met_or_not() {
        let mut latency = Durations::default();
        (1..=100).for_each(|ms| latency.record(ms * 1_000_000));
        for (text, is_met) in [
            ("p50<60ms", true),
            ("p50<40ms", false),
            ("p99 > 20ms", true),
            ("p9999>=99ms", true),
            ("max<=101ms", true),
            ("max<100us", false),
            ("mean<0.1s", true),
            ("p90>100000µs", false),
        ] {
            let condition = Condition::parse(text).unwrap();
            assert_eq!(condition.is_met(&latency), is_met, "{text}");
            assert_eq!(condition.to_string(), text);
        }
    }

    #[test]
    fn a_percentile_of_too_few_is_not_judged() {
        for (text, count) in [
            ("p50<1ms", 20),
            ("p90<1ms", 100),
            ("p99<1ms", 1_000),
            ("p999<1ms", 10_000),
            ("p9999<1ms", 100_000),
            ("max<1ms", 1),
            ("mean<1ms", 1),
        ] {
            let condition = Condition::parse(text).unwrap();
            let mut latency = Durations::default();
            latency.record_many(1, count - 1);
            let few = condition.too_few(&latency);
            let words = format!("of {} messages, it takes {count}", count - 1);
            assert_eq!(few.is_some(), count > 1, "{text}");
            assert!(few.is_none_or(|few| few.ends_with(&words)), "{text}");
            latency.record(1);
            assert_eq!(condition.too_few(&latency), None, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_said() {
        for (text, words) in [
            ("p99", "comparison"),
            ("p98<1ms", "'p98' is none of p50"),
            ("p99<20", "unit"),
            ("p99<x", "unit"),
            ("p99<xus", "'x' is not a number"),
            ("p99=1ms", "comparison"),
        ] {
            let why = Condition::parse(text).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
    }
}
