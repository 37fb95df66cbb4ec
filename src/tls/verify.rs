//! How a client knows a server: by who signed its certificate, or by the certificate itself.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

use super::sha256;

/// How `rustls` tells, by an error of a crate behind it, that a server's certificate may sign others.
const IS_CA: &str = "CaUsedAsEndEntity";

/// What a client knows of the servers that it takes for what they say they are.
#[derive(Debug)]
pub(super) struct Verifier {
    known: Known,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Known {
    /// Nothing.
    Anyone,
    /// The one certificate, whoever signed it and for whatever name.
    Fingerprint([u8; 32]),
    /// Who has signed it; or the certificate itself: whoever makes one with `openssl req -x509`
    /// gets one that may sign others, which is no server's elsewhere.
    Signers {
        certificates: Vec<CertificateDer<'static>>,
        verifier: Arc<WebPkiServerVerifier>,
    },
}

impl Verifier {
    pub(super) fn of_fingerprint(sha256: [u8; 32], provider: Arc<CryptoProvider>) -> Self {
        let known = Known::Fingerprint(sha256);
        Self { known, provider }
    }

    pub(super) fn of_anyone(provider: Arc<CryptoProvider>) -> Self {
        let known = Known::Anyone;
        Self { known, provider }
    }

    pub(super) fn of_signers(
        certificates: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            let added = roots.add(certificate.clone());
            added.map_err(|error| error.to_string())?;
        }
        let roots = Arc::new(roots);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
        let known = Known::Signers {
            certificates,
            verifier: verifier.build().map_err(|error| error.to_string())?,
        };
        Ok(Self { known, provider })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.known {
            Known::Anyone => Ok(ServerCertVerified::assertion()),
            Known::Fingerprint(expected) => match sha256(end_entity) {
                found if found == *expected => Ok(ServerCertVerified::assertion()),
                found => Err(Error::InvalidCertificate(CertificateError::Other(
                    OtherError(Arc::new(Mismatch(found))),
                ))),
            },
            Known::Signers {
                certificates,
                verifier,
            } => match verifier.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
                // One that has expired is refused with an error of its own.
                Err(Error::InvalidCertificate(CertificateError::Other(_)))
                    if certificates.contains(end_entity) =>
                {
                    verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                    Ok(ServerCertVerified::assertion())
                }
                verdict => verdict,
            },
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

/// It is another certificate, with this SHA-256.
#[derive(Debug)]
struct Mismatch([u8; 32]);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = super::hex(&self.0);
        write!(f, "its certificate has another fingerprint: {found}")
    }
}

impl std::error::Error for Mismatch {}

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
            CertificateError::Other(OtherError(why)) if why.to_string() == IS_CA => {
                "its certificate is one that signs others, as 'openssl req -x509' makes it: trust it \
                 with --tls-fingerprint HEX, or with --tls-ca FILE"
                    .to_owned()
            }
            CertificateError::Other(OtherError(why)) => match why.downcast_ref::<Mismatch>() {
                Some(mismatch) => mismatch.to_string(),
                None => format!("its certificate cannot be trusted: {why}"),
            },
            other => format!("its certificate cannot be trusted: {other}"),
        },
        Error::InvalidMessage(why) => format!("what comes is no TLS ({why:?})"),
        other => other.to_string(),
    }
}
