//! The log, on a stderr that nobody may be reading: lines are dropped and counted rather than
//! waited for.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use env_logger::{Env, Target, WriteStyle};

use super::person::Place;

/// Lines that may wait for somebody to read them.
const QUEUE_LINES: usize = 1024;

/// How long the end of the program waits for the last of them.
const END_PATIENCE: Duration = Duration::from_millis(200);

/// Gives what is still queued a moment to be written, when dropped.
pub(super) struct Log {
    written: Option<Receiver<()>>,
}

/// Starts logging by the rules of `RUST_LOG`, `info` where it is not set: to stderr, or above
/// the prompt where a person types on the same terminal.
pub(super) fn start(person: Option<&Place>) -> Log {
    let mut builder = env_logger::Builder::from_env(Env::default().default_filter_or("info"));
    builder.format_target(false);
    let written = match person.and_then(Place::log_target) {
        Some(screen) => {
            builder.target(Target::Pipe(screen));
            None
        }
        None => {
            if io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
                builder.write_style(WriteStyle::Always);
            }
            spool().map(|(spool, written)| {
                builder.target(Target::Pipe(Box::new(spool)));
                written
            })
        }
    };
    // It can only fail where a log runs already.
    let _ = builder.try_init();
    Log { written }
}

impl Drop for Log {
    fn drop(&mut self) {
        log::logger().flush();
        if let Some(written) = &self.written {
            let _ = written.recv_timeout(END_PATIENCE);
        }
    }
}

enum Entry {
    Line(Vec<u8>),
    Flush,
}

/// Takes whole lines and never blocks.
struct Spool {
    queue: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

impl Write for Spool {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Entry::Line(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.queue.try_send(Entry::Flush);
        Ok(())
    }
}

/// A thread that waits where the loop must not. `None`: there is no thread to be had, and the
/// log goes to stderr directly.
fn spool() -> Option<(Spool, Receiver<()>)> {
    let (queue, entries) = sync_channel(QUEUE_LINES);
    let (done, written) = sync_channel(1);
    let dropped = Arc::new(AtomicU64::new(0));
    let spool = Spool {
        queue,
        dropped: Arc::clone(&dropped),
    };
    let work = move || {
        let mut stderr = io::stderr();
        for entry in entries {
            match entry {
                Entry::Line(line) => {
                    let _ = stderr.write_all(&line);
                }
                Entry::Flush => {
                    let _ = done.try_send(());
                }
            }
            let lost = dropped.swap(0, Ordering::Relaxed);
            if lost > 0 {
                let _ = writeln!(
                    stderr,
                    "({lost} lines of the log were dropped: nobody read it)"
                );
            }
        }
    };
    let thread = thread::Builder::new().name("log".to_owned());
    thread.spawn(work).ok()?;
    Some((spool, written))
}
