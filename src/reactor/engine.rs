//! The engine: everything that the reactor decides, above the system calls.
//! Knows sources, services and timers; the poll, and the real sockets, are behind [`Net`].
//! Never names a concrete service. One type, in one file for each verb.
//!
//! One turn, as the reactor or a test drives it:
//!
//! ```text
//!   wait(now)      how long the poll may wait
//!   on_event(..)   for each event: accept, or read and hand over, within a budget
//!   end_turn(now)  1. sources that were left over, by the same budget
//!                  2. timers: only after reading, since a limit strikes a client that is silent
//!                  3. writing, when all has been said that this turn can say
//!                  4. laggards, which only writing and saying can make
//!                  5. the dead are taken away: no event of this turn can name them any more
//!                  6. clients that had to wait for others may go on
//! ```

use std::collections::{HashMap, VecDeque};
use std::io;
use std::time::Instant;

use slab::Slab;

use super::connection::{Connection, ReadState};
use super::net::Net;
use super::per_ip::PerIpLimit;
use super::timers::Timers;
use super::{Limits, ServiceId, Token};
use crate::addr::Proto;
use crate::log_limit::LogLimiter;
use crate::outbound::{self, Action, Fanout};
use crate::protocol::Setup;
use crate::service::{Arrival, Service};
use crate::tls::ServerConfigs;

mod accept;
#[cfg(test)]
mod audit;
mod close;
mod counts;
mod flush;
mod handover;
mod handshake;
mod input;
mod read;
mod service_slot;
mod step;
mod timers;

use counts::Counts;
pub(crate) use handover::SavedEngine;
use service_slot::ServiceSlot;

/// One read takes at most this much, and so does one turn of one client; then it is the others'
/// turn. Measured without such a bound: the p99 of the others went from 1 ms to 0.9 s.
const READ_BUDGET_BYTES: usize = 64 * 1024;

/// Work that is done for clients that speak before others are written to, twice a turn: for those
/// that events tell of, and for those left over. A read is one, and so is a short message or a
/// short answer: some 4 ms in all.
const READ_BUDGET: u32 = 4096;

/// What an event says. Hints: reading and writing tell.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Readiness {
    /// There may be something to read.
    pub(crate) readable: bool,
    /// There may be room to write.
    pub(crate) writable: bool,
    /// The peer has ended its side, or all of it.
    pub(crate) closed: bool,
    /// Something has come out of band: a short read need not be the last.
    pub(crate) urgent: bool,
    /// The connection is broken: nothing can be sent any more.
    pub(crate) broken: bool,
}

/// What a slot of the slab holds.
enum Source<N: Net> {
    Listener(ListenerState<N>),
    Connection(Connection<N::Stream>),
}

struct Slot<N: Net> {
    generation: u32,
    source: Source<N>,
}

