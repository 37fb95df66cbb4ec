//! The log, on a stderr that nobody may be reading: lines are dropped and counted rather than
//! waited for.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use env_logger::{Env, Target, WriteStyle};
use log::error;

use super::operator::OperatorConsole;
use crate::log_limit::LogLimiter;

/// Lines that may wait for somebody to read them, and their bytes.
const QUEUE_LINES: usize = 1024;
const QUEUE_BYTES: usize = 1 << 20;

/// How long the end of the program waits for the last of them.
const END_PATIENCE: Duration = Duration::from_millis(200);

/// Gives what is still queued a moment to be written, when dropped.
pub(super) struct Log {
    queue: Option<LogQueue>,
}

/// Starts logging by the rules of `RUST_LOG`, `info` where it is not set: to stderr, or above
/// the prompt where a operator types on the same terminal.
pub(super) fn start(operator: Option<&OperatorConsole>) -> Log {
    let mut builder = env_logger::Builder::from_env(Env::default().default_filter_or("info"));
    builder.format_target(false);
    let queue = match operator.and_then(OperatorConsole::log_target) {
        Some(screen) => {
            builder.target(Target::Pipe(screen));
            None
        }
        None => LogQueue::start().ok(),
    };
    if let Some(queue) = &queue {
        if io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
            builder.write_style(WriteStyle::Always);
        }
        builder.target(Target::Pipe(Box::new(queue.clone())));
    }
    // It can only fail where a log runs already.
    let _ = builder.try_init();
    // What the default does is to write several lines to stderr, and to wait for it.
    let panics = Mutex::new(LogLimiter::default());
    panic::set_hook(Box::new(move |info| log_panic(&panics, info)));
    Log { queue }
}

/// A client that has found out how to cause a panic may cause it again and again.
fn log_panic(panics: &Mutex<LogLimiter>, info: &PanicHookInfo<'_>) {
    let now = Instant::now();
    let (more, may_tell) = {
        let mut panics = panics.lock().unwrap_or_else(PoisonError::into_inner);
        (panics.take_suppressed(now), panics.allow(now))
    };
    if let Some(more) = more {
        error!("{more} more internal errors (panics) since");
    }
    if may_tell {
        error!(
            "internal error (panic): {}",
            info.to_string().replace('\n', " ")
        );
    }
}

impl Log {
    /// Tells whenever it is called how many lines nobody has read in time.
    pub(super) fn dropped_lines(&self) -> Box<dyn Fn() -> u64> {
        let queue = self.queue.clone();
        Box::new(move || {
            queue
                .as_ref()
                .map_or(0, |queue| queue.lock().dropped_in_all)
        })
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(queue) = &self.queue {
            queue.wait_until_written();
        }
    }
}

/// Takes whole lines and never blocks; a thread of its own waits where the loop must not.
#[derive(Clone)]
struct LogQueue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Lines dropped since that was last told.
    dropped: u64,
    /// And since the beginning.
    dropped_in_all: u64,
    is_writing: bool,
}

impl LogQueue {
    fn start() -> io::Result<Self> {
        let queue = Self(Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
        }));
        let shared = queue.clone();
        let thread = thread::Builder::new().name("log".to_owned());
        thread.spawn(move || shared.write_for_ever())?;
        Ok(queue)
    }

    fn write_for_ever(&self) {
        let mut stderr = io::stderr();
        loop {
            let (line, dropped) = self.next();
            // Where stderr is gone, so is the log.
            let _ = stderr.write_all(&line);
            if dropped > 0 {
                let _ = writeln!(
                    stderr,
                    "({dropped} lines of the log dropped: nobody read it)"
                );
            }
        }
    }

    fn next(&self) -> (Vec<u8>, u64) {
        let mut state = self.lock();
        state.is_writing = false;
        self.0.changed.notify_all();
        loop {
            if let Some(line) = state.lines.pop_front() {
                state.bytes -= line.len();
                state.is_writing = true;
                // What was dropped came after all that is queued.
                let told = match state.lines.is_empty() {
                    true => std::mem::take(&mut state.dropped),
                    false => 0,
                };
                return (line, told);
            }
            let woken = self.0.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wait_until_written(&self) {
        let busy = |state: &mut State| state.is_writing || !state.lines.is_empty();
        drop(
            self.0
                .changed
                .wait_timeout_while(self.lock(), END_PATIENCE, busy),
        );
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.lock();
        if state.lines.len() < QUEUE_LINES && state.bytes < QUEUE_BYTES {
            state.bytes += line.len();
            state.lines.push_back(line.to_vec());
            self.0.changed.notify_all();
        } else {
            state.dropped += 1;
            state.dropped_in_all += 1;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
