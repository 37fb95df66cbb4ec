//! `--find-rate`: the highest rate at which a server still meets a condition. The rate is doubled
//! or halved until one holds and the next does not, then what is between is halved, and what was
//! found has to hold once more.
//!
//! A generator that was late adds to the latency and takes nothing from it: a rate at which the
//! condition was met all the same holds. One at which it was not is tried again, for it says nothing
//! of the server.

use serde::{Deserialize, Serialize};

use crate::bench::config::Load;
use crate::bench::measure::condition::Condition;
use crate::bench::measure::histogram::rounded;
use crate::bench::measure::verdict;
use crate::bench::report::json::Report;
use crate::bench::run::Run;
use crate::failure::CliError;

/// Where the search begins, in messages a second, if no `--rate` says so.
const FIRST_PER_S: f64 = 1_000.0;
/// What is not between these is not looked for.
const RATE_MIN_PER_S: f64 = 1.0;
const RATE_MAX_PER_S: f64 = 1e8;
/// The search ends when it knows the rate so well.
const PRECISION: f64 = 1.05;
/// A rate that does not hold again is not the one: so many lower ones are tried.
const CONFIRMATIONS_MAX: usize = 5;
/// A rate that the generator could not put on well is tried so often.
const ATTEMPTS_MAX: usize = 3;
/// How verdicts begin that say something of the generator alone.
const OF_THE_GENERATOR: &str = "INVALID: the generator ";

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Search {
    /// The condition.
    pub(crate) condition: String,
    /// The figure that it bounds.
    pub(crate) figure: String,
    /// The highest rate that met it; none if none did.
    pub(crate) found_rate_per_s: Option<f64>,
    /// What was tried, in order.
    pub(crate) trials: Vec<Trial>,
}

/// One rate that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trial {
    /// Messages a second that were asked for.
    pub(crate) rate_per_s: f64,
    /// Messages a second that all receivers had.
    pub(crate) messages_per_s: f64,
    /// Whether the condition was met and nothing was wrong.
    pub(crate) holds: bool,
    /// The bounded figure, in microseconds, however few messages there were.
    pub(crate) value_us: f64,
    /// The run's verdict.
    pub(crate) verdict: String,
}

/// A search and what it has seen.
struct Finder<'a, F> {
    load: &'a Load,
    condition: &'a Condition,
    run: F,
    trials: Vec<Trial>,
    /// The last run that held, or the last one at all.
    last: Option<Run>,
}

/// Looks for the highest rate at which `load` meets `condition`; `run` makes one run. Returns the
/// run that confirmed it, or the last one, with what was found.
///
/// # Errors
/// A run could not be made.
pub(crate) fn find(
    load: &Load,
    condition: &Condition,
    run: impl FnMut(&Load) -> Result<Run, CliError>,
) -> Result<Run, CliError> {
    let mut finder = Finder {
        load,
        condition,
        run,
        trials: Vec::new(),
        last: None,
    };
    let found = finder.search()?;
    let Some(mut run) = finder.last else {
        return Err(CliError::runtime("bench: no rate was tried"));
    };
    if !is_interrupted(&run.report) {
        conclude(&finder.trials, found, &mut run, condition);
    }
    run.report.search = Some(Search {
        condition: condition.to_string(),
        figure: condition.figure().to_owned(),
        found_rate_per_s: found,
        trials: finder.trials,
    });
    Ok(run)
}

