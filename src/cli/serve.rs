//! The arguments of `chinwag serve`: a subcommand for each service, so that each has the options
//! that it knows and no others.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};

use crate::addr::{self, Listen};
use crate::failure::CliError;
use crate::outbound::Pace;
use crate::reactor::Rate;
use crate::serve::systemd::has_sockets;
use crate::serve::{Config, RoomFiles, ServiceConfig, motd, password, room_files};
use crate::services::room::{self, Notices};
use crate::units::{parse_duration, parse_size, whole};
use crate::wire::Framing;

mod bounds;
#[cfg(feature = "hub")]
mod hub;
pub(super) mod name_first;
mod operation;
#[cfg(test)]
mod tests;
mod tls;
mod values;

use operation::OperationOptions;
use tls::TlsOptions;
use values::{Timeout, parse_message_size, parse_origin, parse_rate, parse_room};

/// Lines; a newcomer gets them all at once.
const HISTORY_MAX_LINES: u64 = 10_000;

const ROOM_LISTEN: &str = "Listen on this address: HOST:PORT, [v6]:PORT, :PORT (every interface), \
    PORT (loopback) or unix:PATH; a name stands for all its addresses. PROTO: what is spoken there: \
    auto (the default: what a client sends first decides), lines, tls, http, https, irc or ircs. Can \
    be given several times. Where systemd hands sockets over, nothing else is listened on unless \
    asked for [default: 127.0.0.1:7788]";
const ROOM_MAX_CLIENTS: &str = "Serve at most N clients at once; further ones are told so and turned \
    away [default: the descriptor limit less 32]";
const ROOM_MAX_PENDING: &str = "Bytes that may wait to be sent to one client, besides the room's log; \
    a client over it is not read from; at most 16m";

/// Start a server: a room for a group chat, unless another service is named
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    override_usage = "chinwag serve [SERVICE] [OPTIONS]",
    subcommand_help_heading = "Services",
    subcommand_value_name = "SERVICE"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    service: Option<Service>,

    #[command(flatten)]
    room: RoomArguments,
}

#[derive(Subcommand)]
enum Service {
    /// A group chat: each line goes to all the others
    Room(Box<RoomArguments>),
    /// The operator answers each client from the server's own terminal, or by a script
    Console(CommonArguments),
    /// Each client gets back what it sends
    Echo(CommonArguments),
    /// Answer each client once, and hang up
    #[command(mut_arg("idle_timeout", |arg| arg.default_value("30s")))]
    Reply(ReplyArguments),
}

/// What every service takes.
#[derive(Args)]
struct CommonArguments {
    /// Listen on this address: HOST:PORT, [v6]:PORT, :PORT (every interface), PORT (loopback) or
    /// unix:PATH; a name stands for all its addresses. PROTO: what is spoken there, lines (the
    /// default) or tls. Can be given several times. Where systemd hands sockets over, nothing else
    /// is listened on unless asked for [default: 127.0.0.1:7788]
    #[arg(short, long, value_name = "[PROTO:]ADDR")]
    listen: Vec<Listen>,

    /// Serve at most N clients at once; further ones wait [default: the descriptor limit less 32]
    #[arg(long, value_name = "N", value_parser = whole::<usize>(1..=u64::MAX))]
    max_clients: Option<usize>,

    /// Serve at most N clients from one IP address (IPv6: from one /64); turn further ones away
    #[arg(long, value_name = "N", value_parser = whole::<usize>(1..=u64::MAX))]
    max_clients_per_ip: Option<usize>,

    /// Take at most N messages a second from each client, and BURST at once [default of BURST: 8,
    /// or N if that is more]; further messages wait
    #[arg(long, value_name = "N/s[:BURST]", value_parser = parse_rate)]
    message_rate: Option<Rate>,

    /// Close a client that has sent no message this long after it came
    #[arg(long, value_name = "DURATION", default_value = "off")]
    first_line_timeout: Timeout,

