//! Options of a room that bound one another.

use super::values::as_typed;
use crate::failure::CliError;

const LEAST_LOG_BYTES: usize = 64 << 10;

/// A message grows at most this much on its way into the log: each byte may become U+FFFD, and a
/// nick stands before it.
const LARGEST_GROWTH: usize = 3;
const NICK_ROOM_BYTES: usize = 64;

/// The log has room for some of the largest messages.
pub(super) fn check_log_size(log_bytes: usize, max_message_bytes: usize) -> Result<(), CliError> {
    let least = LEAST_LOG_BYTES.max(4 * (LARGEST_GROWTH * max_message_bytes + NICK_ROOM_BYTES));
    if log_bytes >= least {
        return Ok(());
    }
    let unit = if least < 16 << 20 { 1 << 10 } else { 1 << 20 };
    Err(CliError::usage(format!(
        "--log-size {}: with --max-message {} it must be at least {}",
        as_typed(log_bytes),
        as_typed(max_message_bytes),
        as_typed(least.next_multiple_of(unit)),
    )))
}

/// The rooms that are kept are not too many.
pub(super) fn check_rooms(kept: &[String], max_rooms: u16) -> Result<(), CliError> {
    match kept.len() <= max_rooms.into() {
        true => Ok(()),
        false => Err(CliError::usage(format!(
            "--room: {} of them are more than --max-rooms {max_rooms}",
            kept.len()
        ))),
    }
}
