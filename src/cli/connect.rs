//! The arguments of `chinwag connect`.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::addr::{self, Listen, Proto};
use crate::failure::CliError;
#[cfg(feature = "tls")]
use crate::tls;
use crate::tls::Trust;
use crate::{client, units};

/// Inclusive.
const PASSWORD_MAX_BYTES: u64 = 512;

/// Talk to a server, from a terminal or in a pipe
#[derive(Args)]
pub(super) struct Arguments {
    /// The server: HOST:PORT, [v6]:PORT, PORT or :PORT (this machine) or unix:PATH; the addresses of
    /// a name are tried in turn. 'tls:' before it: over TLS
    #[arg(value_name = "[tls:]ADDR", default_value = addr::DEFAULT)]
    server: Listen,
    /// Send each line by itself, in one send, without its newline
    #[arg(long)]
    raw: bool,
    /// How long connecting may take, over all addresses
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_timeout)]
    timeout: Duration,
    /// Trust the servers that a certificate in this file has signed, in place of those that this
    /// machine trusts
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", conflicts_with = "tls_fingerprint")]
    tls_ca: Option<PathBuf>,
    /// Trust the server whose certificate has this SHA-256 fingerprint, and no other
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "HEX", value_parser = tls::parse_fingerprint)]
    tls_fingerprint: Option<[u8; 32]>,
    /// Say the password that stands in this file, first of all
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl Arguments {
    /// What is asked for, if it does not contradict itself.
    ///
    /// # Errors
    /// A usage [`CliError`] of one line, or a runtime one if the password cannot be read.
    pub(super) fn into_config(self) -> Result<client::Config, CliError> {
        let is_tls = match self.server.proto {
            None | Some(Proto::Lines) => false,
            Some(Proto::Tls) => true,
            Some(_) => {
                return Err(CliError::usage(format!(
                    "connect to {}: only lines and tls are spoken here",
                    self.server
                )));
            }
        };
        let trust = self.trust();
        if trust != Trust::System && !is_tls {
            return Err(CliError::usage(format!(
                "connect to {}: --tls-ca and --tls-fingerprint are for tls:ADDR",
                self.server
            )));
        }
        Ok(client::Config {
            trust,
            password: self.password_file.map(read_password).transpose()?,
            server: self.server,
            raw: self.raw,
            timeout: self.timeout,
        })
    }

    #[cfg(feature = "tls")]
    fn trust(&self) -> Trust {
        match (&self.tls_ca, self.tls_fingerprint) {
            (_, Some(sha256)) => Trust::Fingerprint(sha256),
            (Some(path), None) => Trust::Ca(path.clone()),
            (None, None) => Trust::System,
        }
    }

    #[cfg(not(feature = "tls"))]
    fn trust(&self) -> Trust {
        Trust::System
    }
}

/// The system's own words for a wait of nothing would not say what is wrong.
fn parse_timeout(text: &str) -> Result<Duration, String> {
    match units::parse_duration(text)? {
        timeout if timeout < Duration::from_millis(1) => Err("at least 1ms".to_owned()),
        timeout => Ok(timeout),
    }
}

/// The one line of a file.
fn read_password(path: PathBuf) -> Result<String, CliError> {
    let fail = |why: &str| {
        let path = path.display();
        CliError::runtime(format!("read --password-file from {path}: {why}"))
    };
    // As much as shows whether it is too long: a file like /dev/zero has no end.
    let mut text = String::new();
    File::open(&path)
        .and_then(|file| file.take(PASSWORD_MAX_BYTES + 3).read_to_string(&mut text))
        .map_err(|error| fail(&error.to_string()))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    match line.strip_suffix('\r').unwrap_or(line) {
        "" => Err(fail("there is no password in it")),
        line if line.contains(['\n', '\r']) => Err(fail("more than one line")),
        line if line.len() as u64 > PASSWORD_MAX_BYTES => Err(fail("longer than 512 bytes")),
        line => Ok(line.to_owned()),
    }
}

#[cfg(test)]
#[cfg(feature = "tls")]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_anybody_writes_it() {
        let plain = "00ff".repeat(16);
        let expected = [0, 255].repeat(16);
        assert_eq!(tls::parse_fingerprint(&plain).unwrap().to_vec(), expected);
        let colons = ["00:FF"; 16].join(":");
        assert_eq!(tls::parse_fingerprint(&colons).unwrap().to_vec(), expected);
        for bad in ["", "00", &plain[1..], &format!("{plain}0"), &"x".repeat(64)] {
            assert!(tls::parse_fingerprint(bad).is_err(), "{bad}");
        }
    }
}
