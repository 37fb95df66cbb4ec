//! The terminal's thread: reads keys, keeps the line, prints what is queued. The only writer,
//! so that prompt, typed text and arrivals never mix. Knows nothing of who prints or listens.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, kill_current_process_group};
use rustix::stdio::{stdin, stdout};
use rustix::termios::tcgetwinsize;

use super::Input;
use super::cooked::{self, Cooked};
use super::keys::Decoder;
use super::line::{Effect, Line};
use super::line_buffer::TooLong;
use super::printer::{Printer, Shared, Work, drain};
use super::raw_mode::RawMode;
use super::renderer::{self, Renderer};

/// The bytes of one key follow each other faster than that, a person's next key does not.
const ESCAPE_WAIT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};
const COLUMNS_UNKNOWN: u16 = 80;

const PASTE_MARKS_ON: &str = "\x1b[?2004h";
const PASTE_MARKS_OFF: &str = "\x1b[?2004l";

/// How lines are typed.
pub(super) enum InputMode {
    /// Edited here, key by key.
    Edited(Box<Editor>),
    /// By the terminal itself, or somewhere that cannot show editing.
    Cooked(Cooked),
}

pub(super) struct Editor {
    pub(super) raw_mode: Arc<RawMode>,
    keys: Decoder,
    line: Line,
    renderer: Renderer,
}

impl Editor {
    pub(super) fn new(raw_mode: Arc<RawMode>, commands: Vec<String>) -> Self {
        Self {
            raw_mode,
            keys: Decoder::default(),
            line: Line::new(commands),
            renderer: Renderer::default(),
        }
    }
}

