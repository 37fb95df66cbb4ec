//! Both sides' configurations for simulations. The key is always the same, and of a kind whose
//! signatures are all of one length: what is random in a handshake changes no record's length, so
//! that a seed tells the same story each time.

#![expect(clippy::expect_used, reason = "a test fails by it")]

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::ClientConfig;
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};

use super::{ServerConfigs, TlsConnection, Trust, client, server};

/// A server's configurations, and those of clients that know its certificate.
pub(crate) struct Pair {
    server: ServerConfigs,
    tls12: Arc<ClientConfig>,
    tls13: Arc<ClientConfig>,
}

/// An Ed25519 key as PKCS #8 has it; the bytes of the key itself follow.
const KEY_PREFIX: [u8; 16] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];

impl Pair {
    /// `None` in a build without TLS.
    pub(crate) fn new() -> Option<Self> {
        let key = [&KEY_PREFIX[..], &[7; 32]].concat();
        let key = PrivatePkcs8KeyDer::from(key);
        let pair = KeyPair::try_from(&key).expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let certificate = params.self_signed(&pair).expect("a certificate");
        let certificate = certificate.der().clone();
        let trust = Trust::Fingerprint(super::sha256(&certificate));
        let of_version = |version| client::config_of(&trust, &[version]).expect("a client");
        Some(Self {
            server: server::configs(vec![certificate], key.into()).expect("a server"),
            tls12: of_version(&rustls::version::TLS12),
            tls13: of_version(&rustls::version::TLS13),
        })
    }

    /// For handshakes to come.
    pub(crate) fn server(&self) -> ServerConfigs {
        self.server.clone()
    }

    /// A client's side.
    pub(crate) fn connect(&self, is_tls12: bool) -> TlsConnection {
        let config = if is_tls12 { &self.tls12 } else { &self.tls13 };
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnection::connect(Arc::clone(config), name).expect("it begins")
    }
}
