//! `chinwag bench`: many concurrent clients from one thread, and figures one can trust.
//!
//! [`engine`] and what it is made of are pure: they are given bytes and the time. `driver` owns
//! the sockets and the clock. `trial` is one run of it, and makes a [`report`].

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::failure::CliError;

mod alarm;
mod calibrate;
mod clock;
pub mod compare;
pub mod config;
mod crowd;
mod dial;
pub mod doctor;
mod driver;
pub mod engine;
pub mod figures;
pub mod flights;
mod greeting;
pub mod histogram;
pub mod ledger;
mod link;
mod measures;
mod output;
mod own_server;
pub mod plot;
pub mod procstat;
mod progress;
pub mod protocol;
pub mod report;
pub mod rivalry;
pub mod schedule;
pub mod stamp;
pub mod table;
pub mod tally;
mod trial;
pub mod turns;
mod verdict;

pub use config::Config;

use config::{Load, Target};
use output::OutputFile;
use report::Report;
use rivalry::Rivalry;

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
            match &load.rival {
                None => run_once(load, &interrupted, outputs),
                Some(rival) => take_turns(load, rival, &interrupted, outputs),
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

/// Runs `load` once against its target.
///
/// # Errors
/// It could not be run. Whatever went wrong in the run is in the report's verdict.
pub fn measure(load: &Load, interrupted: &Arc<AtomicBool>) -> Result<Report, CliError> {
    make_room(load)?;
    trial::run(load, &load.target, interrupted)
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
    rival: &Target,
    interrupted: &Arc<AtomicBool>,
    outputs: Outputs<'_>,
) -> Result<(), CliError> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let mut failed = None;
    'rounds: for _ in 0..load.rounds {
        for (target, reports) in [(&load.target, &mut first), (rival, &mut second)] {
            match make_room(load).and_then(|()| trial::run(load, target, interrupted)) {
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
            let rivalry = Rivalry::new(first, second);
            let no_page = String::new;
            outputs.publish(&rivalry, &rivalry.verdict, || rivalry.render(), no_page)
        }
        Some(failure) => {
            let rivalry = Rivalry::broken_off(first, second);
            Err(outputs.tell_scripts(&rivalry, failure))
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
