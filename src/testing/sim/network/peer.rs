//! The other end of the simulated sockets: what a client's own calls do, and what they set off at
//! the server's end.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use super::{Edge, End, Listener, Network, Socket};
use crate::addr::Peer;

impl Network {
    pub(crate) fn listen(&mut self) -> usize {
        self.listeners.push(Listener::default());
        self.listeners.len() - 1
    }

    /// The next socket's number is this one: those before it are other networks'.
    pub(crate) fn number_from(&mut self, id: usize) {
        while self.sockets.len() < id {
            let mut socket = Socket::new(Peer::Unix);
            (socket.server, socket.peer) = (End::Closed, End::Closed);
            self.sockets.push(socket);
        }
    }

    /// An address that no other socket has, if all are given theirs by this.
    pub(crate) fn next_address(&self) -> Peer {
        let id = u32::try_from(self.sockets.len()).expect("not so many");
        let host = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + id);
        Peer::Tcp((host, 1).into())
    }

    /// Connects from `address`, which only this socket has; returns the socket's number.
    pub(crate) fn connect(&mut self, listener: usize, address: Peer) -> usize {
        let id = self.sockets.len();
        let mut socket = Socket::new(address);
        let listener = &mut self.listeners[listener];
        if listener.is_closed {
            socket.server = End::Reset;
        } else {
            listener.queue.push_back(id);
            listener.has_edge = true;
        }
        self.sockets.push(socket);
        id
    }

    /// The socket at `address`: a service may be told of a client long after it was accepted.
    pub(crate) fn socket_at(&self, address: &Peer) -> usize {
        let at = self.sockets.iter().rposition(|s| s.address == *address);
        at.expect("somebody came from there")
    }

    /// The client came through a proxy, which says that it came from `address`.
    pub(crate) fn set_address(&mut self, id: usize, address: Peer) {
        self.sockets[id].address = address;
    }

    /// So many bytes that the server writes are kept for a peer that does not read.
    pub(crate) fn set_send_buffer(&mut self, id: usize, bytes: usize) {
        let socket = &mut self.sockets[id];
        socket.send_buffer_bytes = bytes;
        socket.has_metered_room = false;
        self.edge_if_writable(id);
    }

    /// The server's writes are taken up to `bytes` more, and then no more, whatever is read.
    pub(crate) fn set_room(&mut self, id: usize, bytes: usize) {
        let socket = &mut self.sockets[id];
        socket.send_buffer_bytes = bytes.saturating_add(socket.outbound.len());
        socket.has_metered_room = true;
        self.edge_if_writable(id);
    }

    /// So many bytes may be under way to the server.
    pub(crate) fn set_receive_buffer(&mut self, id: usize, bytes: usize) {
        self.sockets[id].receive_buffer_bytes = bytes;
    }

    /// Whether the peer has not ended its side.
    pub(crate) fn peer_is_open(&self, id: usize) -> bool {
        self.sockets[id].peer == End::Open
    }

    /// Sends as much of `bytes` as there is room for; returns how much.
    pub(crate) fn peer_sends(&mut self, id: usize, bytes: &[u8]) -> usize {
        let socket = &mut self.sockets[id];
        assert_eq!(socket.peer, End::Open);
        match socket.server {
            // The server's kernel answers with a reset, and what was under way is lost.
            End::Closed | End::Reset => {
                socket.server = End::Reset;
                socket.outbound.clear();
                self.notify_peer(id);
                bytes.len()
            }
            End::Open | End::Finished => {
                let room = socket.receive_buffer_bytes - socket.inbound.len();
                let count = bytes.len().min(room);
                socket.inbound.extend(&bytes[..count]);
                if count > 0 {
                    self.edge(id, Edge::READ);
                }
                count
            }
        }
    }

    /// What is sent from here on is urgent: a read ends before it, and no edge says so.
    pub(crate) fn peer_marks_urgent(&mut self, id: usize) {
        let socket = &mut self.sockets[id];
        socket.urgent_mark = Some(socket.inbound.len()).filter(|bytes| *bytes > 0);
    }

    /// Takes up to `most` bytes; and the end, once there is nothing before it.
    pub(crate) fn peer_receives(&mut self, id: usize, most: usize) -> (VecDeque<u8>, Option<End>) {
        let socket = &mut self.sockets[id];
        let count = most.min(socket.outbound.len());
        let mut bytes = socket.outbound.split_off(count);
        std::mem::swap(&mut bytes, &mut socket.outbound);
        let end = Some(socket.server).filter(|end| {
            *end != End::Open && socket.outbound.is_empty() && (most > count || count == 0)
        });
        if socket.has_metered_room && socket.send_buffer_bytes != usize::MAX {
            socket.send_buffer_bytes -= count;
        }
        self.edge_if_writable(id);
        (bytes, end)
    }

    /// Sends nothing more, but reads.
    pub(crate) fn peer_finishes(&mut self, id: usize) {
        self.sockets[id].peer = End::Finished;
        self.edge(id, Edge::READ);
    }

    /// Goes; with something unread, that breaks the connection off.
    pub(crate) fn peer_closes(&mut self, id: usize) {
        if !self.sockets[id].outbound.is_empty() {
            return self.peer_resets(id);
        }
        self.sockets[id].peer = End::Closed;
        self.edge(id, Edge::READ);
    }

    /// Both directions are over at once; what the server has received, it can still read.
    pub(crate) fn peer_resets(&mut self, id: usize) {
        self.sockets[id].peer = End::Reset;
        self.sockets[id].outbound.clear();
        self.edge(id, Edge::BOTH);
    }

    /// Sockets whose peers have had something to read, or an end, since this was last asked.
    pub(crate) fn take_peer_news(&mut self) -> Vec<usize> {
        let ids = std::mem::take(&mut self.peer_news);
        for id in &ids {
            self.sockets[*id].has_peer_news = false;
        }
        ids
    }

    pub(super) fn notify_peer(&mut self, id: usize) {
        if !std::mem::replace(&mut self.sockets[id].has_peer_news, true) {
            self.peer_news.push(id);
        }
    }

    /// A write that came short may be tried again; said once.
    fn edge_if_writable(&mut self, id: usize) {
        let socket = &mut self.sockets[id];
        if socket.was_short && socket.is_writable() {
            socket.was_short = false;
            self.edge(id, Edge::WRITE);
        }
    }
}
