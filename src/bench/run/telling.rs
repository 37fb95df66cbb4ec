//! The report of a run, out of what its threads and its watcher have left.

use super::*;
use crate::bench::measure::histogram::{rounded, us};
use crate::bench::report::json::{self, Generator, Machine, PROGRAM, SCHEMA, Server};

pub(super) fn report(load: &Load, target: &Target, all: &Merged, seen: &Sampler) -> Report {
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
        remarks: Vec::new(),
        settings: json::settings(load, target),
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
        tls_handshake_us: settings.tls.then(|| all.tls_handshake.summary()),
        tls_resumed: settings.tls.then_some(all.tls_resumed),
        ready_ms: rounded(us(seen.ready.at_ns.saturating_sub(seen.before.at_ns)) / 1e3),
        generator: generator(load, all),
        server: server(load, all, seen),
        servers: servers(load, all, seen),
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
        // Threads look at their clocks a little later than the measured time ends.
        cpu_share: rounded(ratio(cpu_us, wall_us).min(load.settings.threads as f64)),
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

/// What some of the server's processes had used at each mark.
struct Marks {
    before: Usage,
    ready: Usage,
    from: Usage,
    to: Usage,
}

impl Marks {
    /// Of the processes that `of` picks.
    fn new(seen: &Sampler, of: impl Fn(&[Usage]) -> Usage) -> Option<Self> {
        let at = |snapshot: &Snapshot| snapshot.server.as_deref().map(&of);
        Some(Self {
            before: at(&seen.before)?,
            ready: at(&seen.ready)?,
            from: at(&seen.from)?,
            to: at(&seen.to)?,
        })
    }
}

/// The server as a whole.
fn server(load: &Load, all: &Merged, seen: &Sampler) -> Option<Server> {
    if seen.pids.is_empty() {
        return None;
    }
    let marks = Marks::new(seen, |processes| processes.iter().copied().sum())?;
    let shares = all.run.utilization.iter();
    let shares = shares.filter_map(|c| c.server_thread_share);
    Some(Server {
        busiest_thread_share: shares.reduce(f64::max).map(rounded),
        ..processes(load, all, seen, &seen.pids, &marks)
    })
}

/// Each of its processes, if there are several.
fn servers(load: &Load, all: &Merged, seen: &Sampler) -> Vec<Server> {
    if seen.pids.len() < 2 {
        return Vec::new();
    }
    let each = seen.pids.iter().enumerate().filter_map(|(i, pid)| {
        let marks = Marks::new(seen, |processes| processes[i])?;
        Some(processes(load, all, seen, &[*pid], &marks))
    });
    each.collect()
}

fn processes(load: &Load, all: &Merged, seen: &Sampler, pids: &[u32], marks: &Marks) -> Server {
    let (from, to) = (&marks.from, &marks.to);
    let pid = pids.first().copied().unwrap_or_default();
    let wall_us = us(seen.to.at_ns.saturating_sub(seen.from.at_ns));
    let cpu_us = us(to.cpu_ns.saturating_sub(from.cpu_ns));
    let user = more(from.user_ticks, to.user_ticks);
    let system = more(from.system_ticks, to.system_ticks);
    let per_message = ratio(cpu_us, all.sums.done as f64);
    let per_delivery = ratio(cpu_us, all.sums.received as f64);
    let connect_us = us(marks.ready.cpu_ns.saturating_sub(marks.before.cpu_ns));
    let in_loopbacks = |us: f64| seen.loopback_us.map(|unit| rounded(ratio(us, unit)));
    Server {
        pid,
        name: process::name(pid),
        cpu_share: rounded(ratio(cpu_us, wall_us)),
        busiest_thread_share: None,
        cores: process::cores(pids),
        system_share: rounded(ratio(system, user + system)),
        cpu_us_per_message: rounded(per_message),
        cpu_us_per_delivery: rounded(per_delivery),
        cpu_us_per_connect: rounded(ratio(connect_us, load.lasting_connections() as f64)),
        rss_before_bytes: marks.before.rss_bytes,
        rss_connected_bytes: marks.ready.rss_bytes,
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
    }
}

/// How much more the second is.
fn more(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64
}

/// `a / b`, and 0 where there is nothing to divide by: JSON has no infinity.
fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}
