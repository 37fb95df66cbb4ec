//! A person's terminal: a line that is edited at the bottom, perhaps a status line right above it, and
//! lines that are printed above both.
//! Knows nothing of sockets or of what the lines say; `connect` and the console share it.
//!
//! ```text
//!   keys ──> Decoder ──> Line ──> on_input            one thread, woken by keys, by printers
//!   Printer ──> bounded queue ──> Renderer ──> tty    and by SIGWINCH and SIGCONT
//!   signals that end or stop the process ──> JobControl, a thread that waits for them
//! ```
//!
//! Why not a ready-made editor: of those at hand, none changes the prompt while a line is being
//! typed, ends when asked to, and works in a process with more than 1,024 descriptors.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::stdio::{stdin, stdout};
use rustix::termios::isatty;
use signal_hook::SigId;
use signal_hook::consts::{SIGCONT, SIGWINCH};
use signal_hook::low_level::{pipe, unregister};

#[cfg(feature = "client")]
mod completion;
mod cooked;
#[cfg(feature = "client")]
mod editor;
#[cfg(all(feature = "client", any(test, fuzzing)))]
pub(crate) mod fuzzing;
mod input_mode;
mod job_control;
#[cfg(feature = "client")]
mod keys;
#[cfg(feature = "client")]
mod line;
pub(crate) mod line_buffer;
mod printer;
mod raw_mode;
#[cfg(feature = "client")]
mod renderer;
mod worker;

use cooked::Cooked;
use input_mode::InputMode;
use job_control::JobControl;
pub use printer::Printer;
use printer::Shared;
use raw_mode::RawMode;
use worker::Worker;

/// How long an ending terminal may take to print what is queued.
const STOP_PATIENCE: Duration = Duration::from_millis(500);

/// What a terminal starts with.
pub struct Options {
    /// What stands before the typed text.
    pub prompt: String,
    /// What Tab completes.
    pub vocabulary: Box<dyn Vocabulary>,
    /// Signals that the program handles, and ends or goes on as it likes. Before any other signal
    /// ends or stops the process, the terminal is put back as it was found.
    pub handled_signals: Vec<i32>,
}

/// What Tab knows. Asked anew at each Tab, on the terminal's thread.
pub trait Vocabulary: Send {
    /// Completed at the start of a line; each begins with `/`.
    fn commands(&self) -> Vec<String>;

    /// Completed wherever a word ends. Whoever is named first in a line is addressed: `ann: `.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Commands that are always the same.
impl Vocabulary for Vec<String> {
    fn commands(&self) -> Vec<String> {
        self.clone()
    }
}

/// What a person does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A line, without its end.
    Line(String),
    /// Ctrl-C (or Ctrl-\); what was half typed is discarded.
    Interrupted,
    /// Ctrl-D on an empty line, or the terminal is gone. No more lines follow.
    End,
}

/// The terminal on stdin and stdout, in use until this is dropped; then its modes are as they
/// were found.
///
/// Where `TERM` is `dumb`, or the feature `client` is off, the terminal itself edits, as it does for `cat`, and the prompt is
/// printed anew below what has arrived. Where stdout is no terminal no prompt is shown, but lines
/// are read and printed all the same.
pub struct Terminal {
    shared: Arc<Shared>,
    raw_mode: Option<Arc<RawMode>>,
    signals: Vec<SigId>,
}

impl Terminal {
    /// Whether there is one to start: whether stdin is a terminal.
    #[must_use]
    pub fn is_there() -> bool {
        isatty(stdin())
    }

    /// Begins to read, on a thread of its own, which calls `on_input` for all that a person
    /// does. While that runs nothing is printed, so it should be quick. To be called before other
    /// threads are started, which would take the signals that the terminal waits for.
    ///
    /// # Errors
    /// stdin is no terminal, or the system has no descriptors or threads left.
    pub fn start(
        options: Options,
        on_input: impl FnMut(Input, &Printer) + Send + 'static,
    ) -> io::Result<Self> {
        let found = RawMode::find()?;
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_shown = isatty(stdout());
        let is_edited = cfg!(feature = "client") && is_shown && !is_dumb;
        let raw_mode = is_edited.then(|| Arc::new(found));
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let decorated = is_edited && !no_color;
        let (shared, woken) = Shared::new(options.prompt)?;
        // From here on, whatever fails drops this, which takes everything back.
        let mut terminal = Self {
            shared: Arc::clone(&shared),
            raw_mode: raw_mode.clone(),
            signals: Vec::new(),
        };
        if is_edited {
            for signal in [SIGWINCH, SIGCONT] {
                let id = pipe::register(signal, shared.wake_handle()?)?;
                terminal.signals.push(id);
            }
        }
        let job_control = JobControl {
            shared: Arc::clone(&shared),
            raw_mode: raw_mode.clone(),
        };
        job_control.start(&options.handled_signals)?;
        let input_mode: Box<dyn InputMode> = match is_edited {
            #[cfg(feature = "client")]
            true => Box::new(editor::Editor::new(options.vocabulary, decorated)),
            _ => Box::new(Cooked::new(is_shown)),
        };
        spawn(Worker {
            shared,
            woken,
            input_mode,
            raw_mode,
            decorated,
            on_input,
            prompt: String::new(),
            input_ended: false,
            hung_up: false,
            output_closed: false,
        })?;
        Ok(terminal)
    }

    /// Only prints, on stdout, whatever that is; stdin is left alone.
    ///
    /// # Errors
    /// The system has no descriptors or threads left.
    pub fn start_printing_only() -> io::Result<Self> {
        let (shared, woken) = Shared::new(String::new())?;
        let terminal = Self {
            shared: Arc::clone(&shared),
            raw_mode: None,
            signals: Vec::new(),
        };
        spawn(Worker {
            shared,
            woken,
            input_mode: Box::new(Cooked::new(false)),
            raw_mode: None,
            decorated: false,
            on_input: |_: Input, _: &Printer| {},
            prompt: String::new(),
            input_ended: true,
            hung_up: true,
            output_closed: false,
        })?;
        Ok(terminal)
    }

    /// The handle to print through.
    #[must_use]
    pub fn printer(&self) -> Printer {
        self.shared.printer()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        for id in self.signals.drain(..) {
            unregister(id);
        }
        self.shared.stop(STOP_PATIENCE);
        // The thread may hang in a write to a terminal that takes nothing; the modes come back
        // all the same.
        if let Some(raw_mode) = &self.raw_mode {
            raw_mode.restore();
        }
    }
}

fn spawn(worker: Worker<impl FnMut(Input, &Printer) + Send + 'static>) -> io::Result<()> {
    let shared = Arc::clone(&worker.shared);
    let spawned = thread::Builder::new()
        .name("terminal".to_owned())
        .spawn(|| worker.run());
    if spawned.is_err() {
        // Nobody is there to wait for.
        shared.set_over();
    }
    spawned.map(drop)
}
