//! What a run is asked to do, already checked for contradictions by the command line.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::addr::Address;
use crate::bench::check::header;
use crate::bench::load::schedule::Pace;
use crate::bench::protocol;

/// The smallest `--size`: a stamp's fields and the newline.
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
    Room {
        /// How many of the members send.
        senders: usize,
        /// How messages are carried.
        protocol: protocol::Kind,
        /// The sender gets its own message too.
        own: bool,
    },
}

/// One server to be measured.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// Where it is; none: one is started for the run.
    pub address: Option<Address>,
    /// Its process, if it is on this machine and was named.
    pub pid: Option<u32>,
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
    /// Turns that each of two servers gets.
    pub rounds: usize,
    /// Members: the connections that are measured.
    pub connections: usize,
    /// How long to measure.
    pub duration: Duration,
    /// How long to load before measuring.
    pub warmup: Duration,
    /// How long to wait for something that ought to come: a connection, a greeting, the last
    /// messages.
    pub timeout: Duration,
    /// Bytes of a message, with its newline.
    pub size_bytes: usize,
    /// Closed or open loop.
    pub pace: Pace,
    /// Connections made a second; none: as fast as they are accepted.
    pub connect_per_s: Option<u64>,
    /// Addresses to connect from, in turn.
    pub sources: Vec<IpAddr>,
    /// Connections that are only there.
    pub idle: usize,
    /// Connections that never read.
    pub slow: usize,
    /// Connections a second that come and go.
    pub churn_per_s: u64,
    /// Sent first by each connection, `{n}` standing for its number; a newline is added.
    pub hello: Option<String>,
    /// Waited for by each connection before it counts as there.
    pub expect: Option<String>,
    /// Give CPU time also in units of one send and receive, measured beside the server.
    pub calibrate: bool,
    /// Options for the server that is started.
    pub server_options: Vec<OsString>,
    /// What to give out.
    pub output: Output,
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
    /// Nothing on the terminal while it runs.
    pub quiet: bool,
}

impl Load {
    /// What the command line asks for when nothing but the scenario and the number of members
    /// is said: a server of its own, ten seconds after one of warm-up, a closed loop.
    #[must_use]
    pub fn new(scenario: Scenario, connections: usize) -> Self {
        Self {
            scenario,
            target: Target::default(),
            baseline: None,
            rounds: 5,
            connections,
            duration: Duration::from_secs(10),
            warmup: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            size_bytes: 100,
            pace: Pace::Closed { in_flight: 1 },
            connect_per_s: None,
            sources: Vec::new(),
            idle: 0,
            slow: 0,
            churn_per_s: 0,
            hello: None,
            expect: None,
            calibrate: false,
            server_options: Vec::new(),
            output: Output::default(),
        }
    }

    /// `echo` or `room`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.scenario {
            Scenario::Echo => "echo",
            Scenario::Room { .. } => "room",
        }
    }

    /// How many of the members send.
    #[must_use]
    pub fn senders(&self) -> usize {
        match self.scenario {
            Scenario::Echo => self.connections,
            Scenario::Room { senders, .. } => senders,
        }
    }

    /// The protocol; echo servers are spoken to in lines.
    #[must_use]
    pub fn protocol(&self) -> protocol::Kind {
        match self.scenario {
            Scenario::Echo => protocol::Kind::Line,
            Scenario::Room { protocol, .. } => protocol,
        }
    }

    /// What the server that is started is told, from `serve` on: a loopback port that the system
    /// picks, the options, and that it has to take messages of this size.
    #[must_use]
    pub fn server_arguments(&self) -> Vec<OsString> {
        const LARGEST: &str = "--max-message";
        let start = ["serve", self.name(), "--listen", "127.0.0.1:0"];
        let mut arguments: Vec<OsString> = start.iter().map(OsString::from).collect();
        arguments.extend_from_slice(&self.server_options);
        let is_told = |o: &OsString| o.to_string_lossy().starts_with(LARGEST);
        if self.scenario != Scenario::Echo && !self.server_options.iter().any(is_told) {
            arguments.push(LARGEST.into());
            arguments.push(self.size_bytes.max(1024).to_string().into());
        }
        arguments
    }

    /// Bytes of a message's text: in lines the newline belongs to the size.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        match self.protocol() {
            protocol::Kind::Line => self.size_bytes.saturating_sub(1),
            protocol::Kind::Redis | protocol::Kind::Nats => self.size_bytes,
        }
    }
}
