//! The arguments of `chinwag connect`.

use std::time::Duration;

use clap::Args;

use crate::addr::{self, Address};
use crate::{client, units};

/// Talk to a server: a person in a terminal, or a script in a pipe
#[derive(Args)]
pub(super) struct Arguments {
    /// The server: HOST:PORT, [v6]:PORT, :PORT, PORT or unix:PATH
    #[arg(value_name = "ADDR", default_value = addr::DEFAULT)]
    address: Address,
    /// Send each line in a send of its own, without its newline
    #[arg(long)]
    raw: bool,
    /// How long connecting may take
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
