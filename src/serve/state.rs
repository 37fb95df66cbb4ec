//! `--state`: what outlasts the server, in one file that is whole at any time: whom operators have
//! banned. A thread of its own writes it, for a disk may be full or stuck; the loop only leaves what
//! is to be written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use log::{error, info};
use rustix::fs::{FlockOperation, flock};
use rustix::io::retry_on_intr;
use serde::{Deserialize, Serialize};

use crate::failure::CliError;
use crate::services::room::{Ban, MAX_BANS, Watch};

const FILE: &str = "state.json";

/// Takes the place of the other once it is whole.
const NEW_FILE: &str = "state.json.new";

/// Of the file's shape. Later ones are not read.
const VERSION: u32 = 1;

/// Inclusive; [`MAX_BANS`] bans take less.
const MAX_BYTES: usize = 1 << 20;

/// After a write that has failed.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How long the end of the server waits for what is not written yet.
const LAST_WAIT: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents<B> {
    version: u32,
    bans: B,
}

/// What was there at the start, and where further states go.
pub(super) struct State {
    folder: PathBuf,
    bans: Vec<Ban>,
    slot: Arc<Slot>,
}

impl State {
    /// Reads the state in `folder`, which is made if there is none.
    ///
    /// # Errors
    /// A runtime [`CliError`] of one line if it cannot be read, or would be read wrongly.
    pub(super) fn open(folder: &Path) -> Result<Self, CliError> {
        if !folder.exists()
            && let Err(error) = fs::create_dir(folder)
        {
            let folder = folder.display();
            return Err(CliError::runtime(format!("make --state {folder}: {error}")));
        }
        let file = folder.join(FILE);
        let bans = read(&file).map_err(|why| {
            let file = file.display();
            CliError::runtime(format!("read --state from {file}: {why}"))
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            bans,
            slot: Arc::default(),
        })
    }

    /// The bans of before, and what is to be shown those of now.
    pub(super) fn bans(&self) -> (Vec<Ban>, Watch) {
        let slot = self.slot.clone();
        let watch = move |bans: &[Ban]| {
            let version = VERSION;
            if let Ok(bytes) = serde_json::to_vec(&Contents { version, bans }) {
                slot.lock().pending = Some(bytes);
                slot.changed.notify_all();
            }
        };
        (self.bans.clone(), Box::new(watch))
    }

    /// Begins to write, with the rights that this thread has now.
    ///
    /// # Errors
    /// A runtime [`CliError`] of one line if nothing can be written there.
    pub(super) fn start(self) -> Result<Writer, CliError> {
        let folder = self.folder;
        let fail = |error| {
            let folder = folder.display();
            CliError::runtime(format!("write to --state {folder}: {error}"))
        };
        let trial = folder.join(NEW_FILE);
        let tried = lock(&folder).and_then(|_lock| {
            create(&trial)?;
            fs::remove_file(&trial)
        });
        tried.map_err(fail)?;
        let (slot, into) = (self.slot.clone(), folder.clone());
        let thread = thread::Builder::new().name("state".to_owned());
        let started = thread.spawn(move || slot.write_until_end(&into));
        started.map_err(fail)?;
        Ok(Writer(self.slot))
    }
}

/// Its drop is the end of writing.
pub(super) struct Writer(Arc<Slot>);

impl Drop for Writer {
    fn drop(&mut self) {
        let mut progress = self.0.lock();
        progress.is_last = true;
        self.0.changed.notify_all();
        let waited = (self.0.changed)
            .wait_timeout_while(progress, LAST_WAIT, |progress| !progress.is_over)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.1.timed_out() {
            error!("--state: the last changes are not written yet, and may be lost");
        }
    }
}

/// The one state that is to be written next; a newer one takes its place.
#[derive(Default)]
struct Slot {
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Default)]
struct Progress {
    pending: Option<Vec<u8>>,
    /// There will be none after it.
    is_last: bool,
    is_over: bool,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be written, once there is something; `None` at the end.
    fn next(&self) -> Option<Vec<u8>> {
        let is_idle = |progress: &mut Progress| progress.pending.is_none() && !progress.is_last;
        let progress = self.changed.wait_while(self.lock(), is_idle);
        let mut progress = progress.unwrap_or_else(PoisonError::into_inner);
        progress.is_over = progress.pending.is_none();
        self.changed.notify_all();
        progress.pending.take()
    }

    /// Keeps what could not be written, unless there is something newer, and waits a while; returns
    /// whether there is any sense in that.
    fn put_back(&self, bytes: Vec<u8>) -> bool {
        let mut progress = self.lock();
        progress.pending.get_or_insert(bytes);
        let progress = self
            .changed
            .wait_timeout_while(progress, RETRY_AFTER, |progress| !progress.is_last)
            .unwrap_or_else(PoisonError::into_inner);
        !progress.0.is_last
    }

    /// Fails aloud once, and once more at the end; else it tries again in silence.
    fn write_until_end(&self, folder: &Path) {
        let file = folder.join(FILE);
        let file = file.display();
        let mut failures = 0_u64;
        while let Some(bytes) = self.next() {
            match write(folder, &bytes) {
                Ok(()) if failures > 0 => {
                    info!("wrote {file} at last, after {failures} failures");
                    failures = 0;
                }
                Ok(()) => {}
                Err(error) => {
                    failures += 1;
                    if failures == 1 {
                        let seconds = RETRY_AFTER.as_secs();
                        error!("write {file}: {error}; trying again every {seconds} s");
                    }
                    if !self.put_back(bytes) {
                        error!("write {file}: the last changes are lost");
                        break;
                    }
                }
            }
        }
        self.lock().is_over = true;
        self.changed.notify_all();
    }
}

