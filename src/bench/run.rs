//! One run against one server: starts the server if it is to, puts the load, and makes the
//! report of it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::addr::Address;
use crate::bench::config::{Load, Scenario, Target};
use crate::bench::load::driver::{Driver, Mark, Stage, Watcher};
use crate::bench::load::own_server::OwnServer;
use crate::bench::load::schedule::Pace;
use crate::bench::measure::calibrate::Calibrator;
use crate::bench::measure::histogram::{Durations, rounded, us};
use crate::bench::measure::process::{self, Usage};
use crate::bench::measure::verdict::{self, Facts};
use crate::bench::report::json::{Generator, Machine, PROGRAM, Report, SCHEMA, Server, Settings};
use crate::bench::report::live::Bar;
use crate::failure::CliError;

/// The state of everything at one mark.
#[derive(Debug, Clone, Copy, Default)]
struct Snapshot {
    at_ns: u64,
    idle_ns: u64,
    own_cpu_ns: u64,
    sent: u64,
    received: u64,
    done: u64,
    server: Option<Usage>,
}

/// Takes the snapshots and moves the bar.
struct Sampler {
    pid: Option<u32>,
    calibrate: bool,
    calibrator: Option<Calibrator>,
    loopback_us: Option<f64>,
    before: Snapshot,
    /// All are connected.
    ready: Snapshot,
    from: Snapshot,
    to: Snapshot,
    bar: Bar,
}

impl Watcher for Sampler {
    fn progress(&mut self, stage: Stage, driver: &Driver<'_>) {
        self.bar.show(stage, driver);
    }

    fn mark(&mut self, mark: Mark, driver: &Driver<'_>, now_ns: u64) {
        let recorder = &driver.engine.recorder;
        let snapshot = Snapshot {
            at_ns: now_ns,
            idle_ns: driver.idle_ns,
            own_cpu_ns: process::own_thread_cpu_ns(),
            sent: recorder.sent_by_all(),
            received: recorder.tracker().totals().received,
            done: recorder.done,
            server: self.pid.and_then(|pid| process::usage(pid).ok()),
        };
        match mark {
            Mark::Before => self.before = snapshot,
            Mark::Ready => self.ready = snapshot,
            Mark::From => {
                self.from = snapshot;
                if let Some(pid) = self.pid.filter(|_| self.calibrate) {
                    self.calibrator = Calibrator::start(pid).ok();
                }
            }
            Mark::To => {
                self.to = snapshot;
                self.loopback_us = self.calibrator.take().and_then(Calibrator::finish);
            }
        }
    }
}

/// Runs `load` against `target` once.
///
/// # Errors
/// It could not be run. What went wrong in the run is in the report's verdict.
pub(crate) fn run(
    load: &Load,
    target: &Target,
    interrupted: &Arc<AtomicBool>,
) -> Result<Report, CliError> {
    let own_server = match &target.address {
        Some(_) => None,
        None => Some(OwnServer::start(load.name(), &load.server_arguments())?),
    };
    let (address, pid) = match (&own_server, &target.address) {
        (Some(server), _) => (server.address.clone(), Some(server.pid())),
        (None, Some(address)) => (address.clone(), target.pid),
        (None, None) => return Err(CliError::runtime("bench: no server")),
    };
    if let Some(pid) = target.pid {
        process::usage(pid)
            .map_err(|error| CliError::runtime(format!("bench: read process {pid}: {error}")))?;
    }
    let mut sampler = Sampler {
        pid,
        calibrate: load.calibrate,
        calibrator: None,
        loopback_us: None,
        before: Snapshot::default(),
        ready: Snapshot::default(),
        from: Snapshot::default(),
        to: Snapshot::default(),
        bar: Bar::new(load),
    };
    let mut driver = Driver::new(load, &address, new_run(), Arc::clone(interrupted))?;
    driver.run(&mut sampler)?;
    let mut report = report(load, &address, &driver, &sampler);
    let facts = Facts {
        interrupted: driver.is_interrupted(),
        own: driver.engine.recorder.own,
    };
    report.verdict = verdict::judge(&report, facts);
    Ok(report)
}

/// A number that no other run of these days has.
fn new_run() -> u32 {
    let now = std::time::SystemTime::now();
    let since = now
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    since.subsec_nanos()
        ^ std::process::id().rotate_left(16)
        ^ u32::from_be_bytes(
            since.as_secs().to_be_bytes()[4..]
                .try_into()
                .unwrap_or_default(),
        )
}

