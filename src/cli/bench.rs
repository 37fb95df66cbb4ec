//! The arguments of `chinwag bench`, and which of them contradict each other.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::addr::Address;
use crate::bench::check::header::TEXT_BYTES_MIN_WITH_SENT;
use crate::bench::config::{Config, Load, Output, Scenario, Settings, Target};
use crate::bench::load::schedule;
use crate::bench::measure::condition::Condition;
use crate::bench::measure::recorder::carries_sent_time;
use crate::bench::protocol;
use crate::failure::CliError;
use crate::units::{self, whole};
use room::{Room, RoomArguments};
use tls::TlsOptions;
use values::{process, profile, rate, size, unescape};

mod room;
mod tls;
mod values;

/// Measured, if neither a time nor a number of messages is given.
const DURATION: Duration = Duration::from_secs(10);
/// Generator threads at most.
const THREADS_MAX: usize = 256;
/// Put a load of many clients on a server, and tell what came of it
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Each client gets back what it sends
    Echo(EchoArguments),
    /// What some members send goes to all the others
    Room(RoomArguments),
    /// Reports made with --output, side by side with their ratios
    Compare(CompareArguments),
    /// What this machine allows, and which command raises it
    Doctor,
}

#[derive(Args)]
struct EchoArguments {
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Arrivals {
    /// One as long after the other as the rate says
    Even,
    /// Independent of each other
    Poisson,
}

#[derive(Args)]
struct CompareArguments {
    /// Reports; the others are set against the first
    #[arg(value_name = "FILE.json", required = true, num_args = 2..)]
    files: Vec<PathBuf>,
    /// Draw all of them on one page
    #[arg(long, value_name = "FILE.html")]
    plot: Option<PathBuf>,
}

#[derive(Args)]
struct Common {
    /// The server; without it one is started for the run. Several: a server of several nodes, to
    /// which the connections go in turn
    #[arg(value_name = "ADDR")]
    addresses: Vec<Address>,
    /// Clients that are measured
    #[arg(short, long, value_name = "N", default_value = "100", value_parser = whole::<usize>(1..=u64::MAX))]
    connections: usize,
    /// How long to measure [default: 10s; with -n: until all are sent]
    #[arg(short, long, value_name = "DURATION", value_parser = units::parse_duration)]
    duration: Option<Duration>,
    /// Measure so many messages, the warm-up apart
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "profile", value_parser = whole::<u64>(1..=u64::MAX))]
    messages: Option<u64>,
    /// Load before measuring
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = units::parse_duration)]
    warmup: Duration,
    /// How long to wait for a connection, a greeting, the last messages
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = units::parse_duration)]
    timeout: Duration,
    /// Bytes of a message with its newline
    #[arg(long, value_name = "BYTES", default_value = "100", value_parser = size)]
    size: usize,
    /// Open loop: messages a second of all senders, whatever the server does; latency counts
    /// from when a message was due. Without it, closed loop
    #[arg(long, value_name = "N", conflicts_with = "pipeline", value_parser = rate)]
    rate: Option<f64>,
    /// Open loop: the rate changes evenly, over the measured time
    #[arg(long, value_name = "FROM..TO/s", conflicts_with_all = ["rate", "pipeline"], value_parser = profile)]
    profile: Option<[f64; 2]>,
    /// Open loop: messages evenly apart, or at random as of many people
    #[arg(long, value_enum, default_value = "even")]
    arrivals: Arrivals,
    /// Look for the highest rate that meets this, as in 'p99<20ms', beginning at --rate
    #[arg(long, value_name = "FIGURE<TIME", conflicts_with_all = ["profile", "pipeline", "compare"], value_parser = Condition::parse)]
    find_rate: Option<Condition>,
    /// Exit with 1 if this is so, as in 'p99>20ms'; of p50, p90, p99, p999, p9999, max or mean; with
    /// 3 if there are too few messages for a percentile; repeatable
    #[arg(long, value_name = "FIGURE>TIME", conflicts_with_all = ["compare", "find_rate"], value_parser = Condition::parse)]
    fail_if: Vec<Condition>,
    /// Closed loop: messages that each sender has in flight
    #[arg(long, value_name = "N", default_value = "1", value_parser = whole::<u32>(1..=1_000_000))]
    pipeline: u32,
    /// Generator threads; each takes a core of its own
    #[arg(long, value_name = "N", default_value = "1", value_parser = whole::<usize>(1..=u64::MAX))]
    threads: usize,
    #[command(flatten)]
    tls: TlsOptions,
    /// Connections made a second [default: as fast as they are accepted]
    #[arg(long, value_name = "N", value_parser = whole::<u64>(1..=1_000_000))]
    connect_rate: Option<u64>,
    /// Connect from this address; repeatable, in turn
    #[arg(long, value_name = "IP")]
    source: Vec<IpAddr>,
    /// Further connections that are only there
    #[arg(long, value_name = "N", default_value = "0", value_parser = whole::<usize>(0..=u64::MAX))]
    idle: usize,
    /// Further connections that never read
    #[arg(long, value_name = "N", default_value = "0", value_parser = whole::<usize>(0..=u64::MAX))]
    slow: usize,
    /// Further connections a second that come and go
    #[arg(long, value_name = "N", default_value = "0", value_parser = whole::<u64>(0..=100_000))]
    churn: u64,
    /// First line of each connection; {%n} is its number, \r \n \t \\ are understood
    #[arg(long, value_name = "TEXT", value_parser = unescape)]
    hello: Option<String>,
    /// Each connection waits until the server has said this
    #[arg(long, value_name = "TEXT", value_parser = unescape)]
    expect: Option<String>,
    /// The server's process, to tell its CPU time and memory; repeatable: of each and together
    #[arg(long, requires = "addresses", value_parser = process)]
    pid: Vec<u32>,
    /// Measure a second server in turns with the first, and tell the ratios; repeatable, if it is
    /// one of several nodes
    #[arg(long, value_name = "ADDR")]
    compare: Vec<Address>,
    /// The second server's process; repeatable
    #[arg(long, value_name = "PID", requires = "compare", value_parser = process)]
    compare_pid: Vec<u32>,
    /// Turns that each of two servers gets
    #[arg(long, value_name = "N", default_value = "5", requires = "compare", value_parser = whole::<usize>(1..=u64::MAX))]
    rounds: usize,
    /// Give the server's CPU time also in units of one loopback send and receive, measured on
    /// its core in the same seconds
    #[arg(long)]
    calibrate: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Write the report as JSON
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Draw latency and throughput on a page
    #[arg(long, value_name = "FILE.html", conflicts_with = "compare")]
    plot: Option<PathBuf>,
    /// Write the latencies as a HdrHistogram log, a line a second
    #[arg(long, value_name = "FILE", conflicts_with = "compare")]
    hdr: Option<PathBuf>,
    /// Write a row a measured second
    #[arg(long, value_name = "FILE.csv", conflicts_with = "compare")]
    series: Option<PathBuf>,
    /// Options for the server that is started
    #[arg(
        last = true,
        value_name = "SERVER OPTIONS",
        conflicts_with = "addresses"
    )]
    server_options: Vec<OsString>,
}

