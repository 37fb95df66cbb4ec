//! The simulated network: wires between clients and the server, and the clock.
//! Edges are given as the kernel gives them: once for what has arrived, once for room again.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use std::time::Instant;

use super::ALL;
use crate::addr::Peer;
use crate::reactor::{self, Readiness};

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) wires: Vec<Wire>,
    /// Clients that have connected and are not accepted.
    waiting: VecDeque<usize>,
    pub(super) listener_token: usize,
}

/// One client's connection, seen from both ends.
#[derive(Default)]
pub(super) struct Wire {
    /// The server's name for it, once accepted.
    pub(super) token: Option<usize>,
    /// What the client has sent and has not arrived.
    flight: VecDeque<u8>,
    /// What has arrived and has not been read.
    arrived: VecDeque<u8>,
    /// So many bytes arrive in a turn.
    pace: usize,
    /// The client sends no more; it has arrived.
    ended: bool,
    end_arrived: bool,
    /// The connection is broken.
    pub(super) broken: bool,
    /// What the client takes before it blocks the server.
    room: usize,
    blocked: bool,
    interrupt: bool,
    /// What the client got.
    pub(super) got: Vec<u8>,
    /// The server has ended its side in good order.
    pub(super) is_shut: bool,
    pub(super) is_closed: bool,
    /// Edges not told yet.
    readable: bool,
    writable: bool,
}

impl World {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            now,
            wires: Vec::new(),
            waiting: VecDeque::new(),
            listener_token: 0,
        }
    }

    pub(super) fn connect(&mut self) {
        self.waiting.push_back(self.wires.len());
        self.wires.push(Wire {
            pace: ALL,
            room: ALL,
            ..Wire::default()
        });
    }

    pub(super) fn send(&mut self, who: usize, bytes: &[u8]) {
        if let Some(wire) = self.wires.get_mut(who)
            && !wire.ended
            && !wire.broken
        {
            wire.flight.extend(bytes);
        }
    }

    pub(super) fn end(&mut self, who: usize) {
        if let Some(wire) = self.wires.get_mut(who) {
            wire.ended = true;
        }
    }

    pub(super) fn reset(&mut self, who: usize) {
        if let Some(wire) = self.wires.get_mut(who) {
            (wire.broken, wire.readable, wire.writable) = (true, true, true);
        }
    }

    pub(super) fn set_room(&mut self, who: usize, room: usize) {
        if let Some(wire) = self.wires.get_mut(who) {
            wire.room = room;
            wire.writable |= room > 0 && std::mem::take(&mut wire.blocked);
        }
    }

    pub(super) fn slow_down(&mut self, who: usize, pace: usize) {
        if let Some(wire) = self.wires.get_mut(who) {
            wire.pace = pace;
        }
    }

    pub(super) fn interrupt(&mut self, who: usize) {
        if let Some(wire) = self.wires.get_mut(who) {
            wire.interrupt = true;
        }
    }

    /// Nobody is slow any more.
    pub(super) fn heal(&mut self) {
        for who in 0..self.wires.len() {
            self.slow_down(who, ALL);
            self.set_room(who, ALL);
        }
    }

    /// Lets arrive what is in flight, and takes the edges of all that has happened.
    pub(super) fn events(&mut self) -> Vec<(usize, Readiness)> {
        let wires = self.wires.iter_mut();
        wires.filter_map(Wire::event).collect()
    }

    pub(super) fn has_events(&self) -> bool {
        self.wires.iter().any(Wire::has_event)
    }
}

impl Wire {
    fn has_event(&self) -> bool {
        let arriving = !self.flight.is_empty() && self.pace > 0;
        let ending = self.flight.is_empty() && self.ended && !self.end_arrived;
        let alive = self.token.is_some() && !self.is_closed;
        alive && (arriving || ending || self.readable || self.writable)
    }

    fn event(&mut self) -> Option<(usize, Readiness)> {
        if !self.has_event() {
            return None;
        }
        let count = self.flight.len().min(self.pace);
        self.arrived.extend(self.flight.drain(..count));
        let ending = self.flight.is_empty() && self.ended && !self.end_arrived;
        self.end_arrived |= ending;
        let readiness = Readiness {
            readable: std::mem::take(&mut self.readable) || count > 0 || ending,
            writable: std::mem::take(&mut self.writable),
            closed: self.end_arrived || self.broken,
            broken: self.broken,
            urgent: false,
        };
        self.token.map(|token| (token, readiness))
    }
}

/// The engine's side of the world.
pub(super) struct Net(pub(super) Rc<RefCell<World>>);

pub(super) struct Stream {
    world: Rc<RefCell<World>>,
    wire: usize,
}

impl reactor::Net for Net {
    type Listener = ();
    type Stream = Stream;

    fn now(&self) -> Instant {
        self.0.borrow().now
    }

    fn register_listener(&mut self, _listener: &mut (), token: usize) -> io::Result<()> {
        self.0.borrow_mut().listener_token = token;
        Ok(())
    }

    fn accept(&mut self, _listener: &()) -> io::Result<(Stream, Peer)> {
        let wire = self.0.borrow_mut().waiting.pop_front();
        let world = Rc::clone(&self.0);
        let stream = wire.map(|wire| (Stream { world, wire }, Peer::Unix));
        stream.ok_or(ErrorKind::WouldBlock.into())
    }

    fn register(&mut self, stream: &mut Stream, token: usize) -> io::Result<()> {
        self.0.borrow_mut().wires[stream.wire].token = Some(token);
        Ok(())
    }

    fn shutdown_write(&mut self, stream: &Stream) -> io::Result<()> {
        let wire = &mut self.0.borrow_mut().wires[stream.wire];
        if wire.broken {
            return Err(ErrorKind::NotConnected.into());
        }
        wire.is_shut = true;
        Ok(())
    }

    fn close(&mut self, stream: Stream) {
        self.0.borrow_mut().wires[stream.wire].is_closed = true;
    }

    fn close_listener(&mut self, (): ()) {}
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wire = &mut self.world.borrow_mut().wires[self.wire];
        if std::mem::take(&mut wire.interrupt) {
            return Err(ErrorKind::Interrupted.into());
        }
        if !wire.arrived.is_empty() {
            return wire.arrived.read(buffer);
        }
        match () {
            () if wire.broken => Err(ErrorKind::ConnectionReset.into()),
            () if wire.end_arrived => Ok(0),
            () => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let wire = &mut self.world.borrow_mut().wires[self.wire];
        assert!(!wire.is_shut && !wire.is_closed, "written to after the end");
        if std::mem::take(&mut wire.interrupt) {
            return Err(ErrorKind::Interrupted.into());
        }
        if wire.broken {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let count = bytes.len().min(wire.room);
        wire.blocked = count < bytes.len();
        if count == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        wire.room -= if wire.room == ALL { 0 } else { count };
        wire.got.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn write_vectored(&mut self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let all: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| piece.iter().copied())
            .collect();
        self.write(&all)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
