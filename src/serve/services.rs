//! Making the service that is asked for.

#[cfg(feature = "hub")]
use super::hub;
use super::operator::OperatorConsole;
use super::state::State;
use super::transcript::{Handle, LastLines};
use super::{Config, RoomFiles, ServiceConfig};
use crate::failure::CliError;
use crate::outbound::Pace;
use crate::service::Service;
use crate::services::echo::Echo;
use crate::services::reply::Reply;
use crate::services::room::{self, Room};

/// Services that keep nothing in a log need none to speak of.
const NO_LOG_BYTES: usize = 4096;

/// What a room has beside its configuration.
pub(super) struct Parts<'a> {
    pub(super) transcript: Option<Handle>,
    pub(super) before: Option<LastLines>,
    pub(super) state: Option<&'a State>,
    /// It goes on in another process's place.
    pub(super) goes_on: bool,
    #[cfg(feature = "hub")]
    pub(super) line: &'a hub::Line,
}

/// The service, what its log may take in bytes, and its pace.
pub(super) fn make(
    config: &Config,
    operator: Option<&OperatorConsole>,
    parts: Parts<'_>,
) -> Result<(Box<dyn Service>, usize, Pace), CliError> {
    let service: Box<dyn Service> = match (&config.service, operator) {
        (
            ServiceConfig::Room {
                room,
                files,
                log_bytes,
                pace,
                ..
            },
            _,
        ) => {
            let room = make_room(config, (**room).clone(), files, parts)?;
            return Ok((Box::new(room), *log_bytes, *pace));
        }
        (ServiceConfig::Reply { text, once }, _) => Box::new(Reply::new(text.as_str(), *once)),
        (ServiceConfig::Console, Some(operator)) => operator.console(),
        (ServiceConfig::Echo | ServiceConfig::Console, _) => Box::new(Echo),
    };
    Ok((service, NO_LOG_BYTES, Pace::Off))
}

fn make_room(
    #[cfg_attr(not(feature = "hub"), expect(unused))] config: &Config,
    room: room::Config,
    files: &RoomFiles,
    parts: Parts<'_>,
) -> Result<Room, CliError> {
    let mut room = Room::new(room);
    if let Some(read) = files.reader(parts.transcript.clone()) {
        room = room.with_files(read);
    }
    if let Some((bans, watch)) = parts.state.map(State::bans) {
        room = room.with_bans(bans, watch);
    }
    if let Some(transcript) = parts.transcript {
        room = room.with_transcript(Box::new(transcript));
    }
    #[cfg(feature = "hub")]
    match &config.hub {
        Some(hub) if parts.goes_on => return Ok(hub::resume_later(hub, room, parts.line)),
        // The hub knows what was said before, on all nodes.
        Some(hub) => return hub::join(hub, room, parts.line),
        None => {}
    }
    Ok(match parts.before {
        Some(before) if !parts.goes_on => room.with_past(before),
        _ => room,
    })
}
