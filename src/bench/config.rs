//! What a run is asked to do, already checked for contradictions by the command line.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::header;
use super::load::schedule::{Arrivals, Plan};
use super::measure::condition::Condition;
use super::protocol;
use crate::addr::Address;
use crate::tls::Trust;

/// The smallest `--size`: a header's fields and the newline.
pub(crate) const SIZE_BYTES_MIN: usize = header::TEXT_BYTES_MIN + 1;
/// The largest `--size`.
pub(crate) const SIZE_BYTES_MAX: usize = 1 << 20;

/// What `bench` was asked to do.
#[derive(Debug, Clone)]
pub enum Config {
    /// `bench echo` and `bench room`: put a load on a server and judge what came of it.
    Load(Box<Load>),
    /// `bench compare`: two or more reports side by side.
    Compare(Vec<PathBuf>, Option<PathBuf>),
    /// `bench doctor`: what this machine allows.
    Doctor,
}

/// What the server does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// It comes back to its sender.
    Echo,
    /// It goes to all members.
    Room,
}

/// One server to be measured.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// Where it is; none: one is started for the run. A server of several nodes has several, and
    /// the connections go to them in turn.
    pub addresses: Vec<Address>,
    /// Its processes that are on this machine and were named.
    pub pids: Vec<u32>,
}

impl Target {
    /// Its addresses, as they stand on the command line.
    pub(crate) fn name(&self) -> String {
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        addresses.join(" ")
    }
}

/// A load, and what to make of it.
#[derive(Debug, Clone)]
pub struct Load {
    /// Echo or room.
    pub scenario: Scenario,
    /// The server.
    pub target: Target,
    /// A second server, measured in turns with the first.
    pub baseline: Option<Target>,
    /// Runs that each of two servers gets.
    pub rounds: usize,
    /// The load itself.
    pub settings: Settings,
    /// Which servers are trusted, over TLS; none: whoever answers on this machine, and elsewhere
    /// whom this machine trusts.
    pub trust: Option<Trust>,
    /// Addresses to connect from, in turn.
    pub sources: Vec<IpAddr>,
    /// Give CPU time also in units of one send and receive, measured beside the server.
    pub calibrate: bool,
    /// Options for the server that is started.
    pub server_options: Vec<OsString>,
    /// Look for the highest rate that meets this.
    pub find_rate: Option<Condition>,
    /// The run has failed if one of these is met.
    pub fail_if: Vec<Condition>,
    /// What to give out.
    pub output: Output,
}

/// The load, as the report repeats it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The server's address; of several, all, with spaces between.
    pub address: String,
    /// Each of them.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Whether the server was started for the run.
    pub own_server: bool,
    /// The options that it was given.
    pub server_options: Vec<String>,
    /// Members: the connections that are measured.
    pub connections: usize,
    /// Of them, those that send.
    pub senders: usize,
    /// How messages are carried.
    pub protocol: protocol::Kind,
    /// Senders get their own messages too.
    pub own: bool,
    /// All of it over TLS.
    #[serde(default)]
    pub tls: bool,
    /// TLS handshakes resume what earlier ones have agreed on.
    #[serde(default)]
    pub tls_resume: bool,
    /// Bytes of a message, in lines with its newline.
    pub size_bytes: usize,
    /// `closed` or `open`.
    pub loop_kind: String,
    /// Closed loop: messages that each sender keeps in flight. It waits with the server, so it
    /// cannot show what a stall does to others.
    pub in_flight: Option<u32>,
    /// Open loop: messages a second of all senders, whatever the server does.
    pub rate_per_s: Option<f64>,
    /// Open loop with a rate that changes evenly: from this, to that.
    pub profile_per_s: Option<[f64; 2]>,
    /// Open loop: how messages are spread over time.
    pub arrivals: Option<Arrivals>,
    /// Messages to measure; none: as many as the time allows.
    pub messages: Option<u64>,
    /// Generator threads.
    pub threads: usize,
    /// How long to measure; none: until all `messages` are sent.
    pub duration_s: Option<f64>,
    /// Load before measuring.
    pub warmup_s: f64,
    /// How long to wait for something that ought to come: a connection, the first words, the last
    /// messages.
    pub timeout_s: f64,
    /// The former name of `timeout_s`, for one version of the report.
    pub patience_s: f64,
    /// Connections made a second; none: as fast as they are accepted.
    pub connect_per_s: Option<u64>,
    /// Addresses connected from; none: the system's choice.
    pub sources: Vec<String>,
    /// Further connections that are only there.
    pub idle: usize,
    /// Further connections that never read.
    pub slow: usize,
    /// Further connections a second that come and go.
    pub churn_per_s: u64,
    /// Sent first by each connection, `{n}` standing for its number; a newline is added.
    pub hello: Option<String>,
    /// Waited for by each connection before it counts as there.
    pub expect: Option<String>,
}

