//! The handle that others print through, and the bounded queue behind it. Writes nothing
//! itself: the terminal's thread does.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What may wait to be printed: some screens full.
const QUEUE_MAX_BYTES: usize = 256 * 1024;
/// What a queued line costs besides its text.
const LINE_COST_BYTES: usize = 64;
/// Tells a printer's wake-up from a signal's, which is an `X`.
const WAKE: u8 = b'w';

/// A handle for printing above the prompt and for changing it, from any thread. Cheap to clone;
/// outlives its terminal, then prints nothing.
#[derive(Clone)]
pub struct Printer(Arc<Shared>);

impl Printer {
    /// Prints a line (or several, cut at LF) above what is being typed. Characters that could
    /// drive the terminal are replaced.
    ///
    /// Never waits: while the terminal takes nothing and 256 KiB are queued, lines are dropped
    /// and counted, and the person is told how many once it takes something again.
    pub fn print(&self, text: &str) {
        let mut state = self.0.lock();
        if state.over || state.queued_bytes > QUEUE_MAX_BYTES {
            state.dropped_lines += 1;
            state.dropped_untold += 1;
        } else {
            self.0.push(&mut state, text, false);
        }
    }

    /// As [`Printer::print`], but waits for room; `marked` makes the line stand out, with a bell,
    /// if the terminal is decorated. False: the terminal is gone, and the line with it.
    ///
    /// Not for the terminal's own `on_input`, which would wait for itself.
    #[must_use]
    pub fn print_waiting(&self, text: &str, marked: bool) -> bool {
        let mut state = (self.0.changed)
            .wait_while(self.0.lock(), |state| {
                !state.over && state.queued_bytes > QUEUE_MAX_BYTES
            })
            .unwrap_or_else(PoisonError::into_inner);
        if !state.over {
            self.0.push(&mut state, text, marked);
        }
        !state.over
    }

    /// Changes the prompt, at once, also in the middle of typing.
    pub fn set_prompt(&self, prompt: &str) {
        let mut state = self.0.lock();
        if state.prompt != prompt {
            prompt.clone_into(&mut state.prompt);
            self.0.wake();
        }
    }

    /// Changes the line above the prompt, which may be empty: then there is none. It is cut where the
    /// terminal's row ends, and is not shown on one that has less than 40 columns or 5 rows.
    pub fn set_status(&self, status: &str) {
        let mut state = self.0.lock();
        if state.status != status {
            status.clone_into(&mut state.status);
            self.0.wake();
        }
    }

    /// No more lines are read and the prompt goes; printing goes on, and Ctrl-C is still heard.
    pub fn end_input(&self) {
        self.0.lock().input_ended = true;
        self.0.wake();
    }

    /// How many lines were dropped so far because nobody read.
    #[must_use]
    pub fn dropped_lines(&self) -> u64 {
        self.0.lock().dropped_lines
    }
}

/// Each line of what is written is printed, so that a logger can write here too. Lines must
/// come whole.
impl Write for Printer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.print(String::from_utf8_lossy(bytes).trim_end_matches('\n'));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A queued line.
pub(super) struct QueuedLine {
    pub(super) text: String,
    pub(super) marked: bool,
}

/// What the terminal's thread has to do.
pub(super) struct Work {
    pub(super) lines: VecDeque<QueuedLine>,
    /// Lines dropped since this was last asked; they came after `lines`.
    pub(super) dropped_lines: u64,
    pub(super) prompt: String,
    pub(super) status: String,
    pub(super) input_ended: bool,
    pub(super) suspended: bool,
    pub(super) stopping: bool,
}

/// What screens, the terminal and its thread share.
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// A byte here ends the thread's wait for a key.
    wake: UnixStream,
}

#[derive(Default)]
struct State {
    queue: VecDeque<QueuedLine>,
    queued_bytes: usize,
    dropped_lines: u64,
    dropped_untold: u64,
    prompt: String,
    status: String,
    input_ended: bool,
    /// The thread should leave the terminal alone.
    suspended: bool,
    /// It does.
    parked: bool,
    stopping: bool,
    /// The thread is done, or its output is: nothing will be printed any more.
    over: bool,
}

impl Shared {
    /// Also gives the end on which the wake-ups arrive.
    pub(super) fn new(prompt: String) -> io::Result<(Arc<Self>, UnixStream)> {
        let (woken, wake) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let shared = Self {
            state: Mutex::new(State {
                prompt,
                ..State::default()
            }),
            changed: Condvar::new(),
            wake,
        };
        Ok((Arc::new(shared), woken))
    }

