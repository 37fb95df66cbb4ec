//! One run against one server: starts the server if it is to, puts the load with as many threads as
//! asked for, and makes the report of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use crate::addr::Address;
use crate::bench::check::tracker::Totals;
use crate::bench::config::{Load, Scenario, Target};
use crate::bench::load::background::BackgroundCounts;
use crate::bench::load::driver::{Driver, Mark, Outcome, Watcher};
use crate::bench::load::own_server::OwnServer;
use crate::bench::load::shared::Shared;
use crate::bench::measure::calibrate::Calibrator;
use crate::bench::measure::collector::{Collected, Collector};
use crate::bench::measure::histogram::{Durations, rounded, us};
use crate::bench::measure::metrics::{Sums, Timeline, Window};
use crate::bench::measure::process::{self, Usage};
use crate::bench::measure::verdict::{self, Facts};
use crate::bench::report::hdr::HdrLog;
use crate::bench::report::json::{self, Generator, Machine, PROGRAM, Report, SCHEMA, Server};
use crate::bench::report::live::Live;
use crate::failure::CliError;

/// What a run leaves.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) report: Report,
    /// All latencies.
    pub(crate) latency: Durations,
    /// They as an interval log, if that was asked for.
    pub(crate) hdr: Option<String>,
}

/// Looks at the server when something begins or ends.
#[derive(Debug, Default)]
struct Sampler {
    pid: Option<u32>,
    calibrate: bool,
    calibrator: Option<Calibrator>,
    loopback_us: Option<f64>,
    /// Why there is no unit of CPU time, though it was asked for.
    not_calibrated: Option<String>,
    begun: Arc<AtomicBool>,
    before: Snapshot,
    ready: Snapshot,
    from: Snapshot,
    to: Snapshot,
}

#[derive(Debug, Clone, Copy, Default)]
struct Snapshot {
    at_ns: u64,
    server: Option<Usage>,
}

impl Watcher for Sampler {
    fn mark(&mut self, mark: Mark, now_ns: u64) {
        let snapshot = Snapshot {
            at_ns: now_ns,
            server: self.pid.and_then(|pid| process::usage(pid).ok()),
        };
        match mark {
            Mark::Before => self.before = snapshot,
            Mark::Ready => self.ready = snapshot,
            Mark::From => {
                self.from = snapshot;
                self.begun.store(true, Ordering::Release);
                if let Some(pid) = self.pid.filter(|_| self.calibrate) {
                    match Calibrator::start(pid) {
                        Ok(calibrator) => self.calibrator = Some(calibrator),
                        Err(error) => self.not_calibrated = Some(error.to_string()),
                    }
                }
            }
            Mark::To => {
                self.to = snapshot;
                if let Some(calibrator) = self.calibrator.take() {
                    match calibrator.finish() {
                        Some(us) => self.loopback_us = Some(us),
                        None => self.not_calibrated = Some("the server was not there".to_owned()),
                    }
                }
            }
        }
    }
}

/// Everything of all threads.
struct Merged {
    run: Collected,
    window: Window,
    sums: Sums,
    measured: u64,
    unsent: u64,
    sent: u64,
    totals: Totals,
    wrong_nick: u64,
    in_two_orders: u64,
    came_back: u64,
    members_lost: u64,
    background: BackgroundCounts,
    service: Durations,
    last_receiver: Durations,
    skew: Durations,
    handshake: Durations,
    connect: Durations,
    timeline: Timeline,
}

/// Runs `load` against `target` once.
///
/// # Errors
/// It could not be run. What went wrong in the run is in the report's verdict.
pub(crate) fn run(
    load: &Load,
    target: &Target,
    interrupted: &Arc<AtomicBool>,
) -> Result<Run, CliError> {
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
        ..Sampler::default()
    };
    let shared = Arc::new(Shared::new(load, new_run(), Arc::clone(interrupted)));
    let (outcomes, collected) = drive(load, &address, &shared, &mut sampler)?;
    let merged = merge(&shared, outcomes, collected);
    let mut report = report(load, &address, &merged, &sampler);
    let latency = merged.run.latency.clone();
    let met = load.fail_if.iter().filter(|c| c.is_met(&latency));
    let facts = Facts {
        interrupted: shared.is_interrupted(),
        calibration: sampler.not_calibrated,
        failed_conditions: met
            .map(|condition| {
                let value_us = condition.value_us(&latency);
                let value = crate::bench::report::table::duration(value_us);
                format!(
                    "{} was {value} (--fail-if '{condition}')",
                    condition.figure()
                )
            })
            .collect(),
    };
    report.verdict = verdict::judge(&report, &merged.run, &facts);
    Ok(Run {
        report,
        latency,
        hdr: merged.run.hdr,
    })
}

