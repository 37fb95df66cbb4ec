//! The simulated network: sockets, listen queues, edges and a clock. Edges are given as epoll
//! gives them: on a change only, so that a wake-up that was missed is never made up for.
//! Knows neither engine nor services.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::time::{Duration, Instant};

use super::rng::Rng;
use crate::addr::Peer;
use crate::reactor::Readiness;

mod peer;
mod server;

pub(crate) struct Network {
    pub(crate) now: Instant,
    epoch: Instant,
    /// When the events of this turn were taken.
    turn_began: Instant,
    pub(crate) rng: Rng,
    /// Calls fail, and events come late and twice.
    pub(crate) has_faults: bool,
    /// An event says only what has changed, as kqueue has it, and not all that is so, as epoll.
    pub(crate) reports_changes_only: bool,
    /// What each of the server's calls takes.
    pub(crate) call_time: Duration,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) sockets: Vec<Socket>,
    /// Sockets with an edge that has not been reported.
    edges: VecDeque<usize>,
    /// What is to happen at a socket.
    wakeups: Vec<(Instant, usize, Wakeup)>,
    /// Events to come, by token: late ones, and duplicates.
    delayed_events: Vec<(Instant, usize, Readiness)>,
    fd_exhausted_until: Instant,
    /// How many calls have had an effect.
    pub(crate) progress: u64,
    /// Sockets whose peers have something to read, or an end, since they last looked.
    peer_news: Vec<usize>,
    /// What has happened, a line each, if a test wants it.
    pub(crate) trace: Option<String>,
    /// Each client comes through a proxy, whose address the server sees.
    pub(crate) is_proxied: bool,
}

/// A listening socket.
#[derive(Default)]
pub(crate) struct Listener {
    token: Option<usize>,
    /// Connected, and not accepted.
    pub(crate) queue: VecDeque<usize>,
    is_closed: bool,
    has_edge: bool,
}

/// A connection: the server's end of it, and what the peer has sent and not taken.
pub(crate) struct Socket {
    address: Peer,
    token: Option<usize>,
    /// Sent by the peer, not read by the server.
    inbound: VecDeque<u8>,
    /// The most of it that there may be.
    receive_buffer_bytes: usize,
    /// A read stops before this many bytes more: what comes after them is urgent.
    urgent_mark: Option<usize>,
    /// When, by the turn's clock, the server took it in.
    pub(crate) accepted_at: Option<Instant>,
    /// When, by the turn's clock, the server last read and found something, and nothing.
    pub(crate) found_some_at: Option<Instant>,
    pub(crate) found_empty_at: Option<Instant>,
    /// Written by the server, not read by the peer.
    outbound: VecDeque<u8>,
    /// The most of it that there may be.
    send_buffer_bytes: usize,
    /// Reading makes no new room: the room was given for so many bytes, once.
    has_metered_room: bool,
    /// A write took less than it was offered.
    was_short: bool,
    /// Writes to it never fail of themselves.
    pub(crate) is_reliable: bool,
    /// What is sent is no text, and not the same each time.
    pub(crate) is_sealed: bool,
    peer: End,
    error_reported: bool,
    eof_reported: bool,
    server: End,
    edge: Edge,
    has_edge: bool,
    has_peer_news: bool,
    pub(crate) written_bytes: usize,
    pub(crate) writes: usize,
}

/// How far one side has gone towards its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Open,
    /// It sends nothing more.
    Finished,
    /// It neither sends nor reads.
    Closed,
    /// It broke off: what was under way is lost.
    Reset,
}

#[derive(Debug, Clone, Copy)]
enum Wakeup {
    Edge(Edge),
    /// The peer's kernel breaks the connection off.
    Reset,
}

/// What has changed at a socket.
#[derive(Debug, Clone, Copy, Default)]
struct Edge {
    read: bool,
    write: bool,
}

impl Edge {
    const READ: Self = Self::of(true, false);
    const WRITE: Self = Self::of(false, true);
    const BOTH: Self = Self::of(true, true);

    const fn of(read: bool, write: bool) -> Self {
        Self { read, write }
    }
}

/// One poll tells of so many at most, as the reactor asks.
const EVENTS_PER_TURN: usize = 1024;

/// What the peer may have under way, usually.
const RECEIVE_BUFFER_BYTES: usize = 100_000;

impl Socket {
    fn new(address: Peer) -> Self {
        Self {
            address,
            token: None,
            inbound: VecDeque::new(),
            receive_buffer_bytes: RECEIVE_BUFFER_BYTES,
            urgent_mark: None,
            accepted_at: None,
            found_some_at: None,
            found_empty_at: None,
            outbound: VecDeque::new(),
            send_buffer_bytes: usize::MAX,
            has_metered_room: false,
            was_short: false,
            is_reliable: false,
            is_sealed: false,
            peer: End::Open,
            error_reported: false,
            eof_reported: false,
            server: End::Open,
            edge: Edge::default(),
            has_edge: false,
            has_peer_news: false,
            written_bytes: 0,
            writes: 0,
        }
    }

    fn room(&self) -> usize {
        self.send_buffer_bytes.saturating_sub(self.outbound.len())
    }

    /// As Linux reckons it: not the first byte of room is worth an event.
    fn is_writable(&self) -> bool {
        self.room() > 0 && self.room() >= self.send_buffer_bytes.div_ceil(3)
    }
}

