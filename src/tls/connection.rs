//! One TLS connection over any stream that is read and written without waiting. Owns no stream,
//! and no buffer while nothing is under way: records are opened and sealed in buffers that all
//! connections of a thread share.

mod agreed;

use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::{ClientConfig, ServerConfig};

use super::scratch::{
    CLIENT_KEEPS_BYTES, READ_BYTES, RECORD_PLAIN_BYTES, RECORD_WIRE_BYTES, SCRATCH,
    SERVER_KEEPS_BYTES, Scratch, gather, take_front,
};
use super::step::{Request, Side, Sink, Step};

/// One call reads at most this much of the stream: a record may have 22 bytes, and nothing in it.
const CALL_BYTES: usize = 2 * READ_BYTES;

/// What is kept of a client's unfinished handshake message, in bytes, inclusive; over it the
/// handshake fails. A browser's hello has some 2,000.
const HELLO_MAX_BYTES: usize = 6 * 1024;

/// One connection's TLS: keys, handshake, and what is under way.
pub(crate) struct TlsConnection {
    side: Side,
    /// The start of a record, or of a handshake message.
    incoming: Vec<u8>,
    /// `incoming` was read before this began, and may be whole.
    is_unopened: bool,
    /// What was opened and did not fit where it was read to.
    opened: Vec<u8>,
    /// Records that the stream has not taken yet.
    outgoing: Vec<u8>,
    /// How many bytes are in records whose sender has not been told yet that they are sent.
    untold_bytes: usize,
    /// The last read stopped before the stream had nothing more.
    is_unfinished: bool,
    /// The peer sends no more.
    has_ended: bool,
    has_sent_close_notify: bool,
    /// Why nothing can be read any more.
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Failure {
    kind: ErrorKind,
    why: String,
}

impl TlsConnection {
    /// A server's side; `already_read` is what was read before it was known to be TLS.
    ///
    /// # Errors
    /// The configuration does not fit.
    pub(crate) fn accept(config: Arc<ServerConfig>, already_read: &[u8]) -> io::Result<Self> {
        let connection = UnbufferedServerConnection::new(config).map_err(io::Error::other)?;
        Ok(Self::new(Side::Server(Box::new(connection)), already_read))
    }

    /// A client's side; the server has to be `name`.
    ///
    /// # Errors
    /// The configuration does not fit.
    pub(crate) fn connect(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        let connection = UnbufferedClientConnection::new(config, name).map_err(io::Error::other)?;
        Ok(Self::new(Side::Client(Box::new(connection)), &[]))
    }

    fn new(side: Side, already_read: &[u8]) -> Self {
        Self {
            side,
            incoming: already_read.to_vec(),
            is_unopened: true,
            opened: Vec::new(),
            outgoing: Vec::new(),
            untold_bytes: 0,
            is_unfinished: false,
            has_ended: false,
            has_sent_close_notify: false,
            failure: None,
        }
    }

    /// Whether the handshake is under way. Reading drives it. Until it is over nothing can be
    /// written, and no edge of the stream tells when it is.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.side.common().is_handshaking()
    }

