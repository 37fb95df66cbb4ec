//! `chinwag bench`: many concurrent clients from one thread, and figures one can trust.
//!
//! [`engine`] and what it is made of are pure: they are given bytes and the time. `driver` owns
//! the sockets and the clock. `trial` is one run of it, and makes a [`report`].

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::failure::Failure;

mod alarm;
mod calibrate;
mod clock;
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
mod own_server;
pub mod procstat;
mod progress;
pub mod protocol;
pub mod report;
pub mod schedule;
pub mod stamp;
pub mod table;
pub mod tally;
mod trial;
mod verdict;

pub use config::Config;

use config::Load;
use report::Report;

/// Does what the command line asked for.
///
/// # Errors
/// It could not be done; or it was done, and something was wrong with the server or the figures.
pub fn run(config: &Config) -> Result<(), Failure> {
    match config {
        Config::Doctor => give_out(&doctor::examine()),
        Config::Compare(..) => Err(Failure::runtime("bench compare: not built yet")),
        Config::Load(load) => {
            let interrupted = Arc::new(AtomicBool::new(false));
            for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
                signal_hook::flag::register(signal, Arc::clone(&interrupted))
                    .map_err(|error| Failure::runtime(format!("bench: signals: {error}")))?;
            }
            let report = measure(load, &interrupted)?;
            publish(load, &report)
        }
    }
}

/// Runs `load` once against its target.
///
/// # Errors
/// It could not be run. Whatever went wrong in the run is in the report's verdict.
pub fn measure(load: &Load, interrupted: &Arc<AtomicBool>) -> Result<Report, Failure> {
    let around = load.idle + load.slow + usize::try_from(load.churn_per_s).unwrap_or(0);
    doctor::make_room_for(load.connections + around)
        .map_err(|why| Failure::runtime(format!("bench {}: {why}", load.name())))?;
    trial::run(load, &load.target, interrupted)
}

/// Gives a report out as `load` asks, and fails if it is not a good one.
fn publish(load: &Load, report: &Report) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(report)
        .map_err(|error| Failure::runtime(format!("bench: the report as JSON: {error}")))?;
    if let Some(path) = &load.output.file {
        std::fs::write(path, format!("{json}\n")).map_err(|error| {
            Failure::runtime(format!("bench: write {}: {error}", path.display()))
        })?;
    }
    if load.output.json {
        give_out(&format!("{json}\n"))?;
    } else {
        give_out(&table::render(report))?;
    }
    if report.is_ok() {
        return Ok(());
    }
    let (name, verdict) = (load.name(), &report.verdict);
    Err(Failure::runtime(format!("bench {name}: {verdict}")))
}

fn give_out(text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    // A reader that has gone away has seen enough.
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::runtime(format!("bench: stdout: {error}")))
        }
        _ => Ok(()),
    }
}