impl Network {
    pub(crate) fn new(rng: Rng) -> Self {
        let now = Instant::now();
        Self {
            now,
            epoch: now,
            turn_began: now,
            rng,
            has_faults: false,
            reports_changes_only: false,
            call_time: Duration::from_micros(6),
            listeners: Vec::new(),
            sockets: Vec::new(),
            edges: VecDeque::new(),
            wakeups: Vec::new(),
            delayed_events: Vec::new(),
            fd_exhausted_until: now,
            progress: 0,
            peer_news: Vec::new(),
            trace: None,
            is_proxied: false,
        }
    }

    /// It begins at that time, and the test began at `epoch`.
    pub(crate) fn begin_at(&mut self, epoch: Instant, now: Instant) {
        (self.epoch, self.now) = (epoch, now);
        (self.turn_began, self.fd_exhausted_until) = (now, now);
    }

    /// Whether something fails that does so once in so many times.
    fn fails(&mut self, once_in: usize) -> bool {
        self.has_faults && self.rng.chance(once_in)
    }

    /// Which of 256 things happens; the low ones are no fault.
    fn fault(&mut self) -> usize {
        if self.has_faults {
            self.rng.below(256)
        } else {
            0
        }
    }

    fn soon(&mut self) -> Instant {
        self.now + Duration::from_micros(20 * self.rng.below(256) as u64)
    }

    fn edge(&mut self, id: usize, edge: Edge) {
        let socket = &mut self.sockets[id];
        socket.edge.read |= edge.read;
        socket.edge.write |= edge.write;
        if socket.token.is_some() && !std::mem::replace(&mut socket.has_edge, true) {
            self.edges.push_back(id);
        }
    }

    fn edge_later(&mut self, id: usize, edge: Edge) {
        let at = self.soon();
        self.wakeups.push((at, id, Wakeup::Edge(edge)));
    }

    /// Notes what a call has moved.
    fn note_bytes(&mut self, id: usize, verb: &str, bytes: &[u8]) {
        let count = bytes.len();
        match self.sockets[id].is_sealed {
            true => self.note(format_args!("#{id} {verb} {count}")),
            false => self.note(format_args!(
                "#{id} {verb} {count}: {}",
                bytes.escape_ascii()
            )),
        }
    }

    fn note(&mut self, what: fmt::Arguments<'_>) {
        if let Some(trace) = &mut self.trace {
            let at = self.now.saturating_duration_since(self.epoch);
            let _ = writeln!(trace, "{at:?} {what}");
        }
    }
}

/// What the server's poll does.
impl Network {
    /// When the next event comes of itself.
    pub(crate) fn next_event(&self) -> Option<Instant> {
        let has_news = |listener: &Listener| listener.has_edge && !listener.queue.is_empty();
        if !self.edges.is_empty() || self.listeners.iter().any(has_news) {
            return Some(self.now);
        }
        let wakeups = self.wakeups.iter().map(|(at, ..)| *at);
        let delayed = self.delayed_events.iter().map(|(at, ..)| *at);
        wakeups.chain(delayed).min()
    }

    /// The events of one turn.
    pub(crate) fn events(&mut self) -> Vec<(usize, Readiness)> {
        let now = self.now;
        self.turn_began = now;
        let due = self.wakeups.extract_if(.., |(at, ..)| *at <= now);
        for (_, id, wakeup) in due.collect::<Vec<_>>() {
            match wakeup {
                Wakeup::Edge(edge) => self.edge(id, edge),
                Wakeup::Reset => self.peer_resets(id),
            }
        }
        let due = self.delayed_events.extract_if(.., |(at, ..)| *at <= now);
        let mut events: Vec<_> = due
            .map(|(_, token, readiness)| (token, readiness))
            .collect();
        for listener in &mut self.listeners {
            if let Some(token) = listener.token
                && std::mem::take(&mut listener.has_edge)
                && !listener.queue.is_empty()
            {
                let readiness = Readiness {
                    readable: true,
                    ..Readiness::default()
                };
                events.push((token, readiness));
            }
        }
        while events.len() < EVENTS_PER_TURN
            && let Some(id) = self.edges.pop_front()
        {
            let Some((token, readiness)) = self.readiness(id) else {
                continue;
            };
            let fault = self.fault();
            if fault >= 232 {
                let at = self.soon();
                self.delayed_events.push((at, token, readiness));
            }
            // Once in 20 times it comes late, and as often it comes twice.
            if fault < 244 {
                events.push((token, readiness));
            }
        }
        if !events.is_empty() && self.fails(50) {
            self.rng.shuffle(&mut events);
        }
        events
    }

    fn readiness(&mut self, id: usize) -> Option<(usize, Readiness)> {
        let changes_only = self.reports_changes_only;
        let socket = &mut self.sockets[id];
        let edge = std::mem::take(&mut socket.edge);
        socket.has_edge = false;
        let token = socket.token?;
        let reads = edge.read || !changes_only;
        let broken = socket.peer == End::Reset;
        let closed = socket.peer != End::Open;
        let readiness = Readiness {
            readable: reads && (!socket.inbound.is_empty() || closed),
            writable: (edge.write || !changes_only) && (socket.is_writable() || broken),
            closed: reads && closed,
            broken: reads && broken,
            urgent: reads && socket.urgent_mark.is_some(),
        };
        let is_event = readiness.readable || readiness.writable || readiness.closed;
        is_event.then_some((token, readiness))
    }
}
