//! The options of TLS, and whether they fit the listeners.

#[cfg(feature = "tls")]
use std::path::PathBuf;

use clap::Args;

use crate::addr::{Listen, Proto};
use crate::failure::CliError;
use crate::serve::ServiceConfig;
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
    /// The certificate that the listeners ask for, or can make use of.
    pub(super) fn identity_for(
        self,
        listen: &[Listen],
        service: &ServiceConfig,
    ) -> Result<Option<Identity>, CliError> {
        let proto = |listener: &Listen| listener.proto.unwrap_or(service.proto());
        let is_room = matches!(service, ServiceConfig::Room { .. });
        for listener in listen {
            match proto(listener) {
                Proto::Lines | Proto::Tls => {}
                _ if is_room => {}
                proto => {
                    return Err(CliError::usage(format!(
                        "listen on {listener}: {proto} is not spoken here; lines and tls are"
                    )));
                }
            }
        }
        let may_be_tls = listen.iter().any(|listener| {
            let proto = proto(listener);
            proto.is_tls() || proto == Proto::Auto
        });
        let listener = listen.iter().find(|listener| proto(listener).is_tls());
        match (self.into_identity(), listener) {
            (Some(_), None) if !may_be_tls => Err(CliError::usage(
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
