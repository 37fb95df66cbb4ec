//! The engine: everything that the reactor decides, above the system calls.
//! Knows sources, services and deadlines; the poll, and the real sockets, are behind [`Net`].
//! Never names a concrete service.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use slab::Slab;

use super::connection::Connection;
use super::deadlines::Deadlines;
use super::net::Net;
use super::per_ip::PerIpLimit;
use super::token::SourceToken;
use super::{Limits, ServiceId};
use crate::log_limit::LogLimiter;
use crate::outbound::{self, Fanout, Request};
use crate::service::{Disconnect, OperatorInput, Service};

mod accepting;
#[cfg(test)]
mod audit;
mod closing;
mod flushing;
mod reading;
mod service_slot;
mod timing;

use service_slot::ServiceSlot;

/// What one read takes at most, and one turn of one client: so many bytes are read from it, then
/// it is the others' turn.
const READ_BUDGET_BYTES: usize = 64 * 1024;

/// So much is done for those who speak before others are written to, twice a turn: for those whom
/// events tell of, and for those left over from before. A short message is one; some milliseconds.
const WORK_PER_PASS: u32 = 4096;

/// What an event says. Hints: reading and writing tell.
#[derive(Debug, Clone, Copy, Default)]
pub struct Readiness {
    /// There may be something to read.
    pub readable: bool,
    /// There may be room to write.
    pub writable: bool,
    /// The peer has ended its side, or all of it.
    pub closed: bool,
    /// Something has come out of band: a short read need not be the last.
    pub urgent: bool,
    /// The connection is broken: nothing can be sent any more.
    pub broken: bool,
}

/// What a slot of the slab holds.
enum Source<N: Net> {
    Listener(Door<N>),
    Connection(Connection<N::Stream>),
    /// A source that the loop itself owns: signals, the waker.
    Foreign,
}

struct Slot<N: Net> {
    generation: u32,
    source: Source<N>,
}

/// A listener and how accepting goes.
struct Door<N: Net> {
    listener: N::Listener,
    station: u32,
    /// It is on the ready list.
    in_ready: bool,
    /// Accepting failed, and is tried again then.
    retry_at: Option<Instant>,
}

/// What has happened since the start.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    /// Present clients.
    clients: usize,
    accepted: u64,
    /// Turned away: too many were here from their address, or the poll had no room.
    refused: u64,
    lagged: u64,
    /// Ended by a fault of ours.
    panicked: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Running,
    /// No more clients; what is owed goes out until then.
    Stopping {
        until: Instant,
    },
}

/// The sources, the services, and the policy between them.
pub struct Engine<N: Net> {
    pub(super) net: N,
    sources: Slab<Slot<N>>,
    stations: Vec<ServiceSlot>,
    /// Sources with something left to do that no event will tell of.
    ready: VecDeque<SourceToken>,
    /// Listeners that wait for a place to come free.
    full: Vec<SourceToken>,
    /// When that was last logged, and that accepting failed.
    full_told_at: Option<Instant>,
    shortage_told_at: Option<Instant>,
    deadlines: Deadlines,
    /// Connections to take away when the turn is over.
    dead: Vec<SourceToken>,
    /// What may still be done for those who speak, before it is the others' turn.
    work_left: u32,
    /// What every read goes into.
    scratch: Box<[u8]>,
    limits: Limits,
    counts: Counts,
    guests: PerIpLimit,
    lag_log: LogLimiter,
    refusal_log: LogLimiter,
    generation: u32,
    life: Life,
}

impl<N: Net> Engine<N> {
    /// An engine with nothing in it.
    #[must_use]
    pub fn new(net: N, limits: Limits) -> Self {
        Self {
            net,
            sources: Slab::new(),
            stations: Vec::new(),
            ready: VecDeque::new(),
            full: Vec::new(),
            full_told_at: None,
            shortage_told_at: None,
            deadlines: Deadlines::default(),
            dead: Vec::new(),
            work_left: WORK_PER_PASS,
            scratch: vec![0; READ_BUDGET_BYTES].into_boxed_slice(),
            limits,
            counts: Counts::default(),
            guests: PerIpLimit::default(),
            lag_log: LogLimiter::default(),
            refusal_log: LogLimiter::default(),
            generation: 0,
            life: Life::Running,
        }
    }

