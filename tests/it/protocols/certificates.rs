//! A certificate for the listeners of a test.

use crate::tls::certificates::Authority;

/// The options that give the server a certificate for localhost, and who has signed it; its files
/// go with it.
pub(super) fn args() -> (Authority, [String; 4]) {
    let authority = Authority::new();
    let pair = authority.signs(&["localhost", "127.0.0.1"]);
    let args = ["--tls-cert", pair.certificate(), "--tls-key", pair.key()].map(str::to_owned);
    (authority, args)
}
