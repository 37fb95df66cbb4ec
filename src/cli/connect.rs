//! The arguments of `chinwag connect`.

use std::time::Duration;

use clap::Args;

use crate::addr::{self, Address};
use crate::{client, units};

/// Talk to a server, from a terminal or in a pipe
#[derive(Args)]
pub(super) struct Arguments {
    /// The server: HOST:PORT, [v6]:PORT, PORT or :PORT (this machine) or unix:PATH; the addresses of
    /// a name are tried in turn
    #[arg(value_name = "ADDR", default_value = addr::DEFAULT)]
    address: Address,
    /// Send each line by itself, in one send, without its newline
    #[arg(long)]
    raw: bool,
    /// How long connecting may take, over all addresses
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_timeout)]
    timeout: Duration,
}

/// The system's own words for a wait of nothing would not say what is wrong.
fn parse_timeout(text: &str) -> Result<Duration, String> {
    match units::parse_duration(text)? {
        timeout if timeout < Duration::from_millis(1) => Err("at least 1ms".to_owned()),
        timeout => Ok(timeout),
    }
}

impl From<Arguments> for client::Config {
    fn from(arguments: Arguments) -> Self {
        Self {
            address: arguments.address,
            raw: arguments.raw,
            timeout: arguments.timeout,
        }
    }
}