fn report(load: &Load, address: &Address, driver: &Driver<'_>, seen: &Sampler) -> Report {
    let recorder = &driver.engine.recorder;
    let (metrics, totals) = (&recorder.metrics, recorder.tracker().totals());
    let (from, to) = (&seen.from, &seen.to);
    let measured_s = us(to.at_ns.saturating_sub(from.at_ns)) / 1e6;
    let per_s = |a: u64, b: u64| rounded(ratio(b.saturating_sub(a) as f64, measured_s));
    let is_room = load.scenario != Scenario::Echo;
    let is_open = matches!(load.pace, Pace::Open { .. });
    let summary = |durations: &Durations| durations.summary();
    let background = driver.background_counts();
    let has_background = load.idle + load.slow > 0 || load.churn_per_s > 0;
    Report {
        schema: SCHEMA,
        program: PROGRAM.to_owned(),
        bench: load.name().to_owned(),
        verdict: String::new(),
        settings: Settings::of(load, &address.to_string()),
        machine: Machine::here(),
        sent: recorder.sent_by_all(),
        owed: totals.owed,
        received: totals.received,
        lost: totals.lost,
        duplicate: totals.duplicate,
        reordered: totals.reordered,
        corrupt: totals.corrupt,
        unsent: driver.engine.unsent(),
        disconnected: driver.members_lost as u64,
        measured_s: rounded(measured_s),
        messages_per_s: per_s(from.done, to.done),
        deliveries_per_s: per_s(from.received, to.received),
        latency_us: summary(&metrics.latency),
        service_us: is_open.then(|| summary(&metrics.service)),
        last_receiver_us: is_room.then(|| summary(&metrics.last_receiver)),
        spread_us: is_room.then(|| summary(&metrics.skew)),
        connect_us: summary(&metrics.connect),
        first_answer_us: (!is_room).then(|| summary(&metrics.first_answer)),
        ready_ms: rounded(us(seen.ready.at_ns.saturating_sub(seen.before.at_ns)) / 1e3),
        generator: generator(load, driver, seen),
        server: server(load, seen),
        background: has_background.then_some(background),
        curve: metrics.latency.curve(),
        service_curve: metrics.service.curve(),
        interval_s: metrics.interval_s(),
        timeline: metrics.timeline(),
    }
}

fn generator(load: &Load, driver: &Driver<'_>, seen: &Sampler) -> Generator {
    let (from, to) = (&seen.from, &seen.to);
    let metrics = &driver.engine.recorder.metrics;
    let wall_us = us(to.at_ns.saturating_sub(from.at_ns));
    let cpu_us = us(to.own_cpu_ns.saturating_sub(from.own_cpu_ns));
    let waiting_us = us(to.idle_ns.saturating_sub(from.idle_ns));
    let is_open = matches!(load.pace, Pace::Open { .. });
    let own = process::usage(std::process::id()).unwrap_or_default();
    Generator {
        cpu_share: rounded(ratio(cpu_us, wall_us)),
        cpu_us_per_message: rounded(ratio(cpu_us, count(from.done, to.done))),
        cpu_us_per_delivery: rounded(ratio(cpu_us, count(from.received, to.received))),
        waiting_share: rounded(ratio(waiting_us, wall_us)),
        send_lag_us: is_open.then(|| metrics.send_lag.summary()),
        iteration_us: metrics.iteration.summary(),
        sent_per_s: rounded(ratio(count(from.sent, to.sent), wall_us / 1e6)),
        rss_bytes: own.rss_bytes,
    }
}

fn server(load: &Load, seen: &Sampler) -> Option<Server> {
    let (before, ready) = (seen.before.server?, seen.ready.server?);
    let (from, to) = (seen.from.server?, seen.to.server?);
    let wall_us = us(seen.to.at_ns.saturating_sub(seen.from.at_ns));
    let cpu_us = us(to.cpu_ns.saturating_sub(from.cpu_ns));
    let user = count(from.user_ticks, to.user_ticks);
    let system = count(from.system_ticks, to.system_ticks);
    let per_message = ratio(cpu_us, count(seen.from.done, seen.to.done));
    let per_delivery = ratio(cpu_us, count(seen.from.received, seen.to.received));
    let connections = load.connections + load.idle + load.slow;
    let connect_us = us(ready.cpu_ns.saturating_sub(before.cpu_ns));
    let in_loopbacks = |us: f64| seen.loopback_us.map(|unit| rounded(ratio(us, unit)));
    Some(Server {
        pid: seen.pid?,
        cpu_share: rounded(ratio(cpu_us, wall_us)),
        system_share: rounded(ratio(system, user + system)),
        cpu_us_per_message: rounded(per_message),
        cpu_us_per_delivery: rounded(per_delivery),
        cpu_us_per_connect: rounded(ratio(connect_us, connections as f64)),
        rss_before_bytes: before.rss_bytes,
        rss_connected_bytes: ready.rss_bytes,
        rss_bytes: to.rss_bytes,
        rss_max_bytes: to.rss_max_bytes,
        voluntary_switches: to
            .voluntary_switches
            .saturating_sub(from.voluntary_switches),
        involuntary_switches: to
            .involuntary_switches
            .saturating_sub(from.involuntary_switches),
        loopback_us: seen.loopback_us.map(rounded),
        loopbacks_per_delivery: in_loopbacks(per_delivery),
        loopbacks_per_message: in_loopbacks(per_message),
    })
}

/// How much more the second is.
fn count(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64
}

/// `a / b`, and 0 where there is nothing to divide by: JSON has no infinity.
fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}
