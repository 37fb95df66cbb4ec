//! `--motd`: a text, or what a file holds.

use std::fs::File;
use std::io::{self, Read};

use super::values::as_typed;
use crate::failure::CliError;

/// Inclusive. Every newcomer is sent all of it.
const MOTD_MAX_BYTES: usize = 16 << 10;

/// The lines of a message of the day, sanitized: it comes from a file that anybody may have
/// edited.
pub(super) fn read(text: &str) -> Result<Vec<String>, CliError> {
    let (bytes, name) = match text.strip_prefix('@') {
        Some("") => return Err(CliError::usage("--motd @: a file is missing after '@'")),
        Some(path) => (
            read_start(path)
                .map_err(|error| CliError::runtime(format!("read --motd from {path}: {error}")))?,
            path,
        ),
        None => (text.as_bytes().to_vec(), "the text"),
    };
    if bytes.len() > MOTD_MAX_BYTES {
        return Err(CliError::usage(format!(
            "--motd: {name} is longer than {}",
            as_typed(MOTD_MAX_BYTES)
        )));
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines();
    Ok(lines
        .map(|line| crate::sanitize::sanitize(line.as_bytes()).into_owned())
        .collect())
}

/// As much of a file as shows whether it is too long: one like /dev/zero has no end.
fn read_start(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let start = File::open(path)?.take(MOTD_MAX_BYTES as u64 + 1);
    { start }.read_to_end(&mut bytes)?;
    Ok(bytes)
}
