//! `chinwag connect`: a person's, or a script's, side of a conversation. Blocking sockets and a
//! thread for each thing that waits; knows nothing of the server's house.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use crate::addr::{Listen, Proto};
use crate::failure::CliError;
use crate::signals;
use crate::terminal::Terminal;
use crate::tls::{Connector, Trust};

use link::Link;

mod dial;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod line;
mod line_splitter;
mod link;
mod mention;
mod outgoing;
mod password;
mod pipe;
mod room;
mod session;

/// What `connect` was asked to do.
#[derive(Debug, Clone)]
pub struct Config {
    /// The server.
    pub server: Listen,
    /// With TLS: which servers are taken for what they say they are.
    pub trust: Trust,
    /// Said first of all, by `/pass`.
    pub password: Option<String>,
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
    let link = Arc::new(connect(config)?);
    let early = match &config.password {
        None => Vec::new(),
        Some(password) => {
            password::say(&link, password, config.raw).map_err(|error| broken(config, &error))?
        }
    };
    match Terminal::is_there() {
        true => session::run(config, &link, early),
        false => pipe::run(config, &link, &early),
    }
}

/// Connects, and shakes hands where that is asked for, all within the time for it.
fn connect(config: &Config) -> Result<Link, CliError> {
    let (server, timeout) = (&config.server, config.timeout);
    if server.proto != Some(Proto::Tls) {
        return dial::dial(server, timeout).map(Link::plain);
    }
    let deadline = Instant::now() + timeout;
    let tls = Connector::new(&config.trust, server.address.certificate_name())?;
    let tls = tls
        .connect()
        .map_err(|error| dial::failed(server, &error))?;
    let socket = dial::dial(server, timeout)?;
    Link::over_tls(socket, tls, deadline).map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => dial::no_answer(server, timeout),
        _ => dial::failed(server, &error),
    })
}

fn broken(config: &Config, error: &io::Error) -> CliError {
    CliError::runtime(format!("talk to {}: {error}", config.server))
}
