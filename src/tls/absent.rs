//! TLS in a build without it: what nobody can have, so that nobody who could has to ask.

use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;

use super::{Identity, Made, Trust};
use crate::failure::CliError;
use crate::protocol::Opening;

/// There is none.
#[derive(Debug)]
pub(crate) enum ServerConfig {}

/// There are none. No enum: what would come behind one is told to be unreachable wherever it is used.
#[derive(Debug, Clone)]
#[allow(dead_code, reason = "nobody makes one")]
pub(crate) struct ServerConfigs(Arc<ServerConfig>);

impl ServerConfigs {
    pub(crate) fn of(&self, _: Opening) -> &Arc<ServerConfig> {
        &self.0
    }
}

/// There is none.
#[derive(Debug)]
pub(crate) enum TlsConnection {}

/// There is none.
#[derive(Debug)]
pub(crate) enum TlsServer {}

fn refused() -> CliError {
    CliError::usage("this chinwag was built without TLS (its cargo feature is 'tls')")
}

/// There is none.
#[derive(Debug)]
pub(crate) enum Connector {}

impl Connector {
    pub(crate) fn new(_: &Trust, _: &str) -> Result<Self, CliError> {
        Err(refused())
    }

    pub(crate) fn without_resumption(self) -> Self {
        self
    }

    pub(crate) fn connect(&self) -> io::Result<TlsConnection> {
        match *self {}
    }
}

impl TlsServer {
    pub(crate) fn new(_: &Identity, _: &[String]) -> Result<Self, CliError> {
        Err(refused())
    }

    pub(crate) fn made(&self) -> Option<&Made> {
        match *self {}
    }

    pub(crate) fn go_on_with(&mut self, _: Made) -> Result<(), String> {
        match *self {}
    }

    pub(crate) fn is_from_files(&self) -> bool {
        match *self {}
    }

    pub(crate) fn fingerprint(&self) -> String {
        match *self {}
    }

    pub(crate) fn configs(&self) -> ServerConfigs {
        match *self {}
    }

    pub(crate) fn reload(&mut self) -> Result<(), CliError> {
        match *self {}
    }
}

#[expect(clippy::needless_pass_by_ref_mut, reason = "as the real one has it")]
impl TlsConnection {
    pub(crate) fn accept(config: Arc<ServerConfig>, _already_read: &[u8]) -> io::Result<Self> {
        match *config {}
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        match *self {}
    }

    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        match *self {}
    }

    pub(crate) fn is_resumed(&self) -> bool {
        match *self {}
    }

    pub(crate) fn unread(&mut self, _: &[u8]) {
        match *self {}
    }

    pub(crate) fn wants_write(&self) -> bool {
        match *self {}
    }

    pub(crate) fn untold_bytes(&self) -> usize {
        match *self {}
    }

    pub(crate) fn may_have_more(&self) -> bool {
        match *self {}
    }

    pub(crate) fn read(&mut self, _: &mut impl Read, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn write_vectored(
        &mut self,
        _: &mut impl Write,
        _: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn push(&mut self, _: &mut impl Write) -> io::Result<bool> {
        match *self {}
    }

    pub(crate) fn close_notify(&mut self, _: &mut impl Write) -> io::Result<bool> {
        match *self {}
    }
}

/// What simulations would have.
#[cfg(any(test, fuzzing))]
pub(crate) mod fixed {
    use super::{ServerConfigs, TlsConnection};

    /// There is none.
    pub(crate) enum Pair {}

    impl Pair {
        pub(crate) fn new() -> Option<Self> {
            None
        }

        pub(crate) fn server(&self) -> ServerConfigs {
            match *self {}
        }

        pub(crate) fn connect(&self, _is_tls12: bool) -> TlsConnection {
            match *self {}
        }
    }
}
