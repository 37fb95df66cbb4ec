//! The arguments of `chinwag bench`, and which of them contradict each other.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::addr::Address;
use crate::bench::config::{self, Config, Load, Output, Scenario, Target};
use crate::bench::load::schedule::Pace;
use crate::bench::protocol;
use crate::failure::CliError;
use crate::units;

/// Members that send in a room, if there are so many.
const SENDERS: usize = 10;

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
    /// Reports made with -o, side by side with their ratios
    Compare(CompareArguments),
    /// What this machine allows, and which command raises it
    Doctor,
}

#[derive(Args)]
struct EchoArguments {
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct RoomArguments {
    #[command(flatten)]
    common: Common,
    /// How many of the members send [default: 10, or all of fewer]
    #[arg(long, value_name = "N", value_parser = positive)]
    senders: Option<usize>,
    /// How messages are carried
    #[arg(long, value_enum, default_value = "line")]
    protocol: Protocol,
    /// The server gives the sender its own message too (Redis always does)
    #[arg(long)]
    own: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// Lines; what a server puts before a message does not matter
    Line,
    /// Redis 6 or later: SUBSCRIBE and PUBLISH
    Redis,
    /// NATS: SUB and PUB
    Nats,
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
    /// The server; without it one is started for the run
    #[arg(value_name = "ADDR")]
    address: Option<Address>,
    /// Clients that are measured
    #[arg(short, long, value_name = "N", default_value = "100", value_parser = positive)]
    connections: usize,
    /// How long to measure
    #[arg(short, long, value_name = "DURATION", default_value = "10s", value_parser = units::parse_duration)]
    duration: Duration,
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
    #[arg(long, value_name = "N", conflicts_with = "pipeline", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    rate: Option<u64>,
    /// Closed loop: messages that each sender has in flight
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pipeline: u32,
    /// Connections made a second [default: as fast as they are accepted]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    connect_rate: Option<u64>,
    /// Connect from this address; repeatable, in turn
    #[arg(long, value_name = "IP")]
    source: Vec<IpAddr>,
    /// Further connections that are only there
    #[arg(long, value_name = "N", default_value = "0")]
    idle: usize,
    /// Further connections that never read
    #[arg(long, value_name = "N", default_value = "0")]
    slow: usize,
    /// Further connections a second that come and go
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::value_parser!(u64).range(..=100_000))]
    churn: u64,
    /// First line of each connection; {%n} is its number, \r \n \t \\ are understood
    #[arg(long, value_name = "TEXT", value_parser = unescape)]
    hello: Option<String>,
    /// Each connection waits until the server has said this
    #[arg(long, value_name = "TEXT", value_parser = unescape)]
    expect: Option<String>,
    /// The server's process, to tell its CPU time and memory
    #[arg(long, requires = "address", value_parser = process)]
    pid: Option<u32>,
    /// Measure a second server in turns with the first, and tell the ratios
    #[arg(long, value_name = "ADDR")]
    compare: Option<Address>,
    /// The second server's process
    #[arg(long, value_name = "PID", requires = "compare", value_parser = process)]
    compare_pid: Option<u32>,
    /// Turns that each of two servers gets
    #[arg(long, value_name = "N", default_value = "5", requires = "compare", value_parser = positive)]
    rounds: usize,
    /// Give the server's CPU time also in units of one loopback send and receive, measured on
    /// its core in the same seconds
    #[arg(long)]
    calibrate: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Write the report as JSON
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Draw latency and throughput on a page
    #[arg(long, value_name = "FILE.html", conflicts_with = "compare")]
    plot: Option<PathBuf>,
    /// Options for the server that is started
    #[arg(last = true, value_name = "SERVER OPTIONS", conflicts_with = "address")]
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
            What::Echo(given) => ("echo", given.common.into_load(Scenario::Echo)),
            What::Room(given) => ("room", given.into_load()),
        };
        let load = load.map_err(|why| {
            let hint = format!("see chinwag bench {name} --help");
            CliError::usage(format!("bench {name}: {why} ({hint})"))
        })?;
        if load.target.address.is_none() {
            check_server_options(&load)?;
        }
        Ok(Config::Load(Box::new(load)))
    }
}

