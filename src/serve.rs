//! `chinwag serve`: puts a service on a reactor, opens its listeners, and runs it.
//! The one place that knows both; what either does is theirs.

use std::cell::RefCell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use log::warn;

use crate::addr::{Address, Listen, Proto};
use crate::failure::CliError;
use crate::outbound::{self, Pace};
use crate::reactor::{self, Rate, Reactor, ServiceId, Taker};
use crate::service::{Figures, Service};
use crate::services::echo::Echo;
use crate::services::metrics::Metrics;
use crate::services::reply::Reply;
use crate::services::room::{self, Room};
use crate::signals;
use crate::tls::{Identity, TlsServer};
use transcript::Transcript;

mod descriptors;
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
mod transcript;
mod upgrade;

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
    fn limits(&self) -> reactor::Limits {
        reactor::Limits {
            max_clients: descriptors::max_clients(self.max_clients),
            max_clients_per_ip: self.max_clients_per_ip,
            message_rate: self.message_rate,
            max_message_bytes: self.max_message_bytes,
            idle_timeout: self.idle_timeout,
            first_message_timeout: self.first_message_timeout,
            grace: self.grace,
        }
    }

    fn send_buffer_bytes(&self) -> Option<usize> {
        match self.service {
            ServiceConfig::Room { .. } => Some(ROOM_SEND_BUFFER_BYTES),
            _ => None,
        }
    }

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
        /// Where all that is said is written down.
        transcript: Option<PathBuf>,
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

    /// Where all that is said is written down.
    fn transcript(&self) -> Option<&Path> {
        match self {
            Self::Room { transcript, .. } => transcript.as_deref(),
            _ => None,
        }
    }

    /// Whether clients have to say a password first.
    fn has_password(&self) -> bool {
        matches!(self, Self::Room { room, .. } if room.password.is_some())
    }
}

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
    let mut predecessor = upgrade::predecessor()?;
    let handed = systemd::take_sockets()?;
    let operator = match config.service {
        ServiceConfig::Console => Some(operator::OperatorConsole::find()?),
        _ => None,
    };
    let log = logging::start(operator.as_ref());
    let attempt = |error| CliError::runtime(format!("set up the poll: {error}"));
    let mut reactor = Reactor::new(config.limits()).map_err(attempt)?;
    let path = config.service.transcript();
    let transcript = path.map(|path| Transcript::open(path, config.user.as_deref()));
    let (transcript, before) = transcript.transpose()?.unzip();
    let written = transcript.as_ref().map(Transcript::handle).zip(before);
    let (service, log_bytes, pace) = service(&config.service, operator.as_ref(), written);
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
    if operator.is_none() {
        reactor.upgrade_by(upgrade::launch());
    }
    let (opened, metrics) = match &mut predecessor {
        Some(taker) => take_over(config, taker, &log, &mut reactor)?,
        None => (
            open_listeners(config, handed, &mut reactor, service)?,
            open_metrics(config, &log, &mut reactor)?,
        ),
    };
    // Its socket may be out of reach for another user.
    let manager = systemd::Manager::find();
    if let Some(user) = &config.user {
        privilege::become_user(user)?;
        if let Some(path) = config.service.transcript() {
            transcript::warn_if_it_cannot_be_made_anew(path);
        }
    }
    #[cfg(feature = "sandbox")]
    // Who goes on in another one's place is in its sandbox already.
    if config.sandbox && predecessor.is_none() {
        sandbox::enter(&opened, &config.reread_files(), &upgrade::program())?;
    }
    match predecessor {
        None => announce_all(config, &opened, metrics.as_ref(), operator.as_ref()),
        // Whoever wants to know where it listens has been told.
        Some(taker) => {
            let waited = taker.wait_for_go();
            waited.map_err(|error| upgrade::failure(&error.to_string()))?;
        }
    }
    if let Some(operator) = &operator {
        operator.forward_input(reactor.input(service))?;
    }
    if let Some(manager) = manager {
        manager.on_ready();
        reactor.set_supervisor(Box::new(manager));
    }
    let ended = reactor.run_to_the_end();
    let is_succeeded =
        ended.map_err(|error| CliError::runtime(format!("wait for events: {error}")))?;
    match is_succeeded && upgrade::is_first_process() {
        true => upgrade::outlive_successors(),
        false => Ok(()),
    }
}

/// Goes on with the clients and the listeners of the process before; returns the listeners, and where
/// the server tells how it does.
fn take_over(
    config: &Config,
    taker: &mut Taker,
    log: &logging::Log,
    reactor: &mut Reactor,
) -> Result<(Vec<Listen>, Option<Address>), CliError> {
    let taken = reactor.take_over(taker, config.send_buffer_bytes());
    let taken = taken.map_err(|why| upgrade::failure(&why))?;
    let metrics = taken.aside.map(|(listener, address)| {
        let served = reactor.serve_aside(listener, metrics_service(log));
        served.map(|()| address)
    });
    let metrics = metrics.transpose();
    let metrics = metrics.map_err(|error| upgrade::failure(&error.to_string()))?;
    Ok((taken.listeners, metrics))
}

/// Takes the listeners that were handed over, and opens those that are asked for.
fn open_listeners(
    config: &Config,
    handed: Vec<systemd::Handed>,
    reactor: &mut Reactor,
    service: ServiceId,
) -> Result<Vec<Listen>, CliError> {
    let send_buffer_bytes = config.send_buffer_bytes();
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
    let opened = reactor.listen_aside(asked, metrics_service(log));
    let fail = |error| CliError::runtime(format!("listen on {asked} for --metrics: {error}"));
    let address = opened.map_err(fail)?;
    if address.is_open_to_others() {
        warn!("metrics at {address} can be read from other machines");
    }
    Ok(Some(address))
}

/// Who tells how the server does, once its figures are there.
fn metrics_service(log: &logging::Log) -> impl FnOnce(Rc<RefCell<Figures>>) -> Box<dyn Service> {
    let dropped_lines = log.dropped_lines();
    |figures| Box::new(Metrics::new(figures, dropped_lines))
}

fn service(
    config: &ServiceConfig,
    operator: Option<&operator::OperatorConsole>,
    transcript: Option<(transcript::Handle, transcript::LastLines)>,
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
                ..
            },
            _,
        ) => {
            let mut room = Room::new(room.clone());
            let handle = transcript.as_ref().map(|(handle, _)| handle.clone());
            if let Some(read) = files.reader(handle) {
                room = room.with_files(read);
            }
            if let Some((handle, before)) = transcript {
                room = room.with_past(before).with_transcript(Box::new(handle));
            }
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

/// Says where clients may come now.
fn announce_all(
    config: &Config,
    opened: &[Listen],
    metrics: Option<&Address>,
    operator: Option<&operator::OperatorConsole>,
) {
    for listener in opened {
        announce(&listener.to_string(), operator);
        if listener.address.is_open_to_others() && !config.service.has_password() {
            warn!("{listener} can be reached from other machines, without a password");
        }
    }
    if let Some(address) = metrics {
        announce(&format!("metrics:{address}"), operator);
    }
}

/// Where a path's file stands.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Says that clients may come to one now. Nobody has to listen to it.
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
