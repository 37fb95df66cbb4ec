//! The upgrade: another process, mostly of a newer binary, goes on with every client in mid
//! conversation. Knows both ends' turns; what is handed over is the engine's, and how, the handover's.
//!
//! While the new process starts, the old one serves. It stands still only from the other's hello to
//! its `ready`.

use std::fmt;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use log::{error, info};
use mio::unix::SourceFd;
use mio::{Interest, Registry};
use serde::{Deserialize, Serialize};

use super::engine::SavedEngine;
use super::handover::{Giver, HELLO, Taker};
use super::net::{Listener, Stream};
use super::side::Side;
use super::{Reactor, ServiceId, Token, listen};
use crate::addr::{Address, Listen, Proto};
use crate::tls::{Made, TlsServer};

/// A new process has so long to say hello, and then as long to take everything.
const PATIENCE: Duration = Duration::from_secs(5);

/// A process that was started to go on in this one's place, and the socket to it. Unless it does, it
/// ends with this: there must never be two.
pub(crate) struct NewProcess {
    child: Option<Child>,
    socket: UnixStream,
}

impl NewProcess {
    pub(crate) fn new(child: Child, socket: UnixStream) -> Self {
        Self {
            child: Some(child),
            socket,
        }
    }

    fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Ends it, unless it has ended; returns how.
    fn end(&mut self) -> Option<ExitStatus> {
        let mut child = self.child.take()?;
        let _ = child.kill();
        child.wait().ok()
    }
}

impl Drop for NewProcess {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts such a process; the error says what was attempted, and why it failed.
pub(crate) type Launch = Box<dyn FnMut() -> Result<NewProcess, String>>;

/// The old process's side of an upgrade.
#[derive(Default)]
pub(super) struct Upgrade {
    launch: Option<Launch>,
    starting: Option<Starting>,
    /// Who goes on in this process's place.
    successor: Option<Child>,
}

/// A process that has not said hello yet.
struct Starting {
    process: NewProcess,
    heard: Vec<u8>,
    until: Instant,
}

#[derive(Serialize, Deserialize)]
struct SavedListener {
    service: ServiceId,
    proto: Proto,
    /// It is no client's: the server tells there how it does.
    is_aside: bool,
    /// Its file goes with it.
    owns_file: bool,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    /// In the order of the first descriptors; the engine's follow.
    listeners: Vec<SavedListener>,
    engine: SavedEngine,
    certificate: Option<Made>,
}

/// The listeners of the process before.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Those that clients come to; they are listened on already.
    pub(crate) listeners: Vec<Listen>,
    /// Where the server tells how it does.
    pub(crate) aside: Option<(Listener, Address)>,
}

/// The old process.
impl Upgrade {
    pub(super) fn by(launch: Launch) -> Self {
        Self {
            launch: Some(launch),
            ..Self::default()
        }
    }

    /// Who has taken over, if anybody has.
    pub(super) fn successor(&self) -> Option<&Child> {
        self.successor.as_ref()
    }

    /// How long the poll may wait, where it could wait for so long.
    pub(super) fn wait(&self, wait: Option<Duration>, now: Instant) -> Option<Duration> {
        let until = self.starting.as_ref().map(|starting| starting.until);
        let until = until.map(|until| until.saturating_duration_since(now));
        until.into_iter().chain(wait).min()
    }

    /// Starts the other process.
    pub(super) fn begin(&mut self, registry: &Registry, token: usize, now: Instant) {
        let Some(launch) = &mut self.launch else {
            return error!("SIGUSR2: this service's clients cannot be handed over; it goes on");
        };
        if self.starting.is_some() || self.successor.is_some() {
            return info!("SIGUSR2 again: an upgrade is under way");
        }
        let started = launch().and_then(|process| {
            let starting = Starting {
                process,
                heard: Vec::new(),
                until: now + PATIENCE,
            };
            let socket = &starting.process.socket;
            let told = socket.set_nonblocking(true).and_then(|()| {
                let source = &mut SourceFd(&socket.as_raw_fd());
                registry.register(source, mio::Token(token), Interest::READABLE)
            });
            told.map_err(|error| format!("hear the new process: {error}"))?;
            Ok(starting)
        });
        match started {
            Ok(starting) => {
                let pid = starting.process.pid();
                info!("SIGUSR2: process {pid} is started to go on in this one's place");
                self.starting = Some(starting);
            }
            Err(why) => error!("SIGUSR2: {why}; this process goes on"),
        }
    }

