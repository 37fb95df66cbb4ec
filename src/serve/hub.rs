//! The room and the hub, put together: the port is given to the room, and what it tells to the loop.
//! Knows both; neither what an entry means nor how it travels.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use log::info;

use crate::failure::CliError;
use crate::hub::{self, Connected, HubConfig, HubEvent, HubPort};
use crate::reactor::InputSender;
use crate::service::Input;
use crate::services::room::Room;
use crate::services::room::hub::{Resumer, Start};

/// Where what the hub tells goes, once the loop takes it.
#[derive(Clone, Default)]
pub(super) struct Line {
    sender: Arc<OnceLock<InputSender>>,
    /// Another node has this one's name.
    is_name_taken: Arc<AtomicBool>,
}

impl Line {
    pub(super) fn lead_to(&self, sender: InputSender) {
        // It leads nowhere else.
        let _ = self.sender.set(sender);
    }

    /// Why the server has ended, if it had to.
    ///
    /// # Errors
    /// One line.
    pub(super) fn end(&self, config: &HubConfig) -> Result<(), CliError> {
        match self.is_name_taken.load(Ordering::Relaxed) {
            true => Err(CliError::runtime(format!(
                "stay at the hub {config}: another node has the name {} now",
                config.node
            ))),
            false => Ok(()),
        }
    }

    fn start(&self, connected: Connected) -> Result<Box<dyn HubPort + Send>, CliError> {
        let line = self.clone();
        connected.start(Box::new(move |event: HubEvent| {
            if event == HubEvent::NameTaken {
                line.is_name_taken.store(true, Ordering::Relaxed);
            }
            line.sender.wait().send(Input::Hub(event))
        }))
    }
}

/// Joins the hub, before clients may come.
///
/// # Errors
/// One line: why not.
pub(super) fn join(config: &HubConfig, room: Room, line: &Line) -> Result<Room, CliError> {
    let mut connected = hub::connect(config.clone())?;
    let (node, position) = (config.node.clone(), connected.position);
    info!("node {node} is at the hub {config}, behind entry {position}");
    let (boot, tail) = (connected.boot.clone(), std::mem::take(&mut connected.tail));
    let start = Start {
        node,
        boot,
        time: connected.time,
        position,
        tail,
        port: line.start(connected)?,
    };
    Ok(room.with_hub(Instant::now(), start))
}

/// A room that goes on at the hub in place of another process's.
pub(super) fn resume_later(config: &HubConfig, room: Room, line: &Line) -> Room {
    let (config, line) = (config.clone(), line.clone());
    room.with_hub_resumer(Resumer(Box::new(move |boot, position| {
        let resumed = Connected::resume(config.clone(), boot.to_owned(), position);
        resumed
            .and_then(|connected| line.start(connected))
            .map_err(|error| error.to_string())
    })))
}