impl<F: FnMut(&Load) -> Result<Run, CliError>> Finder<'_, F> {
    fn search(&mut self) -> Result<Option<f64>, CliError> {
        let first = self.load.settings.rate_per_s.unwrap_or(FIRST_PER_S);
        let (mut holds, mut fails) = if self.holds(first)? {
            let mut holds = first;
            loop {
                let next = holds * 2.0;
                if next > RATE_MAX_PER_S || self.is_interrupted() {
                    return Ok(Some(holds));
                }
                if !self.holds(next)? {
                    break (holds, next);
                }
                holds = next;
            }
        } else {
            let mut fails = first;
            loop {
                let next = fails / 2.0;
                if next < RATE_MIN_PER_S || self.is_interrupted() {
                    return Ok(None);
                }
                if self.holds(next)? {
                    break (next, fails);
                }
                fails = next;
            }
        };
        while fails / holds > PRECISION && !self.is_interrupted() {
            let between = (holds * fails).sqrt();
            if self.holds(between)? {
                holds = between;
            } else {
                fails = between;
            }
        }
        for _ in 0..CONFIRMATIONS_MAX {
            if self.is_interrupted() {
                return Ok(None);
            }
            if self.holds(holds)? {
                return Ok(Some(rounded(holds)));
            }
            holds /= PRECISION;
        }
        Ok(None)
    }

    fn holds(&mut self, rate_per_s: f64) -> Result<bool, CliError> {
        for _ in 1..ATTEMPTS_MAX {
            let holds = self.attempt(rate_per_s)?;
            let last = self.trials.last();
            let is_its_own = last.is_some_and(|t| t.verdict.starts_with(OF_THE_GENERATOR));
            if holds || !is_its_own {
                return Ok(holds);
            }
        }
        self.attempt(rate_per_s)
    }

    fn attempt(&mut self, rate_per_s: f64) -> Result<bool, CliError> {
        let mut load = self.load.clone();
        load.settings.rate_per_s = Some(rounded(rate_per_s));
        let run = (self.run)(&load)?;
        let report = &run.report;
        let is_good = report.is_ok() || report.verdict.starts_with(OF_THE_GENERATOR);
        let holds = is_good && report.unsent == 0 && self.condition.is_met(&run.latency);
        // What holds is what is told in the end; what does not is of use only if nothing does.
        let had_held = self.trials.iter().any(|trial| trial.holds);
        self.trials.push(Trial {
            rate_per_s: rounded(rate_per_s),
            messages_per_s: report.messages_per_s,
            holds,
            value_us: self.condition.value_us(&run.latency),
            verdict: report.verdict.clone(),
        });
        if holds || !had_held || is_interrupted(&run.report) {
            self.last = Some(run);
        }
        Ok(holds)
    }

    fn is_interrupted(&self) -> bool {
        let last = self.last.as_ref();
        last.is_some_and(|run| is_interrupted(&run.report))
    }
}

fn is_interrupted(report: &Report) -> bool {
    report.verdict == verdict::INTERRUPTED
}

