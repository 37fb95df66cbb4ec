//! The other end of the simulated sockets: what a client's own calls do, and what they set off at
//! the server's end.

use super::{Door, Edge, End, Kernel, Socket};

/// The peer may have so much under way.
const WINDOW_BYTES: usize = 100_000;

impl Kernel {
    pub(in crate::testing::simulation) fn open_door(&mut self, token: usize) {
        self.doors.push(Door::new(token));
    }

    /// Comes to a door; the socket keeps `capacity` bytes for who does not read.
    pub(in crate::testing::simulation) fn connect(
        &mut self,
        door: usize,
        capacity: usize,
        spared: bool,
    ) -> usize {
        let id = self.sockets.len();
        self.sockets.push(Socket::new(capacity, spared));
        self.knock(door, id);
        id
    }

    /// Sends as much of `bytes` as the window takes.
    pub(in crate::testing::simulation) fn peer_sends(&mut self, id: usize, bytes: &[u8]) -> usize {
        let socket = &mut self.sockets[id];
        assert_eq!(socket.peer, End::Open);
        match socket.server {
            // The server's kernel answers with a reset, and what was under way is lost.
            End::Closed | End::Reset => {
                socket.server = End::Reset;
                socket.outbound.clear();
                bytes.len()
            }
            End::Open | End::Finished => {
                let count = bytes.len().min(WINDOW_BYTES - socket.inbound.len());
                socket.inbound.extend(&bytes[..count]);
                if count > 0 {
                    self.edge(id, Edge::READ);
                }
                count
            }
        }
    }

    /// Takes up to `most` bytes; and the end, once there is nothing before it.
    pub(in crate::testing::simulation) fn peer_receives(
        &mut self,
        id: usize,
        most: usize,
    ) -> (Vec<u8>, Option<End>) {
        let socket = &mut self.sockets[id];
        let count = most.min(socket.outbound.len());
        let bytes: Vec<u8> = socket.outbound.drain(..count).collect();
        let end = Some(socket.server).filter(|end| {
            *end != End::Open && socket.outbound.is_empty() && (most > count || count == 0)
        });
        if socket.has_come_to_room() {
            self.edge(id, Edge::WRITE);
        }
        (bytes, end)
    }

    /// Sends nothing more, but reads.
    pub(in crate::testing::simulation) fn peer_finishes(&mut self, id: usize) {
        self.sockets[id].peer = End::Finished;
        self.edge(id, Edge::READ);
    }

    /// Goes; with something unread, that breaks the connection off.
    pub(in crate::testing::simulation) fn peer_closes(&mut self, id: usize) {
        if !self.sockets[id].outbound.is_empty() {
            return self.break_off(id);
        }
        self.sockets[id].peer = End::Closed;
        self.edge(id, Edge::READ);
    }

    /// Both directions are over at once; what the server has received, it can still read.
    pub(in crate::testing::simulation) fn break_off(&mut self, id: usize) {
        self.sockets[id].peer = End::Reset;
        self.sockets[id].outbound.clear();
        self.edge(id, Edge::BOTH);
    }
}
