//! What is told of a run: one shape for `--json`, the table, the page and `bench compare`.
//! Data only; others decide what it means and how it looks.

use serde::{Deserialize, Serialize};

use crate::bench::config::{Load, Scenario, Target};
use crate::bench::doctor;
use crate::bench::load::background::BackgroundCounts;
use crate::bench::load::schedule::Pace;
use crate::bench::measure::histogram::{Point, Summary};
use crate::bench::measure::metrics::Interval;
use crate::sanitize::sanitize;

/// Goes up when a field changes its meaning or goes away.
pub(crate) const SCHEMA: u32 = 2;

/// Who makes the reports.
pub(crate) const PROGRAM: &str = concat!("chinwag ", env!("CARGO_PKG_VERSION"));

/// Everything about one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The version of this shape.
    pub(crate) schema: u32,
    /// Who made it.
    pub(crate) program: String,
    /// `echo` or `room`.
    pub(crate) bench: String,
    /// `ok`, or why the figures cannot be relied on or the server failed.
    pub(crate) verdict: String,
    /// What was asked for.
    pub(crate) settings: Settings,
    /// Where it ran.
    pub(crate) machine: Machine,
    /// Messages sent, warm-up included.
    pub(crate) sent: u64,
    /// Deliveries that were owed, whole run.
    pub(crate) owed: u64,
    /// Deliveries that came whole, each once, whole run.
    pub(crate) received: u64,
    /// Owed and never arrived.
    pub(crate) lost: u64,
    /// Arrived again.
    pub(crate) duplicate: u64,
    /// Arrived after one that was sent later.
    pub(crate) reordered: u64,
    /// Arrived damaged.
    pub(crate) corrupt: u64,
    /// Due, and not sent until the end, for the server took no more; open loop only.
    pub(crate) unsent: u64,
    /// Members whose connection the server ended.
    pub(crate) disconnected: u64,
    /// Seconds between the marks that the rates are taken from.
    pub(crate) measured_s: f64,
    /// Messages a second that all their receivers had.
    pub(crate) messages_per_s: f64,
    /// Deliveries a second.
    pub(crate) deliveries_per_s: f64,
    /// Due time to delivery.
    pub(crate) latency_us: Summary,
    /// Real sending to delivery; open loop only.
    pub(crate) service_us: Option<Summary>,
    /// Due time to the last receiver; rooms only.
    pub(crate) last_receiver_us: Option<Summary>,
    /// First to last receiver; rooms only.
    pub(crate) spread_us: Option<Summary>,
    /// From asking for a connection until it stood.
    pub(crate) connect_us: Summary,
    /// From asking for a connection until the first answer on it; echo only.
    pub(crate) first_answer_us: Option<Summary>,
    /// From the first connection until all were there, in milliseconds.
    pub(crate) ready_ms: f64,
    /// The load generator itself.
    pub(crate) generator: Generator,
    /// The server, if its process is known.
    pub(crate) server: Option<Server>,
    /// Those around the members, if there were any.
    pub(crate) background: Option<BackgroundCounts>,
    /// The latency's curve.
    pub(crate) curve: Vec<Point>,
    /// The service time's curve; open loop only.
    pub(crate) service_curve: Vec<Point>,
    /// The length of a slice of the course, in seconds.
    pub(crate) interval_s: f64,
    /// The course over the measured time.
    pub(crate) timeline: Vec<Interval>,
}

/// The settings, as they were after all defaults.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// The server's address.
    pub(crate) address: String,
    /// Whether the server was started for the run.
    pub(crate) own_server: bool,
    /// The options that it was given.
    pub(crate) server_options: Vec<String>,
    /// Members.
    pub(crate) connections: usize,
    /// Of them, those that send.
    pub(crate) senders: usize,
    /// `line`, `redis` or `nats`.
    pub(crate) protocol: String,
    /// Senders get their own messages too.
    pub(crate) own: bool,
    /// Bytes of a message.
    pub(crate) size_bytes: usize,
    /// `closed` or `open`.
    pub(crate) loop_kind: String,
    /// Closed loop: messages in flight per sender.
    pub(crate) in_flight: Option<u32>,
    /// Open loop: messages a second of all senders.
    pub(crate) rate_per_s: Option<u64>,
    /// Measured time.
    pub(crate) duration_s: f64,
    /// Load before it.
    pub(crate) warmup_s: f64,
    /// How long things were waited for.
    pub(crate) timeout_s: f64,
    /// The former name of `timeout_s`, for one version of this shape.
    pub(crate) patience_s: f64,
    /// Connections made a second; none: as fast as possible.
    pub(crate) connect_per_s: Option<u64>,
    /// Addresses connected from; none: the system's choice.
    pub(crate) sources: Vec<String>,
    /// Connections that were only there.
    pub(crate) idle: usize,
    /// Connections that never read.
    pub(crate) slow: usize,
    /// Connections a second that came and went.
    pub(crate) churn_per_s: u64,
    /// First words of each connection.
    pub(crate) hello: Option<String>,
    /// Awaited by each connection.
    pub(crate) expect: Option<String>,
}

/// The machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Operating system and kernel.
    pub(crate) system: String,
    /// The processor's name.
    pub(crate) processor: String,
    /// Cores that this process may use.
    pub(crate) cores: usize,
    /// Memory.
    pub(crate) memory_bytes: u64,
}

