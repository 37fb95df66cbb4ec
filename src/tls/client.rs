//! A client's side: which servers it takes for what they say they are.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme, SupportedProtocolVersion,
};

use super::{Trust, pem, sha256};
use crate::failure::CliError;

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
    let builder = match trust {
        Trust::Fingerprint(expected) => {
            let expected = *expected;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Pinned { expected, provider }))
        }
        Trust::System => builder.with_root_certificates(system_roots()?),
        Trust::Ca(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in pem::certificates("--tls-ca", path)? {
                roots.add(certificate).map_err(|error| {
                    CliError::runtime(format!("read --tls-ca from {}: {error}", path.display()))
                })?;
            }
            builder.with_root_certificates(roots)
        }
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

/// Takes the one certificate that has this fingerprint, whoever signed it and for whatever name.
#[derive(Debug)]
struct Pinned {
    expected: [u8; 32],
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
struct Mismatch([u8; 32]);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its certificate has another fingerprint: ")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::error::Error for Mismatch {}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match sha256(end_entity) {
            found if found == self.expected => Ok(ServerCertVerified::assertion()),
            found => Err(Error::InvalidCertificate(CertificateError::Other(
                OtherError(Arc::new(Mismatch(found))),
            ))),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// Why a handshake failed, as one says it to whoever asked for it.
pub(super) fn explain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(why) => match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name".to_owned()
            }
            CertificateError::UnknownIssuer => {
                "nobody that is trusted here has signed its certificate".to_owned()
            }
            CertificateError::Other(OtherError(why)) => why.to_string(),
            other => format!("its certificate cannot be trusted: {other}"),
        },
        other => other.to_string(),
    }
}
