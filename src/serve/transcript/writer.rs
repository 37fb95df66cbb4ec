//! The thread that writes the transcript: it alone waits for the disk.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::{Level, error, info, log};

use super::queue::{Lines, Queue, Sync, Task};
use crate::log_limit::LogLimiter;
use crate::signals;

/// What was written is on the disk this much later at the latest, if the disk keeps up.
const SYNC_AFTER: Duration = Duration::from_millis(950);

/// What could not be written is tried again after this.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A buffer that has grown beyond this, in bytes, is not kept.
const KEPT_BUFFER_BYTES: usize = 1 << 20;

/// Where a transcript is kept.
pub(super) trait Place: Send + 'static {
    type File: File;

    /// Opens what is there now; `None` if that is `current`.
    fn open(&self, current: Option<&Self::File>) -> io::Result<Option<Self::File>>;
}

/// The file of a transcript. Only ever grows.
pub(super) trait File: Send {
    /// Whether its last line was torn when it was opened.
    fn is_torn(&self) -> bool;

    /// As [`io::Write::write`].
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Sees to it that what was written survives the machine's end.
    fn sync(&mut self) -> io::Result<()>;

    /// Takes the last bytes away, which are a part of a line.
    fn cut(&mut self, bytes: usize) -> io::Result<()>;

    /// Keeps all other servers from writing there. When it is opened, that is done.
    fn lock(&mut self) -> io::Result<()>;

    /// Lets another server write there.
    fn unlock(&mut self);
}

pub(super) struct Writer<P: Place> {
    place: P,
    file: P::File,
    /// Another server may have it.
    is_let_go: bool,
    queue: Arc<Queue>,
    /// What is being written.
    batch: Vec<u8>,
    /// Of that, in bytes.
    written: usize,
    /// When what was written has to be synced.
    sync_at: Option<Instant>,
    /// When what could not be written is tried again.
    retry_at: Option<Instant>,
    notes: Notes,
}

impl<P: Place> Writer<P> {
    /// For a transcript that the log calls `name`.
    pub(super) fn new(name: String, place: P, file: P::File, queue: Arc<Queue>) -> Self {
        let mut writer = Self {
            place,
            file,
            is_let_go: false,
            queue,
            batch: Vec::new(),
            written: 0,
            sync_at: None,
            retry_at: None,
            notes: Notes {
                name,
                limiter: LogLimiter::default(),
            },
        };
        writer.begin();
        writer
    }

    pub(super) fn run(mut self) {
        signals::block_file_size();
        loop {
            self.turn();
        }
    }

    fn turn(&mut self) {
        let now = Instant::now();
        let is_due = (self.retry_at).map_or(!self.batch.is_empty(), |at| at <= now);
        if is_due {
            self.try_to_write();
        }
        if self.sync_at.is_some_and(|at| at <= now) {
            let synced = self.sync();
            self.notes.tell_failure("sync", synced);
        }
        let spare = (self.batch.is_empty()).then(|| std::mem::take(&mut self.batch));
        let due = self.sync_at.into_iter().chain(self.retry_at).min();
        match self.queue.next(spare, due) {
            Task::Write(lines) => self.accept(lines),
            Task::Reopen => self.reopen(),
            Task::Resume => self.try_to_write(),
            Task::Release(sync) => {
                let outcome = self.release(sync);
                self.queue.on_released(outcome);
            }
            Task::Due => {}
        }
    }

    /// To be called when all before is written.
    fn accept(&mut self, Lines { bytes, lost }: Lines) {
        self.batch = bytes;
        if lost > 0 {
            self.notes.tell(Level::Warn, |name| {
                format!(
                    "{lost} lines are missing in the transcript {name}: its disk does not keep up"
                )
            });
        }
    }