/// Where the results go.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// The report as JSON on stdout instead of the table.
    pub json: bool,
    /// The report as JSON in a file.
    pub file: Option<PathBuf>,
    /// The report as a page with drawings.
    pub plot: Option<PathBuf>,
    /// The latencies as a HdrHistogram interval log.
    pub hdr: Option<PathBuf>,
    /// A row a measured second.
    pub series: Option<PathBuf>,
}

impl Load {
    /// `echo` or `room`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.scenario {
            Scenario::Echo => "echo",
            Scenario::Room => "room",
        }
    }

    /// Connections that are there all the time.
    pub(crate) fn lasting_connections(&self) -> usize {
        let settings = &self.settings;
        let others = settings.idle.saturating_add(settings.slow);
        settings.connections.saturating_add(others)
    }

    /// What the server that is started is told, from `serve` on: a loopback port that the system
    /// picks, the options, a certificate where it takes one, and that it has to take messages of this
    /// size.
    #[must_use]
    pub fn server_arguments(&self) -> Vec<OsString> {
        const LARGEST: &str = "--max-message";
        let protocol = match (self.settings.protocol, self.settings.tls) {
            (protocol::Kind::Ws, false) => "http:",
            (protocol::Kind::Ws, true) => "https:",
            (protocol::Kind::Irc, false) => "irc:",
            (protocol::Kind::Irc, true) => "ircs:",
            (_, true) => "tls:",
            (_, false) => "",
        };
        let listen = format!("{protocol}127.0.0.1:0");
        let start = ["serve", self.name(), "--listen", &listen];
        let mut arguments: Vec<OsString> = start.iter().map(OsString::from).collect();
        arguments.extend_from_slice(&self.server_options);
        let is_told = |option: &str| {
            let mut given = self.server_options.iter();
            given.any(|o| o.to_string_lossy().starts_with(option))
        };
        if self.settings.tls && !is_told("--tls-cert") {
            arguments.push("--tls-self-signed".into());
        }
        if self.scenario == Scenario::Room && !is_told(LARGEST) {
            arguments.push(LARGEST.into());
            arguments.push(self.settings.size_bytes.max(1024).to_string().into());
        }
        arguments
    }
}

impl Settings {
    /// The open loop's plan; none for a closed loop.
    pub(crate) fn plan(&self) -> Option<Plan> {
        let [from_per_s, to_per_s] = match (self.profile_per_s, self.rate_per_s) {
            (Some(profile), _) => profile,
            (None, Some(rate)) => [rate, rate],
            (None, None) => return None,
        };
        Some(Plan {
            from_per_s,
            to_per_s,
            warmup_s: self.warmup_s,
            ramp_s: self.duration_s.unwrap_or(1.0),
            arrivals: self.arrivals.unwrap_or_default(),
            senders: self.senders,
            messages: self.messages,
        })
    }

    /// How long something that ought to come is awaited.
    pub(crate) fn timeout(&self) -> Duration {
        seconds(self.timeout_s)
    }

    /// Load before measuring.
    pub(crate) fn warmup(&self) -> Duration {
        seconds(self.warmup_s)
    }

    /// How long to measure; none: until all messages are sent.
    pub(crate) fn duration(&self) -> Option<Duration> {
        self.duration_s.map(seconds)
    }

    /// Bytes of a message's text: in lines the newline belongs to the size.
    pub(crate) fn text_bytes(&self) -> usize {
        match self.protocol {
            protocol::Kind::Line => self.size_bytes.saturating_sub(1),
            protocol::Kind::Redis
            | protocol::Kind::Nats
            | protocol::Kind::Ws
            | protocol::Kind::Irc => self.size_bytes,
        }
    }
}

/// What is no duration is none at all: the command line has made all of these.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// What `chinwag bench` with these words is asked to do; for tests and benches, so that the
/// defaults stand in one place.
///
/// # Panics
/// If the words ask for no load.
pub(crate) fn load_of(words: &str) -> Load {
    let words = ["chinwag", "bench"].into_iter().chain(words.split(' '));
    match crate::cli::parse(words) {
        Ok(crate::cli::Command::Bench(Config::Load(load))) => *load,
        other => panic!("no load: {other:?}"),
    }
}
