//! The simulated kernel: sockets, listen queues, edges and a clock, all decided by one dice.
//! Edges are given as epoll gives them: on a change only, so that a wake-up that was missed is
//! never made up for. Knows neither engine nor services.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::reactor::Readiness;

mod calls;
mod peer;

pub(super) struct Kernel {
    pub(super) now: Instant,
    pub(super) dice: Rng,
    /// Calls go wrong, and events come late and twice.
    pub(super) is_stormy: bool,
    /// An event tells only what has changed, as kqueue has it, and not all that is so, as epoll.
    pub(super) tells_changes_only: bool,
    pub(super) doors: Vec<Door>,
    pub(super) sockets: Vec<Socket>,
    /// Sockets with an edge that has not been told.
    edges: VecDeque<usize>,
    /// What is to come to a socket.
    wakes: Vec<(Instant, usize, Wake)>,
    /// Events to come, by token: late ones, and second ones.
    ghosts: Vec<(Instant, usize, Readiness)>,
    /// There are no descriptors until then.
    starved_until: Instant,
    /// How often something has come of a call.
    pub(super) deeds: u64,
}

/// A listening socket.
pub(super) struct Door {
    pub(super) token: usize,
    pub(super) queue: VecDeque<usize>,
    pub(super) is_open: bool,
    has_edge: bool,
}

/// A connection: the server's end of it, and what the peer knows.
pub(super) struct Socket {
    token: Option<usize>,
    /// Sent by the peer, not read by the server.
    pub(super) inbound: VecDeque<u8>,
    /// Written by the server, not read by the peer.
    pub(super) outbound: VecDeque<u8>,
    /// How much of it there may be.
    capacity: usize,
    /// A write took less than it was offered.
    came_short: bool,
    /// Writes to it never go wrong of themselves.
    spared: bool,
    pub(super) peer: End,
    error_told: bool,
    eof_told: bool,
    pub(super) server: End,
    edge: Edge,
    has_edge: bool,
}

/// How far one side has gone towards its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Open,
    /// It sends nothing more.
    Finished,
    /// It neither sends nor reads.
    Closed,
    /// It broke off: what was under way is lost.
    Reset,
}

#[derive(Clone, Copy)]
enum Wake {
    Edge(Edge),
    /// The peer's kernel breaks the connection off.
    Reset,
}

/// What has changed at a socket.
#[derive(Clone, Copy, Default)]
pub(super) struct Edge {
    read: bool,
    write: bool,
}

impl Edge {
    pub(super) const READ: Self = Self::of(true, false);
    pub(super) const WRITE: Self = Self::of(false, true);
    pub(super) const BOTH: Self = Self::of(true, true);

    const fn of(read: bool, write: bool) -> Self {
        Self { read, write }
    }
}

impl Door {
    pub(super) fn new(token: usize) -> Self {
        Self {
            token,
            queue: VecDeque::new(),
            is_open: true,
            has_edge: false,
        }
    }
}

impl Socket {
    pub(super) fn new(capacity: usize, spared: bool) -> Self {
        Self {
            token: None,
            inbound: VecDeque::new(),
            outbound: VecDeque::new(),
            capacity,
            came_short: false,
            spared,
            peer: End::Open,
            error_told: false,
            eof_told: false,
            server: End::Open,
            edge: Edge::default(),
            has_edge: false,
        }
    }

    fn free(&self) -> usize {
        self.capacity - self.outbound.len()
    }

    /// As Linux reckons it: not the first byte of room is worth an event.
    fn has_room(&self) -> bool {
        self.free() >= self.capacity.div_ceil(3)
    }

    /// Whether a write that came short may be tried again; said once.
    pub(super) fn has_come_to_room(&mut self) -> bool {
        let has_come = self.came_short && self.has_room();
        self.came_short &= !has_come;
        has_come
    }
}

