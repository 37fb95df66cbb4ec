//! `chinwag bench`: many concurrent clients from one thread, and figures one can trust.
//!
//! `load` puts the load on a server, `check` judges what arrives, `measure` how long it took and
//! whether the figures can be relied on, `report` tells it. `protocol` is what servers speak.
//! `run` is one run of all that. Only `load::driver` and `load::dial` touch sockets; `load::clock`
//! reads the time.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::failure::CliError;

mod check;
pub(crate) mod config;
mod doctor;
#[doc(hidden)]
pub mod hot_path;
pub(crate) mod load;
mod measure;
pub(crate) mod protocol;
mod report;
mod run;

pub use config::Config;

use config::{Load, Target};
use load::own_server;
use report::json::Report;
use report::output::{self, OutputFile};
use report::paired::PairedComparison;
use report::{compare, plot, table};

/// Does what the command line asked for.
///
/// # Errors
/// It could not be done; or it was done, and something was wrong with the server or the figures.
pub fn run(config: &Config) -> Result<(), CliError> {
    match config {
        Config::Doctor => output::print(&doctor::examine()),
        Config::Compare(paths, plot) => compare_files(paths, plot.as_ref()),
        Config::Load(load) => {
            let outputs = Outputs::open(load)?;
            let interrupted = Arc::new(AtomicBool::new(false));
            for signal in [SIGINT, SIGTERM, SIGHUP] {
                signal_hook::flag::register(signal, Arc::clone(&interrupted))
                    .map_err(|error| CliError::runtime(format!("bench: signals: {error}")))?;
            }
            match &load.baseline {
                None => run_once(load, &interrupted, outputs),
                Some(baseline) => take_turns(load, baseline, &interrupted, outputs),
            }
        }
    }
}

/// To be called by a server before it serves: one that `bench` has started ends with it.
///
/// # Errors
/// That `bench` has ended already.
pub fn end_with_bench() -> Result<(), CliError> {
    own_server::end_with_bench()
}

/// Runs `load` once against its target. Whatever goes wrong in the run is in the report's verdict.
fn measure(load: &Load, interrupted: &Arc<AtomicBool>) -> Result<Report, CliError> {
    make_room(load)?;
    run::run(load, &load.target, interrupted)
}

fn run_once(
    load: &Load,
    interrupted: &Arc<AtomicBool>,
    outputs: Outputs<'_>,
) -> Result<(), CliError> {
    match measure(load, interrupted) {
        Ok(report) => {
            let page = || plot::page(&[(load.name().to_owned(), &report)]);
            outputs.publish(&report, &report.verdict, || table::render(&report), page)
        }
        Err(failure) => {
            let report = Report::of_none(load, &load.target, &failure.to_string());
            Err(outputs.tell_scripts(&report, failure))
        }
    }
}

/// Runs `load` against its target and a rival in turns.
fn take_turns(
    load: &Load,
    baseline: &Target,
    interrupted: &Arc<AtomicBool>,
    outputs: Outputs<'_>,
) -> Result<(), CliError> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let mut failed = None;
    'rounds: for _ in 0..load.rounds {
        for (target, reports) in [(&load.target, &mut first), (baseline, &mut second)] {
            match make_room(load).and_then(|()| run::run(load, target, interrupted)) {
                Ok(report) => reports.push(report),
                Err(failure) => {
                    reports.push(Report::of_none(load, target, &failure.to_string()));
                    failed = Some(failure);
                    break 'rounds;
                }
            }
        }
        if interrupted.load(Ordering::Relaxed) {
            break;
        }
    }
    match failed {
        None => {
            let comparison = PairedComparison::new(first, second);
            let no_page = String::new;
            outputs.publish(
                &comparison,
                &comparison.verdict,
                || comparison.render(),
                no_page,
            )
        }
        Some(failure) => {
            let comparison = PairedComparison::aborted(first, second);
            Err(outputs.tell_scripts(&comparison, failure))
        }
    }
}

fn make_room(load: &Load) -> Result<(), CliError> {
    let passing = usize::try_from(load.churn_per_s).unwrap_or(usize::MAX);
    let connections = [load.idle, load.slow, passing]
        .iter()
        .fold(load.connections, |sum, more| sum.saturating_add(*more));
    doctor::make_room_for(connections)
        .map_err(|why| CliError::runtime(format!("bench {}: {why}", load.name())))
}

fn compare_files(paths: &[PathBuf], plot: Option<&PathBuf>) -> Result<(), CliError> {
    let reports: Vec<Report> = paths
        .iter()
        .map(|p| compare::read(p))
        .collect::<Result<_, _>>()?;
    let page = OutputFile::open_any(plot)?;
    output::print(&compare::side_by_side(paths, &reports))?;
    let Some(page) = page else {
        return Ok(());
    };
    let names = paths.iter().map(|path| compare::named(path));
    let named: Vec<_> = names.zip(&reports).collect();
    page.write(&plot::page(&named))
}

/// Everything that a run gives out.
struct Outputs<'a> {
    load: &'a Load,
    json: Option<OutputFile>,
    page: Option<OutputFile>,
}

impl<'a> Outputs<'a> {
    /// Opens the files that `load` asks for.
    fn open(load: &'a Load) -> Result<Self, CliError> {
        Ok(Self {
            load,
            json: OutputFile::open_any(load.output.file.as_ref())?,
            page: OutputFile::open_any(load.output.plot.as_ref())?,
        })
    }

    /// Prints `result`, then writes the files, and fails if the verdict is not good. A file that
    /// cannot be written takes nothing from the others.
    fn publish<T: Serialize>(
        self,
        result: &T,
        verdict: &str,
        text: impl Fn() -> String,
        page: impl Fn() -> String,
    ) -> Result<(), CliError> {
        let json = as_json(result)?;
        let printed = if self.load.output.json {
            output::print(&json)
        } else {
            output::print(&text())
        };
        let filed = self.json.map_or(Ok(()), |file| file.write(&json));
        let drawn = self.page.map_or(Ok(()), |file| file.write(&page()));
        printed.and(filed).and(drawn)?;
        if verdict == "ok" {
            return Ok(());
        }
        let name = self.load.name();
        Err(CliError::runtime(format!("bench {name}: {verdict}")))
    }

    /// Gives out what there is of a run that could not be, for programs that read JSON. People
    /// read the failure, which is handed back: the program ends with it, even if the file cannot
    /// be written either.
    fn tell_scripts<T: Serialize>(self, result: &T, failure: CliError) -> CliError {
        if let Ok(json) = as_json(result) {
            if self.load.output.json {
                let _ = output::print(&json);
            }
            let _ = self.json.map_or(Ok(()), |file| file.write(&json));
        }
        failure
    }
}

fn as_json<T: Serialize>(result: &T) -> Result<String, CliError> {
    let json = serde_json::to_string_pretty(result)
        .map_err(|error| CliError::runtime(format!("bench: the report as JSON: {error}")))?;
    Ok(format!("{json}\n"))
}
