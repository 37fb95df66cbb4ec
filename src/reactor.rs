//! The reactor: one thread, one poll, every socket. The only server module that names mio.
//! Never names a concrete service; what is said is for [`Service`] to know.
//!
//! One turn: wait for events or the nearest deadline, read the clock once, hand each event to
//! its source, do what is left over from the last turn, run what is due, flush, take away what
//! has ended. `Engine` decides all of that; here is only what touches the poll.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use mio::{Events, Interest, Poll, Waker};
use signal_hook::consts::SIGHUP;
use signal_hook_mio::v1_0::Signals;

use crate::addr::{Address, Proto};
use crate::outbound;
use crate::service::{Figures, Input, Service};
use crate::signals;
use crate::tls::TlsServer;

mod connection;
mod engine;
mod handover;
mod input;
mod listen;
mod net;
mod per_ip;
mod rate_limit;
mod side;
mod signalled;
mod supervision;
#[cfg(test)]
mod tests;
mod timers;
mod transport;
mod upgrade;

pub(crate) use engine::{Engine, Readiness};
// A simulated network stands behind this seam; the load engine polls and writes as the server does.
#[cfg(any(test, fuzzing, feature = "bench"))]
pub(crate) use net::Net;
#[cfg(feature = "bench")]
pub(crate) use net::{Stream, System};

pub(crate) use handover::Taker;
pub use input::InputSender;
pub use supervision::Supervisor;
pub(crate) use upgrade::{Launch, NewProcess};

use crate::outbound::ClientId as Token;
use side::{SIDE_BIT, Side};
use supervision::Supervision;
use upgrade::Upgrade;

/// The bounds on every connection, whatever its service.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// At most this many clients at once. Further ones are told so by the service, or wait in the
    /// listen queue.
    pub max_clients: usize,
    /// The largest message, in bytes, without its line's end. A longer line is refused whole;
    /// where there are no lines, it comes in pieces.
    pub max_message_bytes: usize,
    /// At most this many clients at once from one IP address (IPv6: from one /64). Further ones
    /// are told so by the service, and closed.
    pub max_clients_per_ip: Option<usize>,
    /// Messages that are taken from each client. More wait in its socket.
    pub message_rate: Option<Rate>,
    /// A client that sends nothing for this long is closed.
    pub idle_timeout: Option<Duration>,
    /// A client that has not said its first message for this long is closed.
    pub first_message_timeout: Option<Duration>,
    /// When the server ends: what has not been sent after this long is not sent.
    pub grace: Duration,
}

impl Default for Limits {
    /// As many clients as there are descriptors, messages of 1,024 bytes, a second of grace, and
    /// no limit else.
    fn default() -> Self {
        Self {
            max_clients: usize::MAX,
            max_message_bytes: 1024,
            max_clients_per_ip: None,
            message_rate: None,
            idle_timeout: None,
            first_message_timeout: None,
            grace: Duration::from_secs(1),
        }
    }
}

/// Messages a second, and how many may come at once after some quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// In the long run.
    pub per_s: u32,
    /// At once.
    pub burst: u32,
}

/// Names a service within its reactor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceId(u32);

