//! The reactor: one thread, one poll, every socket. The only server room that names mio.
//! Never names a concrete service; what is said is for [`Service`] to know.
//!
//! One turn: wait for events or the nearest deadline, read the clock once, hand each event to
//! its source, do what is left over from the last turn, run what is due, flush, take away what
//! has ended. [`Engine`] decides all of that; here is only what touches the poll.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use log::info;
use mio::{Events, Interest, Poll, Token, Waker};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;

use crate::addr::Address;
use crate::outbound;
use crate::service::{OperatorInput, Service};

mod connection;
mod deadlines;
mod engine;
mod listen;
mod net;
mod per_ip;
mod rate_limit;
#[cfg(test)]
mod tests;
mod token;

pub use engine::{Engine, Readiness};
pub use net::Net;
pub(crate) use net::{Stream, System};

/// The bounds on every connection, whatever its service.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// So many clients are served at once; others wait in the listen queue.
    pub max_clients: usize,
    /// A message has at most so many bytes.
    pub max_message_bytes: usize,
    /// So many of them may come from one IP address.
    pub max_clients_per_ip: Option<usize>,
    /// So many messages a second are taken from each; what is more waits in its socket.
    pub message_rate: Option<Rate>,
    /// A client that sends nothing for so long is closed.
    pub idle_timeout: Option<Duration>,
    /// A client that has not said its first message for so long is closed.
    pub first_message_timeout: Option<Duration>,
    /// So long may the server's end take, to send what is owed.
    pub grace: Duration,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceId(u32);

/// Events taken from the poll at once.
const EVENTS_PER_TURN: usize = 1024;

/// Lines from the person at the server that wait between the threads.
const INPUT_QUEUE: usize = 64;

/// The loop, its sources and its services.
pub struct Reactor {
    poll: Poll,
    engine: Engine<net::System>,
    signals: Signals,
    signals_token: usize,
    waker: Arc<Waker>,
    waker_token: usize,
    input: Option<(ServiceId, Receiver<OperatorInput>)>,
}

/// The other end of [`Reactor::input`], for the thread that waits for the person.
#[derive(Debug, Clone)]
pub struct InputSender {
    queue: SyncSender<OperatorInput>,
    waker: Arc<Waker>,
}

impl InputSender {
    /// Hands something over, and waits while the service wants no more. Returns whether there is
    /// still somebody to hand over to.
    #[must_use]
    pub fn send(&self, input: OperatorInput) -> bool {
        self.queue.send(input).is_ok() && self.waker.wake().is_ok()
    }
}

impl Reactor {
    /// A reactor with its poll, its signals (SIGTERM and SIGINT from now on) and its waker.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(limits: Limits) -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry();
        let mut engine = Engine::new(net::System::new(registry.try_clone()?), limits);
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        let signals_token = engine.add_foreign();
        registry.register(&mut signals, Token(signals_token), Interest::READABLE)?;
        let waker_token = engine.add_foreign();
        let waker = Arc::new(Waker::new(registry, Token(waker_token))?);
        Ok(Self {
            poll,
            engine,
            signals,
            signals_token,
            waker,
            waker_token,
            input: None,
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
        let (mut listener, real) = listen::open(address, send_buffer_bytes)?;
        // The token has to be known first; nothing is accepted before the loop runs.
        let token = self.engine.next_listener_token();
        self.engine.net.register_listener(&mut listener, token)?;
        self.engine.add_listener(listener, service);
        Ok(real)
    }

    /// A way for another thread to hand the person's lines to `service`.
    pub fn input(&mut self, service: ServiceId) -> InputSender {
        let (queue, receiver) = sync_channel(INPUT_QUEUE);
        self.input = Some((service, receiver));
        let waker = Arc::clone(&self.waker);
        InputSender { queue, waker }
    }

    /// Runs until a signal or a service ends it and what is owed has been sent, or the grace is
    /// over.
    ///
    /// # Errors
    /// Only what the poll itself says; no client can cause one.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        let mut now = Instant::now();
        while !self.engine.is_done() {
            let wait = self.engine.wait(now);
            match self.poll.poll(&mut events, wait) {
                Ok(()) => {}
                // The wait is reckoned anew from the clock.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            now = Instant::now();
            for event in &events {
                let token = event.token().0;
                if token == self.signals_token {
                    self.on_signals(now);
                } else if token != self.waker_token {
                    let readiness = Readiness {
                        readable: event.is_readable(),
                        writable: event.is_writable(),
                        closed: event.is_read_closed() || event.is_error(),
                        urgent: event.is_priority(),
                        broken: event.is_write_closed() || event.is_error(),
                    };
                    self.engine.on_event(token, readiness, now);
                }
            }
            self.pass_input_on(now);
            self.engine.end_turn(now);
        }
        Ok(())
    }

    /// The first signal ends the server in good order, the second at once.
    fn on_signals(&mut self, now: Instant) {
        for signal in self.signals.pending() {
            let name = if signal == SIGINT {
                "SIGINT"
            } else {
                "SIGTERM"
            };
            if self.engine.is_stopping() {
                info!("{name} again: ending at once");
                self.engine.give_up_all();
            } else {
                info!("{name}: ending in good order");
                self.engine.stop(now);
            }
        }
    }

    /// Hands over the person's lines, as many as are wanted. What is not wanted yet is asked for
    /// again in every turn: only what a client says can change that.
    fn pass_input_on(&mut self, now: Instant) {
        let Some((service, receiver)) = &self.input else {
            return;
        };
        for _ in 0..INPUT_QUEUE {
            if !self.engine.wants_input(*service) {
                return;
            }
            match receiver.try_recv() {
                Ok(input) => self.engine.on_input(*service, input, now),
                Err(_) => return,
            }
        }
        // There may be more, but it is the clients' turn. A waker that cannot wake has lost its
        // poll, and the loop with it.
        let _ = self.waker.wake();
    }
}