/// What the server would refuse is refused before it is started, in the same words.
fn check_server_options(load: &Load) -> Result<(), CliError> {
    let program = std::iter::once(OsString::from("chinwag"));
    match super::parse(program.chain(load.server_arguments()))? {
        super::Command::Serve(_) => Ok(()),
        _ => Err(CliError::usage(
            "a server that is to be measured takes no --help (see chinwag serve --help)",
        )),
    }
}

impl RoomArguments {
    fn into_load(self) -> Result<Load, String> {
        let members = self.common.connections;
        let senders = self.senders.unwrap_or(SENDERS.min(members));
        let own = self.own || self.protocol == Protocol::Redis;
        if members < 2 {
            return Err("a room takes at least 2 --connections".to_owned());
        }
        if senders > members {
            return Err(format!(
                "{senders} --senders are more than the {members} --connections"
            ));
        }
        if self.own && self.protocol == Protocol::Nats {
            return Err("--own: NATS is told not to, as in a room".to_owned());
        }
        let protocol = match self.protocol {
            Protocol::Line => protocol::Kind::Line,
            Protocol::Redis => protocol::Kind::Redis,
            Protocol::Nats => protocol::Kind::Nats,
        };
        if protocol != protocol::Kind::Line {
            let name = protocol.to_string();
            if self.common.hello.is_some() || self.common.expect.is_some() {
                return Err(format!(
                    "--hello and --expect are for line servers, not for {name}"
                ));
            }
            if self.common.address.is_none() {
                return Err(format!("--protocol {name} takes the ADDR of such a server"));
            }
        }
        self.common.into_load(Scenario::Room {
            senders,
            protocol,
            own,
        })
    }
}

impl Common {
    fn into_load(self, scenario: Scenario) -> Result<Load, String> {
        if self.duration.is_zero() {
            return Err("--duration 0 measures nothing".to_owned());
        }
        if self.timeout.is_zero() {
            return Err("--timeout 0 leaves no time to connect".to_owned());
        }
        if self.calibrate && self.address.is_some() && self.pid.is_none() {
            return Err("--calibrate takes the server's --pid".to_owned());
        }
        if self.hello.as_deref() == Some("") || self.expect.as_deref() == Some("") {
            return Err("--hello and --expect take words".to_owned());
        }
        let pace = match self.rate {
            Some(per_s) => Pace::Open { per_s },
            None => Pace::Closed {
                in_flight: self.pipeline,
            },
        };
        let baseline = self.compare.map(|address| Target {
            address: Some(address),
            pid: self.compare_pid,
        });
        Ok(Load {
            scenario,
            target: Target {
                address: self.address,
                pid: self.pid,
            },
            baseline,
            rounds: self.rounds,
            connections: self.connections,
            duration: self.duration,
            warmup: self.warmup,
            timeout: self.timeout,
            size_bytes: self.size,
            pace,
            connect_per_s: self.connect_rate,
            sources: self.source,
            idle: self.idle,
            slow: self.slow,
            churn_per_s: self.churn,
            hello: self.hello,
            expect: self.expect,
            calibrate: self.calibrate,
            server_options: self.server_options,
            output: Output {
                json: self.json,
                file: self.output,
                plot: self.plot,
                quiet: false,
            },
        })
    }
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1 is needed".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("not a whole number".to_owned()),
    }
}

/// `pidof` names several where several run.
fn process(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("'{text}' is not one process id")),
        Ok(pid) => Ok(pid),
    }
}

fn size(text: &str) -> Result<usize, String> {
    let bytes = units::parse_size(text)?;
    let (min, max) = (config::SIZE_BYTES_MIN, config::SIZE_BYTES_MAX);
    if bytes < min {
        return Err(format!(
            "the smallest is {min}: a message carries its sender, number, due time and checksum"
        ));
    }
    if bytes > max {
        return Err(format!("the largest is {max}"));
    }
    Ok(bytes)
}

/// `\r`, `\n`, `\t` and `\\` as in most languages; other backslashes are an error.
fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        plain.push(match chars.next() {
            Some('r') => '\r',
            Some('n') => '\n',
            Some('t') => '\t',
            Some('\\') => '\\',
            _ => return Err("a backslash goes before r, n, t or a backslash".to_owned()),
        });
    }
    Ok(plain)
}

#[cfg(test)]
mod tests;
