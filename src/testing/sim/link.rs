//! A client's end of a simulated connection: plain, or inside TLS, whose records the network cuts
//! wherever it likes.

use std::io::{self, ErrorKind, IoSlice, Read, Write};

use super::network::{End, Network};
use crate::tls::TlsConnection;

/// What one call takes in.
const READ_BYTES: usize = 64 * 1024;

pub(crate) struct Link {
    id: usize,
    tls: Option<Box<TlsConnection>>,
    /// Inside TLS nothing more comes: the server has said so.
    is_notified: bool,
}

/// The socket, as far as a call may use it.
struct Socket<'a> {
    id: usize,
    network: &'a mut Network,
    /// What may still be sent and taken.
    room_bytes: usize,
    left_bytes: usize,
    end: Option<End>,
    /// TLS was told of the end.
    has_told_end: bool,
}

impl Link {
    pub(crate) fn new(id: usize, tls: Option<TlsConnection>) -> Self {
        Self {
            id,
            tls: tls.map(Box::new),
            is_notified: false,
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether a TLS handshake is under way. Receiving drives it, from its first step on.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.tls
            .as_deref()
            .is_some_and(TlsConnection::is_handshaking)
    }

    /// Whether the stream has ended as it should: where there is TLS, by its own end first.
    pub(crate) fn is_ended_well(&self) -> bool {
        self.is_notified || !self.is_tls()
    }

    /// Sends of `bytes` what there is room for, and at most `most` bytes of the stream; returns how
    /// many of them are sent. The others are to be offered again.
    pub(crate) fn send(&mut self, network: &mut Network, bytes: &[u8], most: usize) -> usize {
        let Some(tls) = &mut self.tls else {
            return network.peer_sends(self.id, &bytes[..most.min(bytes.len())]);
        };
        let mut socket = Socket::new(self.id, network, most, 0);
        let sent = match bytes {
            [] => tls.push(&mut socket).map(|_| 0),
            bytes => tls.write_vectored(&mut socket, &[IoSlice::new(bytes)]),
        };
        match sent {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            // The server has ended it by an alert; what it says is nobody's any more.
            Err(_) => bytes.len(),
        }
    }

    /// Ends its side in good order; returns whether there was room for that.
    pub(crate) fn finish(&mut self, network: &mut Network) -> bool {
        if let Some(tls) = &mut self.tls {
            let mut socket = Socket::new(self.id, network, usize::MAX, 0);
            if let Ok(false) = tls.close_notify(&mut socket) {
                return false;
            }
        }
        network.peer_finishes(self.id);
        true
    }

    /// Takes what has come, at most `most` bytes of the stream; and the end, once there is nothing
    /// before it.
    pub(crate) fn receive(&mut self, network: &mut Network, most: usize) -> (Vec<u8>, Option<End>) {
        let Some(tls) = &mut self.tls else {
            let (bytes, end) = network.peer_receives(self.id, most);
            return (bytes.into(), end);
        };
        let (mut heard, mut buffer) = (Vec::new(), vec![0; READ_BYTES]);
        let mut socket = Socket::new(self.id, network, usize::MAX, most);
        while !self.is_notified {
            match tls.read(&mut socket, &mut buffer) {
                Ok(0) if !socket.has_told_end => self.is_notified = true,
                Ok(0) => break,
                Ok(count) => heard.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
                    ) =>
                {
                    break;
                }
                Err(error) => panic!("#{} cannot open what it reads: {error}", self.id),
            }
        }
        if self.is_notified && socket.end.is_none() {
            let (more, end) = socket.network.peer_receives(self.id, most);
            assert!(more.is_empty(), "#{}: more after the end", self.id);
            socket.end = end;
        }
        (heard, socket.end)
    }
}

impl<'a> Socket<'a> {
    fn new(id: usize, network: &'a mut Network, room_bytes: usize, left_bytes: usize) -> Self {
        Self {
            id,
            network,
            room_bytes,
            left_bytes,
            end: None,
            has_told_end: false,
        }
    }
}

impl Read for Socket<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(self.left_bytes);
        let (bytes, end) = match (most, self.end) {
            (0, _) => return Err(ErrorKind::WouldBlock.into()),
            (_, None) => self.network.peer_receives(self.id, most),
            (_, end) => (Vec::new().into(), end),
        };
        self.end = end;
        self.left_bytes -= bytes.len();
        self.has_told_end |= bytes.is_empty() && end.is_some();
        for (place, byte) in into.iter_mut().zip(&bytes) {
            *place = *byte;
        }
        match (bytes.len(), end) {
            (0, None) => Err(ErrorKind::WouldBlock.into()),
            (0, Some(End::Reset)) => Err(ErrorKind::ConnectionReset.into()),
            (count, _) => Ok(count),
        }
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let offered = &bytes[..bytes.len().min(self.room_bytes)];
        if !self.network.peer_is_open(self.id) {
            return Err(ErrorKind::BrokenPipe.into());
        }
        match self.network.peer_sends(self.id, offered) {
            0 => Err(ErrorKind::WouldBlock.into()),
            count => {
                self.room_bytes -= count;
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
