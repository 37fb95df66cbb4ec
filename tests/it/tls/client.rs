//! A client of rustls' own over a plain blocking socket.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::certificates::Authority;
use crate::harness::PATIENCE;

/// A client that has shaken hands. Reads give up after [`PATIENCE`].
pub(crate) struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    unread: Vec<u8>,
}

pub(crate) fn config(authority: &Authority) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let own = CertificateDer::from_pem_slice(authority.pem().as_bytes());
    roots.add(own.unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    Arc::new(config)
}

impl Client {
    pub(crate) fn connect(address: &str, authority: &Authority) -> Self {
        Self::with(address, config(authority))
    }

    pub(crate) fn with(address: &str, config: Arc<ClientConfig>) -> Self {
        Self::with_hello_cut(address, config, 0)
    }

    /// Sends this many bytes of its hello, and the rest in a segment of its own.
    pub(crate) fn with_hello_cut(address: &str, config: Arc<ClientConfig>, at: usize) -> Self {
        Self::begin(address, config, at, b"")
    }

    /// Sends these bytes in front of its hello.
    pub(crate) fn behind_proxy(address: &str, config: Arc<ClientConfig>, header: &[u8]) -> Self {
        Self::begin(address, config, 0, header)
    }

    /// Why a handshake fails.
    #[track_caller]
    pub(crate) fn refused(address: &str, config: Arc<ClientConfig>) -> String {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(config, name).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            if let Err(error) = stream.conn.complete_io(&mut stream.sock) {
                return error.to_string();
            }
        }
        panic!("hands are shaken");
    }

    fn begin(address: &str, config: Arc<ClientConfig>, at: usize, header: &[u8]) -> Self {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut connection = ClientConnection::new(config, name).unwrap();
        let mut hello = header.to_vec();
        connection.write_tls(&mut hello).unwrap();
        socket.write_all(&hello[..at]).unwrap();
        if at > 0 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        socket.write_all(&hello[at..]).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).unwrap();
        }
        let unread = Vec::new();
        Self { stream, unread }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
        self.stream.flush().unwrap();
    }

    /// Whether there was more. An end without a close_notify fails the test.
    #[track_caller]
    fn fill(&mut self) -> bool {
        let mut bytes = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(count) => {
                    self.unread.extend(&bytes[..count]);
                    return count > 0;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        loop {
            if let Some(at) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=at).collect();
                return String::from_utf8(line[..at].to_vec()).unwrap();
            }
            assert!(self.fill(), "an end, not a line");
        }
    }

    /// The next line, or none where the connection is gone, cleanly or not.
    pub(crate) fn try_line(&mut self) -> Option<String> {
        loop {
            if self.unread.contains(&b'\n') {
                return Some(self.line());
            }
            let mut bytes = [0; 16 * 1024];
            match self.stream.read(&mut bytes) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.unread.extend(&bytes[..count]),
            }
        }
    }

    /// All that comes until the server's close_notify.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.unread)
    }

    /// Ends its side, by a close_notify alone or by the socket's end alone.
    pub(crate) fn ends(&mut self, with_close_notify: bool) {
        match with_close_notify {
            true => {
                self.stream.conn.send_close_notify();
                self.stream.flush().unwrap();
            }
            false => self.stream.sock.shutdown(Shutdown::Write).unwrap(),
        }
    }

    pub(crate) fn alpn(&self) -> Option<Vec<u8>> {
        self.stream.conn.alpn_protocol().map(<[u8]>::to_vec)
    }

    /// The server's certificate.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        self.stream.conn.peer_certificates().unwrap()[0].to_vec()
    }
}