/// Puts the load: this thread is the first of the generator's.
fn drive(
    load: &Load,
    address: &Address,
    shared: &Arc<Shared>,
    sampler: &mut Sampler,
) -> Result<(Vec<Outcome>, Collected), CliError> {
    let (sender, seconds) = mpsc::channel();
    let mut drivers = Vec::new();
    for thread in 0..shared.threads {
        drivers.push(Driver::new(load, address, shared, thread, sender.clone())?);
    }
    drop(sender);
    let hdr = load.output.hdr.as_ref().map(|_| HdrLog::new());
    let collector = Collector::new(shared, sampler.pid, hdr, Live::new(load));
    let begun = Arc::clone(&sampler.begun);
    let (outcomes, collected) = thread::scope(|scope| {
        let collected = scope.spawn(move || collector.collect(&seconds, &begun));
        let mut drivers = drivers.into_iter();
        let first = drivers.next();
        let others: Vec<_> = drivers
            .map(|driver| scope.spawn(|| finish(driver, &mut NobodyWatches, shared)))
            .collect();
        let mut outcomes: Vec<Option<Outcome>> = Vec::new();
        outcomes.extend(first.map(|driver| finish(driver, sampler, shared)));
        outcomes.extend(
            others
                .into_iter()
                .map(|thread| thread.join().unwrap_or_default()),
        );
        (outcomes, collected.join().unwrap_or_default())
    });
    let outcomes: Option<Vec<Outcome>> = outcomes.into_iter().collect();
    match (shared.take_failure(), outcomes) {
        (None, Some(outcomes)) => Ok((outcomes, collected)),
        (Some(failure), _) => Err(failure),
        (None, None) => Err(CliError::runtime("bench: a generator thread panicked")),
    }
}

struct NobodyWatches;

impl Watcher for NobodyWatches {
    fn mark(&mut self, _: Mark, _: u64) {}
}