/// None, if there is no file.
fn read(file: &Path) -> Result<Vec<Ban>, String> {
    let mut bytes = Vec::new();
    match File::open(file) {
        Ok(file) => {
            let start = file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes);
            start.map_err(|error| error.to_string())?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.to_string()),
    }
    if bytes.len() > MAX_BYTES {
        return Err(format!("it is longer than {}k", MAX_BYTES >> 10));
    }
    let invalid = |error: serde_json::Error| error.to_string();
    let Versioned { version } = serde_json::from_slice(&bytes).map_err(invalid)?;
    if version != VERSION {
        return Err(format!(
            "it is of version {version}; this chinwag knows {VERSION}"
        ));
    }
    let contents: Contents<Vec<Ban>> = serde_json::from_slice(&bytes).map_err(invalid)?;
    match contents.bans.len() {
        0..=MAX_BANS => Ok(contents.bans),
        count => Err(format!("it holds {count} bans, more than {MAX_BANS}")),
    }
}

/// Whatever happens meanwhile, the file is the old one or the new one.
fn write(folder: &Path, bytes: &[u8]) -> io::Result<()> {
    let place = lock(folder)?;
    let new = folder.join(NEW_FILE);
    let mut file = create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, folder.join(FILE))?;
    place.sync_all()
}

/// While an upgrade goes on, two processes may write. It is free again when that is dropped.
fn lock(folder: &Path) -> io::Result<File> {
    let place = File::open(folder)?;
    retry_on_intr(|| flock(&place, FlockOperation::LockExclusive))?;
    Ok(place)
}

/// Where clients come from is nobody else's affair.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(contents: &str) -> Result<State, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), contents).unwrap();
        State::open(folder.path()).map_err(|failure| {
            assert_eq!(failure.exit_code(), 1, "{failure}");
            let told = failure.to_string();
            told.replace(&folder.path().display().to_string(), "DIR")
        })
    }

    #[test]
    fn what_would_be_read_wrongly_is_not_read() {
        let ban = r#"{"name":"bob"}"#;
        let many = vec![ban; MAX_BANS + 1].join(",");
        let all = |version: u32, bans: &str| format!(r#"{{"version":{version},"bans":[{bans}]}}"#);
        for (contents, why) in [
            (String::new(), "EOF while parsing a value"),
            (
                "{\"version\":1,\"ba".to_owned(),
                "EOF while parsing a string",
            ),
            ("{}".to_owned(), "missing field `version`"),
            (all(2, ""), "it is of version 2; this chinwag knows 1"),
            (
                r#"{"version":9,"what":[]}"#.to_owned(),
                "it is of version 9; this chinwag knows 1",
            ),
            (r#"{"version":1}"#.to_owned(), "missing field `bans`"),
            (all(1, r#"{"name":"a b"}"#), r#""a b" is no name"#),
            (all(1, r#"{"address":"x"}"#), r#""x" is no address"#),
            (all(1, &many), "it holds 1001 bans, more than 1000"),
            (" ".repeat(MAX_BYTES + 1), "it is longer than 1024k"),
        ] {
            let told = opened(&contents).err().unwrap();
            let start = format!("read --state from DIR/state.json: {why}");
            assert!(told.starts_with(&start) && !told.contains('\n'), "{told}");
        }
        assert_eq!(opened(&all(1, ban)).unwrap().bans.len(), 1);
    }

    #[test]
    fn the_last_state_is_what_is_there_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("new");
        let state = State::open(&place).unwrap();
        assert!(state.bans.is_empty());
        let (_, mut watch) = state.bans();
        let writer = state.start().unwrap();
        let bans = |count: usize| -> Vec<Ban> {
            let all = (0..count).map(|number| format!(r#"{{"name":"x{number}"}}"#));
            let all: Vec<String> = all.collect();
            serde_json::from_str(&format!("[{}]", all.join(","))).unwrap()
        };
        for count in [1, 7, 3, MAX_BANS, 5] {
            watch(&bans(count));
        }
        drop(writer);
        assert_eq!(State::open(&place).unwrap().bans, bans(5));
        assert!(!place.join(NEW_FILE).exists());
    }

    #[test]
    fn what_cannot_be_written_is_kept_and_the_old_state_stays() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let (_, mut watch) = state.bans();
        let writer = state.start().unwrap();
        watch(&[]);
        let file = folder.path().join(FILE);
        while !file.exists() {
            thread::yield_now();
        }
        // Nobody can write there, not even root.
        fs::create_dir(folder.path().join(NEW_FILE)).unwrap();
        let ban = serde_json::from_str(r#"[{"name":"bob"}]"#).unwrap();
        let ban: Vec<Ban> = ban;
        watch(&ban);
        drop(writer);
        assert!(State::open(folder.path()).unwrap().bans.is_empty());
        let told = State::open(folder.path()).unwrap().start().err().unwrap();
        assert!(told.to_string().starts_with("write to --state "), "{told}");
    }
}
