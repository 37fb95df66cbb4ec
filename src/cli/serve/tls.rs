//! The options of TLS, and whether they fit the listeners.

#[cfg(feature = "tls")]
use std::path::PathBuf;

use clap::Args;

use crate::addr::{Listen, Proto};
use crate::failure::CliError;
use crate::tls::Identity;

#[derive(Args)]
pub(super) struct TlsOptions {
    /// The certificate of the listeners that speak TLS, in PEM, and those that lead from it to one
    /// that clients trust; read anew at SIGHUP
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The private key of the certificate, in PEM; read anew at SIGHUP
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Make a certificate at the start, signed by nobody else, and log its SHA-256 fingerprint
    #[cfg(feature = "tls")]
    #[arg(long, conflicts_with_all = ["tls_cert", "tls_key"])]
    tls_self_signed: bool,
}

impl TlsOptions {
    /// The certificate that the listeners ask for.
    pub(super) fn identity_for(self, listen: &[Listen]) -> Result<Option<Identity>, CliError> {
        for listener in listen {
            match listener.proto {
                None | Some(Proto::Lines | Proto::Tls) => {}
                Some(proto) => {
                    return Err(CliError::usage(format!(
                        "listen on {listener}: {proto} is not spoken here; lines and tls are"
                    )));
                }
            }
        }
        let is_tls = |listener: &&Listen| listener.proto.is_some_and(Proto::is_tls);
        let listener = listen.iter().find(is_tls);
        match (self.into_identity(), listener) {
            (Some(_), None) => Err(CliError::usage(
                "a certificate, but no listener speaks TLS; see --listen tls:ADDR",
            )),
            (None, Some(listener)) if cfg!(feature = "tls") => Err(CliError::usage(format!(
                "listen on {listener}: a certificate is missing; see --tls-cert and \
                 --tls-self-signed"
            ))),
            (None, Some(listener)) => Err(CliError::usage(format!(
                "listen on {listener}: this chinwag was built without TLS (its cargo feature is \
                 'tls')"
            ))),
            (identity, _) => Ok(identity),
        }
    }

    #[cfg(feature = "tls")]
    fn into_identity(self) -> Option<Identity> {
        match (self.tls_cert, self.tls_key) {
            (Some(certificate), Some(key)) => Some(Identity::Files { certificate, key }),
            _ => self.tls_self_signed.then_some(Identity::SelfSigned),
        }
    }

    #[cfg(not(feature = "tls"))]
    fn into_identity(self) -> Option<Identity> {
        None
    }
}
