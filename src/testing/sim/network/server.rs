//! The server's calls on its simulated sockets, and how they fail.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::{Edge, End, Network, Socket, Wakeup};
use crate::addr::Peer;

/// The server's calls.
/// Less than any silence that means something.
const A_WHILE: Duration = Duration::from_millis(90);

impl Network {
    pub(crate) fn register_listener(&mut self, listener: usize, token: usize) {
        self.listeners[listener].token = Some(token);
    }

    pub(crate) fn accept(&mut self, listener: usize) -> io::Result<(usize, Peer)> {
        self.now += self.call_time;
        let fault = self.fault();
        if fault >= 252 {
            let pause = Duration::from_millis(self.rng.below(400) as u64);
            self.fd_exhausted_until = self.now + pause;
        }
        if self.has_faults && self.fd_exhausted_until > self.now {
            const EMFILE: i32 = 24;
            return Err(io::Error::from_raw_os_error(EMFILE));
        }
        if (244..252).contains(&fault) {
            return Err(self.interrupted());
        }
        let next = self.listeners[listener].queue.pop_front();
        let id = next.ok_or(io::ErrorKind::WouldBlock)?;
        self.progress += 1;
        if (236..244).contains(&fault) {
            self.sockets[id].server = End::Reset;
            self.notify_peer(id);
            self.note(format_args!("#{id} is aborted"));
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        self.note(format_args!("#{id} is accepted"));
        self.sockets[id].accepted_at = Some(self.turn_began);
        match (self.is_proxied, self.sockets[id].address) {
            (true, Peer::Tcp(address)) => {
                Ok((id, Peer::Tcp(([127, 0, 0, 1], address.port()).into())))
            }
            (_, address) => Ok((id, address)),
        }
    }

    pub(crate) fn register(&mut self, id: usize, token: usize) -> io::Result<()> {
        if self.fails(100) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // A process that goes on in another one's place has the same token for it.
        let before = self.sockets[id].token.replace(token);
        assert!(before.is_none_or(|before| before == token));
        let read = !self.sockets[id].inbound.is_empty() || self.sockets[id].peer != End::Open;
        self.edge(id, Edge { read, write: true });
        Ok(())
    }

    pub(crate) fn read(&mut self, id: usize, into: &mut [u8]) -> io::Result<usize> {
        self.now += self.call_time;
        let result = self.try_read(id, into);
        let now = Some(self.turn_began);
        match &result {
            Ok(1..) => self.sockets[id].found_some_at = now,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.sockets[id].found_empty_at = now;
            }
            _ => {}
        }
        match &result {
            Ok(count) => self.note_bytes(id, "reads", &into[..*count]),
            Err(error) => self.note(format_args!("#{id} reads: {error}")),
        }
        result
    }