impl Arguments {
    /// What is asked for, if it does not contradict itself.
    ///
    /// # Errors
    /// A usage [`CliError`] of one line.
    pub(super) fn into_config(self) -> Result<Config, CliError> {
        let (name, load) = match self.what {
            What::Doctor => return Ok(Config::Doctor),
            What::Compare(given) => return Ok(Config::Compare(given.files, given.plot)),
            What::Echo(given) => ("echo", given.common.into_load(None)),
            What::Room(given) => ("room", given.into_load()),
        };
        let load = load.map_err(|why| {
            let hint = format!("see chinwag bench {name} --help");
            CliError::usage(format!("bench {name}: {why} ({hint})"))
        })?;
        if load.target.addresses.is_empty() {
            check_server_options(&load)?;
        }
        Ok(Config::Load(Box::new(load)))
    }
}

/// What the server would refuse is refused before it is started, in the same words.
fn check_server_options(load: &Load) -> Result<(), CliError> {
    let program = std::iter::once(OsString::from("chinwag"));
    let words = program.chain(load.server_arguments()).collect();
    match super::parse_words(words)? {
        super::Command::Serve(_) => Ok(()),
        _ => Err(CliError::usage(
            "a server that is to be measured takes no --help (see chinwag serve --help)",
        )),
    }
}

