//! `--transcript`: all that is said, in a file. The loop hands lines over and never waits; a thread
//! of its own writes them, and it alone meets the disk.

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
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

use queue::{Queue, Sync};
use writer::{Place as _, Writer};

pub(super) use lines::LastLines;

/// How long the end of the server waits until all is on the disk.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// How long everybody waits until all is written, when another process goes on.
const HANDOVER_PATIENCE: Duration = Duration::from_secs(1);

/// A transcript. All is on the disk when it has been dropped, or the log says why not.
pub(super) struct Transcript {
    path: PathBuf,
    queue: Arc<Queue>,
    is_opened: Cell<bool>,
}

/// A way to it.
#[derive(Clone)]
pub(super) struct Handle(Arc<Queue>);

impl Transcript {
    /// The one that stands, or will, at that path. What is said before it is open waits.
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            queue: Arc::default(),
            is_opened: Cell::new(false),
        }
    }

    /// Opens it, for a server that will be that user; returns what is there already, the last line
    /// first. To be called once.
    ///
    /// # Errors
    /// One line: why it cannot be opened.
    pub(super) fn open(&self, user: Option<&str>) -> Result<LastLines, CliError> {
        let name = self.path.display();
        let fail = |error| CliError::runtime(format!("open --transcript {name}: {error}"));
        let place = file::Place(self.path.clone());
        let opened = place.open(None).map_err(fail)?;
        let file = opened.ok_or_else(|| fail(io::ErrorKind::NotFound.into()))?;
        if let Some(user) = user {
            file.give_to(privilege::ids_of(user)?).map_err(fail)?;
        }
        let before = LastLines::of(file.to_read().map_err(fail)?);
        let writer = Writer::new(name.to_string(), place, file, Arc::clone(&self.queue));
        thread::Builder::new()
            .name("transcript".to_owned())
            .spawn(move || writer.run())
            .map_err(fail)?;
        self.is_opened.set(true);
        Ok(before)
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
        if self.is_opened.get()
            && let Err(why) = self.queue.release(END_PATIENCE, Sync::Now)
        {
            let (name, lost) = (self.path.display(), self.queue.unwritten());
            error!("write the transcript {name} to its end: {why}; at most {lost} lines are lost");
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
        let released = self.0.release(HANDOVER_PATIENCE, Sync::Later);
        released.map_err(|why| format!("write the transcript to its end: {why}"))
    }

    fn resume(&mut self) {
        self.0.resume();
    }
}