impl Kernel {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let now = Instant::now();
        Self {
            now,
            is_stormy: true,
            tells_changes_only: dice.bool(),
            dice,
            doors: Vec::new(),
            sockets: Vec::new(),
            edges: VecDeque::new(),
            wakes: Vec::new(),
            ghosts: Vec::new(),
            starved_until: now,
            deeds: 0,
        }
    }

    /// Whether something goes wrong that does so once in so many times.
    fn bad_luck(&mut self, once_in: u32) -> bool {
        self.is_stormy && self.dice.u32(0..once_in) == 0
    }

    /// Somebody stands at the door.
    pub(super) fn knock(&mut self, door: usize, id: usize) {
        if self.doors[door].is_open {
            self.doors[door].queue.push_back(id);
            self.doors[door].has_edge = true;
        } else {
            self.sockets[id].server = End::Reset;
        }
    }

    fn work(&mut self) {
        self.now += Duration::from_nanos(self.dice.u64(500..20_000));
    }

    fn soon(&mut self) -> Instant {
        self.now + Duration::from_micros(self.dice.u64(0..5_000))
    }

    pub(super) fn edge(&mut self, id: usize, edge: Edge) {
        let socket = &mut self.sockets[id];
        socket.edge.read |= edge.read;
        socket.edge.write |= edge.write;
        if socket.token.is_some() && !std::mem::replace(&mut socket.has_edge, true) {
            self.edges.push_back(id);
        }
    }

    fn wake_later(&mut self, id: usize, edge: Edge) {
        let at = self.soon();
        self.wakes.push((at, id, Wake::Edge(edge)));
    }
}

/// What the server's poll does.
impl Kernel {
    /// When the next event comes of itself.
    pub(super) fn next_event(&self) -> Option<Instant> {
        let is_door = |door: &Door| door.has_edge && !door.queue.is_empty();
        if !self.edges.is_empty() || self.doors.iter().any(is_door) {
            return Some(self.now);
        }
        let wakes = self.wakes.iter().map(|(at, ..)| *at);
        wakes.chain(self.ghosts.iter().map(|(at, ..)| *at)).min()
    }

    /// The events of one turn.
    pub(super) fn events(&mut self) -> Vec<(usize, Readiness)> {
        let now = self.now;
        let due = self.wakes.extract_if(.., |(at, ..)| *at <= now);
        for (_, id, wake) in due.collect::<Vec<_>>() {
            match wake {
                Wake::Edge(edge) => self.edge(id, edge),
                Wake::Reset => self.break_off(id),
            }
        }
        let due = self.ghosts.extract_if(.., |(at, ..)| *at <= now);
        let mut events: Vec<_> = due
            .map(|(_, token, readiness)| (token, readiness))
            .collect();
        for door in &mut self.doors {
            if std::mem::take(&mut door.has_edge) && !door.queue.is_empty() {
                let readiness = Readiness {
                    readable: true,
                    ..Readiness::default()
                };
                events.push((door.token, readiness));
            }
        }
        while let Some(id) = self.edges.pop_front() {
            let Some((token, readiness)) = self.readiness(id) else {
                continue;
            };
            let late = self.bad_luck(20);
            if late || self.bad_luck(20) {
                let at = self.soon();
                self.ghosts.push((at, token, readiness));
            }
            if !late {
                events.push((token, readiness));
            }
        }
        if self.bad_luck(50) {
            self.dice.shuffle(&mut events);
        }
        events
    }

    fn readiness(&mut self, id: usize) -> Option<(usize, Readiness)> {
        let changes_only = self.tells_changes_only;
        let socket = &mut self.sockets[id];
        let edge = std::mem::take(&mut socket.edge);
        socket.has_edge = false;
        let token = socket.token?;
        let broken = socket.peer == End::Reset;
        let closed = socket.peer != End::Open;
        let readiness = Readiness {
            readable: (edge.read || !changes_only) && (!socket.inbound.is_empty() || closed),
            writable: (edge.write || !changes_only) && (socket.has_room() || broken),
            closed: (edge.read || !changes_only) && closed,
            broken: (edge.read || !changes_only) && broken,
            urgent: false,
        };
        let is_event = readiness.readable || readiness.writable || readiness.closed;
        is_event.then_some((token, readiness))
    }
}
