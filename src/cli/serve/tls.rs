//! The options of TLS, and whether they fit the listeners.

#[cfg(feature = "tls")]
use std::path::PathBuf;

use clap::Args;

use crate::addr::{Listen, Proto};
use crate::failure::CliError;
use crate::serve::{ServiceConfig, listeners::check};
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
    /// The certificate that the listeners ask for, or can make use of. Where there are none it is not
    /// known yet.
    pub(super) fn identity_for(
        self,
        listen: &[Listen],
        service: &ServiceConfig,
    ) -> Result<Option<Identity>, CliError> {
        let identity = self.into_identity();
        for listener in listen {
            check(listener, service, identity.is_some())?;
        }
        let may_be_tls = |listener: &Listen| {
            let proto = listener.proto.unwrap_or(service.proto());
            proto.is_tls() || proto == Proto::Auto
        };
        if identity.is_some() && !listen.is_empty() && !listen.iter().any(may_be_tls) {
            return Err(CliError::usage(
                "a certificate, but no listener speaks TLS; see --listen tls:ADDR",
            ));
        }
        Ok(identity)
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