    /// Largest message, in bytes; at most 16m
    #[arg(long, value_name = "SIZE", default_value = "1024", value_parser = parse_message_size)]
    max_message: usize,

    /// Bytes that may wait to be sent to one client; a client over it is not read from; at most 16m
    #[arg(long, value_name = "SIZE", default_value = "1m", value_parser = parse_message_size)]
    max_pending: usize,

    /// Close a client that has sent nothing for this long
    #[arg(long, value_name = "DURATION", default_value = "off")]
    idle_timeout: Timeout,

    /// How long the server may take, when it ends, to send what clients are owed
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    grace: Duration,

    /// Every client comes through a proxy that says first where it comes from (PROXY protocol,
    /// version 1 or 2); close those that do not
    #[arg(long)]
    proxy_protocol: bool,

    #[command(flatten)]
    operation: OperationOptions,

    #[command(flatten)]
    tls: TlsOptions,
}

#[derive(Args)]
struct ReplyArguments {
    #[command(flatten)]
    common: CommonArguments,

    /// Send this text, and nothing added to it
    #[arg(long, default_value = "thank you !", help_heading = "Options of reply")]
    text: String,

    /// Exit after the first client
    #[arg(long, help_heading = "Options of reply")]
    once: bool,
}

/// Of what every service takes, some is more in a room.
#[derive(Args)]
#[command(
    mut_arg("listen", |arg| arg.help(ROOM_LISTEN)),
    mut_arg("max_clients", |arg| arg.help(ROOM_MAX_CLIENTS)),
    mut_arg("max_pending", |arg| arg.help(ROOM_MAX_PENDING))
)]
struct RoomArguments {
    #[command(flatten)]
    common: CommonArguments,

    #[command(flatten)]
    room: RoomOptions,

    #[cfg(feature = "hub")]
    #[command(flatten)]
    hub: hub::HubOptions,
}

#[derive(Args)]
#[command(next_help_heading = "Options of a room")]
struct RoomOptions {
    /// What a message is: a line; or, with 'raw', what was sent before 200 ms of silence; or, with
    /// 'auto', raw until the client's first newline, then a line
    #[arg(long, value_enum, default_value_t = Framing::Auto)]
    framing: Framing,

    /// Replay this many lines of the conversation to each newcomer; at most 10000
    #[arg(long, value_name = "N", default_value = "20",
          value_parser = whole::<usize>(0..=HISTORY_MAX_LINES))]
    history: usize,

    /// How to tell joins and leaves; 'auto': one by one up to 50 members, then summed up once a
    /// second
    #[arg(long, value_enum, default_value_t = Notices::Auto)]
    notices: Notices,

    /// Whether a large, busy room merges several messages into one write
    #[arg(long, value_enum, default_value_t = Pace::Auto)]
    pace: Pace,

    /// Memory of the room's log; a member that falls further behind is disconnected
    #[arg(long, value_name = "SIZE", default_value = "16m", value_parser = parse_size)]
    log_size: usize,

    /// Keep a room of this name, also when nobody is in it. Can be given several times
    #[arg(long = "room", value_name = "NAME", value_parser = parse_room)]
    rooms: Vec<String>,

    /// At most N rooms beside the lobby, kept ones included; at most 10000
    #[arg(long, value_name = "N", default_value = "64",
          value_parser = whole::<u16>(0..=u64::from(room::MAX_ROOMS)))]
    max_rooms: u16,

    /// Tell each newcomer this text, or what this file holds, read anew at SIGHUP; at most 16k
    #[arg(long, value_name = "TEXT|@FILE")]
    motd: Option<String>,

    /// Let who says the password in this file's first line by /op kick, ban and mute others; read
    /// anew at SIGHUP
    #[arg(long, value_name = "FILE")]
    operator_password_file: Option<PathBuf>,

    /// Keep what is to outlast the server, whom operators have banned, in a file in this folder,
    /// which is made if there is none
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,

    /// Let pages of this origin, as https://example.org, join by WebSocket, beside the server's
    /// own. Can be given several times
    #[arg(long, value_name = "ORIGIN", value_parser = parse_origin)]
    allow_origin: Vec<String>,

    /// Let in only who says the password first, the first line of this file, read anew at SIGHUP; at
    /// most 512 bytes
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// Append all that is said to this file, a JSON object a line, opened anew at SIGHUP; what it
    /// holds at the start is the history
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
}

