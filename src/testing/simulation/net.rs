//! The simulated kernel as the engine's network.

use std::cell::RefCell;
use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use super::kernel::{End, Kernel};
use crate::addr::Peer;
use crate::reactor::Net;

pub(super) type Shared = Rc<RefCell<Kernel>>;

pub(super) struct SimNet(pub(super) Shared);

/// The server's end of a connection.
pub(super) struct SimStream {
    id: usize,
    kernel: Shared,
}

impl Drop for SimStream {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let server = self.kernel.borrow().sockets[self.id].server;
            assert!(
                matches!(server, End::Closed | End::Reset),
                "a stream is lost"
            );
        }
    }
}

impl Net for SimNet {
    type Listener = usize;
    type Stream = SimStream;

    fn now(&self) -> Instant {
        self.0.borrow().now
    }

    fn accept(&mut self, door: &usize) -> io::Result<(SimStream, Peer)> {
        let id = self.0.borrow_mut().accept(*door)?;
        let kernel = Rc::clone(&self.0);
        Ok((SimStream { id, kernel }, peer_of(id)))
    }

    fn register(&mut self, stream: &mut SimStream, token: usize) -> io::Result<()> {
        self.0.borrow_mut().register(stream.id, token)
    }

    fn shutdown_write(&mut self, stream: &SimStream) -> io::Result<()> {
        self.0.borrow_mut().shutdown_write(stream.id)
    }

    fn close(&mut self, stream: SimStream) {
        self.0.borrow_mut().close(stream.id);
    }

    fn abandon(&mut self, stream: SimStream) {
        self.0.borrow_mut().abandon(stream.id);
    }

    fn close_listener(&mut self, door: usize) {
        self.0.borrow_mut().close_door(door);
    }
}

impl Read for SimStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.kernel.borrow_mut().read(self.id, into)
    }
}

impl Write for SimStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.kernel.borrow_mut().write(self.id, pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket's number as an address: a few hosts, and a port each.
fn peer_of(id: usize) -> Peer {
    let port = u16::try_from(id).expect("some thousand");
    Peer::Tcp(SocketAddr::from(([10, 0, 0, host_of(id)], port)))
}

/// Which of the hosts it comes from.
pub(super) fn host_of(id: usize) -> u8 {
    u8::try_from(id % HOSTS).expect("a few")
}

const HOSTS: usize = 3;

/// The socket's number, from what the service is told.
pub(super) fn number_of(peer: &Peer) -> usize {
    match peer {
        Peer::Tcp(address) => usize::from(address.port()),
        Peer::Unix => panic!("no simulated peer"),
    }
}
