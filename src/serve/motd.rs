//! `--motd`: a text, or what a file holds.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::failure::CliError;

/// Inclusive. Every newcomer is sent all of it.
const MAX_BYTES: usize = 16 << 10;

/// The lines of a message of the day: those of the text, or of the file behind an `@`.
///
/// # Errors
/// A usage [`CliError`] of one line if there are too many, a runtime one if the file cannot be read.
pub(crate) fn read(text: &str) -> Result<Vec<String>, CliError> {
    match file(text) {
        Some(path) if path == Path::new("") => {
            Err(CliError::usage("--motd @: a file is missing after '@'"))
        }
        Some(path) => read_file(path),
        None => lines(text.as_bytes(), "the text"),
    }
}

/// The file that is meant, if it is one.
pub(crate) fn file(text: &str) -> Option<&Path> {
    text.strip_prefix('@').map(Path::new)
}

/// As [`read`], of a file.
pub(crate) fn read_file(path: &Path) -> Result<Vec<String>, CliError> {
    let name = path.display().to_string();
    let bytes = read_start(path)
        .map_err(|error| CliError::runtime(format!("read --motd from {name}: {error}")))?;
    lines(&bytes, &name)
}

/// Sanitized: anybody may have edited it.
fn lines(bytes: &[u8], name: &str) -> Result<Vec<String>, CliError> {
    if bytes.len() > MAX_BYTES {
        let most = MAX_BYTES >> 10;
        return Err(CliError::usage(format!(
            "--motd: {name} is longer than {most}k"
        )));
    }
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines();
    Ok(lines
        .map(|line| crate::sanitize::sanitize(line.as_bytes()).into_owned())
        .collect())
}

/// As much of a file as shows whether it is too long: one like /dev/zero has no end.
fn read_start(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let start = File::open(path)?.take(MAX_BYTES as u64 + 1);
    { start }.read_to_end(&mut bytes)?;
    Ok(bytes)
}