impl Arguments {
    /// What is asked for, if it does not contradict itself.
    ///
    /// # Errors
    /// A usage [`CliError`] of one line, or a runtime one if the file of `--motd` cannot be read.
    pub(super) fn into_config(self) -> Result<Config, CliError> {
        match self
            .service
            .unwrap_or_else(|| Service::Room(Box::new(self.room)))
        {
            Service::Room(arguments) => {
                let arguments = *arguments;
                let (common, room) = (arguments.common, arguments.room);
                let allowed_origins = room.allow_origin.clone();
                let state = room.state.clone();
                let service = room.into_service(common.max_message)?;
                let config = common.into_config(service)?;
                Ok(Config {
                    allowed_origins,
                    state,
                    #[cfg(feature = "hub")]
                    hub: arguments.hub.into_config()?,
                    ..config
                })
            }
            Service::Console(common) => common.into_config(ServiceConfig::Console),
            Service::Echo(common) => common.into_config(ServiceConfig::Echo),
            Service::Reply(ReplyArguments { common, text, once }) => {
                common.into_config(ServiceConfig::Reply { text, once })
            }
        }
    }
}

impl CommonArguments {
    fn into_config(self, service: ServiceConfig) -> Result<Config, CliError> {
        let mut listen = self.listen;
        if listen.is_empty() && !has_sockets() {
            listen.push(addr::DEFAULT.parse().map_err(CliError::usage)?);
        }
        Ok(Config {
            tls: self.tls.identity_for(&listen, &service)?,
            listen,
            allowed_origins: Vec::new(),
            state: None,
            #[cfg(feature = "hub")]
            hub: None,
            is_proxied: self.proxy_protocol,
            service,
            max_clients: self.max_clients,
            max_clients_per_ip: self.max_clients_per_ip,
            message_rate: self.message_rate,
            first_message_timeout: self.first_line_timeout.0,
            max_message_bytes: self.max_message,
            max_pending_bytes: self.max_pending,
            idle_timeout: self.idle_timeout.0,
            grace: self.grace,
            metrics: self.operation.metrics,
            user: self.operation.user,
            #[cfg(feature = "sandbox")]
            sandbox: self.operation.sandbox,
        })
    }
}

impl RoomOptions {
    fn into_service(self, max_message_bytes: usize) -> Result<ServiceConfig, CliError> {
        bounds::check_log_size(self.log_size, max_message_bytes)?;
        bounds::check_rooms(&self.rooms, self.max_rooms)?;
        Ok(ServiceConfig::Room {
            files: RoomFiles {
                motd: self.motd.as_deref().and_then(motd::file).map(Into::into),
                password: self.password_file.clone(),
                operator_password: self.operator_password_file.clone(),
            },
            room: Box::new(room::Config {
                framing: self.framing,
                history_lines: self.history,
                notices: self.notices,
                motd: self.motd.as_deref().map_or(Ok(Vec::new()), motd::read)?,
                max_message_bytes,
                kept_rooms: self.rooms,
                max_rooms: self.max_rooms,
                password: password::read_if(self.password_file.as_deref(), room_files::PASSWORD)?,
                operator_password: password::read_if(
                    self.operator_password_file.as_deref(),
                    room_files::OPERATOR_PASSWORD,
                )?,
                wall_clock: SystemTime::now,
            }),
            log_bytes: self.log_size,
            pace: self.pace,
            transcript: self.transcript,
        })
    }
}
