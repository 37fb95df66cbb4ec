//! `chinwag connect`: a person's, or a script's, side of a conversation. Blocking sockets and a
//! thread for each thing that waits; knows nothing of the server's house.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use crate::addr::Address;
use crate::failure::CliError;
use crate::signals;
use crate::terminal::Terminal;

mod dial;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod line_splitter;
mod mention;
mod pipe;
mod session;

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

/// Connects and talks until either side ends: edits lines if stdin is a terminal, copies bytes
/// if it is anything else.
///
/// A signal that ends programs ends this one too, but a terminal is put in order first.
///
/// # Errors
/// One line: the server cannot be reached, or the connection broke.
pub fn run(config: &Config) -> Result<(), CliError> {
    signals::unblock(&[SIGHUP, SIGINT, SIGQUIT, SIGTERM]);
    let socket = Arc::new(dial::dial(&config.address, config.timeout)?);
    match Terminal::is_there() {
        true => session::run(config, &socket),
        false => pipe::run(config, &socket),
    }
}

fn broken(config: &Config, error: &io::Error) -> CliError {
    CliError::runtime(format!("talk to {}: {error}", config.address))
}
