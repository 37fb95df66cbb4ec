//! The connection to a server, plain or TLS, as two threads use it: one reads, one writes. Each
//! waits without keeping the other from its turn.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::Socket;

use crate::tls::TlsConnection;

/// A connected socket, and the TLS over it if there is any.
#[derive(Debug)]
pub(super) struct Link {
    /// With TLS it never blocks: a thread that waited in a call would hold the lock.
    socket: Socket,
    tls: Option<Mutex<TlsConnection>>,
}

impl Link {
    pub(super) fn plain(socket: Socket) -> Self {
        Self { socket, tls: None }
    }

    /// Shakes hands, until `deadline` at the latest.
    ///
    /// # Errors
    /// What the socket says, why the handshake failed, or `TimedOut`.
    pub(super) fn over_tls(
        socket: Socket,
        mut tls: TlsConnection,
        deadline: Instant,
    ) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let mut early = [0; 0x4000];
        while tls.is_handshaking() {
            match tls.read(&mut &socket, &mut early) {
                Ok(0) if tls.is_handshaking() => {
                    let why = "the server ended the connection during the TLS handshake";
                    return Err(io::Error::new(ErrorKind::UnexpectedEof, why));
                }
                // What comes along with the last step is found again.
                Ok(count) => tls.unread(&early[..count]),
                Err(error) if is_for_now(&error) => {}
                Err(error) => return Err(error),
            }
            if tls.is_handshaking() {
                let left = deadline.saturating_duration_since(Instant::now());
                let or_room = match tls.wants_write() {
                    true => PollFlags::OUT,
                    false => PollFlags::empty(),
                };
                if !wait(&socket, PollFlags::IN | or_room, Some(left))? {
                    return Err(ErrorKind::TimedOut.into());
                }
            }
        }
        let tls = Some(Mutex::new(tls));
        Ok(Self { socket, tls })
    }

    /// Reads what is there, or waits for something, for `limit` at most; 0: the server has ended.
    ///
    /// # Errors
    /// `WouldBlock`: nothing came within the limit; else what the socket or TLS says.
    pub(super) fn read(&self, into: &mut [u8], limit: Option<Duration>) -> io::Result<usize> {
        let Some(tls) = &self.tls else {
            if limit.is_some() && !wait(&self.socket, PollFlags::IN, limit)? {
                return Err(ErrorKind::WouldBlock.into());
            }
            return (&self.socket).read(into);
        };
        loop {
            match held(tls).read(&mut &self.socket, into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => return other,
            }
            if !wait(&self.socket, PollFlags::IN, limit)? {
                return Err(ErrorKind::WouldBlock.into());
            }
        }
    }

    /// Writes all of `bytes`, in one piece if the socket takes it so.
    ///
    /// # Errors
    /// What the socket or TLS says.
    pub(super) fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        let Some(tls) = &self.tls else {
            return (&self.socket).write_all(bytes);
        };
        while !bytes.is_empty() {
            let written = held(tls).write_vectored(&mut &self.socket, &[IoSlice::new(bytes)]);
            match written {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if is_for_now(&error) => {
                    wait(&self.socket, PollFlags::OUT, None)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Ends our side: the server reads an end, and may still say something. If that fails the
    /// reader sees why.
    pub(super) fn end_our_side(&self) {
        if let Some(tls) = &self.tls {
            loop {
                let ended = held(tls).close_notify(&mut &self.socket);
                let is_waiting = matches!(ended, Ok(false));
                if !is_waiting || wait(&self.socket, PollFlags::OUT, None).is_err() {
                    break;
                }
            }
        }
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// Ends both directions: lets go whoever waits for the socket.
    pub(super) fn hang_up(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

fn held(tls: &Mutex<TlsConnection>) -> MutexGuard<'_, TlsConnection> {
    tls.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_for_now(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Waits until the socket can do one of `what`, or has ended; returns whether that came within
/// `limit`.
fn wait(socket: &Socket, what: PollFlags, limit: Option<Duration>) -> io::Result<bool> {
    let until = limit.map(|limit| Instant::now() + limit);
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut [PollFd::new(socket, what)], left.as_ref()) {
            Ok(count) => return Ok(count > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
