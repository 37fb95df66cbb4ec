//! `chinwag bench`: many concurrent clients, and figures that do not flatter.
//!
//! The rule for every figure: *what was asked for and did not happen is counted, at the time at
//! which it was due; what the generator itself adds is told beside every figure that it is in; a
//! figure without enough samples is not printed.*
//!
//! `load` puts the load on a server, `check` judges what arrives, `measure` how long it took and
//! whether the figures can be relied on, `report` tells it. `protocol` is what servers speak.
//! `run` is one run of all that, `find_rate` many. Only `load::driver` and `load::dial` touch
//! sockets; `load::clock` reads the time.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::failure::CliError;

pub(crate) mod check;
pub(crate) mod config;
mod doctor;
mod find_rate;
#[doc(hidden)]
pub mod hot_path;
pub(crate) mod load;
pub(crate) mod measure;
pub(crate) mod protocol;
mod report;
mod run;

pub use config::Config;

use config::{Load, Target};
use load::own_server;
use measure::verdict;
use report::json::Report;
use report::output::{self, OutputFile};
use report::paired::PairedComparison;
use report::{compare, plot, series, table};
use run::Run;

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
                Some(baseline) => compare_servers(load, baseline, &interrupted, outputs),
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

/// Runs `load` once, or as often as it takes to find a rate.
fn run_once(
    load: &Load,
    interrupted: &Arc<AtomicBool>,
    outputs: Outputs<'_>,
) -> Result<(), CliError> {
    let one = |load: &Load| {
        check_resources(load)?;
        run::run(load, &load.target, interrupted)
    };
    let run = match &load.find_rate {
        None => one(load),
        Some(condition) => find_rate::find(load, condition, one),
    };
    match run {
        Ok(run) => outputs.publish_run(&run),
        Err(failure) => {
            let report = Report::of_none(load, &load.target, &failure);
            Err(outputs.tell_scripts(&report, failure))
        }
    }
}

/// Runs `load` against its target and a baseline in turns: ABBA, so that neither always has what
/// the other has left behind.
fn compare_servers(
    load: &Load,
    baseline: &Target,
    interrupted: &Arc<AtomicBool>,
    outputs: Outputs<'_>,
) -> Result<(), CliError> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let mut failed = None;
    'rounds: for round in 0..load.rounds {
        let mut targets = [(&load.target, &mut first), (baseline, &mut second)];
        if round % 2 == 1 {
            targets.reverse();
        }
        for (target, reports) in targets {
            match check_resources(load).and_then(|()| run::run(load, target, interrupted)) {
                Ok(run) => reports.push(run.report),
                Err(failure) => {
                    reports.push(Report::of_none(load, target, &failure));
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
            let text = || comparison.render();
            outputs.publish(&comparison, &comparison.verdict, text, Extra::default())
        }
        Some(failure) => {
            let comparison = PairedComparison::aborted(first, second);
            Err(outputs.tell_scripts(&comparison, failure))
        }
    }
}

fn check_resources(load: &Load) -> Result<(), CliError> {
    let transient = usize::try_from(load.settings.churn_per_s).unwrap_or(usize::MAX);
    let connections = load.lasting_connections().saturating_add(transient);
    doctor::check_memory(load)
        .and_then(|()| doctor::make_room_for(connections))
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
    hdr: Option<OutputFile>,
    series: Option<OutputFile>,
}

/// What stands in the other files.
#[derive(Default)]
struct Extra {
    page: String,
    hdr: String,
    series: String,
}

impl<'a> Outputs<'a> {
    /// Opens the files that `load` asks for.
    fn open(load: &'a Load) -> Result<Self, CliError> {
        let output = &load.output;
        Ok(Self {
            load,
            json: OutputFile::open_any(output.file.as_ref())?,
            page: OutputFile::open_any(output.plot.as_ref())?,
            hdr: OutputFile::open_any(output.hdr.as_ref())?,
            series: OutputFile::open_any(output.series.as_ref())?,
        })
    }

    fn publish_run(self, run: &Run) -> Result<(), CliError> {
        let report = &run.report;
        let extra = Extra {
            page: plot::page(&[(self.load.name().to_owned(), report)]),
            hdr: run.hdr.clone().unwrap_or_default(),
            series: series::csv(&report.seconds),
        };
        self.publish(report, &report.verdict, || table::render(report), extra)
    }

    /// Prints `result`, then writes the files, and fails if the verdict is not good. A file that
    /// cannot be written takes nothing from the others.
    fn publish<T: Serialize>(
        self,
        result: &T,
        verdict: &str,
        text: impl Fn() -> String,
        extra: Extra,
    ) -> Result<(), CliError> {
        let json = as_json(result)?;
        let printed = if self.load.output.json {
            output::print(&json)
        } else {
            output::print(&text())
        };
        let files = [
            (self.json, &json),
            (self.page, &extra.page),
            (self.hdr, &extra.hdr),
            (self.series, &extra.series),
        ];
        let written = files.map(|(file, text)| file.map_or(Ok(()), |file| file.write(text)));
        let not_written = written.into_iter().find(Result::is_err).unwrap_or(Ok(()));
        let name = self.load.name();
        match verdict::exit_code(verdict) {
            0 => printed.and(not_written),
            code => {
                // What was wrong with the run comes before what is wrong with a file.
                let files = not_written
                    .err()
                    .map_or(String::new(), |why| format!("; {why}"));
                let why = format!("bench {name}: {verdict}{files}");
                Err(CliError::with_exit_code(why, code))
            }
        }
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