impl ServiceId {
    fn new(index: usize) -> Self {
        // A reactor has a handful of services.
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    fn index(self) -> usize {
        self.0 as usize
    }
}

/// Events taken from the poll at once.
const EVENTS_PER_TURN: usize = 1024;

/// The loop's own sources. No other has a token below 2^32: generations begin with 1.
const SIGNALS_TOKEN: usize = 0;
const WAKER_TOKEN: usize = 1;
const UPGRADE_TOKEN: usize = 2;

/// The loop, its sources and its services.
pub struct Reactor {
    poll: Poll,
    engine: Engine<net::System>,
    signals: Signals,
    waker: Arc<Waker>,
    input: Option<(ServiceId, Receiver<Input>)>,
    tls: Option<TlsServer>,
    supervision: Supervision,
    side: Option<Side>,
    upgrade: Upgrade,
    /// SIGTERM or SIGINT has come.
    was_told_to_end: bool,
}

impl Reactor {
    /// A reactor with its poll, its waker and its signals: SIGTERM and SIGINT end it in good order
    /// from now on, even if the parent process had blocked or ignored them, and SIGHUP has files
    /// read anew. One that was ignored, as `nohup` does, stays so.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(limits: Limits) -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry();
        let net = net::System::new(registry.try_clone()?);
        let handled: Vec<_> = (signals::HANDLED.into_iter())
            .filter(|signal| *signal != SIGHUP || !signals::is_ignored(SIGHUP))
            .collect();
        let mut pending = Signals::new(&handled)?;
        signals::unblock(&handled);
        registry.register(&mut pending, mio::Token(SIGNALS_TOKEN), Interest::READABLE)?;
        let waker = Arc::new(Waker::new(registry, mio::Token(WAKER_TOKEN))?);
        Ok(Self {
            poll,
            engine: Engine::new(net, limits),
            signals: pending,
            waker,
            input: None,
            tls: None,
            supervision: Supervision::default(),
            side: None,
            upgrade: Upgrade::default(),
            was_told_to_end: false,
        })
    }

    /// Adds a service; any number of listeners may lead to it.
    pub fn add_service(
        &mut self,
        service: Box<dyn Service>,
        limits: outbound::Limits,
    ) -> ServiceId {
        self.engine.add_service(service, limits)
    }

