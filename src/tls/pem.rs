//! Certificates and keys from PEM files, and one line that says which file cannot be used.

use std::path::Path;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::failure::CliError;

/// The certificates of a file, one at least.
pub(super) fn certificates(
    option: &str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, CliError> {
    let text = read(option, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(none) if none.is_empty() => Err(unusable(option, path, "no certificate in it")),
        Ok(chain) => Ok(chain),
        Err(error) => Err(unusable(option, path, &error.to_string())),
    }
}

/// The first private key of a file.
pub(super) fn key(option: &str, path: &Path) -> Result<PrivateKeyDer<'static>, CliError> {
    let text = read(option, path)?;
    let is_encrypted = || text.windows(9).any(|word| word == b"ENCRYPTED");
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound if is_encrypted() => {
            unusable(option, path, "the key is encrypted")
        }
        pem::Error::NoItemsFound => unusable(option, path, "no private key in it"),
        other => unusable(option, path, &other.to_string()),
    })
}

fn read(option: &str, path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|error| unusable(option, path, &error.to_string()))
}

pub(super) fn unusable(option: &str, path: &Path, why: &str) -> CliError {
    CliError::runtime(format!("read {option} from {}: {why}", path.display()))
}
