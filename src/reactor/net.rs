//! The seam between policy and system calls: what the engine needs of a network.
//! The real one stands here; a simulated one can take its place, clock included.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mio::{Interest, Registry, Token};
use socket2::{SockRef, Socket};

use crate::addr::Peer;

/// A network as the engine sees it. Nothing here blocks.
///
/// What the engine relies on, beside what each method says:
/// - Readiness comes in edges: it is told once, and again only when more has happened. Bytes left
///   unread stay unread until the peer sends more.
/// - A read that returns fewer bytes than it was offered room for has drained the stream: more
///   bytes make another edge. Not so when the peer has closed its side or has sent something out of
///   band; an event says so, and then reading goes on until nothing is there.
/// - A write that takes fewer bytes than it was offered means that the stream is full: room makes
///   an edge.
pub(crate) trait Net {
    /// Where clients come in.
    type Listener;
    /// One client's stream.
    type Stream: Read + Write;

    /// Reads the clock.
    fn now(&self) -> Instant;

    /// Asks to be told under `token` of clients that wait.
    ///
    /// # Errors
    /// What the system says.
    fn register_listener(&mut self, listener: &mut Self::Listener, token: usize) -> io::Result<()>;

    /// Takes the next client that waits.
    ///
    /// # Errors
    /// `WouldBlock` when nobody waits; else what the system says.
    fn accept(&mut self, listener: &Self::Listener) -> io::Result<(Self::Stream, Peer)>;

    /// Asks for edges in both directions under `token`; once for a stream's whole life.
    ///
    /// # Errors
    /// What the system says.
    fn register(&mut self, stream: &mut Self::Stream, token: usize) -> io::Result<()>;

    /// Ends our side of the conversation; the peer reads an end of stream.
    ///
    /// # Errors
    /// What the system says: the peer has gone.
    fn shutdown_write(&mut self, stream: &Self::Stream) -> io::Result<()>;

    /// Lets a stream go.
    fn close(&mut self, stream: Self::Stream);

    /// Lets a stream go whose peer does not take what it is sent: the kernel is not to keep that.
    fn abandon(&mut self, stream: Self::Stream) {
        self.close(stream);
    }

    /// Lets a stream go that another process has, too: its peer notices nothing.
    fn release(&mut self, stream: Self::Stream);

    /// Lets a listener go.
    fn close_listener(&mut self, listener: Self::Listener);

    /// Lets a listener go that another process has, too.
    fn release_listener(&mut self, listener: Self::Listener);
}

/// The system's network.
#[derive(Debug)]
pub(crate) struct System {
    registry: Registry,
    /// Set in every token.
    token_bits: usize,
}

impl System {
    pub(crate) fn new(registry: Registry) -> Self {
        Self {
            registry,
            token_bits: 0,
        }
    }

    /// One whose tokens have `token_bits` set, which no source has of itself.
    pub(super) fn with_token_bits(registry: Registry, token_bits: usize) -> Self {
        Self {
            registry,
            token_bits,
        }
    }
}

/// A listening socket.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(mio::net::TcpListener),
    Unix {
        socket: mio::net::UnixListener,
        /// What the kernel is to keep for a client: a unix listener does not hand that on.
        send_buffer_bytes: Option<usize>,
        /// What goes with the listener.
        file: Option<SocketFile>,
    },
}

impl Listener {
    /// What its clients send as urgent is read in its place among the rest. Else the last byte of it
    /// would be missing: telnet sends the second half of a command so.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn keep_urgent_bytes(&self) -> io::Result<()> {
        match self {
            // Handed on to what it accepts.
            Self::Tcp(socket) => SockRef::from(socket).set_out_of_band_inline(true),
            Self::Unix { .. } => Ok(()),
        }
    }
}

/// The file that a unix listener has made, which goes with it.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and inode: whether the file of that name is still this one.
    identity: Option<(u64, u64)>,
}

