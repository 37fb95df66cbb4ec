//! Two servers that were measured in turns, and the ratios of their figures, round by round.
//! Text and numbers only.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::bench::measure::histogram::rounded;
use crate::bench::measure::statistics::{interval, median};
use crate::bench::measure::verdict::OK;
use crate::bench::report::json::{Report, SCHEMA};
use crate::bench::report::metric_table::{METRICS, Metric, shown};

/// Two servers that were measured in turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PairedComparison {
    /// The version of this shape.
    pub(crate) schema: u32,
    /// `ok`, or the first verdict that spoils all.
    pub(crate) verdict: String,
    /// Why some rounds do not count.
    #[serde(default)]
    pub(crate) remarks: Vec<String>,
    /// The order in which the servers were measured.
    pub(crate) order: String,
    /// Rounds in which both runs were good: the others are left out of the ratios.
    pub(crate) rounds_counted: usize,
    /// The first server's ratio to the second, figure by figure.
    pub(crate) ratios: Vec<Ratio>,
    /// The first server's reports, in order.
    pub(crate) first: Vec<Report>,
    /// The second server's reports, in order.
    pub(crate) second: Vec<Report>,
}

/// One figure of two servers that were measured in turns.
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
    /// The interval in which the true median is, with `confidence`.
    pub(crate) ratio_min: f64,
    /// Its other end.
    pub(crate) ratio_max: f64,
    /// From 0 to 1; five rounds have 0.9375 from the least to the most.
    pub(crate) confidence: f64,
    /// Whether the interval says that there is a difference.
    pub(crate) is_different: bool,
}

impl PairedComparison {
    /// Of as many reports of each, round by round.
    pub(crate) fn new(first: Vec<Report>, second: Vec<Report>) -> Self {
        let rounds = first.len();
        let pairs: Vec<(&Report, &Report)> = first
            .iter()
            .zip(&second)
            .filter(|(a, b)| a.is_ok() && b.is_ok())
            .collect();
        let ratios = METRICS
            .iter()
            .filter_map(|metric| ratio(metric, &pairs))
            .collect();
        let rounds_counted = pairs.len();
        let bad = || first.iter().chain(&second).filter(|r| !r.is_ok());
        let failed = bad().find(|r| !r.verdict.starts_with("INVALID"));
        let spoils_all = failed.or_else(|| bad().next().filter(|_| rounds_counted == 0));
        let verdict = match spoils_all {
            Some(report) => {
                // The kind comes first, as in every verdict.
                let (kind, why) = report.verdict.split_once(": ").unwrap_or(("FAILED", ""));
                format!("{kind}: {}: {why}", report.settings.address)
            }
            None => OK.to_owned(),
        };
        let is_short = spoils_all.is_none() && rounds_counted < rounds;
        let remark = is_short.then(|| {
            format!(
                "{} of {rounds} rounds do not count: {}",
                rounds - rounds_counted,
                bad().next().map_or("", |report| report.verdict.as_str())
            )
        });
        let order = (0..rounds).map(|round| if round % 2 == 0 { "AB" } else { "BA" });
        Self {
            schema: SCHEMA,
            verdict,
            remarks: remark.into_iter().collect(),
            order: order.collect(),
            rounds_counted,
            ratios,
            first,
            second,
        }
    }

    /// Of rounds the last of which could not be run: there are no ratios.
    pub(crate) fn aborted(first: Vec<Report>, second: Vec<Report>) -> Self {
        Self {
            ratios: Vec::new(),
            ..Self::new(first, second)
        }
    }

    /// As a table.
    pub(crate) fn render(&self) -> String {
        let address = |reports: &[Report]| {
            let first = reports.first();
            first.map_or(String::new(), |r| r.settings.address.clone())
        };
        let mut text = String::new();
        // Writing to a string does not fail; so below too.
        let _ = writeln!(
            text,
            "A {} against B {}, in turns ({}); {} of {} rounds count\n\n{:<21}{:>12}{:>12}{:>16}   {}",
            address(&self.first),
            address(&self.second),
            self.order,
            self.rounds_counted,
            self.first.len(),
            "medians",
            "A",
            "B",
            "A/B of a round",
            self.interval_heading()
        );
        for (metric, ratio) in self.told() {
            let _ = writeln!(
                text,
                "{:<21}{:>12}{:>12}{:>16.3}   {}",
                ratio.name,
                shown(metric.unit, ratio.first),
                shown(metric.unit, ratio.second),
                ratio.ratio,
                ratio.in_words()
            );
        }
        let _ = writeln!(text, "\nverdict              {}", self.verdict);
        for remark in &self.remarks {
            let _ = writeln!(text, "remark               {remark}");
        }
        text
    }