impl Common {
    fn into_load(self, room: Option<Room>) -> Result<Load, String> {
        self.check()?;
        let settings = self.settings(room.as_ref());
        let load = Load {
            scenario: match room {
                None => Scenario::Echo,
                Some(_) => Scenario::Room,
            },
            target: Target {
                addresses: self.addresses,
                pids: once_each(self.pid),
            },
            baseline: (!self.compare.is_empty()).then(|| Target {
                addresses: self.compare,
                pids: once_each(self.compare_pid),
            }),
            rounds: self.rounds,
            settings,
            trust: self.tls.trust(),
            sources: self.source,
            calibrate: self.calibrate,
            server_options: self.server_options,
            find_rate: self.find_rate,
            fail_if: self.fail_if,
            output: Output {
                json: self.json,
                file: self.output,
                plot: self.plot,
                hdr: self.hdr,
                series: self.series,
            },
        };
        if carries_sent_time(&load) && load.settings.text_bytes() < TEXT_BYTES_MIN_WITH_SENT {
            return Err(format!(
                "--threads with --rate takes a --size of {} or more: a message also says when it \
                 was really sent",
                TEXT_BYTES_MIN_WITH_SENT + 1
            ));
        }
        Ok(load)
    }

    /// What contradicts itself.
    fn check(&self) -> Result<(), String> {
        let is_open = self.is_open();
        let refusal = if self.duration == Some(Duration::ZERO) {
            "--duration 0 measures nothing"
        } else if self.timeout.is_zero() {
            "--timeout 0 leaves no time to connect"
        } else if self.calibrate && !self.addresses.is_empty() && self.pid.is_empty() {
            "--calibrate takes the server's --pid"
        } else if self.hello.as_deref() == Some("") || self.expect.as_deref() == Some("") {
            "--hello and --expect take words"
        } else if self.arrivals != Arrivals::Even && !is_open {
            "--arrivals is for an open loop: --rate, --profile or --find-rate"
        } else if self.threads > self.connections {
            "more --threads than --connections have nothing to do"
        } else if self.threads > THREADS_MAX {
            "that are too many --threads"
        } else if self.addresses.len().max(self.compare.len()) > self.connections {
            "there are more addresses than --connections to go to them"
        } else if self.find_rate.as_ref().is_some_and(|c| !c.is_upper_bound()) {
            "--find-rate takes an upper bound, as in 'p99<20ms'"
        } else {
            return Ok(());
        };
        Err(refusal.to_owned())
    }

    fn is_open(&self) -> bool {
        self.rate.is_some() || self.profile.is_some() || self.find_rate.is_some()
    }

    fn settings(&self, room: Option<&Room>) -> Settings {
        let is_open = self.is_open();
        let arrivals = match self.arrivals {
            Arrivals::Even => schedule::Arrivals::Even,
            Arrivals::Poisson => schedule::Arrivals::Poisson,
        };
        let by_time = self.messages.is_none().then_some(DURATION);
        let options = self.server_options.iter();
        Settings {
            address: String::new(),
            addresses: Vec::new(),
            own_server: self.addresses.is_empty(),
            server_options: options.map(|o| o.to_string_lossy().into_owned()).collect(),
            connections: self.connections,
            senders: room.map_or(self.connections, |room| room.senders),
            protocol: room.map_or(protocol::Kind::Line, |room| room.protocol),
            own: room.is_some_and(|room| room.own),
            tls: self.tls.is_on(),
            tls_resume: self.tls.resumes(),
            size_bytes: self.size,
            loop_kind: if is_open { "open" } else { "closed" }.to_owned(),
            in_flight: (!is_open).then_some(self.pipeline),
            rate_per_s: self.rate,
            profile_per_s: self.profile,
            arrivals: is_open.then_some(arrivals),
            messages: self.messages,
            threads: self.threads,
            duration_s: self.duration.or(by_time).map(|d| d.as_secs_f64()),
            warmup_s: self.warmup.as_secs_f64(),
            timeout_s: self.timeout.as_secs_f64(),
            patience_s: self.timeout.as_secs_f64(),
            connect_per_s: self.connect_rate,
            sources: self.source.iter().map(ToString::to_string).collect(),
            idle: self.idle,
            slow: self.slow,
            churn_per_s: self.churn,
            hello: self.hello.clone(),
            expect: self.expect.clone(),
        }
    }
}

/// A process that is named twice is still one.
fn once_each(pids: Vec<u32>) -> Vec<u32> {
    let mut once = Vec::new();
    for pid in pids {
        if !once.contains(&pid) {
            once.push(pid);
        }
    }
    once
}

#[cfg(test)]
mod tests;