/// Runs one thread's part; none if the run cannot go on, which the others hear of.
fn finish(mut driver: Driver<'_>, watcher: &mut dyn Watcher, shared: &Shared) -> Option<Outcome> {
    match driver.run(watcher) {
        Ok(()) => Some(driver.into_outcome()),
        Err(failure) => {
            shared.fail(failure);
            None
        }
    }
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

/// Adds the threads up.
fn merge(shared: &Shared, outcomes: Vec<Outcome>, run: Collected) -> Merged {
    let mut all = Merged {
        run,
        window: Window::default(),
        sums: Sums::default(),
        measured: 0,
        unsent: 0,
        sent: shared.sent_by_all(),
        totals: Totals::default(),
        wrong_nick: 0,
        in_two_orders: shared.order_violations(),
        came_back: 0,
        members_lost: 0,
        background: BackgroundCounts::default(),
        service: Durations::default(),
        last_receiver: Durations::default(),
        skew: Durations::default(),
        handshake: Durations::default(),
        connect: Durations::default(),
        timeline: Timeline::default(),
    };
    let mut nicks = None;
    for outcome in outcomes {
        all.members_lost += outcome.members_lost as u64;
        all.background += outcome.background;
        all.unsent += outcome.engine.unsent;
        let recorder = outcome.engine.into_recorder();
        all.totals += recorder.tracker().totals();
        all.in_two_orders += recorder.order_violations();
        all.came_back += recorder.own;
        match (&mut nicks, recorder.nicks()) {
            (None, theirs) => nicks = theirs.cloned(),
            (Some(nicks), Some(theirs)) => nicks.merge(theirs),
            (Some(_), None) => {}
        }
        let metrics = recorder.metrics;
        all.window = metrics.window();
        all.sums += metrics.sums;
        all.measured += metrics.measured;
        all.service.add(&metrics.service);
        all.last_receiver.add(&metrics.last_receiver);
        all.skew.add(&metrics.skew);
        all.handshake.add(&metrics.handshake);
        all.connect.add(&metrics.connect);
        all.timeline.add(metrics.timeline);
    }
    all.wrong_nick = nicks.map_or(0, |nicks| nicks.wrong());
    all
}

fn report(load: &Load, address: &Address, all: &Merged, seen: &Sampler) -> Report {
    let settings = &load.settings;
    let measured_s = measured_s(all);
    let per_s = |count: u64| rounded(ratio(count as f64, measured_s));
    let is_room = load.scenario == Scenario::Room;
    let is_open = settings.in_flight.is_none();
    let has_background = settings.idle + settings.slow > 0 || settings.churn_per_s > 0;
    let connect = if all.connect.count() > 0 {
        &all.connect
    } else {
        &all.handshake
    };
    Report {
        schema: SCHEMA,
        program: PROGRAM.to_owned(),
        bench: load.name().to_owned(),
        verdict: String::new(),
        settings: json::settings(load, &address.to_string()),
        machine: Machine::here(),
        sent: all.sent,
        owed: all.totals.owed,
        received: all.totals.received,
        lost: all.totals.lost,
        duplicate: all.totals.duplicate,
        reordered: all.totals.reordered + all.in_two_orders,
        in_two_orders: all.in_two_orders,
        corrupt: all.totals.corrupt + all.wrong_nick,
        wrong_nick: all.wrong_nick,
        came_back: all.came_back,
        measured: all.measured,
        unsent: all.unsent,
        disconnected: all.members_lost,
        search: None,
        measured_s: rounded(measured_s),
        messages_per_s: per_s(all.sums.done),
        deliveries_per_s: per_s(all.sums.received),
        latency_us: all.run.latency.summary(),
        service_us: is_open.then(|| all.service.summary()),
        last_receiver_us: is_room.then(|| all.last_receiver.summary()),
        spread_us: is_room.then(|| all.skew.summary()),
        connect_us: connect.summary(),
        handshake_us: all.handshake.summary(),
        ready_ms: rounded(us(seen.ready.at_ns.saturating_sub(seen.before.at_ns)) / 1e3),
        generator: generator(load, all),
        server: server(load, all, seen),
        background: has_background.then_some(all.background),
        seconds: all.run.rows.clone(),
        curve: all.run.latency.curve(),
        service_curve: all.service.curve(),
        interval_s: all.timeline.interval_s(),
        timeline: all.timeline.intervals(),
    }
}

fn measured_s(all: &Merged) -> f64 {
    us(all.window.to_ns.saturating_sub(all.window.from_ns)) / 1e6
}

fn generator(load: &Load, all: &Merged) -> Generator {
    let wall_us = measured_s(all) * 1e6;
    let cpu_us = us(all.run.cpu_ns);
    let lengths: f64 = all.run.utilization.iter().map(|c| c.length_s).sum();
    let waited = all
        .run
        .utilization
        .iter()
        .map(|c| c.waiting_share * c.length_s);
    let own = process::usage(std::process::id()).unwrap_or_default();
    Generator {
        cpu_share: rounded(ratio(cpu_us, wall_us)),
        cpu_us_per_message: rounded(ratio(cpu_us, all.sums.done as f64)),
        cpu_us_per_delivery: rounded(ratio(cpu_us, all.sums.received as f64)),
        waiting_share: rounded(ratio(waited.sum(), lengths)),
        send_lag_us: load
            .settings
            .in_flight
            .is_none()
            .then(|| all.run.send_lag.summary()),
        iteration_us: all.run.iteration.summary(),
        sent_per_s: rounded(ratio(all.sums.sent as f64, wall_us / 1e6)),
        rss_bytes: own.rss_bytes,
    }
}

fn server(load: &Load, all: &Merged, seen: &Sampler) -> Option<Server> {
    let (before, ready) = (seen.before.server?, seen.ready.server?);
    let (from, to) = (seen.from.server?, seen.to.server?);
    let pid = seen.pid?;
    let wall_us = us(seen.to.at_ns.saturating_sub(seen.from.at_ns));
    let cpu_us = us(to.cpu_ns.saturating_sub(from.cpu_ns));
    let user = more(from.user_ticks, to.user_ticks);
    let system = more(from.system_ticks, to.system_ticks);
    let per_message = ratio(cpu_us, all.sums.done as f64);
    let per_delivery = ratio(cpu_us, all.sums.received as f64);
    let connect_us = us(ready.cpu_ns.saturating_sub(before.cpu_ns));
    let in_loopbacks = |us: f64| seen.loopback_us.map(|unit| rounded(ratio(us, unit)));
    let shares = all
        .run
        .utilization
        .iter()
        .filter_map(|c| c.server_thread_share);
    Some(Server {
        pid,
        cpu_share: rounded(ratio(cpu_us, wall_us)),
        busiest_thread_share: shares.reduce(f64::max).map(rounded),
        cores: process::cores(pid),
        system_share: rounded(ratio(system, user + system)),
        cpu_us_per_message: rounded(per_message),
        cpu_us_per_delivery: rounded(per_delivery),
        cpu_us_per_connect: rounded(ratio(connect_us, load.lasting_connections() as f64)),
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
fn more(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64
}

/// `a / b`, and 0 where there is nothing to divide by: JSON has no infinity.
fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}