impl SocketFile {
    pub(super) fn new(path: PathBuf) -> Self {
        let identity = identity(&path);
        Self { path, identity }
    }

    fn leave(mut self) {
        self.identity = None;
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may have been taken away, and another server's may stand in its place.
        if self.identity.is_some() && identity(&self.path) == self.identity {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let meta = std::fs::symlink_metadata(path).ok()?;
    Some((meta.dev(), meta.ino()))
}

/// A client's socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(mio::net::TcpStream),
    Unix(mio::net::UnixStream),
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl TryFrom<OwnedFd> for Stream {
    type Error = io::Error;

    /// A stream that is not blocking.
    fn try_from(socket: OwnedFd) -> io::Result<Self> {
        let socket = Socket::from(socket);
        Ok(match socket.local_addr()?.is_unix() {
            true => Self::Unix(mio::net::UnixStream::from_std(socket.into())),
            false => Self::Tcp(mio::net::TcpStream::from_std(socket.into())),
        })
    }
}

impl Net for System {
    type Listener = Listener;
    type Stream = Stream;

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn register_listener(&mut self, listener: &mut Listener, token: usize) -> io::Result<()> {
        let token = Token(token | self.token_bits);
        let readable = Interest::READABLE;
        match listener {
            Listener::Tcp(socket) => self.registry.register(socket, token, readable),
            Listener::Unix { socket, .. } => self.registry.register(socket, token, readable),
        }
    }

    fn accept(&mut self, listener: &Listener) -> io::Result<(Stream, Peer)> {
        match listener {
            Listener::Tcp(socket) => {
                let (stream, address) = socket.accept()?;
                // Linux hands the listener's options on to what it accepts.
                #[cfg(not(target_os = "linux"))]
                stream.set_nodelay(true)?;
                Ok((Stream::Tcp(stream), address.into()))
            }
            Listener::Unix {
                socket,
                send_buffer_bytes,
                ..
            } => {
                let (stream, _) = socket.accept()?;
                if let Some(bytes) = send_buffer_bytes {
                    // If it fails the client is served all the same, and costs more at its worst.
                    let _ = SockRef::from(&stream).set_send_buffer_size(*bytes);
                }
                Ok((Stream::Unix(stream), Peer::Unix))
            }
        }
    }

    fn register(&mut self, stream: &mut Stream, token: usize) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        // A read ends before what was sent as urgent, and what comes after it has no edge of its own.
        #[cfg(target_os = "linux")]
        let both = both | Interest::PRIORITY;
        let token = Token(token | self.token_bits);
        match stream {
            Stream::Tcp(stream) => self.registry.register(stream, token, both),
            Stream::Unix(stream) => self.registry.register(stream, token, both),
        }
    }

    fn shutdown_write(&mut self, stream: &Stream) -> io::Result<()> {
        match stream {
            Stream::Tcp(stream) => stream.shutdown(std::net::Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(std::net::Shutdown::Write),
        }
    }

    fn close(&mut self, stream: Stream) {
        // Closing the descriptor takes it out of the poll: nobody else holds it.
        drop(stream);
    }

    fn abandon(&mut self, stream: Stream) {
        if let Stream::Tcp(stream) = &stream {
            // If it fails the kernel keeps the bytes for as long as it does after any close.
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
        self.close(stream);
    }

    fn release(&mut self, stream: Stream) {
        // Closing alone sends nothing.
        drop(stream);
    }

    fn close_listener(&mut self, listener: Listener) {
        drop(listener);
    }

    fn release_listener(&mut self, mut listener: Listener) {
        if let Listener::Unix { file, .. } = &mut listener {
            // The other one takes it away.
            if let Some(file) = file.take() {
                file.leave();
            }
        }
        drop(listener);
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Unix(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn write_vectored(&mut self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write_vectored(pieces),
            Self::Unix(stream) => stream.write_vectored(pieces),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
