//! `chinwag serve`: puts a service on a reactor, opens its listeners, and runs it.
//! The one place that knows both; what either does is theirs.

use std::io::Write;
#[cfg(feature = "sandbox")]
use std::path::Path;
use std::time::Duration;

use log::warn;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::addr::{Address, Listen, Proto};
use crate::failure::CliError;
use crate::outbound::{self, Pace};
use crate::reactor::{self, Rate, Reactor, ServiceId};
use crate::service::Service;
use crate::services::echo::Echo;
use crate::services::metrics::Metrics;
use crate::services::reply::Reply;
use crate::services::room::{self, Room};
use crate::signals;
use crate::tls::{Identity, TlsServer};

pub(crate) mod listeners;
mod logging;
pub(crate) mod motd;
mod operator;
pub(crate) mod password;
mod privilege;
mod room_files;
#[cfg(feature = "sandbox")]
mod sandbox;
pub(crate) mod systemd;

pub use room_files::RoomFiles;

/// What `serve` was asked to do.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where clients come in, beside the sockets that systemd has handed over; at least one if it
    /// has not.
    pub listen: Vec<Listen>,
    /// The certificate of those that speak TLS.
    pub tls: Option<Identity>,
    /// From pages of which other origins the WebSocket may be used.
    pub allowed_origins: Vec<String>,
    /// Each client comes through a proxy, which says first where it comes from.
    pub is_proxied: bool,
    /// Where the server tells how it does.
    pub metrics: Option<Address>,
    /// What is said to them.
    pub service: ServiceConfig,
    /// How many may be here at once; `None`: as many as descriptors allow.
    pub max_clients: Option<usize>,
    /// How many of them may come from one IP address.
    pub max_clients_per_ip: Option<usize>,
    /// How many messages a second are taken from each.
    pub message_rate: Option<Rate>,
    /// The largest message, in bytes.
    pub max_message_bytes: usize,
    /// What a client may be owed outside of a room's log, in bytes.
    pub max_pending_bytes: usize,
    /// A client that sends nothing for so long is closed.
    pub idle_timeout: Option<Duration>,
    /// A client that has not said its first message for so long is closed.
    pub first_message_timeout: Option<Duration>,
    /// How long the end may take.
    pub grace: Duration,
    /// Whom to be once the listeners are open.
    pub user: Option<String>,
    /// Whether to give up files and new listeners once these are open.
    #[cfg(feature = "sandbox")]
    pub sandbox: bool,
}

impl Config {
    /// What is read anew at SIGHUP.
    #[cfg(feature = "sandbox")]
    fn reread_files(&self) -> Vec<&Path> {
        let mut files = Vec::new();
        if let Some(Identity::Files { certificate, key }) = &self.tls {
            files.extend([certificate.as_path(), key]);
        }
        if let ServiceConfig::Room { files: room, .. } = &self.service {
            files.extend(room.paths());
        }
        files
    }
}

/// Which service, and how.
#[derive(Debug, Clone)]
pub enum ServiceConfig {
    /// Answers once with a text and hangs up.
    Reply {
        /// The answer.
        text: String,
        /// The server ends after its first client.
        once: bool,
    },
    /// The operator at the server answers.
    Console,
    /// The same bytes back.
    Echo,
    /// A group chat.
    Room {
        /// How it behaves.
        room: room::Config,
        /// What of that comes from files, to be read anew at SIGHUP.
        files: RoomFiles,
        /// Memory of its log, in bytes.
        log_bytes: usize,
        /// Whether it is paced when large and busy.
        pace: Pace,
    },
}

impl ServiceConfig {
    /// What is spoken on a listener that says nothing else.
    #[must_use]
    pub fn proto(&self) -> Proto {
        match self {
            Self::Room { .. } => Proto::Auto,
            _ => Proto::Lines,
        }
    }

    /// Whether clients have to say a password first.
    fn has_password(&self) -> bool {
        matches!(self, Self::Room { room, .. } if room.password.is_some())
    }
}

