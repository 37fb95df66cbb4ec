//! `chinwag bench`: many concurrent clients from one thread, and figures one can trust.
//!
//! [`engine`] and what it is made of are pure: they are given bytes and the time. `driver` owns
//! the sockets and the clock. `trial` is one run of it, and makes a [`report`].

use std::path::{Path, PathBuf};
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
use report::Report;
use rivalry::Rivalry;

/// Does what the command line asked for.
///
/// # Errors
/// It could not be done; or it was done, and something was wrong with the server or the figures.
pub fn run(config: &Config) -> Result<(), CliError> {
    match config {
        Config::Doctor => give_out(&doctor::examine()),
        Config::Compare(paths, plot) => compare_files(paths, plot.as_deref()),
        Config::Load(load) => {
            let interrupted = Arc::new(AtomicBool::new(false));
            for signal in [SIGINT, SIGTERM, SIGHUP] {
                signal_hook::flag::register(signal, Arc::clone(&interrupted))
                    .map_err(|error| CliError::runtime(format!("bench: signals: {error}")))?;
            }
            match &load.rival {
                None => run_once(load, &interrupted),
                Some(rival) => take_turns(load, rival, &interrupted),
            }
        }
    }
}

/// Runs `load` once against its target.
///
/// # Errors
/// It could not be run. Whatever went wrong in the run is in the report's verdict.
pub fn measure(load: &Load, interrupted: &Arc<AtomicBool>) -> Result<Report, CliError> {
    make_room(load)?;
    trial::run(load, &load.target, interrupted)
}

fn run_once(load: &Load, interrupted: &Arc<AtomicBool>) -> Result<(), CliError> {
    measure(load, interrupted)
        .map_err(|failure| {
            let report = Report::of_none(load, &load.target, &failure.to_string());
            tell_scripts(load, &report, failure)
        })
        .and_then(|report| publish(load, &report))
}

/// Runs `load` against its target and a rival in turns.
fn take_turns(load: &Load, rival: &Target, interrupted: &Arc<AtomicBool>) -> Result<(), CliError> {
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
        None => publish_rivalry(load, &Rivalry::new(first, second)),
        Some(failure) => {
            let rivalry = Rivalry::broken_off(first, second);
            Err(tell_scripts(load, &rivalry, failure))
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

fn compare_files(paths: &[PathBuf], plot: Option<&Path>) -> Result<(), CliError> {
    let reports: Vec<Report> = paths
        .iter()
        .map(|p| compare::read(p))
        .collect::<Result<_, _>>()?;
    if let Some(path) = plot {
        let names = paths.iter().map(|path| compare::named(path));
        let named: Vec<_> = names.zip(&reports).collect();
        save(path, &plot::page(&named))?;
    }
    give_out(&compare::side_by_side(paths, &reports))
}

/// Gives a report out as `load` asks, and fails if it is not a good one.
fn publish(load: &Load, report: &Report) -> Result<(), CliError> {
    if let Some(path) = &load.output.plot {
        save(path, &plot::page(&[(load.name().to_owned(), report)]))?;
    }
    put(load, report, || table::render(report), &report.verdict)
}

fn publish_rivalry(load: &Load, rivalry: &Rivalry) -> Result<(), CliError> {
    put(load, rivalry, || rivalry.render(), &rivalry.verdict)
}

fn put<T: Serialize>(
    load: &Load,
    result: &T,
    text: impl Fn() -> String,
    verdict: &str,
) -> Result<(), CliError> {
    put_json(load, result)?;
    if !load.output.json {
        give_out(&text())?;
    }
    if verdict == "ok" {
        return Ok(());
    }
    Err(CliError::runtime(format!(
        "bench {}: {verdict}",
        load.name()
    )))
}

/// Gives out what there is of a run that could not be, for those who read it as JSON. People
/// read the failure, which is handed back: it is what the program ends with, even if the file
/// cannot be written either.
fn tell_scripts<T: Serialize>(load: &Load, result: &T, failure: CliError) -> CliError {
    let _ = put_json(load, result);
    failure
}

/// To the file and to stdout, as far as `load` asks for either.
fn put_json<T: Serialize>(load: &Load, result: &T) -> Result<(), CliError> {
    let json = serde_json::to_string_pretty(result)
        .map_err(|error| CliError::runtime(format!("bench: the report as JSON: {error}")))?;
    let json = format!("{json}\n");
    if let Some(path) = &load.output.file {
        save(path, &json)?;
    }
    if load.output.json {
        give_out(&json)?;
    }
    Ok(())
}

fn save(path: &Path, text: &str) -> Result<(), CliError> {
    std::fs::write(path, text)
        .map_err(|error| CliError::runtime(format!("bench: write {}: {error}", path.display())))
}

fn give_out(text: &str) -> Result<(), CliError> {
    use std::io::Write as _;
    // A reader that has gone away has seen enough.
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CliError::runtime(format!("bench: stdout: {error}")))
        }
        _ => Ok(()),
    }
}