    /// Adds a service; any number of listeners may lead to it.
    pub fn add_service(
        &mut self,
        service: Box<dyn Service>,
        limits: outbound::Limits,
    ) -> ServiceId {
        let fanout = Fanout::new(limits, self.net.now());
        self.stations.push(ServiceSlot::new(service, fanout));
        ServiceId(u32::try_from(self.stations.len() - 1).unwrap_or(u32::MAX))
    }

    /// Adds a listener that leads to `service`; returns its token.
    pub fn add_listener(&mut self, listener: N::Listener, service: ServiceId) -> usize {
        let door = Door {
            listener,
            station: service.0,
            in_ready: false,
            retry_at: None,
        };
        self.insert(Source::Listener(door)).pack()
    }

    /// The token that the next listener to be added will have.
    #[must_use]
    pub fn next_listener_token(&self) -> usize {
        self.next_token().pack()
    }

    /// A token for a source that the caller owns.
    pub(super) fn add_foreign(&mut self) -> usize {
        self.insert(Source::Foreign).pack()
    }

    /// How long the poll may wait; `None`: until something happens.
    pub fn wait(&mut self, now: Instant) -> Option<Duration> {
        let busy = |station: &ServiceSlot| station.fanout.queue_len() > 0;
        if !self.ready.is_empty() || !self.dead.is_empty() || self.stations.iter().any(busy) {
            return Some(Duration::ZERO);
        }
        let mut next = self.deadlines.next();
        let mut consider = |at: Option<Instant>| next = [next, at].into_iter().flatten().min();
        for station in &mut self.stations {
            consider(station.deadline());
            consider(station.fanout.round_due(now));
            if !station.held_back.is_empty() {
                consider(station.fanout.outrun_until());
            }
        }
        if let Life::Stopping { until } = self.life {
            consider(Some(until));
        }
        consider(self.lag_log.due());
        consider(self.refusal_log.due());
        next.map(|at| at.saturating_duration_since(now))
    }

    /// Something happened to a source.
    pub fn on_event(&mut self, token: usize, readiness: Readiness, now: Instant) {
        let token = SourceToken::unpack(token);
        match self.source(token) {
            // A former tenant's event.
            None | Some(Source::Foreign) => {}
            Some(Source::Listener(_)) => self.accept(token, now),
            Some(Source::Connection(connection)) => {
                connection.peer_closed |= readiness.closed;
                connection.had_urgent |= readiness.urgent;
                connection.broken |= readiness.broken;
                let (client, station) = (connection.client, connection.station);
                let in_ready = connection.in_ready;
                if connection.paused {
                    connection.note_leaving(now);
                    self.arm(token);
                }
                if readiness.writable {
                    self.stations[station as usize].fanout.unblock(client);
                }
                // Whoever is on a list already has its place there.
                let is_news = readiness.readable || readiness.closed || readiness.urgent;
                if is_news && !in_ready {
                    self.read(token, now);
                }
                self.look_for_the_broken(token, now);
            }
        }
    }

    /// Whether the person's next line may be handed over.
    #[must_use]
    pub fn wants_input(&self, service: ServiceId) -> bool {
        self.life == Life::Running && self.stations[service.0 as usize].service.wants_input()
    }

    /// The person at the server did something.
    pub fn on_input(&mut self, service: ServiceId, input: OperatorInput, now: Instant) {
        let station = &mut self.stations[service.0 as usize];
        station.guard(|service, fanout| service.on_input(now, input, fanout));
        self.carry_out(service.0, now);
    }

