//! How many descriptors there may be, and so how many clients.

use log::warn;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors kept for everything that is no client: the poll, signals, listeners, streams.
const RESERVED_DESCRIPTORS: usize = 32;

/// Raises the descriptor limit as far as it goes; returns how many clients there is room for, at
/// most as many as are wanted.
pub(super) fn max_clients(wanted: Option<usize>) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    let limit = limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    let room = limit.saturating_sub(RESERVED_DESCRIPTORS).max(1);
    if let Some(wanted) = wanted
        && wanted > room
    {
        warn!(
            "--max-clients {wanted}: only {room} fit under the descriptor limit of {limit} (see ulimit -n)"
        );
    }
    wanted.unwrap_or(room).min(room)
}
