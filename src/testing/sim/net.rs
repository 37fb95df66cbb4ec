//! The simulated network as the engine's.

use std::cell::RefCell;
use std::io::{self, IoSlice, Read, Write};
use std::rc::Rc;
use std::time::Instant;

use super::network::Network;
use crate::addr::Peer;
use crate::reactor::Net;

pub(crate) type Shared = Rc<RefCell<Network>>;

pub(crate) struct SimNet(pub(crate) Shared);

/// The server's end of a connection.
pub(crate) struct SimStream {
    id: usize,
    network: Shared,
}

impl SimStream {
    /// The same stream, for another process.
    pub(crate) fn duplicate(&self) -> Self {
        Self {
            id: self.id,
            network: Rc::clone(&self.network),
        }
    }
}

impl Net for SimNet {
    type Listener = usize;
    type Stream = SimStream;

    fn now(&self) -> Instant {
        self.0.borrow().now
    }

    fn register_listener(&mut self, listener: &mut usize, token: usize) -> io::Result<()> {
        self.0.borrow_mut().register_listener(*listener, token);
        Ok(())
    }

    fn accept(&mut self, listener: &usize) -> io::Result<(SimStream, Peer)> {
        let (id, address) = self.0.borrow_mut().accept(*listener)?;
        let network = Rc::clone(&self.0);
        Ok((SimStream { id, network }, address))
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

    fn release(&mut self, _stream: SimStream) {}

    fn release_listener(&mut self, _listener: usize) {}

    fn close_listener(&mut self, listener: usize) {
        self.0.borrow_mut().close_listener(listener);
    }
}

impl Read for SimStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.network.borrow_mut().read(self.id, into)
    }
}

impl Write for SimStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.network.borrow_mut().write(self.id, pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
