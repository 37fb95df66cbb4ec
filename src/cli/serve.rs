//! The arguments of `chinwag serve`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::addr::{self, Address};
use crate::failure::Failure;
use crate::outbound::Pace;
use crate::reactor::Rate;
use crate::serve::{Config, ServiceConfig};
use crate::services::room::{self, Notices};
use crate::units::{parse_duration, parse_size, parse_timeout};
use crate::wire::Framing;

/// Start a server: a group chat, or one of three simpler services
#[derive(Args)]
pub(super) struct Arguments {
    /// What the server says
    #[arg(value_enum, default_value_t = Service::Room)]
    service: Service,

    /// Listen here: HOST:PORT, [v6]:PORT, :PORT (every interface), PORT or unix:PATH; may be
    /// given several times
    #[arg(short, long, value_name = "ADDR", default_value = addr::DEFAULT)]
    listen: Vec<Address>,

    /// Serve at most so many clients at once; further ones wait [default: what the descriptor
    /// limit allows, less 32]
    #[arg(long, value_name = "N", value_parser = parse_count)]
    max_clients: Option<usize>,

    /// Serve at most so many clients from one IP address; further ones are turned away
    #[arg(long, value_name = "N", value_parser = parse_count)]
    max_clients_per_ip: Option<usize>,

    /// Take at most so many messages a second from each client, and BURST at once [default of
    /// BURST: 8, or N if that is more]; what is more waits
    #[arg(long, value_name = "N/s[:BURST]", value_parser = parse_rate)]
    message_rate: Option<Rate>,

    /// Close a client that has not said its first message for so long
    #[arg(long, value_name = "DURATION", value_parser = parse_idle)]
    first_line_timeout: Option<Idle>,

    /// The largest message, in bytes
    #[arg(long, value_name = "SIZE", default_value = "1024", value_parser = parse_message_size)]
    max_message: usize,

    /// What a client may be owed outside of a room's log; over it, it is not read from
    #[arg(long, value_name = "SIZE", default_value = "1m", value_parser = parse_message_size)]
    max_pending: usize,

    /// Close a client that sends nothing for so long, or 'off' [default: off; reply: 30s]
    #[arg(long, value_name = "DURATION", value_parser = parse_idle)]
    idle_timeout: Option<Idle>,

    /// How long the server's end may take, to send what is owed
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    grace: Duration,

    /// Be this user once the listeners are open
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// Once the listeners are open: open no file and no other listener any more (Landlock)
    #[arg(long)]
    sandbox: bool,

    #[command(flatten)]
    reply: ReplyArguments,

    #[command(flatten)]
    room: RoomArguments,
}

#[derive(Args)]
#[command(next_help_heading = "For reply")]
struct ReplyArguments {
    /// The answer, to the byte [default: thank you !]
    #[arg(long)]
    text: Option<String>,

    /// End after the first client
    #[arg(long)]
    once: bool,
}

#[derive(Args)]
#[command(next_help_heading = "For a room")]
struct RoomArguments {
    /// What a message is: lines, what was sent before 200 ms of quiet, or the latter until a
    /// client's first newline [default: auto]
    #[arg(long, value_enum)]
    framing: Option<FramingChoice>,

    /// Lines of the conversation replayed to who joins [default: 20]
    #[arg(long, value_name = "N")]
    history: Option<usize>,

    /// How joins and leaves are told; auto: one by one up to 50 members, then summed up once a
    /// second [default: auto]
    #[arg(long, value_enum)]
    notices: Option<NoticesChoice>,

    /// Merge messages for each member of a large, busy room [default: auto]
    #[arg(long, value_enum)]
    pace: Option<PaceChoice>,

    /// Memory of the room's log; a member that falls further behind is disconnected
    /// [default: 16m]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    log_size: Option<usize>,