    /// What cannot be written stays in the batch, and is tried again later.
    fn try_to_write(&mut self) {
        let was_failing = self.retry_at.take().is_some();
        match self.write() {
            Ok(()) if was_failing => {
                (self.notes).tell(Level::Info, |name| format!("the transcript {name} goes on"));
            }
            Ok(()) => {}
            Err(error) => {
                self.retry_at = Some(Instant::now() + RETRY_AFTER);
                // Once for as long as it goes on.
                if !was_failing {
                    self.notes.tell_failure("write", Err(error));
                }
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        if self.is_let_go {
            self.file.lock()?;
            self.is_let_go = false;
        }
        while self.written < self.batch.len() {
            match self.file.write(&self.batch[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            self.sync_at
                .get_or_insert_with(|| Instant::now() + SYNC_AFTER);
        }
        self.written = 0;
        self.batch.clear();
        if self.batch.capacity() > KEPT_BUFFER_BYTES {
            self.batch = Vec::new();
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.sync_at.take() {
            Some(_) => self.file.sync(),
            None => Ok(()),
        }
    }

    /// At SIGHUP. What waits is written to the new file, also a line that is in the old one in part:
    /// there it is taken away.
    fn reopen(&mut self) {
        let name = self.notes.name.clone();
        match self.place.open(Some(&self.file)) {
            Ok(None) => info!("SIGHUP: the transcript {name} is where it was"),
            Ok(Some(file)) => {
                let torn = self.written - self.line_start();
                let cut = match torn {
                    0 => Ok(()),
                    _ => self.file.cut(torn),
                };
                let ended = cut.and_then(|()| self.sync());
                self.notes.tell_failure("end", ended);
                (self.file, self.is_let_go) = (file, false);
                self.begin();
                info!("SIGHUP: the transcript {name} is opened anew");
            }
            Err(error) => {
                error!("SIGHUP: open --transcript {name}: {error}; what was there before stays")
            }
        }
        if let Some(at) = &mut self.retry_at {
            *at = Instant::now();
        }
    }

    /// Writes all, and lets the file go. It stays open: this may have to go on.
    fn release(&mut self, sync: Sync) -> Result<(), String> {
        let written = self.write_all().and_then(|()| match sync {
            Sync::Now => self.sync(),
            Sync::Later => Ok(()),
        });
        match written {
            Ok(()) => {
                if !std::mem::replace(&mut self.is_let_go, true) {
                    self.file.unlock();
                }
                self.retry_at = None;
                Ok(())
            }
            Err(error) => {
                if !self.batch.is_empty() {
                    self.retry_at = Some(Instant::now() + RETRY_AFTER);
                }
                Err(error.to_string())
            }
        }
    }

    fn write_all(&mut self) -> io::Result<()> {
        loop {
            if self.batch.is_empty() {
                let lines = self.queue.take();
                self.accept(lines);
            }
            if self.batch.is_empty() {
                return Ok(());
            }
            self.write()?;
        }
    }

    /// From here on it is written there, beginning with a whole line.
    fn begin(&mut self) {
        self.batch.drain(..self.line_start());
        self.written = 0;
        if self.file.is_torn() {
            self.batch.insert(0, b'\n');
        }
        // Whoever had it before may have left that to this one.
        self.sync_at = Some(Instant::now() + SYNC_AFTER);
    }

    /// Where the line that is being written begins in the batch.
    fn line_start(&self) -> usize {
        let newline = memchr::memrchr(b'\n', &self.batch[..self.written]);
        newline.map_or(0, |at| at + 1)
    }
}

/// What the log is told. A disk that fails may do so again and again.
struct Notes {
    name: String,
    limiter: LogLimiter,
}

impl Notes {
    fn tell_failure(&mut self, what: &str, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            self.tell(Level::Error, |name| {
                format!("{what} the transcript {name}: {error}")
            });
        }
    }

    fn tell(&mut self, level: Level, line: impl FnOnce(&str) -> String) {
        let now = Instant::now();
        if let Some(more) = self.limiter.take_suppressed(now) {
            log!(Level::Warn, "{more} more lines about the transcript since");
        }
        if self.limiter.allow(now) {
            log!(level, "{}", line(&self.name));
        }
    }
}