    /// All events of this turn have been handed over: does the rest of it.
    pub fn end_turn(&mut self, now: Instant) {
        self.work_left = WORK_PER_PASS;
        for _ in 0..self.ready.len() {
            // Whoever is left comes first in the next turn.
            if self.work_left > 0
                && let Some(token) = self.ready.pop_front()
            {
                self.on_ready(token, now);
            }
        }
        self.work_left = WORK_PER_PASS;
        self.run_deadlines(now);
        self.flush(now);
        self.drop_laggards(now);
        self.reap(now);
        self.let_go_on(now);
        self.weed_deadlines();
    }

    /// Whether the engine has stopped and nobody is left.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.life != Life::Running && self.counts.clients == 0
    }

    fn on_ready(&mut self, token: SourceToken, now: Instant) {
        match self.source(token) {
            Some(Source::Listener(door)) => {
                door.in_ready = false;
                self.accept(token, now);
            }
            Some(Source::Connection(connection)) => {
                connection.in_ready = false;
                self.read(token, now);
                self.arm(token);
            }
            Some(Source::Foreign) | None => {}
        }
    }

    /// Does what a service has asked for.
    fn carry_out(&mut self, station: u32, now: Instant) {
        while let Some(request) = self.stations[station as usize].fanout.next_request() {
            let fanout = &self.stations[station as usize].fanout;
            match request {
                Request::CloseAfterFlush(id) => {
                    if let Some(token) = fanout.handle(id).map(SourceToken::unpack) {
                        self.close_after_flush(token, now);
                    }
                }
                Request::CloseNow(id) => {
                    if let Some(token) = fanout.handle(id).map(SourceToken::unpack) {
                        self.kill(token, Disconnect::Closed);
                    }
                }
                Request::Release(id) => {
                    if let Some(token) = fanout.handle(id).map(SourceToken::unpack) {
                        self.resume_if_room(token, now);
                    }
                }
                Request::Stop => self.stop(now),
            }
        }
    }

    /// The token that the next source to be inserted will have.
    fn next_token(&self) -> SourceToken {
        SourceToken {
            key: index_of(self.sources.vacant_key()),
            generation: self.generation.wrapping_add(1),
        }
    }

    fn insert(&mut self, source: Source<N>) -> SourceToken {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let key = self.sources.insert(Slot { generation, source });
        let key = index_of(key);
        SourceToken { key, generation }
    }

    fn source(&mut self, token: SourceToken) -> Option<&mut Source<N>> {
        source_in(&mut self.sources, token)
    }

    fn connection(&mut self, token: SourceToken) -> Option<&mut Connection<N::Stream>> {
        connection_in(&mut self.sources, token)
    }

    /// Has the source read from, or accepted from, in the next turn, or at the end of this one.
    fn make_ready(&mut self, token: SourceToken) {
        let in_ready = match self.source(token) {
            Some(Source::Connection(connection)) => &mut connection.in_ready,
            Some(Source::Listener(door)) => &mut door.in_ready,
            Some(Source::Foreign) | None => return,
        };
        if !std::mem::replace(in_ready, true) {
            self.ready.push_back(token);
        }
    }
}

/// The source that a token means, if that is still there.
fn source_in<N: Net>(sources: &mut Slab<Slot<N>>, token: SourceToken) -> Option<&mut Source<N>> {
    let slot = sources.get_mut(token.key as usize)?;
    (slot.generation == token.generation).then_some(&mut slot.source)
}

/// The connection that a token means. Borrows the slab alone, so that its service can be called
/// meanwhile.
fn connection_in<N: Net>(
    sources: &mut Slab<Slot<N>>,
    token: SourceToken,
) -> Option<&mut Connection<N::Stream>> {
    match source_in(sources, token)? {
        Source::Connection(connection) => Some(connection),
        Source::Listener(_) | Source::Foreign => None,
    }
}

/// Slab keys count descriptors, which are ints.
fn index_of(key: usize) -> u32 {
    u32::try_from(key).unwrap_or(u32::MAX)
}

/// Whether an error means: not now.
fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
