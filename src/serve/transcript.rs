//! `--transcript`: all that is said, in a file. The loop hands lines over and never waits; a thread
//! of its own writes them, and it alone meets the disk.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use log::{error, warn};
use rustix::fs::{Access, access};

use super::{folder_of, privilege};
use crate::failure::CliError;
use crate::protocol::Said;
use crate::services::room;

mod file;
mod lines;
mod queue;
#[cfg(test)]
mod tests;
mod writer;

use queue::{Queue, Release};
use writer::{Place as _, Writer};

pub(super) use lines::LastLines;

/// How long the end of the server waits until all is on the disk.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// How long everybody waits until all is written, when another process goes on.
const HANDOVER_PATIENCE: Duration = Duration::from_secs(1);

/// A transcript that is being written. All is on the disk when it has been dropped, or the log says
/// why not.
pub(super) struct Transcript {
    /// As the log calls it.
    name: String,
    queue: Arc<Queue>,
}

/// A way to it.
#[derive(Clone)]
pub(super) struct Handle(Arc<Queue>);

impl Transcript {
    /// Opens it, for a server that will be that user; returns with it what is there already, the
    /// last line first.
    ///
    /// # Errors
    /// One line: why it cannot be opened.
    pub(super) fn open(path: &Path, user: Option<&str>) -> Result<(Self, LastLines), CliError> {
        let name = path.display().to_string();
        let fail = |error| CliError::runtime(format!("open --transcript {name}: {error}"));
        let place = file::Place(path.to_owned());
        let opened = place.open(None).map_err(fail)?;
        let file = opened.ok_or_else(|| fail(std::io::ErrorKind::NotFound.into()))?;
        if let Some(user) = user {
            file.give_to(privilege::ids_of(user)?).map_err(fail)?;
        }
        let before = LastLines::of(file.to_read().map_err(fail)?);
        Ok((Self::start(name, place, Some(file))?, before))
    }

    /// One that another process has open still: what is said waits until it is
    /// [opened](Handle::reopen).
    ///
    /// # Errors
    /// One line: why it cannot be written.
    pub(super) fn open_later(path: &Path) -> Result<Self, CliError> {
        let name = path.display().to_string();
        let transcript = Self::start(name, file::Place(path.to_owned()), None)?;
        transcript.queue.hold();
        Ok(transcript)
    }

    fn start(name: String, place: file::Place, file: Option<file::File>) -> Result<Self, CliError> {
        let queue = Arc::<Queue>::default();
        let writer = Writer::new(name.clone(), place, file, Arc::clone(&queue));
        let started = thread::Builder::new()
            .name("transcript".to_owned())
            .spawn(move || writer.run());
        match started {
            Ok(_) => Ok(Self { name, queue }),
            Err(error) => {
                let why = format!("start a thread for --transcript {name}: {error}");
                Err(CliError::runtime(why))
            }
        }
    }

    pub(super) fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.queue))
    }
}

/// To be asked once the server is the user that it stays.
pub(super) fn warn_if_it_cannot_be_made_anew(path: &Path) {
    let folder = folder_of(path);
    if let Err(error) = access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        let (path, folder) = (path.display(), folder.display());
        warn!(
            "once the transcript {path} is moved away, SIGHUP will not make a new one: write in {folder}: {error}"
        );
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        if let Err(why) = self.queue.release(Release::Synced, END_PATIENCE) {
            let (name, lost) = (&self.name, self.queue.unwritten());
            error!("write the transcript {name} to its end: {why}; at least {lost} lines are lost");
        }
    }
}

impl Handle {
    /// Opens the file that has its name now; returns before that is done. The log says what came of
    /// it.
    pub(super) fn reopen(&self) {
        self.0.reopen();
    }
}

impl room::Transcript for Handle {
    fn record(&mut self, said: &Said<'_>) {
        self.0.push(said);
    }

    fn release(&mut self) -> Result<(), String> {
        let released = self.0.release(Release::Written, HANDOVER_PATIENCE);
        released.map_err(|why| format!("let go of the transcript: {why}"))
    }

    fn reopen(&mut self) {
        self.0.reopen();
    }
}
