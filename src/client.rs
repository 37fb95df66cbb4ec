//! `chinwag connect`: a person's, or a script's, side of a conversation.

use std::time::Duration;

use crate::addr::Address;
use crate::failure::Failure;

/// What `connect` was asked to do.
#[derive(Debug, Clone)]
pub struct Config {
    /// The server.
    pub address: Address,
    /// Each line in a send of its own, without its newline.
    pub raw: bool,
    /// Bounds connecting.
    pub timeout: Duration,
}

/// Connects and talks until either side ends.
///
/// # Errors
/// One line: the server cannot be reached, or the connection broke.
pub fn run(config: &Config) -> Result<(), Failure> {
    Err(Failure::runtime(format!(
        "connect to {}: not built yet",
        config.address
    )))
}
