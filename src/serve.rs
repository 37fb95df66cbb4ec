//! `chinwag serve`: puts a service on a reactor, opens its listeners, and runs it.
//! The one place that knows both; what either does is theirs.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use log::info;

use crate::addr::{Address, Listen, Proto};
use crate::failure::CliError;
#[cfg(feature = "hub")]
use crate::hub::HubConfig;
use crate::outbound::{self, Pace};
use crate::reactor::{self, Rate, Reactor};
use crate::services::room;
use crate::signals;
use crate::tls::{Identity, TlsServer};
use listening::Listening;
use transcript::{LastLines, Transcript};

mod descriptors;
#[cfg(feature = "hub")]
mod hub;
pub(crate) mod listeners;
mod listening;
mod logging;
pub(crate) mod motd;
mod operator;
pub(crate) mod password;
mod privilege;
pub(crate) mod room_files;
#[cfg(feature = "sandbox")]
mod sandbox;
mod services;
mod state;
pub(crate) mod systemd;
mod transcript;
mod upgrade;

use state::State;

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
    /// The folder of what outlasts the server.
    pub state: Option<PathBuf>,
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
    /// The hub through which the room is one with those of other machines.
    #[cfg(feature = "hub")]
    pub(crate) hub: Option<HubConfig>,
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

    fn outbound_limits(&self, log_bytes: usize, pace: Pace) -> outbound::Limits {
        outbound::Limits {
            log_bytes,
            max_pending_bytes: self.max_pending_bytes,
            high_water_bytes: match self.service {
                ServiceConfig::Room { .. } => ROOM_ANSWERS_BYTES,
                _ => self.max_pending_bytes,
            },
            pace,
        }
    }

    fn send_buffer_bytes(&self) -> Option<usize> {
        match self.service {
            ServiceConfig::Room { .. } => Some(ROOM_SEND_BUFFER_BYTES),
            _ => None,
        }
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
        room: Box<room::Config>,
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

    /// What may be spoken on its listeners.
    fn protos(&self) -> &'static [Proto] {
        match self {
            Self::Room { .. } => &Proto::ALL,
            _ => &[Proto::Lines, Proto::Tls],
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
    let (transcript, before) = open_transcript(config, predecessor.is_some())?;
    let state = config.state.as_deref().map(State::open).transpose()?;
    #[cfg(feature = "hub")]
    let line = hub::Line::default();
    let parts = services::Parts {
        transcript: transcript.as_ref().map(Transcript::handle),
        before,
        state: state.as_ref(),
        goes_on: predecessor.is_some(),
        #[cfg(feature = "hub")]
        line: &line,
    };
    let (service, log_bytes, pace) = services::make(config, operator.as_ref(), parts)?;
    let limits = config.outbound_limits(log_bytes, pace);
    let service = reactor.add_service(service, limits);
    #[cfg(feature = "hub")]
    if config.hub.is_some() {
        line.lead_to(reactor.input(service));
    }
    if !reactor.settle().map_err(fail_to_wait)? {
        return Ok(());
    }
    set_up(config, &mut reactor)?;
    let listening = match &mut predecessor {
        None => listening::open(config, handed, &log, &mut reactor, service)?,
        Some(taker) => {
            let listening = listening::take_over(config, taker, &log, &mut reactor)?;
            // The other process has let it go; what was said before is known from it.
            if let Some(transcript) = &transcript {
                transcript.open(None)?;
            }
            listening
        }
    };
    tell_fingerprint(&reactor);
    // Its socket may be out of reach for another user.
    let manager = systemd::Manager::find();
    give_up_rights(config, &listening, predecessor.is_some())?;
    // From now on, with no more rights than this thread has left; until all else has ended.
    let _writer = state.map(State::start).transpose()?;
    match predecessor {
        None => listening.announce(config, operator.as_ref()),
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
    let is_succeeded = reactor.run_to_the_end().map_err(fail_to_wait)?;
    #[cfg(feature = "hub")]
    if let Some(hub) = &config.hub {
        line.end(hub)?;
    }
    match is_succeeded && upgrade::is_first_process() {
        true => upgrade::outlive_successors(),
        false => Ok(()),
    }
}

fn fail_to_wait(error: io::Error) -> CliError {
    CliError::runtime(format!("wait for events: {error}"))
}

/// By which clients may know the certificate.
fn tell_fingerprint(reactor: &Reactor) {
    if let Some(fingerprint) = reactor.fingerprint() {
        info!("the TLS certificate's SHA-256 fingerprint: {fingerprint}");
    }
}

/// What the loop has to know beside its services.
fn set_up(config: &Config, reactor: &mut Reactor) -> Result<(), CliError> {
    reactor.allow_origins(config.allowed_origins.clone());
    if config.is_proxied {
        reactor.expect_proxy();
    }
    if let Some(identity) = &config.tls {
        reactor.set_tls(TlsServer::new(identity, &names(&config.listen))?);
    }
    if !matches!(config.service, ServiceConfig::Console) {
        reactor.upgrade_by(upgrade::launch());
    }
    Ok(())
}

/// Becomes another user, and enters the sandbox, if that was asked for.
fn give_up_rights(
    config: &Config,
    #[cfg_attr(not(feature = "sandbox"), expect(unused))] listening: &Listening,
    #[cfg_attr(not(feature = "sandbox"), expect(unused))] goes_on: bool,
) -> Result<(), CliError> {
    if let Some(user) = &config.user {
        privilege::become_user(user)?;
        if let Some(path) = config.service.transcript() {
            transcript::warn_if_it_cannot_be_made_anew(path);
        }
    }
    #[cfg(feature = "sandbox")]
    // Who goes on in another one's place is in its sandbox already.
    if config.sandbox && !goes_on {
        sandbox::enter(&listening.listeners, config, &upgrade::program())?;
    }
    Ok(())
}

/// Opens the transcript, if there is to be one; returns with it what was said before. The process in
/// whose place this one goes on has it open still, and tells what was said itself.
fn open_transcript(
    config: &Config,
    goes_on: bool,
) -> Result<(Option<Transcript>, Option<LastLines>), CliError> {
    let transcript = config.service.transcript().map(Transcript::new);
    let before = match &transcript {
        Some(transcript) if !goes_on => Some(transcript.open(config.user.as_deref())?),
        _ => None,
    };
    Ok((transcript, before))
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

/// Where a path's file stands.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
