//! `--find-rate`: the highest rate at which a server still meets a condition. The rate is doubled
//! or halved until one holds and the next does not, then what is between is halved, and what was
//! found has to hold once more.

use serde::{Deserialize, Serialize};

use crate::bench::config::Load;
use crate::bench::measure::condition::Condition;
use crate::bench::measure::histogram::rounded;
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
    run.report.verdict = finder_verdict(&finder.trials, found, &run.report, condition);
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
        let mut load = self.load.clone();
        load.settings.rate_per_s = Some(rounded(rate_per_s));
        let run = (self.run)(&load)?;
        let report = &run.report;
        let holds = report.is_ok() && self.condition.is_met(&run.latency);
        self.trials.push(Trial {
            rate_per_s: rounded(rate_per_s),
            messages_per_s: report.messages_per_s,
            holds,
            value_us: self.condition.value_us(&run.latency),
            verdict: report.verdict.clone(),
        });
        // What holds is what is told in the end; what does not is of use only if nothing does.
        let had_held = self.trials.iter().rev().skip(1).any(|trial| trial.holds);
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
    report.verdict == "INVALID: interrupted"
}

fn finder_verdict(
    trials: &[Trial],
    found: Option<f64>,
    report: &Report,
    condition: &Condition,
) -> String {
    if is_interrupted(report) {
        return report.verdict.clone();
    }
    let Some(found) = found else {
        let lowest = trials.iter().map(|t| t.rate_per_s).fold(f64::MAX, f64::min);
        let last = trials.last().map_or("", |trial| trial.verdict.as_str());
        return format!(
            "FAILED: no rate held {condition}, down to {lowest:.0} messages a second; the last \
             run: {last}"
        );
    };
    // The next higher rate that did not hold says what the limit was.
    let above = trials.iter().filter(|t| !t.holds && t.rate_per_s > found);
    let above = above.min_by(|a, b| a.rate_per_s.total_cmp(&b.rate_per_s));
    match above {
        Some(trial) if trial.verdict.starts_with("INVALID: the generator") => format!(
            "ok, but the server may do more: at {:.0} messages a second {}",
            trial.rate_per_s,
            trial.verdict.trim_start_matches("INVALID: ")
        ),
        _ => report.verdict.clone(),
    }
}