pub(super) struct Worker<F> {
    pub(super) shared: Arc<Shared>,
    pub(super) woken: UnixStream,
    pub(super) input_mode: InputMode,
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
        if let InputMode::Edited(editor) = &self.input_mode {
            editor.raw_mode.enter();
            self.write(PASTE_MARKS_ON);
        }
        loop {
            let work = self.shared.work();
            let (stopping, suspended) = (work.stopping, work.suspended);
            self.show(work);
            if stopping {
                self.leave();
                return;
            }
            if suspended {
                self.park();
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

    /// Prints what is queued, and the prompt below it as it is now.
    fn show(&mut self, work: Work) {
        self.input_ended |= work.input_ended;
        self.prompt = work.prompt;
        let mut out = String::new();
        if !(work.lines.is_empty() && work.dropped_lines == 0) {
            self.make_room(&mut out);
        }
        for line in &work.lines {
            renderer::print(&mut out, &line.text, line.marked && self.decorated);
        }
        if work.dropped_lines > 0 {
            let dropped = work.dropped_lines;
            out.push_str(&format!("* {dropped} lines came too fast to be shown\n"));
        }
        self.draw(&mut out);
        self.write(&out);
    }

    /// Gives a line that is to be printed a row of its own.
    fn make_room(&mut self, out: &mut String) {
        match &mut self.input_mode {
            InputMode::Edited(editor) => editor.renderer.erase(out),
            InputMode::Cooked(cooked) => cooked.make_room(out),
        }
    }

    fn draw(&mut self, out: &mut String) {
        if self.input_ended {
            return self.make_room(out);
        }
        match &mut self.input_mode {
            InputMode::Edited(editor) => {
                let typed = (editor.line.before(), editor.line.after());
                editor.renderer.draw(out, &self.prompt, typed, columns());
            }
            InputMode::Cooked(cooked) => cooked.draw(out, &self.prompt),
        }
    }

    /// Waits for a key (true) or a wake-up.
    fn wait(&mut self) -> io::Result<bool> {
        let is_mid_key =
            matches!(&self.input_mode, InputMode::Edited(editor) if editor.keys.is_lone_escape());
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
        if ready == 0
            && let InputMode::Edited(editor) = &mut self.input_mode
        {
            editor.keys.drop_escape();
        }
        if is_woken
            && drain(&mut self.woken)
            && let InputMode::Edited(editor) = &self.input_mode
        {
            // Perhaps it was SIGCONT, after a SIGSTOP and a shell that has set the terminal for itself.
            editor.raw_mode.enter();
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
            if let InputMode::Cooked(cooked) = &mut self.input_mode
                && let Some(line) = cooked.end()
            {
                self.emit_line(line);
            }
            self.emit(Input::End);
            return;
        }
        for &byte in &bytes[..count] {
            match &mut self.input_mode {
                InputMode::Edited(editor) => {
                    if let Some(key) = editor.keys.push(byte) {
                        let effect = editor.line.press(key);
                        self.apply(effect);
                    }
                }
                InputMode::Cooked(cooked) => {
                    if let Some(line) = cooked.push(byte) {
                        self.emit_line(line);
                    }
                }
            }
        }
    }

    fn apply(&mut self, effect: Effect) {
        let InputMode::Edited(editor) = &mut self.input_mode else {
            return;
        };
        let is_always_heard = matches!(effect, Effect::Interrupted | Effect::Suspended);
        if self.input_ended && !is_always_heard {
            return;
        }
        let mut out = String::new();
        let mut input = None;
        match effect {
            Effect::Edited => {}
            Effect::Entered(text) => {
                editor.renderer.leave(&mut out, &self.prompt, &text);
                input = Some(Input::Line(text));
            }
            Effect::TooLong => {
                editor.renderer.erase(&mut out);
                renderer::print(&mut out, &too_long(super::LINE_MAX_BYTES), false);
            }
            Effect::Interrupted => {
                if !self.input_ended {
                    let text = format!("{}^C", editor.line.text());
                    editor.renderer.leave(&mut out, &self.prompt, &text);
                }
                editor.line.clear();
                input = Some(Input::Interrupted);
            }
            Effect::End => input = Some(Input::End),
            Effect::ScreenCleared => out.push_str("\x1b[H\x1b[2J"),
            Effect::Choices(choices) => {
                editor.renderer.erase(&mut out);
                renderer::print(&mut out, &choices, false);
            }
            // The whole job stops, as the terminal itself would have it.
            Effect::Suspended => {
                let _ = kill_current_process_group(Signal::TSTP);
            }
        }
        self.write(&out);
        if let Some(input) = input {
            self.emit(input);
        }
    }

    fn emit_line(&mut self, line: Result<String, TooLong>) {
        match line {
            Ok(text) => self.emit(Input::Line(text)),
            Err(TooLong) => {
                let mut out = String::new();
                self.make_room(&mut out);
                renderer::print(&mut out, &too_long(cooked::LINE_MAX_BYTES), false);
                self.write(&out);
            }
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
        match &mut self.input_mode {
            InputMode::Edited(editor) => {
                if self.input_ended || editor.line.text().is_empty() {
                    editor.renderer.erase(&mut out);
                } else {
                    (editor.renderer).leave(&mut out, &self.prompt, editor.line.text());
                }
                out.push_str(PASTE_MARKS_OFF);
            }
            InputMode::Cooked(cooked) => cooked.make_room(&mut out),
        }
        self.write(&out);
    }

    /// Leaves the terminal alone while the process is stopped.
    fn park(&mut self) {
        let mut out = String::new();
        self.make_room(&mut out);
        let is_edited = matches!(self.input_mode, InputMode::Edited(_));
        if is_edited {
            out.push_str(PASTE_MARKS_OFF);
        }
        self.write(&out);
        self.shared.park();
        if is_edited {
            self.write(PASTE_MARKS_ON);
        }
    }

    fn write(&mut self, text: &str) {
        if !self.output_closed && write(text).is_err() {
            self.output_closed = true;
            self.shared.set_over();
        }
    }
}

fn too_long(max_bytes: usize) -> String {
    format!("* not sent: a typed line has at most {max_bytes} bytes")
}

fn columns() -> usize {
    match tcgetwinsize(stdout()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        _ => usize::from(COLUMNS_UNKNOWN),
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
