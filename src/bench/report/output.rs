//! Where results go: files that are opened before the run, so that a run is never made for a file
//! that cannot be written, and stdout.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::failure::CliError;

/// A file that can be written. What it holds stays until something is written.
#[derive(Debug)]
pub(crate) struct OutputFile {
    path: PathBuf,
    file: File,
}

impl OutputFile {
    /// Opens `path`, which need not exist.
    ///
    /// # Errors
    /// The system says why it cannot be written.
    pub(crate) fn open(path: &Path) -> Result<Self, CliError> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| failed(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Opens `path` if there is one.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn open_any(path: Option<&PathBuf>) -> Result<Option<Self>, CliError> {
        path.map(|path| Self::open(path)).transpose()
    }

    /// Puts `text` in place of what the file held.
    ///
    /// # Errors
    /// The system says why not all of it was written.
    pub(crate) fn write(mut self, text: &str) -> Result<(), CliError> {
        // A pipe or a terminal has no length.
        let _ = self.file.set_len(0);
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|error| failed(&self.path, &error))
    }
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    CliError::runtime(format!("bench: write {}: {error}", path.display()))
}

/// Prints `text` on stdout.
///
/// # Errors
/// The system says why it cannot be printed.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    match io::stdout().write_all(text.as_bytes()) {
        // A reader that has gone away has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::runtime(format!("bench: stdout: {error}")))
        }
        _ => Ok(()),
    }
}