/// Descriptors kept for everything that is no client: the poll, signals, listeners, streams.
const RESERVED_DESCRIPTORS: usize = 32;

/// What the kernel keeps for a room's member that does not read, as asked of it; it doubles that.
/// Beyond it the log keeps what is owed, once for all.
const ROOM_SEND_BUFFER_BYTES: usize = 64 * 1024;

/// A room's member that is owed so much outside of the log is not read from: a thousand who ask and
/// do not read would else cost a gigabyte.
const ROOM_ANSWERS_BYTES: usize = 16 * 1024;

/// Services that keep nothing in a log need none to speak of.
const NO_LOG_BYTES: usize = 4096;

/// Serves until a signal, or the service, ends it.
///
/// # Errors
/// One line: what could not be opened, and why.
pub fn run(config: &Config) -> Result<(), CliError> {
    // Before any thread is started, which would inherit the mask.
    signals::unblock(&signals::HANDLED);
    let handed = systemd::take_sockets()?;
    let operator = match config.service {
        ServiceConfig::Console => Some(operator::OperatorConsole::find()?),
        _ => None,
    };
    let log = logging::start(operator.as_ref());
    let limits = reactor::Limits {
        max_clients: max_clients(config.max_clients),
        max_clients_per_ip: config.max_clients_per_ip,
        message_rate: config.message_rate,
        max_message_bytes: config.max_message_bytes,
        idle_timeout: config.idle_timeout,
        first_message_timeout: config.first_message_timeout,
        grace: config.grace,
    };
    let attempt = |error| CliError::runtime(format!("set up the poll: {error}"));
    let mut reactor = Reactor::new(limits).map_err(attempt)?;
    let (service, log_bytes, pace) = service(&config.service, operator.as_ref());
    let limits = outbound::Limits {
        log_bytes,
        max_pending_bytes: config.max_pending_bytes,
        high_water_bytes: match config.service {
            ServiceConfig::Room { .. } => ROOM_ANSWERS_BYTES,
            _ => config.max_pending_bytes,
        },
        pace,
    };
    let service = reactor.add_service(service, limits);
    reactor.allow_origins(config.allowed_origins.clone());
    if config.is_proxied {
        reactor.expect_proxy();
    }
    if let Some(identity) = &config.tls {
        reactor.set_tls(TlsServer::new(identity, &names(&config.listen))?);
    }
    let opened = open_listeners(config, handed, &mut reactor, service)?;
    let metrics = open_metrics(config, &log, &mut reactor)?;
    // Its socket may be out of reach for another user.
    let manager = systemd::Manager::find();
    if let Some(user) = &config.user {
        privilege::become_user(user)?;
    }
    #[cfg(feature = "sandbox")]
    if config.sandbox {
        sandbox::enter(&opened, &config.reread_files())?;
    }
    for listener in &opened {
        announce(&listener.to_string(), operator.as_ref());
        if listener.address.is_open_to_others() && !config.service.has_password() {
            warn!("{listener} can be reached from other machines, without a password");
        }
    }
    if let Some(address) = metrics {
        announce(&format!("metrics:{address}"), operator.as_ref());
    }
    if let Some(operator) = &operator {
        operator.forward_input(reactor.input(service))?;
    }
    if let Some(manager) = manager {
        manager.on_ready();
        reactor.set_supervisor(Box::new(manager));
    }
    reactor
        .run()
        .map_err(|error| CliError::runtime(format!("wait for events: {error}")))
}