/// A listener and how accepting goes.
struct ListenerState<N: Net> {
    listener: N::Listener,
    service: ServiceId,
    proto: Proto,
    /// It is on the ready list.
    is_queued: bool,
    /// Accepting failed, and is tried again then.
    retry_at: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RunState {
    Running,
    /// No more clients; what is owed goes out until then.
    Stopping {
        until: Instant,
    },
}

/// The sources, the services, and the policy between them.
pub(crate) struct Engine<N: Net> {
    net: N,
    sources: Slab<Slot<N>>,
    services: Vec<ServiceSlot>,
    /// Sources with something left to do that no event will tell of.
    ready: VecDeque<Token>,
    /// Listeners that wait for a place to come free.
    parked_listeners: Vec<Token>,
    /// Connections that were turned away and have not ended yet, the oldest first.
    rejected: VecDeque<Token>,
    /// When it was last logged that the server is full, and that accepting failed.
    full_logged_at: Option<Instant>,
    shortage_logged_at: Option<Instant>,
    timers: Timers,
    /// Connections to take away when the turn is over.
    dead: Vec<Token>,
    /// What is left of [`READ_BUDGET`].
    read_budget: u32,
    /// What every read goes into.
    scratch: Box<[u8]>,
    limits: Limits,
    counts: Counts,
    per_ip: PerIpLimit,
    /// For handshakes to come; there where a listener needs it.
    tls: Option<ServerConfigs>,
    setup: Setup,
    /// Of clients of which it is not known yet what they speak, where the talk was when they came.
    undecided: HashMap<Token, Arrival>,
    /// Each client comes through a proxy, which says first where it comes from.
    is_proxied: bool,
    lag_log: LogLimiter,
    refusal_log: LogLimiter,
    handshake_log: LogLimiter,
    opening_log: LogLimiter,
    generation: u32,
    run_state: RunState,
}

impl<N: Net> Engine<N> {
    /// An engine with nothing in it.
    pub(crate) fn new(net: N, limits: Limits) -> Self {
        Self {
            net,
            sources: Slab::new(),
            services: Vec::new(),
            ready: VecDeque::new(),
            parked_listeners: Vec::new(),
            rejected: VecDeque::new(),
            full_logged_at: None,
            shortage_logged_at: None,
            timers: Timers::default(),
            dead: Vec::new(),
            read_budget: READ_BUDGET,
            scratch: vec![0; READ_BUDGET_BYTES].into_boxed_slice(),
            limits,
            counts: Counts::default(),
            per_ip: PerIpLimit::default(),
            tls: None,
            setup: Setup::new(limits.max_message_bytes),
            undecided: HashMap::new(),
            is_proxied: false,
            lag_log: LogLimiter::default(),
            refusal_log: LogLimiter::default(),
            handshake_log: LogLimiter::default(),
            opening_log: LogLimiter::default(),
            generation: 0,
            run_state: RunState::Running,
        }
    }

    /// Adds a service; any number of listeners may lead to it.
    pub(crate) fn add_service(
        &mut self,
        service: Box<dyn Service>,
        limits: outbound::Limits,
    ) -> ServiceId {
        self.services
            .push(ServiceSlot::new(service, Fanout::new(limits)));
        ServiceId::new(self.services.len() - 1)
    }

    /// Adds a listener that leads to `service`, and has its clients told of.
    ///
    /// # Errors
    /// What the poll says.
    pub(crate) fn add_listener(
        &mut self,
        mut listener: N::Listener,
        service: ServiceId,
        proto: Proto,
    ) -> io::Result<()> {
        let token = self.next_token();
        self.net.register_listener(&mut listener, token.pack())?;
        self.insert(Source::Listener(ListenerState {
            listener,
            service,
            proto,
            is_queued: false,
            retry_at: None,
        }));
        Ok(())
    }

    /// Whether what clients of that service send may be one of several protocols.
    pub(crate) fn speaks_protocols(&self, service: ServiceId) -> bool {
        self.services[service.index()].service.speaks_protocols()
    }

    /// Something happened to a source.
    pub(crate) fn on_event(&mut self, token: usize, readiness: Readiness, now: Instant) {
        let token = Token::unpack(token);
        match self.source(token) {
            // A former tenant's event.
            None => {}
            Some(Source::Listener(_)) => self.accept(token, now),
            Some(Source::Connection(connection)) => {
                connection.peer_closed |= readiness.closed;
                connection.had_urgent |= readiness.urgent;
                connection.broken |= readiness.broken;
                connection.start_linger_if_ended(now);
                // In any other state it has its place already, and is read from in its turn.
                let is_idle = connection.read_state == ReadState::Idle;
                if readiness.writable {
                    self.on_writable(token, now);
                }
                let is_news = readiness.readable || readiness.closed || readiness.urgent;
                if is_news && is_idle {
                    self.read(token, now);
                }
                self.close_if_broken(token, now);
                self.arm(token);
            }
        }
    }

    /// All events of this turn have been handed over: does the rest of it.
    pub(crate) fn end_turn(&mut self, now: Instant) {
        self.read_budget = READ_BUDGET;
        for _ in 0..self.ready.len() {
            // A source that is left over comes first in the next turn.
            if self.read_budget > 0
                && let Some(token) = self.ready.pop_front()
            {
                self.on_ready(token, now);
            }
        }
        self.read_budget = READ_BUDGET;
        self.run_timers(now);
        self.flush(now);
        self.drop_laggards(now);
        self.end_grace(now);
        self.reap(now);
        self.resume_throttled(now);
        self.compact_timers();
    }

