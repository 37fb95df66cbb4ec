//! Clients as the world has them: a plain blocking socket that sends and reads.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use crate::harness::{PATIENCE, Server, until};
use crate::kernel::{self, Side};

/// A connected client. Reads give up after [`PATIENCE`].
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    /// Read, and asked for by nobody yet.
    pub(crate) unread: Vec<u8>,
}

impl Peer {
    #[track_caller]
    pub(crate) fn connect(server: &Server) -> Self {
        Self::to(server.address())
    }

    #[track_caller]
    pub(crate) fn to(address: &str) -> Self {
        let address: SocketAddr = address.parse().expect("a TCP address");
        let stream = TcpStream::connect_timeout(&address, PATIENCE);
        Self::over(stream.expect("connect"))
    }

    /// A client whose receive buffer is set before it connects, so that it stays small.
    #[track_caller]
    pub(crate) fn with_receive_buffer(server: &Server, bytes: usize) -> Self {
        let address: SocketAddr = server.address().parse().expect("a TCP address");
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(bytes).unwrap();
        socket.connect(&address.into()).expect("connect");
        Self::over(socket.into())
    }

    /// A client of this address of its own.
    #[track_caller]
    pub(crate) fn to_from(address: &str, from: SocketAddr) -> Self {
        let address: SocketAddr = address.parse().expect("a TCP address");
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.bind(&from.into()).expect("bind");
        socket.connect(&address.into()).expect("connect");
        Self::over(socket.into())
    }

    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("send");
    }

    /// Sends, and tells whether there was anybody to send to.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// One `recv(1024)`, as the plainest client does.
    #[track_caller]
    pub(crate) fn recv(&mut self) -> String {
        assert!(self.unread.is_empty());
        let mut buffer = [0; 1024];
        let n = self.stream.read(&mut buffer).expect("recv");
        String::from_utf8_lossy(&buffer[..n]).into_owned()
    }

    /// What comes first, or nothing at the end of the connection, clean or not.
    pub(crate) fn first_bytes(&mut self) -> Vec<u8> {
        let mut chunk = [0; 1024];
        let count = self.stream.read(&mut chunk).unwrap_or(0);
        chunk[..count].to_vec()
    }

    /// The next `wanted` bytes.
    #[track_caller]
    pub(crate) fn exactly(&mut self, wanted: usize) -> Vec<u8> {
        while self.unread.len() < wanted {
            assert!(self.fill(), "ended after {} bytes", self.unread.len());
        }
        self.unread.drain(..wanted).collect()
    }

    /// The next `wanted` bytes; none at a clean end of stream before the first of them.
    #[track_caller]
    pub(crate) fn exactly_or_end(&mut self, wanted: usize) -> Option<Vec<u8>> {
        (!self.unread.is_empty() || self.fill()).then(|| self.exactly(wanted))
    }

    /// The next line, without its newline; none at a clean end of stream.
    #[track_caller]
    pub(crate) fn next_line(&mut self) -> Option<String> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.unread[searched..].iter().position(|&b| b == b'\n') {
                let mut line: Vec<u8> = self.unread.drain(..=searched + at).collect();
                line.pop();
                return Some(String::from_utf8(line).expect("the server sends UTF-8"));
            }
            searched = self.unread.len();
            if !self.fill() {
                let rest = String::from_utf8_lossy(&self.unread);
                assert!(rest.is_empty(), "the end came in a line: {rest:?}");
                return None;
            }
        }
    }

    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        self.next_line().expect("a line, not the end of the stream")
    }

    /// All that comes until a clean end of stream; a reset fails the test.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.unread)
    }

    /// Reads whatever there is until the connection is gone, cleanly or not.
    pub(crate) fn until_gone(&mut self) -> Vec<u8> {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => break,
                Ok(n) => self.unread.extend_from_slice(&chunk[..n]),
                Err(e) if e.kind() == ErrorKind::ConnectionReset => break,
                Err(e) => panic!("neither data nor an end: {e}"),
            }
        }
        std::mem::take(&mut self.unread)
    }

    /// Did anything at all, an end included, come within `window`?
    pub(crate) fn anything_within(&mut self, window: Duration) -> bool {
        if !self.unread.is_empty() {
            return true;
        }
        self.stream.set_read_timeout(Some(window)).unwrap();
        let came = self.stream.peek(&mut [0]).is_ok();
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        came
    }

    #[track_caller]
    fn fill(&mut self) -> bool {
        let mut chunk = [0; 16 * 1024];
        let n = self.stream.read(&mut chunk).expect("read");
        self.unread.extend_from_slice(&chunk[..n]);
        n > 0
    }

    /// Ends the writing side only.
    pub(crate) fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).expect("shutdown");
    }

    /// Goes away as a crashed machine's peer sees it: RST.
    pub(crate) fn reset(self) {
        let linger = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        linger.expect("linger");
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.stream.local_addr().expect("an address")
    }

    pub(crate) fn remote(&self) -> SocketAddr {
        self.stream.peer_addr().expect("an address")
    }

    /// The server's side of this connection, as the kernel shows it.
    pub(crate) fn far_side(&self) -> Option<Side> {
        kernel::side(self.remote(), self.local())
    }

    pub(crate) fn near_side(&self) -> Option<Side> {
        kernel::side(self.local(), self.remote())
    }

    /// Waits until the server has read all that this client sent.
    #[track_caller]
    pub(crate) fn all_taken(&self) {
        until("the server has read it all", PATIENCE, || {
            self.near_side().is_some_and(|side| side.unsent == 0)
                && self.far_side().is_some_and(|side| side.unread == 0)
        });
    }

    /// Sends `bytes` to an echo server and wants them back.
    #[track_caller]
    pub(crate) fn echoes(&mut self, bytes: impl AsRef<[u8]>) {
        self.send(bytes.as_ref());
        assert_eq!(self.exactly(bytes.as_ref().len()), bytes.as_ref());
    }
}

/// Connects, says hello, and ends in one of three ways.
pub(crate) fn short_life(address: &str, service: &str, kind: usize) {
    let mut peer = Peer::to(address);
    peer.send("hello\n");
    if service == "echo" {
        assert_eq!(peer.exactly(6), b"hello\n");
    }
    match kind % 3 {
        0 => {
            peer.half_close();
            peer.rest();
        }
        1 => peer.reset(),
        // Half-closed, and gone before the server answers to that.
        _ => peer.half_close(),
    }
}

/// A client of a unix socket, with the same patience.
#[track_caller]
pub(crate) fn unix(address: &str) -> UnixStream {
    let path = address.strip_prefix("unix:").expect("a unix address");
    let stream = UnixStream::connect(path).expect("connect");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Bytes of which every stretch differs, so that loss and disorder show.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length as u64)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 11).to_le_bytes()[0])
        .collect()
}
