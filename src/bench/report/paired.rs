//! Two servers that took turns, and the ratios of their figures, round by round.
//! Text and numbers only.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::bench::measure::histogram::rounded;
use crate::bench::report::json::{Report, SCHEMA};
use crate::bench::report::metric_table::{METRICS, Metric, Unit, shown};

/// Two servers that took turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PairedComparison {
    /// The version of this shape.
    pub(crate) schema: u32,
    /// `ok`, or the first round's verdict that was not.
    pub(crate) verdict: String,
    /// The first server's ratio to the second, figure by figure.
    pub(crate) ratios: Vec<Ratio>,
    /// The first server's reports, in order.
    pub(crate) first: Vec<Report>,
    /// The second server's reports, in order.
    pub(crate) second: Vec<Report>,
}

/// One figure of two servers that took turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ratio {
    /// Its name.
    pub(crate) name: String,
    /// The first server's median.
    pub(crate) first: f64,
    /// The second server's median.
    pub(crate) second: f64,
    /// The median of the rounds' ratios, first to second.
    pub(crate) ratio: f64,
    /// The smallest of them.
    pub(crate) ratio_min: f64,
    /// The largest.
    pub(crate) ratio_max: f64,
}

impl PairedComparison {
    /// Of as many reports of each, round by round.
    #[must_use]
    pub(crate) fn new(first: Vec<Report>, second: Vec<Report>) -> Self {
        let bad = first.iter().chain(&second).find(|r| !r.is_ok());
        let ratios = METRICS
            .iter()
            .filter_map(|measure| ratio(measure, &first, &second))
            .collect();
        Self {
            schema: SCHEMA,
            verdict: bad.map_or("ok".to_owned(), |report| {
                format!("{}: {}", report.settings.address, report.verdict)
            }),
            ratios,
            first,
            second,
        }
    }

    /// Of rounds the last of which could not be run: there are no ratios.
    #[must_use]
    pub(crate) fn aborted(first: Vec<Report>, second: Vec<Report>) -> Self {
        Self {
            ratios: Vec::new(),
            ..Self::new(first, second)
        }
    }

    /// As a table.
    #[must_use]
    pub(crate) fn render(&self) -> String {
        let address = |reports: &[Report]| {
            let first = reports.first();
            first.map_or(String::new(), |r| r.settings.address.clone())
        };
        let mut text = String::new();
        // Writing to a string does not fail; so below too.
        let _ = writeln!(
            text,
            "A {} against B {}, {} rounds of each in turns\n\n{:<21}{:>12}{:>12}{:>16}   least to most",
            address(&self.first),
            address(&self.second),
            self.first.len(),
            "medians",
            "A",
            "B",
            "A/B of a round"
        );
        for ratio in &self.ratios {
            let unit = METRICS.iter().find(|m| m.name == ratio.name);
            let unit = unit.map_or(Unit::Plain, |m| m.unit);
            let _ = writeln!(
                text,
                "{:<21}{:>12}{:>12}{:>16.3}   {:.3} to {:.3}",
                ratio.name,
                shown(unit, ratio.first),
                shown(unit, ratio.second),
                ratio.ratio,
                ratio.ratio_min,
                ratio.ratio_max
            );
        }
        let _ = writeln!(text, "\nverdict              {}", self.verdict);
        text
    }
}

fn ratio(measure: &Metric, first: &[Report], second: &[Report]) -> Option<Ratio> {
    let values = |reports: &[Report]| reports.iter().map(measure.of).collect::<Option<Vec<_>>>();
    let (first, second) = (values(first)?, values(second)?);
    let mut ratios: Vec<f64> = first
        .iter()
        .zip(&second)
        .filter(|(_, b)| **b > 0.0)
        .map(|(a, b)| a / b)
        .collect();
    ratios.sort_by(f64::total_cmp);
    Some(Ratio {
        name: measure.name.to_owned(),
        first: rounded(median(first)?),
        second: rounded(median(second)?),
        ratio: rounded(median(ratios.clone())?),
        ratio_min: rounded(*ratios.first()?),
        ratio_max: rounded(*ratios.last()?),
    })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_even_and_odd() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // Both slow down by half in the second round, as a shared machine does.
        let reports = |per_s: [f64; 3]| -> Vec<Report> {
            per_s
                .iter()
                .map(|per_s| Report {
                    messages_per_s: *per_s,
                    ..crate::bench::report::json::example()
                })
                .collect()
        };
        let comparison = PairedComparison::new(
            reports([200.0, 100.0, 210.0]),
            reports([100.0, 50.0, 100.0]),
        );
        let ratio = &comparison.ratios[0];
        assert_eq!(
            (ratio.ratio, ratio.ratio_min, ratio.ratio_max),
            (2.0, 2.0, 2.1)
        );
        assert_eq!(comparison.verdict, "ok");
        let text = comparison.render();
        assert!(text.contains("2.000   2.000 to 2.100"), "{text}");
        // It is no quotient of the medians beside it, and is not called so.
        assert!(
            text.contains("B  A/B of a round   least to most\n"),
            "{text}"
        );
    }
}
