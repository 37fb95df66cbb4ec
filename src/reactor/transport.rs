//! A client's stream as the engine reads and writes it: plain, or TLS over it. Either keeps the
//! contract of [`Net`](super::net::Net) about short reads and writes, but for what
//! [`Transport::may_have_more`] says.

use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;

use crate::tls::{ServerConfig, TlsConnection};

/// A stream, and the TLS over it if there is any.
#[derive(Debug)]
pub(super) struct Transport<S> {
    stream: S,
    tls: Option<Box<TlsConnection>>,
}

impl<S> Transport<S> {
    pub(super) fn plain(stream: S) -> Self {
        Self { stream, tls: None }
    }

    /// Whether the stream is all that there is.
    pub(super) fn is_plain(&self) -> bool {
        self.tls.is_none()
    }

    /// What comes next is TLS, of which `already_read` has been read. The next read begins with
    /// that, whatever the stream has.
    ///
    /// # Errors
    /// The configuration does not fit.
    pub(super) fn start_tls(
        &mut self,
        config: Arc<ServerConfig>,
        already_read: &[u8],
    ) -> io::Result<()> {
        self.tls = Some(Box::new(TlsConnection::accept(config, already_read)?));
        Ok(())
    }

    /// Whether a TLS handshake is under way. Reading drives it; until it is over a write would
    /// block, and no edge tells when it is.
    pub(super) fn is_handshaking(&self) -> bool {
        self.tls
            .as_deref()
            .is_some_and(TlsConnection::is_handshaking)
    }

    /// What a TLS handshake, which is over, has agreed on to be spoken inside.
    pub(super) fn alpn(&self) -> Option<&[u8]> {
        self.tls.as_deref().and_then(TlsConnection::alpn)
    }

    /// Whether there is something to write that no service knows of: [`Write::flush`] does.
    pub(super) fn wants_write(&self) -> bool {
        self.tls.as_deref().is_some_and(TlsConnection::wants_write)
    }

    /// How many bytes are on their way to the peer that no write has told of: TLS has sealed them,
    /// and the next write has to begin with them.
    pub(super) fn under_way_bytes(&self) -> usize {
        self.tls.as_deref().map_or(0, TlsConnection::untold_bytes)
    }

    /// Whether a short read need not be the last: TLS knows of more, or of its end.
    pub(super) fn may_have_more(&self) -> bool {
        self.tls
            .as_deref()
            .is_some_and(TlsConnection::may_have_more)
    }

    pub(super) fn stream(&self) -> &S {
        &self.stream
    }

    pub(super) fn into_stream(self) -> S {
        self.stream
    }
}

impl<S: Read + Write> Transport<S> {
    /// Tells the peer that nothing more comes, where the stream's own end does not say so well
    /// enough; returns whether that is sent. Only then may the stream be shut down.
    ///
    /// # Errors
    /// What the stream says.
    pub(super) fn close_notify(&mut self) -> io::Result<bool> {
        match &mut self.tls {
            None => Ok(true),
            Some(tls) => tls.close_notify(&mut self.stream),
        }
    }

    /// Reads what is to be forgotten, sealed or not. 0: the stream's own end.
    ///
    /// # Errors
    /// What the stream says.
    pub(super) fn read_to_forget(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.read(into)
    }
}

impl<S: Read + Write> Read for Transport<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.stream.read(into),
            Some(tls) => tls.read(&mut self.stream, into),
        }
    }
}

impl<S: Read + Write> Write for Transport<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.stream.write(bytes),
            Some(tls) => tls.write_vectored(&mut self.stream, &[IoSlice::new(bytes)]),
        }
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.stream.write_vectored(pieces),
            Some(tls) => tls.write_vectored(&mut self.stream, pieces),
        }
    }

    /// Writes what [`Transport::wants_write`], as far as the stream takes it.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            None => Ok(()),
            Some(tls) => tls.push(&mut self.stream).map(drop),
        }
    }
}