    /// Lines told to who joins, or the file that has them
    #[arg(long, value_name = "TEXT|@FILE")]
    motd: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Service {
    Room,
    Console,
    Echo,
    Reply,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FramingChoice {
    Auto,
    Line,
    Raw,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum NoticesChoice {
    Auto,
    On,
    Off,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PaceChoice {
    Auto,
    Off,
}

/// An idle timeout that was given, `off` included.
#[derive(Debug, Clone, Copy)]
struct Idle(Option<Duration>);

const REPLY_TEXT: &str = "thank you !";
const REPLY_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const LOG_BYTES: usize = 16 << 20;
const LEAST_LOG_BYTES: usize = 64 << 10;
/// A pasted paragraph is no flood.
const LEAST_BURST: u32 = 8;
const HISTORY_LINES: usize = 20;

/// A message grows at most this much on its way into the log: each byte may become U+FFFD, and a
/// nick stands before it.
const LARGEST_GROWTH: usize = 3;
const NICK_ROOM_BYTES: usize = 64;

impl Arguments {
    /// Checks what belongs to what.
    pub(super) fn into_config(self) -> Result<Config, Failure> {
        let service = match self.service {
            Service::Reply => {
                self.room.refuse("reply")?;
                self.reply.into_service()
            }
            Service::Echo | Service::Console => {
                let name = if self.service == Service::Echo {
                    "echo"
                } else {
                    "console"
                };
                self.reply.refuse(name)?;
                self.room.refuse(name)?;
                match self.service {
                    Service::Echo => ServiceConfig::Echo,
                    _ => ServiceConfig::Console,
                }
            }
            Service::Room => {
                self.reply.refuse("room")?;
                self.room.into_service(self.max_message)?
            }
        };
        let idle_timeout = match (self.idle_timeout, self.service) {
            (Some(Idle(timeout)), _) => timeout,
            (None, Service::Reply) => Some(REPLY_IDLE_TIMEOUT),
            (None, _) => None,
        };
        Ok(Config {
            listen: self.listen,
            service,
            max_clients: self.max_clients,
            max_clients_per_ip: self.max_clients_per_ip,
            message_rate: self.message_rate,
            first_message_timeout: self.first_line_timeout.and_then(|Idle(timeout)| timeout),
            max_message_bytes: self.max_message,
            max_pending_bytes: self.max_pending,
            idle_timeout,
            grace: self.grace,
            user: self.user,
            sandbox: self.sandbox,
        })
    }
}

impl ReplyArguments {
    fn into_service(self) -> ServiceConfig {
        ServiceConfig::Reply {
            text: self.text.unwrap_or_else(|| REPLY_TEXT.to_owned()),
            once: self.once,
        }
    }

    fn refuse(&self, service: &str) -> Result<(), Failure> {
        let given = [("--text", self.text.is_some()), ("--once", self.once)];
        refuse_given(&given, "reply", service)
    }
}

impl RoomArguments {
    fn into_service(self, max_message_bytes: usize) -> Result<ServiceConfig, Failure> {
        let log_bytes = self.log_size.unwrap_or(LOG_BYTES);
        let least = LEAST_LOG_BYTES.max(4 * (LARGEST_GROWTH * max_message_bytes + NICK_ROOM_BYTES));
        if log_bytes < least {
            let unit = if least < 16 << 20 { 1 << 10 } else { 1 << 20 };
            return Err(Failure::usage(format!(
                "--log-size {}: with --max-message {} it must be at least {}",
                as_typed(log_bytes),
                as_typed(max_message_bytes),
                as_typed(least.next_multiple_of(unit)),
            )));
        }
        Ok(ServiceConfig::Room {
            room: room::Config {
                framing: match self.framing {
                    None | Some(FramingChoice::Auto) => Framing::Auto,
                    Some(FramingChoice::Line) => Framing::Line,
                    Some(FramingChoice::Raw) => Framing::Raw,
                },
                history_lines: self.history.unwrap_or(HISTORY_LINES),
                notices: match self.notices {
                    None | Some(NoticesChoice::Auto) => Notices::Auto,
                    Some(NoticesChoice::On) => Notices::On,
                    Some(NoticesChoice::Off) => Notices::Off,
                },
                motd: self.motd.as_deref().map_or(Ok(Vec::new()), read_motd)?,
                max_message_bytes,
            },
            log_bytes,
            pace: match self.pace {
                None | Some(PaceChoice::Auto) => Pace::Auto,
                Some(PaceChoice::Off) => Pace::Off,
            },
        })
    }

    fn refuse(&self, service: &str) -> Result<(), Failure> {
        let given = [
            ("--framing", self.framing.is_some()),
            ("--history", self.history.is_some()),
            ("--notices", self.notices.is_some()),
            ("--pace", self.pace.is_some()),
            ("--log-size", self.log_size.is_some()),
            ("--motd", self.motd.is_some()),
        ];
        refuse_given(&given, "room", service)
    }
}

fn refuse_given(given: &[(&str, bool)], owner: &str, service: &str) -> Result<(), Failure> {
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => Err(Failure::usage(format!(
            "{option} is an option of 'serve {owner}', not of 'serve {service}'"
        ))),
        None => Ok(()),
    }
}

/// The lines of a message of the day, sanitized: it comes from a file that anybody may have
/// edited.
fn read_motd(text: &str) -> Result<Vec<String>, Failure> {
    let bytes = match text.strip_prefix('@') {
        Some("") => return Err(Failure::usage("--motd @: a file is missing after '@'")),
        Some(path) => std::fs::read(path)
            .map_err(|error| Failure::runtime(format!("read --motd from {path}: {error}")))?,
        None => text.as_bytes().to_vec(),
    };
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines();
    Ok(lines
        .map(|line| crate::sanitize::sanitize(line.as_bytes()).into_owned())
        .collect())
}

/// A size as people type it, in bytes where no suffix fits.
fn as_typed(bytes: usize) -> String {
    let units = [(1 << 30, 'g'), (1 << 20, 'm'), (1 << 10, 'k')];
    let fits = |(unit, _): &(usize, char)| bytes >= *unit && bytes.is_multiple_of(*unit);
    match units.into_iter().find(fits) {
        Some((unit, suffix)) => format!("{}{suffix}", bytes / unit),
        None => bytes.to_string(),
    }
}

fn parse_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err(format!("'{text}' is not a whole number")),
    }
}

/// `N/s`, `N/s:BURST` or a bare `N`.
fn parse_rate(text: &str) -> Result<Rate, String> {
    let (rate, burst) = match text.split_once(':') {
        Some((rate, burst)) => (rate, Some(burst)),
        None => (text, None),
    };
    let count = |text: &str| match text.parse::<u32>() {
        Ok(0) => Err("at least 1".to_owned()),
        Ok(count) if count <= 1_000_000 => Ok(count),
        Ok(_) => Err("at most 1000000".to_owned()),
        Err(_) => Err(format!("'{text}' is not a whole number")),
    };
    let per_s = count(rate.strip_suffix("/s").unwrap_or(rate))?;
    let burst = burst.map_or(Ok(per_s.max(LEAST_BURST)), count)?;
    Ok(Rate { per_s, burst })
}

fn parse_message_size(text: &str) -> Result<usize, String> {
    match parse_size(text)? {
        0 => Err("at least 1".to_owned()),
        bytes if bytes > 16 << 20 => Err("at most 16m".to_owned()),
        bytes => Ok(bytes),
    }
}

fn parse_idle(text: &str) -> Result<Idle, String> {
    parse_timeout(text).map(Idle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        serve: Arguments,
    }

    /// Why a command line is refused.
    fn refusal(arguments: &[&str]) -> String {
        let line = Line::try_parse_from([&["serve"], arguments].concat());
        let failure = line.ok().unwrap().serve.into_config().unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        failure.to_string()
    }

    #[test]
    fn sizes_are_told_as_they_are_typed() {
        for (log, message, least) in [
            ("64m", "16m", "193m"),
            ("65535", "1k", "64k"),
            ("1m", "100000", "1173k"),
        ] {
            let told = refusal(&["--log-size", log, "--max-message", message]);
            let expected = format!("with --max-message {message} it must be at least {least}");
            assert_eq!(told, format!("--log-size {log}: {expected}"));
        }
    }

    #[test]
    fn a_message_of_the_day_from_nowhere_is_refused() {
        let told = "--motd @: a file is missing after '@'";
        assert_eq!(refusal(&["--motd", "@"]), told);
    }
}