    fn told(&self) -> impl Iterator<Item = (&'static Metric, &Ratio)> {
        METRICS.iter().filter_map(|metric| {
            let ratio = self.ratios.iter().find(|ratio| ratio.name == metric.name)?;
            Some((metric, ratio))
        })
    }

    fn interval_heading(&self) -> String {
        let confidence = self.ratios.first().map_or(0.0, |ratio| ratio.confidence);
        format!("{:.2} % interval of the median", confidence * 100.0)
    }
}

impl Ratio {
    fn in_words(&self) -> String {
        let interval = format!("{:.3} to {:.3}", self.ratio_min, self.ratio_max);
        let holds_one = self.ratio_min <= 1.0 && 1.0 <= self.ratio_max;
        match (self.is_different, holds_one) {
            (true, _) => interval,
            (false, true) => format!("{interval}: no difference shown"),
            (false, false) => format!("{interval}: too few rounds to tell"),
        }
    }
}

fn ratio(metric: &Metric, pairs: &[(&Report, &Report)]) -> Option<Ratio> {
    let values: Option<Vec<(f64, f64)>> = pairs
        .iter()
        .map(|(a, b)| Some(((metric.of)(a)?, (metric.of)(b)?)))
        .collect();
    let values = values?;
    let positive = values.iter().filter(|(_, b)| *b > 0.0);
    let ratios: Vec<f64> = positive.map(|(a, b)| a / b).collect();
    let (first, second): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
    let interval = interval(ratios.clone())?;
    Some(Ratio {
        name: metric.name.to_owned(),
        first: rounded(median(first)?),
        second: rounded(median(second)?),
        ratio: rounded(median(ratios)?),
        ratio_min: rounded(interval.from),
        ratio_max: rounded(interval.to),
        confidence: interval.confidence,
        is_different: interval.excludes(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::json::example;

    fn reports(per_s: &[f64]) -> Vec<Report> {
        let report = |per_s: &f64| Report {
            messages_per_s: *per_s,
            ..example()
        };
        per_s.iter().map(report).collect()
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // Both slow down by half in the second round, as a shared machine does.
        let a = [200.0, 100.0, 210.0, 220.0, 205.0];
        let comparison =
            PairedComparison::new(reports(&a), reports(&[100.0, 50.0, 100.0, 100.0, 100.0]));
        let ratio = &comparison.ratios[0];
        assert_eq!(
            (ratio.ratio, ratio.ratio_min, ratio.ratio_max),
            (2.05, 2.0, 2.2)
        );
        assert!(ratio.is_different);
        assert_eq!(
            (comparison.verdict.as_str(), comparison.rounds_counted),
            ("ok", 5)
        );
        let text = comparison.render();
        assert!(text.contains("2.050   2.000 to 2.200\n"), "{text}");
        assert!(text.contains("93.75 % interval of the median"), "{text}");
        assert!(text.contains("(ABBAABBAAB); 5 of 5 rounds count"), "{text}");
        let same = text.lines().find(|line| line.starts_with("latency p50"));
        assert!(
            same.is_some_and(|line| line.ends_with("no difference shown")),
            "{text}"
        );
    }

    #[test]
    fn an_invalid_round_is_left_out_on_both_sides() {
        let (mut a, b) = (reports(&[100.0, 9_000.0, 110.0]), reports(&[100.0; 3]));
        a[1].verdict = "INVALID: the generator was saturated".to_owned();
        let comparison = PairedComparison::new(a.clone(), b.clone());
        assert_eq!(
            (comparison.rounds_counted, comparison.ratios[0].ratio_max),
            (2, 1.1)
        );
        let remark = "1 of 3 rounds do not count: INVALID: the generator was saturated";
        assert_eq!(comparison.verdict, "ok");
        assert_eq!(comparison.remarks, [remark]);
        let text = comparison.render();
        assert!(
            text.contains(&format!("ok\nremark               {remark}\n")),
            "{text}"
        );
        a[0].verdict = "FAILED: 3 lost".to_owned();
        let verdict = PairedComparison::new(a.clone(), b.clone()).verdict;
        assert_eq!(verdict, "FAILED: 127.0.0.1:1: 3 lost");
        a.iter_mut()
            .for_each(|r| r.verdict = "INVALID: x".to_owned());
        let verdict = PairedComparison::new(a, b).verdict;
        assert_eq!(verdict, "INVALID: 127.0.0.1:1: x");
    }
}
