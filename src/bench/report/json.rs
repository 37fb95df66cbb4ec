//! What is told of a run: one shape for `--json`, the table, the page and `bench compare`.
//! Data only; others decide what it means and how it looks.

use serde::{Deserialize, Serialize};

use crate::bench::config::{Load, Scenario, Settings, Target};
use crate::bench::doctor;
use crate::bench::find_rate::Search;
use crate::bench::load::background::BackgroundCounts;
use crate::bench::measure::collector::SecondRow;
use crate::bench::measure::histogram::{Point, Summary};
use crate::bench::measure::timeline::Interval;
use crate::bench::measure::verdict;
use crate::failure::CliError;
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
    /// `ok`; or why the figures cannot be relied on, or what the server did wrong.
    pub(crate) verdict: String,
    /// What is to be known of figures that hold.
    #[serde(default)]
    pub(crate) remarks: Vec<String>,
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
    /// Arrived after one that was sent later, or that others have heard later.
    pub(crate) reordered: u64,
    /// Of `reordered`: heard in another order than by others.
    pub(crate) in_two_orders: u64,
    /// Arrived damaged, or under a nick that is not their sender's.
    pub(crate) corrupt: u64,
    /// Of `corrupt`: under another nick.
    pub(crate) wrong_nick: u64,
    /// Messages that came back to their senders, though none was owed that.
    pub(crate) came_back: u64,
    /// Messages due in the measured time that were sent.
    pub(crate) measured: u64,
    /// Due in the measured time, and not sent: they are in the latency with the time that they had
    /// waited. Open loop only.
    pub(crate) unsent: u64,
    /// Members whose connection the server ended.
    pub(crate) disconnected: u64,
    /// What `--find-rate` found.
    #[serde(flatten)]
    pub(crate) search: Option<Search>,
    /// The measured time in seconds.
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
    /// From when a connection was due until the server had accepted it, as its first word proved;
    /// of a server that says nothing, until the kernel had made it.
    pub(crate) connect_us: Summary,
    /// From when a connection was due until the kernel had made it, which it does before the
    /// server accepts it.
    pub(crate) handshake_us: Summary,
    /// From when a connection was due until its TLS handshake was over, of all connections; with
    /// --tls only.
    #[serde(default)]
    pub(crate) tls_handshake_us: Option<Summary>,
    /// Of those, the ones that have resumed what earlier ones had agreed on.
    #[serde(default)]
    pub(crate) tls_resumed: Option<u64>,
    /// From the first connection until all were there, in milliseconds.
    pub(crate) ready_ms: f64,
    /// The load generator itself.
    pub(crate) generator: Generator,
    /// The server, if its processes are known: all of them together.
    pub(crate) server: Option<Server>,
    /// Each of its processes, where there are several. What is told by message, delivery or
    /// connection is by those of the whole run, so that it adds up.
    #[serde(default)]
    pub(crate) servers: Vec<Server>,
    /// Those around the members, if there were any.
    pub(crate) background: Option<BackgroundCounts>,
    /// A row a measured second, by arrival.
    pub(crate) seconds: Vec<SecondRow>,
    /// The latency's curve.
    pub(crate) curve: Vec<Point>,
    /// The service time's curve; open loop only.
    pub(crate) service_curve: Vec<Point>,
    /// The length of an interval of the timeline, in seconds.
    pub(crate) interval_s: f64,
    /// The course over the measured time.
    pub(crate) timeline: Vec<Interval>,
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
    /// CPU time of its threads by wall time: 1 is a whole core.
    pub(crate) cpu_share: f64,
    /// CPU time for each message, sent and received by all.
    pub(crate) cpu_us_per_message: f64,
    /// CPU time for each delivery.
    pub(crate) cpu_us_per_delivery: f64,
    /// The part of the time in which its busiest thread waited for something to happen.
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

/// The server's processes, or one of them, while it was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Server {
    /// Its process; the first of several.
    pub(crate) pid: u32,
    /// What that is called.
    #[serde(default)]
    pub(crate) name: String,
    /// CPU time of all its threads, also of those that have ended, by wall time: 1 is a whole core.
    pub(crate) cpu_share: f64,
    /// The most of a core that one of its threads used; not told of one process of several.
    pub(crate) busiest_thread_share: Option<f64>,
    /// Cores that it may use.
    pub(crate) cores: Option<u32>,
    /// The part of the CPU time in the kernel.
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
    /// Of a run that could not be, and why: a program that reads reports finds it where it looks,
    /// with nothing counted.
    #[must_use]
    pub(crate) fn of_none(load: &Load, target: &Target, failure: &CliError) -> Self {
        let is_room = load.scenario != Scenario::Echo;
        let is_interrupted = failure.exit_code() == verdict::exit_code(verdict::INTERRUPTED);
        let why = failure.to_string();
        Self {
            schema: SCHEMA,
            program: PROGRAM.to_owned(),
            bench: load.name().to_owned(),
            verdict: match is_interrupted {
                true => verdict::INTERRUPTED.to_owned(),
                false => format!("FAILED: {}", sanitize(why.as_bytes())),
            },
            settings: settings(load, target),
            machine: Machine::here(),
            last_receiver_us: is_room.then(Summary::default),
            spread_us: is_room.then(Summary::default),
            ..Self::default()
        }
    }

    /// Whether nothing was wrong.
    pub(crate) fn is_ok(&self) -> bool {
        verdict::is_ok(&self.verdict)
    }
}

/// The settings of a run of `load` against `target`.
pub(crate) fn settings(load: &Load, target: &Target) -> Settings {
    Settings {
        address: target.name(),
        addresses: target.addresses.iter().map(ToString::to_string).collect(),
        ..load.settings.clone()
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