    fn try_read(&mut self, id: usize, into: &mut [u8]) -> io::Result<usize> {
        assert!(self.sockets[id].token.is_some(), "read after close");
        let fault = self.fault();
        if fault >= 250 {
            return Err(self.interrupted());
        }
        if fault >= 237 && !self.seems_silent(id) {
            self.edge_later(id, Edge::READ);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let socket = &mut self.sockets[id];
        let available = socket.inbound.len().min(into.len());
        if available == 0 {
            return self.read_end(id);
        }
        let count = if fault >= 173 {
            self.rng.between(1, available)
        } else {
            available
        };
        let socket = &mut self.sockets[id];
        let count = match socket.urgent_mark {
            Some(bytes) if bytes <= count => {
                socket.urgent_mark = None;
                bytes
            }
            Some(bytes) => {
                socket.urgent_mark = Some(bytes - count);
                count
            }
            None => count,
        };
        let is_cut = count < available && fault >= 173;
        copy_front(&socket.inbound, &mut into[..count]);
        socket.inbound.drain(..count);
        self.progress += 1;
        if is_cut && count < into.len() {
            // As if the rest had come a moment later.
            self.edge(id, Edge::READ);
        }
        Ok(count)
    }

    /// Whether what it sends is not there just for the moment, and the server would take that for
    /// silence: it has not been read from for a while.
    fn seems_silent(&self, id: usize) -> bool {
        let socket = &self.sockets[id];
        let heard_at = socket.found_some_at.max(socket.accepted_at);
        let is_long_ago = heard_at.is_none_or(|at| at + A_WHILE <= self.turn_began);
        is_long_ago && !socket.inbound.is_empty()
    }

    fn read_end(&mut self, id: usize) -> io::Result<usize> {
        let socket = &mut self.sockets[id];
        match socket.peer {
            End::Open => Err(io::ErrorKind::WouldBlock.into()),
            End::Reset if !std::mem::replace(&mut socket.error_reported, true) => {
                self.progress += 1;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            End::Finished | End::Closed | End::Reset => {
                let is_news = !std::mem::replace(&mut socket.eof_reported, true);
                self.progress += u64::from(is_news);
                Ok(0)
            }
        }
    }

    pub(crate) fn write(&mut self, id: usize, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.now += self.call_time;
        let result = self.try_write(id, pieces);
        match &result {
            _ if self.trace.is_none() => {}
            Ok(count) => {
                let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_vec()).collect();
                self.note_bytes(id, "is written", bytes.get(..*count).unwrap_or_default());
            }
            Err(error) => self.note(format_args!("#{id} is written: {error}")),
        }
        result
    }

    fn try_write(&mut self, id: usize, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        assert_eq!(self.sockets[id].server, End::Open, "write after the end");
        let offered: usize = pieces.iter().map(|piece| piece.len()).sum();
        assert!(offered > 0, "nothing to write");
        if self.sockets[id].peer == End::Reset {
            let reported = std::mem::replace(&mut self.sockets[id].error_reported, true);
            return Err(match reported {
                false => io::ErrorKind::ConnectionReset.into(),
                true => io::ErrorKind::BrokenPipe.into(),
            });
        }
        if self.sockets[id].peer == End::Closed {
            // The peer's kernel answers with a reset, in its time.
            self.progress += 1;
            let at = self.soon();
            self.wakeups.push((at, id, Wakeup::Reset));
            return Ok(offered);
        }
        let fault = self.fault();
        if fault >= 250 {
            return Err(self.interrupted());
        }
        let fault = if self.sockets[id].is_reliable {
            0
        } else {
            fault
        };
        if fault == 249 {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        if fault >= 236 {
            self.sockets[id].was_short = true;
            self.edge_later(id, Edge::WRITE);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut count = offered.min(self.sockets[id].room());
        if fault >= 185 && count > 0 {
            count = self.rng.between(1, count);
            self.edge_later(id, Edge::WRITE);
        }
        self.put(id, pieces, offered, count)
    }

    /// It is no fault of the engine's that nothing else came of the call.
    fn interrupted(&mut self) -> io::Error {
        self.progress += 1;
        io::ErrorKind::Interrupted.into()
    }

    fn put(
        &mut self,
        id: usize,
        pieces: &[io::IoSlice<'_>],
        offered: usize,
        count: usize,
    ) -> io::Result<usize> {
        let socket = &mut self.sockets[id];
        socket.was_short |= count < offered;
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut left = count;
        for piece in pieces {
            let taken = left.min(piece.len());
            socket.outbound.extend(&piece[..taken]);
            left -= taken;
        }
        socket.written_bytes += count;
        socket.writes += 1;
        self.progress += 1;
        self.notify_peer(id);
        Ok(count)
    }

    pub(crate) fn shutdown_write(&mut self, id: usize) -> io::Result<()> {
        self.progress += 1;
        if self.sockets[id].peer == End::Reset {
            return Err(io::ErrorKind::NotConnected.into());
        }
        self.sockets[id].server = End::Finished;
        self.note(format_args!("#{id} is finished"));
        self.notify_peer(id);
        Ok(())
    }

    pub(crate) fn close(&mut self, id: usize) {
        self.progress += 1;
        let socket = &mut self.sockets[id];
        assert!(socket.token.is_some() || socket.server == End::Open);
        socket.token = None;
        socket.server = End::Closed;
        if !socket.inbound.is_empty() {
            // Closing with something unread breaks the connection off.
            socket.server = End::Reset;
            socket.outbound.clear();
        }
        self.note(format_args!("#{id} is closed"));
        self.notify_peer(id);
    }

    /// What the peer has not taken is not kept for it.
    pub(crate) fn abandon(&mut self, id: usize) {
        self.close(id);
        self.sockets[id].server = End::Reset;
        self.sockets[id].outbound.clear();
    }

    /// Whether the server has let every socket go.
    pub(crate) fn all_are_closed(&self) -> bool {
        let is_closed = |socket: &Socket| matches!(socket.server, End::Closed | End::Reset);
        self.sockets.iter().all(is_closed)
    }

    /// Who still waits there is reset.
    pub(crate) fn close_listener(&mut self, listener: usize) {
        self.listeners[listener].is_closed = true;
        for id in std::mem::take(&mut self.listeners[listener].queue) {
            self.sockets[id].server = End::Reset;
            self.notify_peer(id);
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