/// Takes the listeners that were handed over, and opens those that are asked for.
fn open_listeners(
    config: &Config,
    handed: Vec<systemd::Handed>,
    reactor: &mut Reactor,
    service: ServiceId,
) -> Result<Vec<Listen>, CliError> {
    let send_buffer_bytes = match config.service {
        ServiceConfig::Room { .. } => Some(ROOM_SEND_BUFFER_BYTES),
        _ => None,
    };
    let mut opened = Vec::new();
    for (proto, socket) in handed {
        let spoken = proto.unwrap_or(config.service.proto());
        let attempt =
            |error| CliError::runtime(format!("listen on a socket of systemd's: {error}"));
        let address = reactor.adopt(socket, spoken, service, send_buffer_bytes);
        let address = address.map_err(attempt)?;
        let listener = Listen { proto, address };
        listeners::check(&listener, &config.service, config.tls.is_some())?;
        opened.push(listener);
    }
    for asked in &config.listen {
        let proto = asked.proto.unwrap_or(config.service.proto());
        let open =
            |address: &Address| reactor.listen_for(address, proto, service, send_buffer_bytes);
        opened.extend(listeners::open_all(asked, open)?);
    }
    Ok(opened)
}

/// Listens where the server tells how it does; returns the real address.
fn open_metrics(
    config: &Config,
    log: &logging::Log,
    reactor: &mut Reactor,
) -> Result<Option<Address>, CliError> {
    let Some(asked) = &config.metrics else {
        return Ok(None);
    };
    let dropped_lines = log.dropped_lines();
    let service = |figures| Box::new(Metrics::new(figures, dropped_lines)) as Box<dyn Service>;
    let opened = reactor.listen_aside(asked, service);
    let fail = |error| CliError::runtime(format!("listen on {asked} for --metrics: {error}"));
    let address = opened.map_err(fail)?;
    if address.is_open_to_others() {
        warn!("metrics at {address} can be read from other machines");
    }
    Ok(Some(address))
}

fn service(
    config: &ServiceConfig,
    operator: Option<&operator::OperatorConsole>,
) -> (Box<dyn Service>, usize, Pace) {
    match (config, operator) {
        (ServiceConfig::Reply { text, once }, _) => (
            Box::new(Reply::new(text.as_str(), *once)),
            NO_LOG_BYTES,
            Pace::Off,
        ),
        (
            ServiceConfig::Room {
                room,
                files,
                log_bytes,
                pace,
            },
            _,
        ) => {
            let room = Room::new(room.clone());
            let room = match files.reader() {
                Some(read) => room.with_files(read),
                None => room,
            };
            (Box::new(room), *log_bytes, *pace)
        }
        (ServiceConfig::Console, Some(operator)) => (operator.console(), NO_LOG_BYTES, Pace::Off),
        (ServiceConfig::Echo | ServiceConfig::Console, _) => {
            (Box::new(Echo), NO_LOG_BYTES, Pace::Off)
        }
    }
}

/// What clients may call this machine: its own name, and those that it listens on.
fn names(listen: &[Listen]) -> Vec<String> {
    let uname = rustix::system::uname();
    let own = uname.nodename().to_string_lossy().into_owned();
    let hosts = listen
        .iter()
        .filter_map(|listener| match &listener.address {
            Address::Tcp { host, .. } => Some(host.clone()),
            Address::Any { .. } | Address::Unix(_) => None,
        });
    hosts.chain([own]).collect()
}

/// Says that clients may come now. Nobody has to listen to it.
fn announce(listener: &str, operator: Option<&operator::OperatorConsole>) {
    let line = format!("listening on {listener}");
    match operator {
        Some(operator) => operator.print(&line),
        None => {
            let mut stdout = std::io::stdout().lock();
            let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
        }
    }
}

/// Raises the descriptor limit as far as it goes; returns how many clients there is room for, at
/// most as many as are wanted.
fn max_clients(wanted: Option<usize>) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    let limit = limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    let room = limit.saturating_sub(RESERVED_DESCRIPTORS).max(1);
    if let Some(wanted) = wanted
        && wanted > room
    {
        warn!(
            "--max-clients {wanted}: only {room} fit under the descriptor limit of {limit} (see ulimit -n)"
        );
    }
    wanted.unwrap_or(room).min(room)
}
