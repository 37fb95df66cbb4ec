//! The server's side: its certificate and key, from files or made at the start, and made anew from
//! the same files when it is asked to.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::NoServerSessionStorage;

use super::pem;
use super::{Identity, Made};
use crate::failure::CliError;
use crate::protocol::{ALPN, Opening};

/// The names that a certificate has which is made at the start, beside the addresses listened on.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What handshakes are made from, for each kind of listener: it offers what is spoken there, and who
/// wants something else is told so by an alert. Lines have no name for that.
#[derive(Debug, Clone)]
pub(crate) struct ServerConfigs {
    auto: Arc<ServerConfig>,
    http: Arc<ServerConfig>,
    irc: Arc<ServerConfig>,
    lines: Arc<ServerConfig>,
}

impl ServerConfigs {
    fn new(config: &ServerConfig) -> Self {
        let offering = |opening| {
            let offered = ALPN
                .iter()
                .filter(|(_, spoken)| opening == Opening::Auto || opening == *spoken);
            let mut config = config.clone();
            config.alpn_protocols = offered.map(|(name, _)| name.to_vec()).collect();
            Arc::new(config)
        };
        Self {
            auto: offering(Opening::Auto),
            http: offering(Opening::Http),
            irc: offering(Opening::Irc),
            lines: offering(Opening::Lines),
        }
    }

    /// For a listener of `opening`.
    pub(crate) fn of(&self, opening: Opening) -> &Arc<ServerConfig> {
        match opening {
            Opening::Auto => &self.auto,
            Opening::Http => &self.http,
            Opening::Irc => &self.irc,
            Opening::Lines | Opening::Bytes => &self.lines,
        }
    }
}

/// What every handshake of a server is made from.
#[derive(Debug)]
pub(crate) struct TlsServer {
    identity: Identity,
    configs: ServerConfigs,
    /// Of the certificate.
    sha256: [u8; 32],
    /// The certificate, if it comes from no file.
    made: Option<Made>,
}

impl TlsServer {
    /// Reads the files of `identity`, or makes a certificate for this machine and `hosts`.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub(crate) fn new(identity: &Identity, hosts: &[String]) -> Result<Self, CliError> {
        let ((configs, sha256), made) = match identity {
            Identity::Files { certificate, key } => (read(certificate, key)?, None),
            Identity::SelfSigned => {
                let made = make(hosts).map_err(fail_to_make)?;
                (made.configs().map_err(fail_to_make)?, Some(made))
            }
        };
        Ok(Self {
            identity: identity.clone(),
            configs,
            sha256,
            made,
        })
    }

    /// What another process needs to show the same certificate, if that comes from no file.
    pub(crate) fn made(&self) -> Option<&Made> {
        self.made.as_ref()
    }

    /// Shows the certificate that another process has made, in place of its own.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) fn go_on_with(&mut self, made: Made) -> Result<(), String> {
        if self.made.is_some() {
            (self.configs, self.sha256) = made.configs()?;
            self.made = Some(made);
        }
        Ok(())
    }

    /// The SHA-256 of the certificate, in hex.
    pub(crate) fn fingerprint(&self) -> String {
        super::hex(&self.sha256)
    }

    #[cfg(test)]
    pub(super) fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Whether [`Self::reload`] would read anything.
    pub(crate) fn is_from_files(&self) -> bool {
        matches!(self.identity, Identity::Files { .. })
    }

    /// For the next handshakes.
    pub(crate) fn configs(&self) -> ServerConfigs {
        self.configs.clone()
    }

    /// Reads both files anew, for the handshakes to come. A certificate that was made at the start
    /// stays as it is.
    ///
    /// # Errors
    /// Which file cannot be used, and why; what was there before stays.
    pub(crate) fn reload(&mut self) -> Result<(), CliError> {
        if let Identity::Files { certificate, key } = &self.identity {
            (self.configs, self.sha256) = read(certificate, key)?;
        }
        Ok(())
    }
}

/// What handshakes are made from, and the SHA-256 of the certificate.
type Ready = (ServerConfigs, [u8; 32]);

impl Made {
    fn configs(&self) -> Result<Ready, String> {
        let certificate = CertificateDer::from(self.certificate.clone());
        let key = PrivatePkcs8KeyDer::from(self.key.clone());
        let sha256 = super::sha256(&certificate);
        Ok((configs(vec![certificate], key.into())?, sha256))
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Ready, CliError> {
    let chain = pem::certificates("--tls-cert", certificate)?;
    let private = pem::key("--tls-key", key)?;
    let sha256 = super::sha256(&chain[0]);
    let configs = configs(chain, private).map_err(|why| {
        let (certificate, key) = (certificate.display(), key.display());
        CliError::runtime(format!(
            "use --tls-cert {certificate} with --tls-key {key}: {why}"
        ))
    })?;
    Ok((configs, sha256))
}

fn fail_to_make(why: String) -> CliError {
    CliError::runtime(format!("make a certificate for --tls-self-signed: {why}"))
}

fn make(hosts: &[String]) -> Result<Made, String> {
    let mut names: Vec<String> = OWN_NAMES.map(str::to_owned).to_vec();
    // Of an address with a scope, the scope is this machine's own affair.
    let hosts = hosts
        .iter()
        .map(|host| host.split('%').next().unwrap_or(host));
    names.extend(
        hosts
            .filter(|host| host.is_ascii() && !host.is_empty())
            .map(str::to_owned),
    );
    names.sort_unstable();
    names.dedup();
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| error.to_string())?;
    Ok(Made {
        certificate: made.cert.der().to_vec(),
        key: made.signing_key.serialize_der(),
    })
}

pub(super) fn configs(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfigs, String> {
    let provider = Arc::new(default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => "they do not belong together".to_owned(),
            other => other.to_string(),
        })?;
    // A client brings its session along, so the server keeps none.
    config.ticketer = Ticketer::new().map_err(|error| error.to_string())?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 1;
    Ok(ServerConfigs::new(&config))
}