    /// Whether there are records which the stream has not taken yet.
    pub(crate) fn wants_write(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// How many bytes of what has been offered last are in a record that is partly sent.
    pub(crate) fn untold_bytes(&self) -> usize {
        self.untold_bytes
    }

    /// Whether the next read may give something, or an end, of which no edge of the stream tells.
    pub(crate) fn may_have_more(&self) -> bool {
        self.is_unopened || self.is_unfinished || self.has_ended || self.failure.is_some()
    }

    /// Reads until `into` is full, or nothing is there, or a call's share is used up; drives the
    /// handshake and writes what that says. 0: the peer has ended its side, by its close_notify or
    /// without.
    ///
    /// # Errors
    /// `WouldBlock`: nothing is there. `Interrupted`: more may be there. Else what the stream says,
    /// why the handshake failed, or what was wrong with a record; the alert that tells the peer is
    /// under way then.
    pub(crate) fn read(
        &mut self,
        stream: &mut (impl Read + Write),
        into: &mut [u8],
    ) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        let mut count = take_front(&mut self.opened, into);
        if std::mem::take(&mut self.is_unopened) {
            let mut incoming = std::mem::take(&mut self.incoming);
            self.open(&mut incoming, into, &mut count);
        }
        let mut left_bytes = CALL_BYTES;
        self.is_unfinished = false;
        while count < into.len() && self.failure.is_none() && !self.has_ended {
            if left_bytes == 0 {
                self.is_unfinished = true;
                break;
            }
            match self.read_once(stream, into, &mut count, &mut left_bytes) {
                // A short read has drained the stream, but its end may be there.
                Ok(is_drained) if is_drained && count > 0 => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => self.fail(&error),
            }
        }
        if let Err(error) = self.push(stream)
            && self.is_handshaking()
        {
            self.fail(&error);
        }
        match &self.failure {
            _ if count > 0 => Ok(count),
            Some(failure) => Err(failure.error()),
            None if self.has_ended => Ok(0),
            None if self.is_unfinished => Err(ErrorKind::Interrupted.into()),
            None => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// Reads the stream once and opens what came; returns whether that has drained it.
    fn read_once(
        &mut self,
        stream: &mut impl Read,
        into: &mut [u8],
        count: &mut usize,
        left_bytes: &mut usize,
    ) -> io::Result<bool> {
        SCRATCH.with_borrow_mut(|scratch| {
            let kept = self.incoming.len();
            // Not much more than there is room for, whatever it is once it is opened.
            let most = (into.len() - *count + RECORD_WIRE_BYTES - RECORD_PLAIN_BYTES)
                .min(READ_BYTES)
                .min(*left_bytes);
            let read = stream.read(&mut scratch.incoming[kept..kept + most])?;
            if read == 0 {
                self.has_ended = true;
                return Ok(true);
            }
            *left_bytes -= read;
            scratch.incoming[..kept].copy_from_slice(&self.incoming);
            self.open(&mut scratch.incoming[..kept + read], into, count);
            Ok(read < most)
        })
    }

    /// Opens the records of `buffer`, and keeps what is not whole.
    fn open(&mut self, buffer: &mut [u8], into: &mut [u8], count: &mut usize) {
        let mut sink = Sink {
            into,
            count,
            opened: &mut self.opened,
            outgoing: &mut self.outgoing,
            has_ended: &mut self.has_ended,
            request: Request::None,
        };
        let mut done = 0;
        let failure = loop {
            let (discard, step) = self.side.step(&mut buffer[done..], &mut sink);
            done += discard;
            match step {
                Step::Again => {}
                Step::Failed(error) => break Some(error),
                Step::Wait | Step::Sealed(_) => break None,
            }
        };
        if let Some(error) = failure {
            // The alert is among what was to be sent anyway.
            while self.side.common().wants_write() {
                let (discard, Step::Again) = self.side.step(&mut buffer[done..], &mut sink) else {
                    break;
                };
                done += discard;
            }
            self.incoming = Vec::new();
            let why = super::verify::explain(&error);
            return self.fail(&io::Error::new(ErrorKind::InvalidData, why));
        }
        let kept = &buffer[done..];
        let most = match &self.side {
            Side::Server(_) if self.is_handshaking() => HELLO_MAX_BYTES,
            Side::Server(_) => SERVER_KEEPS_BYTES,
            Side::Client(_) => CLIENT_KEEPS_BYTES,
        };
        if self.has_ended || kept.len() > most {
            self.incoming = Vec::new();
        } else {
            self.incoming = kept.to_vec();
        }
        if kept.len() > most {
            let why = format!("a handshake message of more than {most} bytes");
            self.fail(&io::Error::new(ErrorKind::InvalidData, why));
        }
    }

    /// Puts back what the last read gave: the next one gives it again.
    pub(crate) fn unread(&mut self, bytes: &[u8]) {
        self.opened.splice(..0, bytes.iter().copied());
    }

    /// Writes what `pieces` hold until the stream is full; returns how many of their bytes are in
    /// records that are wholly in the stream. Those of a record that is partly in it are to be
    /// offered again.
    ///
    /// # Errors
    /// `WouldBlock`: the stream is full, or the handshake is under way; else what the stream says.
    pub(crate) fn write_vectored(
        &mut self,
        stream: &mut impl Write,
        pieces: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        if let Some(failure) = &self.failure {
            return Err(failure.error());
        }
        let offered: usize = pieces.iter().map(|piece| piece.len()).sum();
        let mut taken = 0;
        while self.push(stream)? {
            let told = self.untold_bytes.min(offered - taken);
            self.untold_bytes -= told;
            taken += told;
            if taken == offered {
                return Ok(taken);
            }
            self.write_record(stream, pieces, taken)?;
        }
        match taken {
            0 => Err(ErrorKind::WouldBlock.into()),
            _ => Ok(taken),
        }
    }

    /// Seals one record of what `pieces` hold behind their first `skip` bytes, and writes it.
    fn write_record(
        &mut self,
        stream: &mut impl Write,
        pieces: &[IoSlice<'_>],
        skip: usize,
    ) -> io::Result<()> {
        SCRATCH.with_borrow_mut(|Scratch { plain, record, .. }| {
            let plain = gather(pieces, skip, plain);
            let length = self.seal(Request::Seal { plain, record })?;
            self.untold_bytes = plain.len();
            // What the connection had to say for itself comes before.
            let written = match self.outgoing.is_empty() {
                true => stream.write(&record[..length]),
                false => Ok(0),
            };
            match written {
                Ok(written) => self.outgoing.extend_from_slice(&record[written..length]),
                Err(error) if is_for_now(&error) => {
                    self.outgoing.extend_from_slice(&record[..length]);
                }
                Err(error) => return Err(error),
            }
            Ok(())
        })
    }

    /// Carries out a request; returns the length of the record that it makes.
    fn seal(&mut self, request: Request<'_>) -> io::Result<usize> {
        let mut sink = Sink {
            into: &mut [],
            count: &mut 0,
            opened: &mut self.opened,
            outgoing: &mut self.outgoing,
            has_ended: &mut self.has_ended,
            request,
        };
        loop {
            let (discard, step) = self.side.step(&mut self.incoming, &mut sink);
            self.incoming.drain(..discard);
            match step {
                Step::Again => {}
                Step::Sealed(length) => return Ok(length),
                // The handshake is under way.
                Step::Wait => return Err(ErrorKind::WouldBlock.into()),
                Step::Failed(error) => return Err(io::Error::other(error)),
            }
        }
    }

    /// Writes records that the stream has not taken yet; returns whether it has them all now.
    ///
    /// # Errors
    /// What the stream says.
    pub(crate) fn push(&mut self, stream: &mut impl Write) -> io::Result<bool> {
        while !self.outgoing.is_empty() {
            let written = match stream.write(&self.outgoing) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            };
            let is_full = written < self.outgoing.len();
            self.outgoing.drain(..written);
            if is_full {
                return Ok(false);
            }
        }
        // Nothing is under way, so nothing is kept.
        self.outgoing = Vec::new();
        Ok(true)
    }

    /// Tells the peer that nothing more comes; returns whether the stream has all that is to be
    /// sent. Before that its side must not be shut down.
    ///
    /// # Errors
    /// What the stream says.
    pub(crate) fn close_notify(&mut self, stream: &mut impl Write) -> io::Result<bool> {
        if !self.has_sent_close_notify && !self.is_handshaking() && self.failure.is_none() {
            self.has_sent_close_notify = true;
            let mut record = [0; 256];
            let request = Request::CloseNotify(&mut record);
            let length = self.seal(request)?;
            self.outgoing.extend_from_slice(&record[..length]);
        }
        self.push(stream)
    }

    /// What the buffers that it keeps could hold.
    #[cfg(test)]
    pub(super) fn buffer_bytes(&self) -> usize {
        self.incoming.capacity() + self.opened.capacity() + self.outgoing.capacity()
    }

    fn fail(&mut self, error: &io::Error) {
        self.failure = Some(Failure {
            kind: error.kind(),
            why: error.to_string(),
        });
    }
}

impl fmt::Debug for TlsConnection {
    /// Keys are nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnection").finish_non_exhaustive()
    }
}

impl Failure {
    fn error(&self) -> io::Error {
        io::Error::new(self.kind, self.why.clone())
    }
}

/// Whether the same write can be tried again.
fn is_for_now(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