/// The load generator's own state while it measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Generator {
    /// CPU time of its thread by wall time: 1 is a whole core.
    pub(crate) cpu_share: f64,
    /// CPU time for each message, sent and received by all.
    pub(crate) cpu_us_per_message: f64,
    /// CPU time for each delivery.
    pub(crate) cpu_us_per_delivery: f64,
    /// The part of the time in which it waited for something to happen.
    pub(crate) waiting_share: f64,
    /// Due time to sending, where the server did not hold it up; open loop only.
    pub(crate) send_lag_us: Option<Summary>,
    /// Work between two waits: so late a delivery may be read.
    pub(crate) iteration_us: Summary,
    /// Messages a second that were sent.
    pub(crate) sent_per_s: f64,
    /// Resident memory.
    pub(crate) rss_bytes: u64,
}

/// The server's process while it was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Server {
    /// Its process.
    pub(crate) pid: u32,
    /// CPU time by wall time: 1 is a whole core.
    pub(crate) cpu_share: f64,
    /// The part of that in the kernel.
    pub(crate) system_share: f64,
    /// CPU time for each message.
    pub(crate) cpu_us_per_message: f64,
    /// CPU time for each delivery.
    pub(crate) cpu_us_per_delivery: f64,
    /// CPU time from the first connection until all were there, by connection.
    pub(crate) cpu_us_per_connect: f64,
    /// Resident memory before the first connection.
    pub(crate) rss_before_bytes: u64,
    /// Resident memory when all were there, before the window.
    pub(crate) rss_connected_bytes: u64,
    /// Resident memory at the window's end.
    pub(crate) rss_bytes: u64,
    /// The most it ever had.
    pub(crate) rss_max_bytes: u64,
    /// Context switches because it waited.
    pub(crate) voluntary_switches: u64,
    /// Context switches because its time was over.
    pub(crate) involuntary_switches: u64,
    /// CPU time of one loopback send and receive beside it; `--calibrate` only.
    pub(crate) loopback_us: Option<f64>,
    /// CPU time for each delivery in that unit.
    pub(crate) loopbacks_per_delivery: Option<f64>,
    /// CPU time for each message in that unit.
    pub(crate) loopbacks_per_message: Option<f64>,
}

impl Report {
    /// Of a run that could not be, and why: whoever reads reports finds it where he looks, with
    /// nothing counted.
    #[must_use]
    pub(crate) fn of_none(load: &Load, target: &Target, why: &str) -> Self {
        let address = target.address.as_ref().map(ToString::to_string);
        let is_room = load.scenario != Scenario::Echo;
        Self {
            schema: SCHEMA,
            program: PROGRAM.to_owned(),
            bench: load.name().to_owned(),
            verdict: format!("FAILED: {}", sanitize(why.as_bytes())),
            settings: Settings::of(load, &address.unwrap_or_default()),
            machine: Machine::here(),
            last_receiver_us: is_room.then(Summary::default),
            spread_us: is_room.then(Summary::default),
            ..Self::default()
        }
    }

    /// Whether nothing was wrong.
    #[must_use]
    pub(crate) fn is_ok(&self) -> bool {
        self.verdict == "ok"
    }
}

impl Settings {
    /// As `load` asks, against `address`.
    #[must_use]
    pub(crate) fn of(load: &Load, address: &str) -> Self {
        let (loop_kind, in_flight, rate_per_s) = match load.pace {
            Pace::Closed { in_flight } => ("closed", Some(in_flight), None),
            Pace::Open { per_s } => ("open", None, Some(per_s)),
        };
        Self {
            address: address.to_owned(),
            own_server: load.target.address.is_none(),
            server_options: load
                .server_options
                .iter()
                .map(|option| option.to_string_lossy().into_owned())
                .collect(),
            connections: load.connections,
            senders: load.senders(),
            protocol: load.protocol().to_string(),
            own: matches!(load.scenario, Scenario::Room { own: true, .. }),
            size_bytes: load.size_bytes,
            loop_kind: loop_kind.to_owned(),
            in_flight,
            rate_per_s,
            duration_s: load.duration.as_secs_f64(),
            warmup_s: load.warmup.as_secs_f64(),
            timeout_s: load.timeout.as_secs_f64(),
            patience_s: load.timeout.as_secs_f64(),
            connect_per_s: load.connect_per_s,
            sources: load.sources.iter().map(ToString::to_string).collect(),
            idle: load.idle,
            slow: load.slow,
            churn_per_s: load.churn_per_s,
            hello: load.hello.clone(),
            expect: load.expect.clone(),
        }
    }
}

impl Machine {
    /// This one.
    #[must_use]
    pub(crate) fn here() -> Self {
        let uname = rustix::system::uname();
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or("unknown", |(_, name)| name.trim());
        Self {
            system: format!(
                "{} {}",
                uname.sysname().to_string_lossy(),
                uname.release().to_string_lossy()
            ),
            processor: processor.to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: doctor::meminfo("MemTotal:"),
        }
    }
}

#[cfg(test)]
mod examples;

#[cfg(test)]
pub(crate) use examples::{absurd, example};