/// What is to be said of the whole search, in the report of the run that it leaves.
fn conclude(trials: &[Trial], found: Option<f64>, run: &mut Run, condition: &Condition) {
    let report = &mut run.report;
    let Some(found) = found else {
        let lowest = trials.iter().map(|t| t.rate_per_s).fold(f64::MAX, f64::min);
        let last = trials.last().map_or("", |trial| trial.verdict.as_str());
        let none = format!("no rate held {condition}, down to {lowest:.0} messages a second");
        // A generator that was late at the last says nothing of the server.
        report.verdict = match last.strip_prefix(OF_THE_GENERATOR) {
            Some(why) => format!("{OF_THE_GENERATOR}{why}; {none}"),
            None => format!("FAILED: {none}; the last run: {last}"),
        };
        return;
    };
    let of_the_generator = |verdict: &str| {
        let why = verdict.strip_prefix(OF_THE_GENERATOR)?;
        Some(format!("the server may do more: the generator {why}"))
    };
    // The next higher rate that did not hold says what the limit was.
    let above = trials.iter().filter(|t| !t.holds && t.rate_per_s > found);
    let above = above.min_by(|a, b| a.rate_per_s.total_cmp(&b.rate_per_s));
    let limit = above
        .and_then(|trial| of_the_generator(&trial.verdict))
        .or_else(|| of_the_generator(&report.verdict));
    if let Some(limit) = limit {
        report.verdict = verdict::OK.to_owned();
        report.remarks.push(limit);
    }
    if let Some(few) = condition.too_few(&run.latency) {
        report
            .remarks
            .push(format!("{few}; the sample's own was judged"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::config::load_of;
    use crate::bench::measure::histogram::Durations;
    use crate::bench::report::json::example;

    /// Looks for the highest rate of a server whose latency is `latency_us(rate)`; `verdict(n, rate)`
    /// is the n-th run's.
    fn search(
        latency_us: impl Fn(f64) -> u64,
        verdict: impl Fn(usize, f64) -> &'static str,
    ) -> Report {
        let load = load_of("echo 127.0.0.1:1 --find-rate p99<20ms");
        let condition = load.find_rate.clone().unwrap();
        let mut runs = 0;
        let run = find(&load, &condition, |load| {
            let rate = load.settings.rate_per_s.unwrap();
            let mut latency = Durations::default();
            latency.record(latency_us(rate) * 1_000);
            runs += 1;
            let mut report = example();
            report.settings = load.settings.clone();
            report.verdict = verdict(runs, rate).to_owned();
            Ok(Run {
                report,
                latency,
                hdr: None,
            })
        });
        run.unwrap().report
    }

    fn found(report: &Report) -> Option<f64> {
        report.search.as_ref()?.found_rate_per_s
    }

    /// Slow from this rate on.
    fn from(limit: f64) -> impl Fn(f64) -> u64 {
        move |rate| if rate < limit { 1_000 } else { 90_000 }
    }

    #[test]
    fn it_is_found_from_below_and_from_above() {
        for limit in [3.0, 700.0, 1_100.0, 77_000.0] {
            let report = search(from(limit), |_, _| "ok");
            let rate = found(&report).unwrap();
            assert!(rate < limit && rate > limit / 1.06, "{limit}: {rate}");
            assert_eq!(report.verdict, "ok");
            assert_eq!(report.settings.rate_per_s, Some(rate));
        }
    }

    #[test]
    fn what_does_not_hold_again_is_not_the_one() {
        // It holds in the search, and its confirmation fails once.
        let first = search(from(1_100.0), |_, _| "ok");
        let runs = first.search.as_ref().unwrap().trials.len();
        let second = search(from(1_100.0), |n, _| {
            if n == runs { "FAILED: 1 lost" } else { "ok" }
        });
        let (first, second) = (found(&first).unwrap(), found(&second).unwrap());
        assert!((first / second - 1.05).abs() < 0.001, "{first} {second}");
    }

    #[test]
    fn none_is_none() {
        let report = search(|_| 90_000, |_, _| "ok");
        assert_eq!(found(&report), None);
        assert!(report.verdict.starts_with("FAILED: no rate held p99<20ms"));
        let failed = search(|_| 1, |_, _| "FAILED: 1 lost");
        assert!(
            failed.verdict.ends_with("the last run: FAILED: 1 lost"),
            "{}",
            failed.verdict
        );
    }

    #[test]
    fn a_late_generator_is_no_slow_server() {
        const LATE: &str = "INVALID: the generator was kept from its core";
        // The latency holds its lateness, and meets the condition all the same.
        let report = search(from(3_000.0), |_, _| LATE);
        assert!(found(&report).unwrap() > 2_800.0);
        let words = "the server may do more: the generator was kept from its core";
        assert_eq!(report.verdict, "ok");
        assert_eq!(report.remarks[0], words);
        // Where it does not, it is tried again.
        let once = search(
            |rate| if rate < 3_000.0 { 1_000 } else { 90_000 },
            |n, _| {
                if n == 1 { LATE } else { "ok" }
            },
        );
        assert!(found(&once).unwrap() > 2_800.0);
    }

    #[test]
    fn a_late_generator_is_no_server_that_holds_nothing() {
        let late = "INVALID: the generator was kept from its core";
        let report = search(|_| 90_000, |_, _| late);
        assert_eq!(found(&report), None);
        assert_eq!(verdict::exit_code(&report.verdict), 3);
        let words = "no rate held p99<20ms, down to 2 messages a second";
        assert!(
            report.verdict.starts_with(late) && report.verdict.contains(words),
            "{}",
            report.verdict
        );
        // That it was late before does not excuse a server that fails after that.
        let report = search(|_| 90_000, |_, rate| if rate > 99.0 { late } else { "ok" });
        assert_eq!(verdict::exit_code(&report.verdict), 1);
    }

    #[test]
    fn an_interruption_ends_the_search() {
        let report = search(
            |_| 1,
            |n, _| if n < 3 { "ok" } else { "INVALID: interrupted" },
        );
        assert_eq!(report.verdict, "INVALID: interrupted");
        assert_eq!(report.search.unwrap().trials.len(), 3);
    }
}
