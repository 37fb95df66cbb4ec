//! A node's name is its own: two nodes of one name would drop each other's entries as their own.

use std::thread;
use std::time::{Duration, Instant};

use log::info;

use super::config::HubConfig;
use super::connection::Connection;
use crate::failure::CliError;

/// A node says every two seconds that it is here; one that has not for so long is gone.
const GONE_AFTER: Duration = Duration::from_secs(7);

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Takes the node's name, once it is free.
///
/// # Errors
/// Another node has it and is alive, or the hub fails.
pub(super) fn claim(hub: &mut Connection, config: &HubConfig, boot: &str) -> Result<(), CliError> {
    let fail = |why: String| config.failure(&why);
    let mut first_seen = None;
    let began = Instant::now();
    loop {
        let Some(holder) = hub.name_holder(config).map_err(fail)? else {
            if hub.renew_name(config, boot).map_err(fail)? {
                return Ok(());
            }
            continue;
        };
        let first = match &first_seen {
            Some(first) => first,
            None => {
                info!("node {} was running: is it still?", config.node);
                first_seen.insert(holder.clone())
            }
        };
        if *first != holder {
            return Err(is_running_already(config));
        }
        if began.elapsed() >= GONE_AFTER {
            let is_taken = hub.take_name_over(config, boot, &holder).map_err(fail)?;
            return match is_taken {
                true => Ok(()),
                false => Err(is_running_already(config)),
            };
        }
        thread::sleep(LOOK_EVERY);
    }
}

pub(super) fn is_running_already(config: &HubConfig) -> CliError {
    config.failure(&format!("node {} is running already", config.node))
}
