//! One run against one server: starts the server if it is to, puts the load with as many threads as
//! asked for, and makes the report of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use crate::bench::check::tracker::Totals;
use crate::bench::config::{Load, Scenario, Target};
use crate::bench::load::background::BackgroundCounts;
use crate::bench::load::driver::{Driver, Mark, Outcome, Watcher};
use crate::bench::load::own_server::OwnServer;
use crate::bench::load::shared::Shared;
use crate::bench::measure::calibrate::Calibrator;
use crate::bench::measure::collector::{Collected, Collector};
use crate::bench::measure::histogram::Durations;
use crate::bench::measure::metrics::{Sums, Window};
use crate::bench::measure::process::{self, Usage};
use crate::bench::measure::timeline::Timeline;
use crate::bench::measure::verdict::{self, Facts};
use crate::bench::report::hdr::HdrLog;
use crate::bench::report::json::Report;
use crate::bench::report::live::Live;
use crate::failure::CliError;

mod telling;

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
    pids: Vec<u32>,
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

#[derive(Debug, Clone, Default)]
struct Snapshot {
    at_ns: u64,
    /// By process; none, once one of them is not there.
    server: Option<Vec<Usage>>,
}

impl Watcher for Sampler {
    fn mark(&mut self, mark: Mark, now_ns: u64) {
        let snapshot = Snapshot {
            at_ns: now_ns,
            server: self.pids.iter().map(|p| process::usage(*p).ok()).collect(),
        };
        match mark {
            Mark::Before => self.before = snapshot,
            Mark::Ready => self.ready = snapshot,
            Mark::From => {
                self.from = snapshot;
                self.begun.store(true, Ordering::Release);
                if self.calibrate && !self.pids.is_empty() {
                    match Calibrator::start(&self.pids) {
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
    first_loss: Option<String>,
    background: BackgroundCounts,
    service: Durations,
    last_receiver: Durations,
    skew: Durations,
    handshake: Durations,
    tls_handshake: Durations,
    tls_resumed: u64,
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
    let own_server = match target.addresses[..] {
        [] => Some(OwnServer::start(load.name(), &load.server_arguments())?),
        _ => None,
    };
    let target = match &own_server {
        Some(server) => &Target {
            addresses: vec![server.address.clone()],
            pids: vec![server.pid()],
        },
        None => target,
    };
    for pid in &target.pids {
        process::usage(*pid)
            .map_err(|error| CliError::runtime(format!("bench: read process {pid}: {error}")))?;
    }
    let mut sampler = Sampler {
        pids: target.pids.clone(),
        calibrate: load.calibrate,
        ..Sampler::default()
    };
    let shared = Arc::new(Shared::new(load, new_run(), Arc::clone(interrupted)));
    let (outcomes, collected) = drive(load, target, &shared, &mut sampler)?;
    let merged = merge(&shared, outcomes, collected);
    let mut report = telling::report(load, target, &merged, &sampler);
    let latency = merged.run.latency.clone();
    let unjudged = load.fail_if.iter().filter_map(|condition| {
        let few = condition.too_few(&latency)?;
        Some(format!(
            "--fail-if '{condition}': {few}; -d or -n for more, or max"
        ))
    });
    let met = load.fail_if.iter().filter(|c| c.is_met(&latency));
    let facts = Facts {
        interrupted: shared.is_interrupted(),
        first_loss: merged.first_loss.clone(),
        calibration: sampler.not_calibrated,
        unjudged_conditions: unjudged.collect(),
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
    (report.verdict, report.remarks) = verdict::judge(&report, &merged.run, &facts);
    Ok(Run {
        report,
        latency,
        hdr: merged.run.hdr,
    })
}

/// Puts the load: this thread is the first of the generator's.
fn drive(
    load: &Load,
    target: &Target,
    shared: &Arc<Shared>,
    sampler: &mut Sampler,
) -> Result<(Vec<Outcome>, Collected), CliError> {
    let (sender, seconds) = mpsc::channel();
    let mut drivers = Vec::new();
    for thread in 0..shared.threads {
        drivers.push(Driver::new(load, target, shared, thread, sender.clone())?);
    }
    drop(sender);
    let hdr = load.output.hdr.as_ref().map(|_| HdrLog::new());
    let collector = Collector::new(shared, sampler.pids.clone(), hdr, Live::new(load));
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
        first_loss: None,
        background: BackgroundCounts::default(),
        service: Durations::default(),
        last_receiver: Durations::default(),
        skew: Durations::default(),
        handshake: Durations::default(),
        tls_handshake: Durations::default(),
        tls_resumed: 0,
        connect: Durations::default(),
        timeline: Timeline::default(),
    };
    let mut nicks = None;
    for outcome in outcomes {
        all.members_lost += outcome.members_lost as u64;
        all.first_loss = all.first_loss.or(outcome.first_loss);
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
        all.tls_handshake.add(&metrics.tls_handshake);
        all.tls_resumed += metrics.tls_resumed;
        all.connect.add(&metrics.connect);
        all.timeline.add(metrics.timeline);
    }
    all.wrong_nick = nicks.map_or(0, |nicks| nicks.wrong());
    all
}