    /// The other process has said something, or has gone; returns it once it has said hello.
    pub(super) fn on_event(&mut self) -> Option<NewProcess> {
        let starting = self.starting.as_mut()?;
        let mut scratch = [0; 64];
        loop {
            match starting.process.socket.read(&mut scratch) {
                Ok(0) => {
                    let pid = starting.process.pid();
                    let status = starting.process.end();
                    let status = status.map_or_else(String::new, |status| format!(": {status}"));
                    self.starting = None;
                    let why = format_args!("it ended before it was ready{status}");
                    log_failure(pid, why);
                    return None;
                }
                Ok(count) => starting.heard.extend_from_slice(&scratch[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    self.give_up(format_args!("it cannot be heard: {error}"));
                    return None;
                }
            }
            if starting.heard == HELLO {
                return self.starting.take().map(|starting| starting.process);
            }
            if !HELLO.starts_with(&starting.heard) {
                self.give_up(format_args!("it does not read this version's state"));
                return None;
            }
        }
        None
    }

    /// The other process may have been waited for long enough.
    pub(super) fn end_turn(&mut self, is_stopping: bool, now: Instant) {
        let Some(starting) = &self.starting else {
            return;
        };
        if is_stopping {
            self.give_up(format_args!("the server ends"));
        } else if starting.until <= now {
            let seconds = PATIENCE.as_secs();
            self.give_up(format_args!("it said nothing for {seconds} s"));
        }
    }

    fn give_up(&mut self, why: fmt::Arguments<'_>) {
        if let Some(starting) = self.starting.take() {
            let pid = starting.process.pid();
            // Before it is said: there must not be two.
            drop(starting);
            log_failure(pid, why);
        }
    }
}

fn log_failure(pid: u32, why: fmt::Arguments<'_>) {
    error!("the upgrade by process {pid} failed: {why}; this process goes on");
}

impl Reactor {
    /// Hands everything over to a process that has said hello. This one goes on if that fails.
    pub(super) fn hand_over(&mut self, process: NewProcess, now: Instant) {
        let pid = process.pid();
        match self.try_to_hand_over(process) {
            Ok((child, tokens)) => {
                self.upgrade.successor = Some(child);
                self.supervision.hand_over(pid);
                self.side = None;
                self.engine.let_go(&tokens, now);
                let ms = now.elapsed().as_millis();
                let clients = tokens.len();
                info!("process {pid} goes on with {clients} clients; they waited for {ms} ms");
            }
            Err(why) => {
                self.engine.cancel_handover();
                log_failure(pid, format_args!("{why}"));
            }
        }
    }

    fn try_to_hand_over(&mut self, mut process: NewProcess) -> Result<(Child, Vec<Token>), String> {
        let (engine, tokens) = self.engine.save()?;
        let mut listeners = Vec::new();
        let mut descriptors = Vec::new();
        let own = self.engine.listeners().map(|listener| (listener, false));
        let aside = self.side.iter().flat_map(Side::listeners);
        let aside = aside.map(|listener| (listener, true));
        for ((listener, service, proto), is_aside) in own.chain(aside) {
            let (descriptor, owns_file) = match listener {
                Listener::Tcp(socket) => (socket.as_fd(), false),
                Listener::Unix { socket, file, .. } => (socket.as_fd(), file.is_some()),
            };
            descriptors.push(descriptor);
            listeners.push(SavedListener {
                service,
                proto,
                is_aside,
                owns_file,
            });
        }
        let streams = tokens.iter().filter_map(|token| self.engine.stream(*token));
        descriptors.extend(streams.map(Stream::as_fd));
        let certificate = self.tls.as_ref().and_then(TlsServer::made).cloned();
        let state = rmp_serde::to_vec_named(&Saved {
            listeners,
            engine,
            certificate,
        });
        let state = state.map_err(|error| format!("write down the state: {error}"))?;
        let attempt = |error: io::Error| match error.kind() {
            io::ErrorKind::TimedOut => format!("it did not take over within {PATIENCE:?}"),
            _ => format!("hand over to it: {error}"),
        };
        let socket = process.socket.try_clone().map_err(attempt)?;
        let mut giver = Giver::new(socket, Instant::now() + PATIENCE).map_err(attempt)?;
        giver.give(&state, &descriptors).map_err(attempt)?;
        giver.go().map_err(attempt)?;
        let child = process.child.take().ok_or("it is no process")?;
        Ok((child, tokens))
    }

    /// Goes on where the process at the other end of `taker` stands: its clients, and its listeners,
    /// which are returned. Whoever calls sees to it that [`wait_for_go`](Taker::wait_for_go) comes before [`run`](Self::run).
    ///
    /// # Errors
    /// One line: why it cannot be.
    pub(crate) fn take_over(
        &mut self,
        taker: &mut Taker,
        send_buffer_bytes: Option<usize>,
    ) -> Result<Taken, String> {
        let (state, descriptors) = taker.take().map_err(|error| error.to_string())?;
        let saved: Saved = rmp_serde::from_slice(&state).map_err(|error| error.to_string())?;
        if let (Some(tls), Some(certificate)) = (&mut self.tls, saved.certificate) {
            tls.go_on_with(certificate)?;
            self.engine.set_tls(tls.configs());
        }
        let mut descriptors = descriptors.into_iter();
        let sockets: Vec<_> = descriptors.by_ref().take(saved.listeners.len()).collect();
        let streams = descriptors.map(Stream::try_from);
        let streams: io::Result<Vec<_>> = streams.collect();
        let streams = streams.map_err(|error| error.to_string())?;
        self.engine.restore(saved.engine, streams, Instant::now())?;
        let mut taken = Taken::default();
        for (saved, socket) in saved.listeners.into_iter().zip(sockets) {
            let adopted = listen::adopt(socket, send_buffer_bytes, saved.owns_file);
            let (listener, address) = adopted.map_err(|error| error.to_string())?;
            if saved.is_aside {
                taken.aside = Some((listener, address));
                continue;
            }
            let added = self.add_listener(listener, saved.service, saved.proto);
            added.map_err(|error| format!("listen on {address}: {error}"))?;
            taken.listeners.push(Listen {
                proto: Some(saved.proto),
                address,
            });
        }
        Ok(taken)
    }
}