    /// Listens on `address` for `service`, and returns the real address. With
    /// `send_buffer_bytes`, that is what the kernel keeps for a client that does not read.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen(
        &mut self,
        address: &Address,
        service: ServiceId,
        send_buffer_bytes: Option<usize>,
    ) -> io::Result<Address> {
        self.listen_for(address, Proto::Lines, service, send_buffer_bytes)
    }

    /// As [`Reactor::listen`], for clients that speak `proto`. For TLS, [`Reactor::set_tls`] comes
    /// first.
    pub(crate) fn listen_for(
        &mut self,
        address: &Address,
        proto: Proto,
        service: ServiceId,
        send_buffer_bytes: Option<usize>,
    ) -> io::Result<Address> {
        let (listener, real) = listen::open(address, send_buffer_bytes)?;
        self.add_listener(listener, service, proto)?;
        Ok(real)
    }

    /// As [`Reactor::listen_for`], on a socket that listens already.
    pub(crate) fn adopt(
        &mut self,
        socket: OwnedFd,
        proto: Proto,
        service: ServiceId,
        send_buffer_bytes: Option<usize>,
    ) -> io::Result<Address> {
        let (listener, real) = listen::adopt(socket, send_buffer_bytes, false)?;
        self.add_listener(listener, service, proto)?;
        Ok(real)
    }

    fn add_listener(
        &mut self,
        listener: net::Listener,
        service: ServiceId,
        proto: Proto,
    ) -> io::Result<()> {
        if self.engine.speaks_protocols(service) {
            listener.keep_urgent_bytes()?;
        }
        self.engine.add_listener(listener, service, proto)
    }

    /// Listens on `address` for a service that tells how the server does, beside all others: who
    /// asks it is no client. `service` makes it of the figures, which are up to date whenever it is
    /// called. Returns the real address.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen_aside(
        &mut self,
        address: &Address,
        service: impl FnOnce(Rc<RefCell<Figures>>) -> Box<dyn Service>,
    ) -> io::Result<Address> {
        let (listener, real) = listen::open(address, None)?;
        self.serve_aside(listener, service)?;
        Ok(real)
    }

    /// As [`listen_aside`](Self::listen_aside), on a listener that is there.
    pub(crate) fn serve_aside(
        &mut self,
        listener: net::Listener,
        service: impl FnOnce(Rc<RefCell<Figures>>) -> Box<dyn Service>,
    ) -> io::Result<()> {
        let registry = self.poll.registry().try_clone()?;
        let net = net::System::with_token_bits(registry, SIDE_BIT);
        self.side = Some(Side::new(net, listener, service)?);
        Ok(())
    }

    /// How a process is started that goes on in this one's place, at SIGUSR2. Without this there is
    /// none.
    pub(crate) fn upgrade_by(&mut self, launch: Launch) {
        self.upgrade = Upgrade::by(launch);
    }

    /// Whom to tell from now on that the loop goes on.
    pub fn set_supervisor(&mut self, supervisor: Box<dyn Supervisor>) {
        self.supervision = Supervision::by(supervisor, Instant::now());
    }

    /// What TLS handshakes are made from. If that is files, SIGHUP has them read anew.
    pub(crate) fn set_tls(&mut self, tls: TlsServer) {
        self.engine.set_tls(tls.configs());
        self.tls = Some(tls);
    }

    /// The SHA-256 of the certificate that clients see, in hex.
    pub(crate) fn fingerprint(&self) -> Option<String> {
        self.tls.as_ref().map(TlsServer::fingerprint)
    }

    /// Pages of these origins, beside the server's own, may use the WebSocket.
    pub(crate) fn allow_origins(&mut self, origins: Vec<String>) {
        self.engine.allow_origins(origins);
    }

    /// From now on each client has to say first where it comes from, by the PROXY protocol.
    pub(crate) fn expect_proxy(&mut self) {
        self.engine.expect_proxy();
    }

    /// Runs until a signal or a service ends it and what is owed has been sent, or the grace is
    /// over.
    ///
    /// # Errors
    /// Only what the poll itself says; no client can cause one.
    pub fn run(self) -> io::Result<()> {
        self.run_to_the_end().map(drop)
    }

    /// As [`Reactor::run`]. Returns whether another process goes on in this one's place.
    pub(crate) fn run_to_the_end(mut self) -> io::Result<bool> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        let mut now = Instant::now();
        while !self.engine.is_done() {
            now = self.turn(&mut events, now)?;
        }
        Ok(self.upgrade.successor().is_some())
    }

    /// Runs until the services are ready for clients, to be called before there are listeners; returns
    /// whether they are: a signal may end the server first.
    pub(crate) fn settle(&mut self) -> io::Result<bool> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        let mut now = Instant::now();
        while !self.engine.is_ready() && !self.engine.is_stopping() {
            now = self.turn(&mut events, now)?;
        }
        Ok(!self.engine.is_stopping())
    }

    /// Waits for events, `now`, and does what they ask for; returns the time after it waited.
    fn turn(&mut self, events: &mut Events, now: Instant) -> io::Result<Instant> {
        let side = self.side.as_mut().and_then(|side| side.wait(now));
        let wait = self.engine.wait(now).into_iter().chain(side).min();
        let wait = self.supervision.wait(wait, now);
        let wait = self.upgrade.wait(wait, now);
        match self.poll.poll(events, wait) {
            Ok(()) => {}
            // The wait is reckoned anew from the clock.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        let now = Instant::now();
        let mut successor = None;
        for event in &*events {
            let token = event.token().0;
            if token == SIGNALS_TOKEN {
                self.on_signals(now);
            } else if token == UPGRADE_TOKEN {
                successor = self.upgrade.on_event();
            } else if token != WAKER_TOKEN {
                let readiness = Readiness {
                    readable: event.is_readable(),
                    writable: event.is_writable(),
                    closed: event.is_read_closed() || event.is_error(),
                    urgent: event.is_priority(),
                    broken: event.is_write_closed() || event.is_error(),
                };
                match &mut self.side {
                    Some(side) if token & SIDE_BIT != 0 => {
                        side.on_event(token, readiness, &self.engine, now);
                    }
                    _ => self.engine.on_event(token, readiness, now),
                }
            }
        }
        self.pass_input_on(now);
        self.engine.end_turn(now);
        if let Some(side) = &mut self.side {
            side.end_turn(now);
        }
        self.supervision.end_turn(self.engine.is_stopping(), now);
        self.upgrade.end_turn(self.engine.is_stopping(), now);
        if let Some(process) = successor {
            self.hand_over(process, Instant::now());
        }
        Ok(now)
    }
}
