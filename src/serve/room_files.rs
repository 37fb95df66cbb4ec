//! The files of a room: read at the start, and anew at SIGHUP.

use std::path::{Path, PathBuf};

use log::{error, info};

use super::{motd, password, transcript};
use crate::failure::CliError;
use crate::services::room::Fresh;

/// The option that names the password's file.
pub(crate) const PASSWORD: &str = "--password-file";

/// The one that names that of the operators' password.
pub(crate) const OPERATOR_PASSWORD: &str = "--operator-password-file";

/// Where they are.
#[derive(Debug, Clone, Default)]
pub struct RoomFiles {
    /// The message of the day, if it comes from a file.
    pub motd: Option<PathBuf>,
    /// The password, if there is one.
    pub password: Option<PathBuf>,
    /// The operators' password, if there is one.
    pub operator_password: Option<PathBuf>,
}

impl RoomFiles {
    /// Reads them anew, and opens the transcript anew, whenever it is called; `None`: there are
    /// none.
    pub(super) fn reader(
        &self,
        transcript: Option<transcript::Handle>,
    ) -> Option<Box<dyn FnMut() -> Fresh>> {
        let files = self.clone();
        if transcript.is_none() && files.paths().next().is_none() {
            return None;
        }
        Some(Box::new(move || {
            if let Some(transcript) = &transcript {
                transcript.reopen();
            }
            Fresh {
                motd: read_anew("message of the day", files.motd.as_deref(), motd::read_file),
                password: read_anew("password", files.password.as_deref(), |path| {
                    password::read(path, PASSWORD)
                }),
                operator_password: read_anew(
                    "operators' password",
                    files.operator_password.as_deref(),
                    |path| password::read(path, OPERATOR_PASSWORD),
                ),
            }
        }))
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.motd, &self.password, &self.operator_password]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
    }
}

/// Says what came of it, in one line.
fn read_anew<T>(
    what: &str,
    path: Option<&Path>,
    read: impl FnOnce(&Path) -> Result<T, CliError>,
) -> Option<T> {
    match read(path?) {
        Ok(fresh) => {
            info!("SIGHUP: the {what} is read anew");
            Some(fresh)
        }
        Err(why) => {
            error!("SIGHUP: {why}; what was there before stays");
            None
        }
    }
}
