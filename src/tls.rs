//! TLS: connections over any stream, and the configurations that they are made from. Knows neither
//! services nor sockets. Without the cargo feature `tls` there are none.

#![cfg_attr(
    not(all(feature = "bench", feature = "client")),
    allow(
        dead_code,
        unused_imports,
        reason = "only clients connect, and a load many times"
    )
)]

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
pub(crate) mod client;
#[cfg(feature = "tls")]
mod connection;
#[cfg(all(feature = "tls", any(test, fuzzing)))]
pub(crate) mod fixed;
#[cfg(feature = "tls")]
mod pem;
#[cfg(feature = "tls")]
mod scratch;
#[cfg(feature = "tls")]
mod server;
#[cfg(feature = "tls")]
mod step;
#[cfg(test)]
#[cfg(feature = "tls")]
mod tests;
#[cfg(feature = "tls")]
mod verify;

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[cfg(all(not(feature = "tls"), any(test, fuzzing)))]
pub(crate) use absent::fixed;
#[cfg(not(feature = "tls"))]
pub(crate) use absent::{Connector, ServerConfig, ServerConfigs, TlsConnection, TlsServer};
#[cfg(feature = "tls")]
pub(crate) use {
    client::Connector,
    connection::TlsConnection,
    rustls::ServerConfig,
    server::{ServerConfigs, TlsServer},
};

/// Where a server's certificate and key come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Two PEM files.
    Files {
        /// The certificate first, then those that lead to one that clients trust.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// A certificate is made at the start, which is signed by nobody else.
    SelfSigned,
}

/// A certificate that was made at the start, and its key: what another process of this server goes on
/// with, for clients know it by the fingerprint.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Made {
    /// In DER.
    #[serde(with = "serde_bytes")]
    certificate: Vec<u8>,
    /// In PKCS #8.
    #[serde(with = "serde_bytes")]
    key: Vec<u8>,
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Made")
    }
}

/// Which servers a client takes for what they say they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// What this machine trusts.
    System,
    /// What the certificates in a PEM file have signed.
    Ca(PathBuf),
    /// The one whose certificate has this SHA-256.
    Fingerprint([u8; 32]),
    /// Whoever answers: for a load on this machine, where nobody is to be deceived.
    Anyone,
}

/// A certificate's SHA-256 as this program's log has it, and as others write it: with colons, in capitals.
#[cfg(feature = "tls")]
pub(crate) fn parse_fingerprint(text: &str) -> Result<[u8; 32], String> {
    let digits: Option<Vec<u32>> = (text.chars().filter(|c| *c != ':'))
        .map(|c| c.to_digit(16))
        .collect();
    let digits = digits.filter(|digits| digits.len() == 64);
    let digits = digits.ok_or("64 hex digits are wanted, with colons or without")?;
    let mut sha256 = [0; 32];
    for (byte, pair) in sha256.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::try_from(pair[0] << 4 | pair[1]).unwrap_or_default();
    }
    Ok(sha256)
}

#[cfg(feature = "tls")]
fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(feature = "tls")]
fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    hash
}
