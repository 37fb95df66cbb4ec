//! One connection of the generator: its stream, and what the kernel would not yet take.
//! Knows no message.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use crate::reactor::Stream;
use crate::tls::TlsConnection;

/// Whether a write went out whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// All of it is with the kernel.
    Whole,
    /// The rest waits here until the stream is writable.
    Held,
}

/// A stream with its unsent rest. Few have one, and thousands of these are gone through in turn:
/// so it stands elsewhere.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    held: Option<Box<Held>>,
    tls: Option<Box<TlsConnection>>,
}

/// What waits for a server that does not read has at most so many bytes, inclusive: some of the
/// longest messages. Answers to its pings could grow without end.
const HELD_BYTES_MAX: usize = 4 << 20;

#[derive(Debug)]
struct Held {
    bytes: Vec<u8>,
    sent: usize,
}

impl Connection {
    /// Around `stream`, which need not be connected yet.
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            stream,
            held: None,
            tls: None,
        }
    }

    /// The stream.
    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Gives the stream back, which is to be closed; TLS has said so.
    pub(crate) fn into_stream(mut self) -> Stream {
        if let Some(tls) = &mut self.tls {
            // The server may be gone, or not take it: then it is told by the end of the stream.
            let _ = tls.close_notify(&mut self.stream);
        }
        self.stream
    }

    /// Whether a connection that was begun stands; none while it is still being made.
    ///
    /// # Errors
    /// Why it could not be made.
    pub(crate) fn is_connected(&self) -> io::Result<bool> {
        let (failed, named) = match &self.stream {
            Stream::Tcp(stream) => (stream.take_error()?, stream.peer_addr().map(drop)),
            Stream::Unix(stream) => (stream.take_error()?, stream.peer_addr().map(drop)),
        };
        match (failed, named) {
            (Some(error), _) => Err(error),
            (None, Ok(())) => Ok(true),
            (None, Err(error)) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            (None, Err(error)) => Err(error),
        }
    }

    /// From here on it is TLS, whose handshake reading drives.
    pub(crate) fn secure(&mut self, tls: TlsConnection) {
        self.tls = Some(Box::new(tls));
    }

    /// Its TLS, if it has any.
    pub(crate) fn tls(&mut self) -> Option<&mut TlsConnection> {
        self.tls.as_deref_mut()
    }

    /// Reads once; `WouldBlock` when nothing is there, `Interrupted` when more may be there, 0 at the
    /// end.
    ///
    /// # Errors
    /// What the system says, or what is wrong with what the server sends.
    #[inline]
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(tls) = &mut self.tls {
            return tls.read(&mut self.stream, into);
        }
        let fd = descriptor(&self.stream);
        let read =
            rustix::io::retry_on_intr(|| rustix::net::recv(fd, &mut *into, RecvFlags::empty()));
        Ok(read?.0)
    }

    /// Whether a read that was short may be followed by another one.
    #[inline]
    pub(crate) fn may_have_more(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.may_have_more())
    }

    /// Sends `bytes` behind whatever is still held.
    ///
    /// # Errors
    /// What the system says, or too much is held; the connection is no longer good.
    #[inline]
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<Written> {
        if let Some(held) = &mut self.held {
            return held.add(bytes).map(|()| Written::Held);
        }
        let sent = write_some(&mut self.stream, self.tls.as_deref_mut(), bytes)?;
        if sent == bytes.len() {
            return Ok(Written::Whole);
        }
        self.held = Some(Box::new(Held {
            bytes: bytes[sent..].to_vec(),
            sent: 0,
        }));
        Ok(Written::Held)
    }

    /// Sends what is held.
    ///
    /// # Errors
    /// What the system says; the connection is no longer good.
    pub(crate) fn flush(&mut self) -> io::Result<Written> {
        let tls = self.tls.as_deref_mut();
        let Some(held) = &mut self.held else {
            // What TLS has to say for itself may be held too.
            let is_whole = tls.map_or(Ok(true), |tls| tls.push(&mut self.stream))?;
            return Ok(if is_whole {
                Written::Whole
            } else {
                Written::Held
            });
        };
        held.sent += write_some(&mut self.stream, tls, &held.bytes[held.sent..])?;
        if held.sent < held.bytes.len() {
            return Ok(Written::Held);
        }
        self.held = None;
        Ok(Written::Whole)
    }

    /// Whether something is held.
    #[inline]
    pub(crate) fn holds(&self) -> bool {
        self.held.is_some()
    }
}

impl Held {
    #[cold]
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.drain(..std::mem::take(&mut self.sent));
        if self.bytes.len() + bytes.len() > HELD_BYTES_MAX {
            return Err(io::Error::other("the server asks and does not read"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// Writes as much as the kernel takes. A short write means that it is full, or the edge that
/// tells of room would not come: only `WouldBlock` arms it.
#[inline]
fn write_some(
    stream: &mut Stream,
    tls: Option<&mut TlsConnection>,
    bytes: &[u8],
) -> io::Result<usize> {
    if let Some(tls) = tls {
        return match tls.write_vectored(stream, &[IoSlice::new(bytes)]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            written => written,
        };
    }
    let mut sent = 0;
    let fd = descriptor(stream);
    while sent < bytes.len() {
        match rustix::net::send(fd, &bytes[sent..], SendFlags::NOSIGNAL) {
            Ok(n) => sent += n,
            Err(Errno::WOULDBLOCK) => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sent)
}

/// What the system calls are made on: straight, since those of the C library are points at which a thread
/// may be cancelled, which costs each of them two atomic operations.
#[inline]
fn descriptor(stream: &Stream) -> BorrowedFd<'_> {
    match stream {
        Stream::Tcp(stream) => stream.as_fd(),
        Stream::Unix(stream) => stream.as_fd(),
    }
}