    /// Whether clients may come.
    pub(crate) fn is_ready(&self) -> bool {
        self.services.iter().all(|slot| slot.service.is_ready())
    }

    /// Whether the engine has stopped and nobody is left.
    pub(crate) fn is_done(&self) -> bool {
        let all_are_gone = self.counts.clients == 0 && self.rejected.is_empty();
        self.run_state != RunState::Running && all_are_gone
    }

    fn on_ready(&mut self, token: Token, now: Instant) {
        match self.source(token) {
            Some(Source::Listener(state)) => {
                state.is_queued = false;
                self.accept(token, now);
            }
            Some(Source::Connection(connection)) => {
                connection.read_state = ReadState::Idle;
                self.read(token, now);
                self.close_if_broken(token, now);
                self.arm(token);
            }
            None => {}
        }
    }

    /// Calls a service, and does what it asks for. `None` when it panicked.
    fn call_service<T>(
        &mut self,
        service: ServiceId,
        now: Instant,
        call: impl FnOnce(&mut dyn Service, &mut Fanout) -> T,
    ) -> Option<T> {
        let answer = self.services[service.index()].guard(call);
        self.carry_out(service, now);
        answer
    }

    /// Does what a service has asked for.
    fn carry_out(&mut self, service: ServiceId, now: Instant) {
        while let Some(action) = self.services[service.index()].fanout.next_action() {
            match action {
                Action::CloseAfterFlush(id) => self.close_after_flush(id, now),
                Action::ResumeReading(id) => self.resume_if_below_low_water(id, now),
                Action::Stop => self.stop(now),
            }
        }
    }

    /// The token that the next source to be inserted will have. Generation 0 is never given out:
    /// it is the loop's own sources'.
    fn next_token(&self) -> Token {
        Token::new(
            self.sources.vacant_key(),
            self.generation.wrapping_add(1).max(1),
        )
    }

    fn insert(&mut self, source: Source<N>) -> Token {
        let token = self.next_token();
        self.generation = token.generation();
        self.sources.insert(Slot {
            generation: token.generation(),
            source,
        });
        token
    }

    fn source(&mut self, token: Token) -> Option<&mut Source<N>> {
        source_in(&mut self.sources, token)
    }

    fn connection(&mut self, token: Token) -> Option<&mut Connection<N::Stream>> {
        connection_in(&mut self.sources, token)
    }

    /// Has the source read from, or accepted from, in the next turn, or at the end of this one.
    fn queue(&mut self, token: Token) {
        let was_queued = match self.source(token) {
            Some(Source::Connection(connection)) => {
                // One that is throttled is on its service's list, and comes from there.
                let is_listed = matches!(
                    connection.read_state,
                    ReadState::Queued | ReadState::Throttled
                );
                if !is_listed {
                    connection.read_state = ReadState::Queued;
                }
                is_listed
            }
            Some(Source::Listener(state)) => std::mem::replace(&mut state.is_queued, true),
            None => return,
        };
        if !was_queued {
            self.ready.push_back(token);
        }
    }
}

/// The source that a token means, if that is still there.
fn source_in<N: Net>(sources: &mut Slab<Slot<N>>, token: Token) -> Option<&mut Source<N>> {
    let slot = sources.get_mut(token.index())?;
    (slot.generation == token.generation()).then_some(&mut slot.source)
}

/// The connection that a token means. Borrows the slab alone, so that its service can be called
/// meanwhile.
fn connection_in<N: Net>(
    sources: &mut Slab<Slot<N>>,
    token: Token,
) -> Option<&mut Connection<N::Stream>> {
    match source_in(sources, token)? {
        Source::Connection(connection) => Some(connection),
        Source::Listener(_) => None,
    }
}

/// Whether an error means: not now.
fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
