//! The server's calls on its simulated sockets, and how they go wrong.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::{Edge, End, Kernel, Wake};

/// The server's calls.
impl Kernel {
    pub(in crate::testing::simulation) fn accept(&mut self, door: usize) -> io::Result<usize> {
        self.work();
        if self.bad_luck(60) {
            self.starved_until = self.now + Duration::from_millis(self.dice.u64(0..400));
        }
        if self.is_stormy && self.starved_until > self.now {
            const EMFILE: i32 = 24;
            return Err(io::Error::from_raw_os_error(EMFILE));
        }
        if self.bad_luck(30) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let next = self.doors[door].queue.pop_front();
        let id = next.ok_or(io::ErrorKind::WouldBlock)?;
        self.deeds += 1;
        if self.bad_luck(30) {
            self.sockets[id].server = End::Reset;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(id)
    }

    pub(in crate::testing::simulation) fn register(
        &mut self,
        id: usize,
        token: usize,
    ) -> io::Result<()> {
        if self.bad_luck(100) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        assert_eq!(self.sockets[id].token.replace(token), None);
        let read = !self.sockets[id].inbound.is_empty() || self.sockets[id].peer != End::Open;
        self.edge(id, Edge { read, write: true });
        Ok(())
    }

    pub(in crate::testing::simulation) fn read(
        &mut self,
        id: usize,
        into: &mut [u8],
    ) -> io::Result<usize> {
        self.work();
        assert!(self.sockets[id].token.is_some(), "read after close");
        if self.bad_luck(40) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.bad_luck(20) {
            self.wake_later(id, Edge::READ);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let part = self.bad_luck(4);
        let socket = &mut self.sockets[id];
        let available = socket.inbound.len().min(into.len());
        if available == 0 {
            return self.read_end(id);
        }
        let count = if part {
            self.dice.usize(1..=available)
        } else {
            available
        };
        copy_front(&socket.inbound, &mut into[..count]);
        socket.inbound.drain(..count);
        self.deeds += 1;
        if count < into.len() && count < available {
            // As if the rest had come a moment later.
            self.edge(id, Edge::READ);
        }
        Ok(count)
    }

    fn read_end(&mut self, id: usize) -> io::Result<usize> {
        let socket = &mut self.sockets[id];
        match socket.peer {
            End::Open => Err(io::ErrorKind::WouldBlock.into()),
            End::Reset if !std::mem::replace(&mut socket.error_told, true) => {
                self.deeds += 1;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            End::Finished | End::Closed | End::Reset => {
                self.deeds += u64::from(!std::mem::replace(&mut socket.eof_told, true));
                Ok(0)
            }
        }
    }

    pub(in crate::testing::simulation) fn write(
        &mut self,
        id: usize,
        pieces: &[io::IoSlice<'_>],
    ) -> io::Result<usize> {
        self.work();
        assert_eq!(self.sockets[id].server, End::Open, "write after the end");
        let offered: usize = pieces.iter().map(|piece| piece.len()).sum();
        assert!(offered > 0, "nothing to write");
        if self.sockets[id].peer == End::Reset {
            let told = std::mem::replace(&mut self.sockets[id].error_told, true);
            return Err(match told {
                false => io::ErrorKind::ConnectionReset.into(),
                true => io::ErrorKind::BrokenPipe.into(),
            });
        }
        if self.sockets[id].peer == End::Closed {
            // The peer's kernel answers with a reset, in its time.
            self.deeds += 1;
            let at = self.soon();
            self.wakes.push((at, id, Wake::Reset));
            return Ok(offered);
        }
        let spared = self.sockets[id].spared;
        if self.bad_luck(40) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if !spared && self.bad_luck(400) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        if !spared && self.bad_luck(20) {
            self.sockets[id].came_short = true;
            self.wake_later(id, Edge::WRITE);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let part = !spared && self.bad_luck(5);
        let mut count = offered.min(self.sockets[id].free());
        if part && count > 0 {
            count = self.dice.usize(1..=count);
            self.wake_later(id, Edge::WRITE);
        }
        self.put(id, pieces, offered, count)
    }

    fn put(
        &mut self,
        id: usize,
        pieces: &[io::IoSlice<'_>],
        offered: usize,
        count: usize,
    ) -> io::Result<usize> {
        let socket = &mut self.sockets[id];
        socket.came_short |= count < offered;
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut left = count;
        for piece in pieces {
            let taken = left.min(piece.len());
            socket.outbound.extend(&piece[..taken]);
            left -= taken;
        }
        self.deeds += 1;
        Ok(count)
    }

    pub(in crate::testing::simulation) fn shutdown_write(&mut self, id: usize) -> io::Result<()> {
        self.deeds += 1;
        if self.sockets[id].peer == End::Reset {
            return Err(io::ErrorKind::NotConnected.into());
        }
        self.sockets[id].server = End::Finished;
        Ok(())
    }

    pub(in crate::testing::simulation) fn close(&mut self, id: usize) {
        self.deeds += 1;
        let socket = &mut self.sockets[id];
        assert!(socket.token.is_some() || socket.server == End::Open);
        socket.token = None;
        socket.server = End::Closed;
        if !socket.inbound.is_empty() {
            // Whoever closes with something unread breaks off.
            socket.server = End::Reset;
            socket.outbound.clear();
        }
    }

    /// What the peer has not taken is not kept for it.
    pub(in crate::testing::simulation) fn abandon(&mut self, id: usize) {
        self.close(id);
        self.sockets[id].server = End::Reset;
        self.sockets[id].outbound.clear();
    }

    /// Whoever still waits there is turned away.
    pub(in crate::testing::simulation) fn close_door(&mut self, door: usize) {
        self.doors[door].is_open = false;
        for id in std::mem::take(&mut self.doors[door].queue) {
            self.sockets[id].server = End::Reset;
        }
    }
}

/// The first bytes of a ring.
fn copy_front(ring: &VecDeque<u8>, into: &mut [u8]) {
    let (front, back) = ring.as_slices();
    let split = front.len().min(into.len());
    let (first, second) = into.split_at_mut(split);
    first.copy_from_slice(&front[..split]);
    second.copy_from_slice(&back[..second.len()]);
}
