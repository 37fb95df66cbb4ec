//! The terminal's thread: reads keys, keeps the line, prints what is queued. The only writer,
//! so that prompt, typed text and arrivals never mix. Knows nothing of who prints or listens.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::stdio::{stdin, stdout};
use rustix::termios::tcgetwinsize;

use super::Input;
use super::input_mode::{Frame, InputMode, Size, Typed, print};
use super::printer::{Printer, Shared, Work, drain};
use super::raw_mode::RawMode;

/// The bytes of one key follow each other faster than that, a person's next key does not.
const ESCAPE_WAIT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};
/// Of a terminal that does not say.
const SIZE_UNKNOWN: Size = Size {
    columns: 80,
    rows: 24,
};

pub(super) struct Worker<F> {
    pub(super) shared: Arc<Shared>,
    pub(super) woken: UnixStream,
    pub(super) input_mode: Box<dyn InputMode>,
    /// None where the terminal itself edits.
    pub(super) raw_mode: Option<Arc<RawMode>>,
    pub(super) decorated: bool,
    pub(super) on_input: F,
    pub(super) prompt: String,
    /// No more lines: Ctrl-D, or the screen's `end_input`.
    pub(super) input_ended: bool,
    /// stdin itself is at its end; reading it again would spin.
    pub(super) hung_up: bool,
    /// stdout takes nothing any more; what is typed may still matter.
    pub(super) output_closed: bool,
}

impl<F: FnMut(Input, &Printer)> Worker<F> {
    /// Until the terminal stops.
    pub(super) fn run(mut self) {
        // Whatever ends this thread, nobody may go on waiting for it.
        let _over = Over(Arc::clone(&self.shared));
        self.enter_raw_mode();
        self.show_by(|mode, out| mode.enter(out));
        loop {
            let work = self.shared.work();
            let (stopping, suspended) = (work.stopping, work.suspended);
            self.show(work);
            if stopping {
                self.leave();
                return;
            }
            if suspended {
                // The process is about to be stopped, or to end.
                self.show_by(|mode, out| mode.suspend(out));
                self.shared.park();
                self.show_by(|mode, out| mode.enter(out));
                continue;
            }
            match self.wait() {
                Ok(true) => self.read(),
                Ok(false) => {}
                Err(_) => {
                    self.emit(Input::End);
                    return;
                }
            }
        }
    }

    fn enter_raw_mode(&self) {
        if let Some(raw_mode) = &self.raw_mode {
            raw_mode.enter();
        }
    }

    /// Prints what is queued, and the prompt below it as it is now.
    fn show(&mut self, work: Work) {
        self.input_ended |= work.input_ended;
        self.prompt = work.prompt;
        let mut out = String::new();
        if !(work.lines.is_empty() && work.dropped_lines == 0) {
            self.input_mode.erase(&mut out);
        }
        for line in &work.lines {
            print(&mut out, &line.text, line.marked && self.decorated);
        }
        if work.dropped_lines > 0 {
            let dropped = work.dropped_lines;
            out.push_str(&format!("* {dropped} lines came too fast to be shown\n"));
        }
        match self.input_ended {
            true => self.input_mode.erase(&mut out),
            false => {
                let frame = Frame {
                    prompt: &self.prompt,
                    status: &work.status,
                    size: size(),
                };
                self.input_mode.draw(&mut out, &frame);
            }
        }
        self.write(&out);
    }

    /// Waits for a key (true) or a wake-up.
    fn wait(&mut self) -> io::Result<bool> {
        let is_mid_key = self.input_mode.is_mid_key();
        let stdin = stdin();
        let mut watched = [
            PollFd::new(&self.woken, PollFlags::IN),
            PollFd::new(&stdin, PollFlags::IN),
        ];
        let watched_count = if self.hung_up { 1 } else { 2 };
        let ready = match poll(
            &mut watched[..watched_count],
            is_mid_key.then_some(&ESCAPE_WAIT),
        ) {
            Err(Errno::INTR) => return Ok(false),
            other => other?,
        };
        let is_woken = !watched[0].revents().is_empty();
        let is_typed = !self.hung_up && !watched[1].revents().is_empty();
        if ready == 0 {
            self.input_mode.end_key();
        }
        if is_woken && drain(&mut self.woken) {
            // Perhaps it was SIGCONT, after a SIGSTOP and a shell that has set the terminal for
            // itself.
            self.enter_raw_mode();
        }
        Ok(is_typed)
    }

