//! The arguments of `chinwag bench` that are about TLS.

#[cfg(feature = "tls")]
use std::path::PathBuf;

use clap::Args;

#[cfg(feature = "tls")]
use crate::tls;
use crate::tls::Trust;

#[derive(Args)]
pub(super) struct TlsOptions {
    /// All connections over TLS. On this machine any certificate is taken; elsewhere one that this
    /// machine trusts
    #[cfg(feature = "tls")]
    #[arg(long)]
    tls: bool,
    /// Trust the servers that a certificate in this file has signed
    #[cfg(feature = "tls")]
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls",
        conflicts_with = "tls_fingerprint"
    )]
    tls_ca: Option<PathBuf>,
    /// Trust the server whose certificate has this SHA-256 fingerprint, and no other
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "HEX", requires = "tls", value_parser = tls::parse_fingerprint)]
    tls_fingerprint: Option<[u8; 32]>,
    /// Let TLS handshakes resume what earlier ones have agreed on, where the server does; else each
    /// is a full one
    #[cfg(feature = "tls")]
    #[arg(long, requires = "tls")]
    tls_resume: bool,
}

#[cfg(feature = "tls")]
impl TlsOptions {
    pub(super) fn is_on(&self) -> bool {
        self.tls
    }

    pub(super) fn resumes(&self) -> bool {
        self.tls_resume
    }

    /// Which servers are trusted, if that was said.
    pub(super) fn trust(&self) -> Option<Trust> {
        let by_fingerprint = self.tls_fingerprint.map(Trust::Fingerprint);
        by_fingerprint.or_else(|| self.tls_ca.clone().map(Trust::Ca))
    }
}

#[cfg(not(feature = "tls"))]
impl TlsOptions {
    pub(super) fn is_on(&self) -> bool {
        false
    }

    pub(super) fn resumes(&self) -> bool {
        false
    }

    pub(super) fn trust(&self) -> Option<Trust> {
        None
    }
}