    pub(super) fn printer(self: &Arc<Self>) -> Printer {
        Printer(Arc::clone(self))
    }

    /// For signals, which wake the thread as well.
    pub(super) fn wake_handle(&self) -> io::Result<UnixStream> {
        self.wake.try_clone()
    }

    /// Takes everything that is queued.
    pub(super) fn work(&self) -> Work {
        let mut state = self.lock();
        state.queued_bytes = 0;
        self.changed.notify_all();
        Work {
            lines: std::mem::take(&mut state.queue),
            dropped_lines: std::mem::take(&mut state.dropped_untold),
            prompt: state.prompt.clone(),
            status: state.status.clone(),
            input_ended: state.input_ended,
            suspended: state.suspended,
            stopping: state.stopping,
        }
    }

    /// The prompt as it is now, and whether the input was ended.
    pub(super) fn prompt(&self) -> (String, bool) {
        let state = self.lock();
        (state.prompt.clone(), state.input_ended)
    }

    /// The thread will print nothing any more.
    pub(super) fn set_over(&self) {
        self.lock().over = true;
        self.changed.notify_all();
    }

    /// Asks the thread to print what is queued and to end; waits for it, but not for ever.
    pub(super) fn stop(&self, patience: Duration) {
        let mut state = self.lock();
        state.stopping = true;
        self.changed.notify_all();
        self.wait_while(state, patience, |state| !state.over);
    }

    /// Asks the thread to take the prompt away and to leave the terminal alone until
    /// [`Shared::resume`]; waits for it, but not for ever.
    pub(super) fn suspend(&self, patience: Duration) {
        let mut state = self.lock();
        state.suspended = true;
        self.wait_while(state, patience, |state| !state.parked && !state.over);
    }

    /// The thread may use the terminal again.
    pub(super) fn resume(&self) {
        self.lock().suspended = false;
        self.changed.notify_all();
    }

    /// The thread itself waits here while it is suspended.
    pub(super) fn park(&self) {
        let mut state = self.lock();
        state.parked = true;
        self.changed.notify_all();
        let mut state = (self.changed)
            .wait_while(state, |state| state.suspended && !state.stopping)
            .unwrap_or_else(PoisonError::into_inner);
        state.parked = false;
    }

    /// Wakes the thread, and waits while what it does is not done.
    fn wait_while(
        &self,
        state: MutexGuard<'_, State>,
        patience: Duration,
        is_undone: impl Fn(&mut State) -> bool,
    ) {
        self.wake();
        // Too long is as good as done: the thread may hang in a write.
        let _ = self.changed.wait_timeout_while(state, patience, is_undone);
    }

    fn push(&self, state: &mut State, text: &str, marked: bool) {
        for line in text.split('\n') {
            state.queued_bytes += line.len() + LINE_COST_BYTES;
            state.queue.push_back(QueuedLine {
                text: line.to_owned(),
                marked,
            });
        }
        self.wake();
    }

    fn wake(&self) {
        // Full: the thread has not seen the earlier ones yet, and one is enough.
        let _ = (&self.wake).write(&[WAKE]);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the wake-ups that have arrived, and tells whether a signal was among them.
pub(super) fn drain(woken: &mut UnixStream) -> bool {
    let mut bytes = [0; 256];
    let mut signalled = false;
    while let Ok(count) = woken.read(&mut bytes)
        && count > 0
    {
        signalled |= bytes[..count].iter().any(|&byte| byte != WAKE);
    }
    signalled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_nobody_takes_from_is_bounded_and_counts() {
        let (shared, _woken) = Shared::new(String::new()).unwrap();
        let printer = shared.printer();
        let line = "x".repeat(1000);
        for _ in 0..10_000 {
            printer.print(&line);
        }
        let taken = shared.work();
        let kept = u64::try_from(taken.lines.len()).unwrap();
        assert!(kept > 100 && kept < 300, "{kept}");
        assert_eq!(kept + taken.dropped_lines, 10_000);
        assert_eq!(printer.dropped_lines(), taken.dropped_lines);
        printer.print("again");
        assert_eq!(shared.work().lines[0].text, "again");
    }

    #[test]
    fn whoever_waits_for_room_is_let_go_when_the_terminal_is_gone() {
        let (shared, _woken) = Shared::new(String::new()).unwrap();
        let printer = shared.printer();
        let waiting = std::thread::spawn(
            move || {
                while printer.print_waiting(&"x".repeat(1000), false) {}
            },
        );
        while shared.lock().queued_bytes <= QUEUE_MAX_BYTES {
            std::thread::yield_now();
        }
        shared.set_over();
        waiting.join().unwrap();
    }
}
