//! The terminal's thread: reads keys, keeps the line, prints what is queued. The only writer,
//! so that prompt, typed text and arrivals never mix. Knows nothing of who prints or listens.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, kill_current_process_group};
use rustix::stdio::{stdin, stdout};
use rustix::termios::tcgetwinsize;

use super::Input;
use super::keys::Decoder;
use super::line::{Effect, Line};
use super::modes::Modes;
use super::plain::Plain;
use super::screen::{Screen, Shared, Work, drain};
use super::view::{self, View};

/// The bytes of one key follow each other faster than that, a person's next key does not.
const ESCAPE_WAIT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};
/// In this time a stop reaches all threads.
const STOP_WAIT: Duration = Duration::from_millis(100);
const COLUMNS_UNKNOWN: u16 = 80;

const PASTE_MARKS_ON: &str = "\x1b[?2004h";
const PASTE_MARKS_OFF: &str = "\x1b[?2004l";

/// How lines are typed.
pub(super) enum Entry {
    /// Edited here, key by key.
    Edited(Box<Editor>),
    /// By the terminal itself, or somewhere that cannot show editing.
    Plain(Plain),
}

pub(super) struct Editor {
    pub(super) modes: Arc<Modes>,
    keys: Decoder,
    line: Line,
    view: View,
}

impl Editor {
    pub(super) fn new(modes: Arc<Modes>, commands: Vec<String>) -> Self {
        Self {
            modes,
            keys: Decoder::default(),
            line: Line::new(commands),
            view: View::default(),
        }
    }
}

pub(super) struct Worker<F> {
    pub(super) shared: Arc<Shared>,
    pub(super) woken: UnixStream,
    pub(super) entry: Entry,
    pub(super) decorated: bool,
    pub(super) on_input: F,
    pub(super) prompt: String,
    /// No more lines: Ctrl-D, or the screen's `end_input`.
    pub(super) input_ended: bool,
    /// stdin itself is at its end; reading it again would spin.
    pub(super) hung_up: bool,
    /// stdout takes nothing any more; what is typed may still matter.
    pub(super) is_mute: bool,
}

impl<F: FnMut(Input, &Screen)> Worker<F> {
    /// Until the terminal stops.
    pub(super) fn run(mut self) {
        // Whatever ends this thread, nobody may go on waiting for it.
        let _over = Over(Arc::clone(&self.shared));
        if let Entry::Edited(editor) = &self.entry {
            editor.modes.take_over();
            self.write(PASTE_MARKS_ON);
        }
        loop {
            let work = self.shared.work();
            let stopping = work.stopping;
            self.show(work);
            if stopping {
                self.leave();
                return;
            }
            match self.wait() {
                Ok(true) => self.read(),
                Ok(false) => {}
                Err(_) => {
                    self.hand_on(Input::End);
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
        if !(work.entries.is_empty() && work.dropped_lines == 0) {
            self.make_room(&mut out);
        }
        for line in &work.entries {
            view::print(&mut out, &line.text, line.marked && self.decorated);
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
        match &mut self.entry {
            Entry::Edited(editor) => editor.view.erase(out),
            Entry::Plain(plain) => plain.make_room(out),
        }
    }

    fn draw(&mut self, out: &mut String) {
        if self.input_ended {
            return self.make_room(out);
        }
        match &mut self.entry {
            Entry::Edited(editor) => {
                let typed = (editor.line.before(), editor.line.after());
                editor.view.draw(out, &self.prompt, typed, columns());
            }
            Entry::Plain(plain) => plain.draw(out, &self.prompt),
        }
    }

    /// Waits for a key (true) or a wake-up.
    fn wait(&mut self) -> io::Result<bool> {
        let is_mid_key =
            matches!(&self.entry, Entry::Edited(editor) if editor.keys.is_lone_escape());
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
            && let Entry::Edited(editor) = &mut self.entry
        {
            editor.keys.drop_escape();
        }
        if is_woken
            && drain(&mut self.woken)
            && let Entry::Edited(editor) = &self.entry
        {
            // Perhaps it was SIGCONT, after a shell has set the terminal for itself.
            editor.modes.take_over();
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
            if let Entry::Plain(plain) = &mut self.entry
                && let Some(text) = plain.end()
            {
                self.hand_on(Input::Line(text));
            }
            self.hand_on(Input::End);
            return;
        }
        for &byte in &bytes[..count] {
            match &mut self.entry {
                Entry::Edited(editor) => {
                    if let Some(key) = editor.keys.push(byte) {
                        let effect = editor.line.press(key);
                        self.follow(effect);
                    }
                }
                Entry::Plain(plain) => {
                    if let Some(text) = plain.push(byte) {
                        self.hand_on(Input::Line(text));
                    }
                }
            }
        }
    }

    fn follow(&mut self, effect: Effect) {
        let Entry::Edited(editor) = &mut self.entry else {
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
                editor.view.leave(&mut out, &self.prompt, &text);
                input = Some(Input::Line(text));
            }
            Effect::Interrupted => {
                if !self.input_ended {
                    let text = format!("{}^C", editor.line.text());
                    editor.view.leave(&mut out, &self.prompt, &text);
                }
                editor.line.clear();
                input = Some(Input::Interrupted);
            }
            Effect::End => input = Some(Input::End),
            Effect::ScreenCleared => out.push_str("\x1b[H\x1b[2J"),
            Effect::Choices(choices) => {
                editor.view.erase(&mut out);
                view::print(&mut out, &choices, false);
            }
            Effect::Suspended => suspend(editor),
        }
        self.write(&out);
        if let Some(input) = input {
            self.hand_on(input);
        }
    }

    fn hand_on(&mut self, input: Input) {
        match input {
            Input::Interrupted => {}
            _ if self.input_ended => return,
            Input::End => self.input_ended = true,
            Input::Line(_) => {}
        }
        (self.on_input)(input, &self.shared.screen());
        // More lines may have been typed already, and this one may have changed what they find.
        let (prompt, input_ended) = self.shared.prompt();
        self.prompt = prompt;
        self.input_ended |= input_ended;
    }

    /// What is half typed stays on the screen, an empty prompt does not, where it can be erased.
    fn leave(&mut self) {
        let mut out = String::new();
        match &mut self.entry {
            Entry::Edited(editor) => {
                if self.input_ended || editor.line.text().is_empty() {
                    editor.view.erase(&mut out);
                } else {
                    (editor.view).leave(&mut out, &self.prompt, editor.line.text());
                }
                out.push_str(PASTE_MARKS_OFF);
            }
            Entry::Plain(plain) => plain.make_room(&mut out),
        }
        self.write(&out);
    }

    fn write(&mut self, text: &str) {
        if !self.is_mute && write(text).is_err() {
            self.is_mute = true;
            self.shared.set_over();
        }
    }
}

/// Ctrl-Z: the whole job stops, as the terminal itself would have it.
fn suspend(editor: &mut Editor) {
    let mut out = String::new();
    editor.view.erase(&mut out);
    out.push_str(PASTE_MARKS_OFF);
    let _ = write(&out);
    editor.modes.lend();
    let _ = kill_current_process_group(Signal::TSTP);
    // The signal may reach another thread first. To take the terminal over again before all
    // have stopped would take it from the shell.
    thread::sleep(STOP_WAIT);
    editor.modes.take_over();
    let _ = write(PASTE_MARKS_ON);
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