    fn read(&mut self) {
        let mut bytes = [0; 4096];
        let count = match rustix::io::read(stdin(), &mut bytes) {
            Ok(count) => count,
            Err(Errno::INTR | Errno::AGAIN) => return,
            Err(_) => 0,
        };
        if count == 0 {
            self.hung_up = true;
            let last = self.input_mode.end();
            self.apply(last, String::new());
            self.emit(Input::End);
            return;
        }
        for &byte in &bytes[..count] {
            let mut out = String::new();
            let typed = self.input_mode.push(byte, &mut out, &self.prompt);
            self.apply(typed, out);
        }
    }

    /// Does what somebody wants, once `out` has been shown.
    fn apply(&mut self, typed: Option<Typed>, mut out: String) {
        if !self.input_ended {
            if let Some(Typed::TooLong(max_bytes)) = typed {
                self.input_mode.erase(&mut out);
                let told = format!("* not sent: a typed line has at most {max_bytes} bytes");
                print(&mut out, &told, false);
            }
            self.write(&out);
        }
        match typed {
            Some(Typed::Input(input)) => self.emit(input),
            // The whole job stops, as the terminal itself would have it.
            #[cfg(feature = "client")]
            Some(Typed::Suspended) => {
                use rustix::process::{Signal, kill_current_process_group};
                let _ = kill_current_process_group(Signal::TSTP);
            }
            Some(Typed::TooLong(_)) | None => {}
        }
    }

    fn emit(&mut self, input: Input) {
        match input {
            Input::Interrupted => {}
            _ if self.input_ended => return,
            Input::End => self.input_ended = true,
            Input::Line(_) => {}
        }
        (self.on_input)(input, &self.shared.printer());
        // More lines may have been typed already, and this one may have changed what they find.
        let (prompt, input_ended) = self.shared.prompt();
        self.prompt = prompt;
        self.input_ended |= input_ended;
    }

    /// What is half typed stays on the screen, an empty prompt does not, where it can be erased.
    fn leave(&mut self) {
        let mut out = String::new();
        match self.input_ended {
            true => self.input_mode.suspend(&mut out),
            false => self.input_mode.leave(&mut out, &self.prompt),
        }
        self.write(&out);
    }

    fn show_by(&mut self, show: impl FnOnce(&mut dyn InputMode, &mut String)) {
        let mut out = String::new();
        show(&mut *self.input_mode, &mut out);
        self.write(&out);
    }

    fn write(&mut self, text: &str) {
        if !self.output_closed && write(text).is_err() {
            self.output_closed = true;
            self.shared.set_over();
        }
    }
}

fn size() -> Size {
    match tcgetwinsize(stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size {
            columns: size.ws_col.into(),
            rows: size.ws_row.into(),
        },
        Ok(size) if size.ws_col > 0 => Size {
            columns: size.ws_col.into(),
            ..SIZE_UNKNOWN
        },
        _ => SIZE_UNKNOWN,
    }
}

/// Straight to the descriptor: std's lock on stdout would make everybody wait who prints while
/// the terminal takes nothing.
fn write(text: &str) -> io::Result<()> {
    let stdout = stdout();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match rustix::io::write(stdout, rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => rest = &rest[count..],
            Err(Errno::INTR) => {}
            // Somebody else has set the shared terminal to non-blocking.
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Tells that the thread is done, even if a listener panicked.
struct Over(Arc<Shared>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.set_over();
    }
}
