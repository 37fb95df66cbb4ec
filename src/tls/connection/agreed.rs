//! What a TLS handshake, which is over, has agreed on.

use rustls::HandshakeKind;

use super::TlsConnection;

impl TlsConnection {
    /// Whether it has resumed what an earlier one had agreed on.
    pub(crate) fn is_resumed(&self) -> bool {
        self.side.common().handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// What is to be spoken inside, if that was asked.
    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        self.side.common().alpn_protocol()
    }
}
