//! `--password-file`: the first line of a file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::failure::CliError;
use crate::services::room::{MAX_PASSWORD_BYTES, Password};

/// The password in that file. Nothing of it is told, whatever is wrong.
///
/// # Errors
/// A runtime [`CliError`] of one line if the file cannot be read, a usage one if it holds none.
pub(super) fn read(path: &Path) -> Result<Password, CliError> {
    let line = first_line(path).map_err(|error| {
        CliError::runtime(format!(
            "read --password-file from {}: {error}",
            path.display()
        ))
    })?;
    Password::new(&line)
        .map_err(|why| CliError::usage(format!("--password-file {}: {why}", path.display())))
}

/// Without its end; as much of it as shows whether it is too long.
fn first_line(path: &Path) -> io::Result<Vec<u8>> {
    let most_bytes = MAX_PASSWORD_BYTES as u64 + 2;
    let mut line = Vec::new();
    BufReader::new(File::open(path)?.take(most_bytes)).read_until(b'\n', &mut line)?;
    if line.pop_if(|byte| *byte == b'\n').is_some() {
        line.pop_if(|byte| *byte == b'\r');
    }
    Ok(line)
}
