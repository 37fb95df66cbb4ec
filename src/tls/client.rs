//! A client's side: which servers it takes for what they say they are.

use std::io;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use super::verify::Verifier;
use super::{TlsConnection, Trust, pem};
use crate::failure::CliError;

/// Makes connections to one server.
#[derive(Debug)]
pub(crate) struct Connector {
    config: Arc<ClientConfig>,
    server: ServerName<'static>,
}

impl Connector {
    /// To the server that `name` stands for: a host's name, or its IP address.
    ///
    /// # Errors
    /// Which certificates cannot be read, or what is wrong with the name.
    pub(crate) fn new(trust: &Trust, name: &str) -> Result<Self, CliError> {
        let server = ServerName::try_from(name.to_owned())
            .map_err(|error| CliError::runtime(format!("set up TLS with {name}: {error}")))?;
        let config = config(trust)?;
        Ok(Self { config, server })
    }

    /// The same, but each of its handshakes is a full one: none resumes what an earlier one has
    /// agreed on.
    pub(crate) fn without_resumption(self) -> Self {
        let mut config = Arc::unwrap_or_clone(self.config);
        config.resumption = Resumption::disabled();
        Self {
            config: Arc::new(config),
            ..self
        }
    }

    /// A client's side, before its first word.
    ///
    /// # Errors
    /// The configuration does not fit.
    pub(crate) fn connect(&self) -> io::Result<TlsConnection> {
        TlsConnection::connect(Arc::clone(&self.config), self.server.clone())
    }
}

/// What every handshake of a client is made from.
///
/// # Errors
/// Which certificates cannot be read, and why.
pub(crate) fn config(trust: &Trust) -> Result<Arc<ClientConfig>, CliError> {
    config_of(trust, rustls::DEFAULT_VERSIONS)
}

/// As [`config`], of these versions only.
pub(super) fn config_of(
    trust: &Trust,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<Arc<ClientConfig>, CliError> {
    let provider = Arc::new(default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|error| CliError::runtime(format!("set up TLS: {error}")))?;
    let verifier = match trust {
        Trust::System => None,
        Trust::Anyone => Some(Verifier::of_anyone(provider)),
        Trust::Fingerprint(sha256) => Some(Verifier::of_fingerprint(*sha256, provider)),
        Trust::Ca(path) => {
            let signers = pem::certificates("--tls-ca", path)?;
            let verifier = Verifier::of_signers(signers, provider);
            Some(verifier.map_err(|why| pem::unusable("--tls-ca", path, &why))?)
        }
    };
    let builder = match verifier {
        Some(verifier) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier)),
        None => builder.with_root_certificates(system_roots()?),
    };
    Ok(Arc::new(builder.with_no_client_auth()))
}

/// The certificates that this machine trusts; those that cannot be read are passed over while there
/// is another.
fn system_roots() -> Result<RootCertStore, CliError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    match found.errors.first() {
        _ if !roots.is_empty() => Ok(roots),
        Some(error) => Err(CliError::runtime(format!(
            "read the system's certificates: {error}"
        ))),
        None => Err(CliError::runtime(
            "read the system's certificates: there are none; see --tls-ca and --tls-fingerprint",
        )),
    }
}
