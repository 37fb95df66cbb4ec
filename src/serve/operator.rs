//! The place of the operator at the server: the console's screen and its typed lines, on a
//! terminal or in pipes. Knows the terminal and stdin; not what is said.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::sync::{Arc, OnceLock};
use std::thread;

use rustix::process::{Signal, getpid, kill_process};

use crate::failure::Failure;
use crate::reactor::InputSender;
use crate::service::{self, Service};
use crate::services::console::{Console, Screen};
use crate::signals::SHUTDOWN;
use crate::terminal::{self, Options, Terminal};

/// What the console understands; Tab completes it.
const COMMANDS: [&str; 5] = ["/to", "/all", "/who", "/close", "/quit"];

/// The prompt while nobody waits for an answer.
const NOBODY_WAITS: &str = "> ";

/// A piped line is handed on in pieces of this.
const LINE_MAX_BYTES: u64 = 64 * 1024;

/// Screen and keyboard, or what stands for them.
pub(super) struct OperatorConsole {
    terminal: Terminal,
    is_interactive: bool,
    /// Where typed lines go, once the loop takes them.
    sender: Arc<OnceLock<InputSender>>,
}

impl OperatorConsole {
    /// Takes the terminal in use, if stdin is one.
    pub(super) fn find() -> Result<Self, Failure> {
        let sender = Arc::new(OnceLock::<InputSender>::new());
        let is_interactive = Terminal::is_there();
        let terminal = if is_interactive {
            let options = Options {
                prompt: NOBODY_WAITS.to_owned(),
                commands: COMMANDS.map(str::to_owned).into(),
                // The loop ends in good order, and the terminal with it.
                handled_signals: SHUTDOWN.into(),
            };
            let sender = Arc::clone(&sender);
            Terminal::start(options, move |input, _| on_typed(&sender, input))
        } else {
            Terminal::start_printing_only()
        };
        Ok(Self {
            terminal: terminal
                .map_err(|error| Failure::runtime(format!("use the terminal: {error}")))?,
            is_interactive,
            sender,
        })
    }

    /// The console service on this screen.
    pub(super) fn console(&self) -> Box<dyn Service> {
        Box::new(Console::new(Shown(self.terminal.printer())))
    }

    pub(super) fn print(&self, line: &str) {
        self.terminal.printer().print(line);
    }

    /// Where the log should go if stderr is the terminal on which the operator types.
    pub(super) fn log_target(&self) -> Option<Box<dyn Write + Send>> {
        let shared =
            self.is_interactive && io::stderr().is_terminal() && io::stdout().is_terminal();
        shared.then(|| Box::new(self.terminal.printer()) as Box<dyn Write + Send>)
    }

    /// Hands on what is typed, or piped in, from here on.
    pub(super) fn forward_input(&self, sender: InputSender) -> Result<(), Failure> {
        if self.is_interactive {
            let _ = self.sender.set(sender);
            return Ok(());
        }
        thread::Builder::new()
            .name("stdin".to_owned())
            .spawn(move || read_lines(io::stdin().lock(), &sender))
            .map(drop)
            .map_err(|error| Failure::runtime(format!("start a thread for stdin: {error}")))
    }
}

fn on_typed(sender: &OnceLock<InputSender>, input: terminal::Input) {
    // What is typed before the loop takes it waits for the loop.
    let sender = sender.wait();
    let _ = match input {
        terminal::Input::Line(line) => sender.send(service::OperatorInput::Line(line)),
        terminal::Input::End => sender.send(service::OperatorInput::End),
        // As if the terminal had sent it, to the process: this thread may have it blocked.
        terminal::Input::Interrupted => kill_process(getpid(), Signal::INT).is_ok(),
    };
}

/// Reads until stdin ends, blocking: a file or /dev/null cannot be polled, and a flag set on a
/// shared terminal would outlive the server.
fn read_lines(mut stdin: impl BufRead, sender: &InputSender) {
    let mut line = Vec::new();
    loop {
        line.clear();
        match stdin
            .by_ref()
            .take(LINE_MAX_BYTES)
            .read_until(b'\n', &mut line)
        {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // The operator is as gone as at the end.
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let text = String::from_utf8_lossy(text).into_owned();
        if !sender.send(service::OperatorInput::Line(text)) {
            return;
        }
    }
    let _ = sender.send(service::OperatorInput::End);
}

/// The terminal's screen as the console sees it.
struct Shown(terminal::Printer);

impl Screen for Shown {
    fn print(&mut self, line: &str) {
        self.0.print(line);
    }

    fn prompt(&mut self, whom: Option<u64>) {
        match whom {
            Some(number) => self.0.set_prompt(&format!("send [{number}]: ")),
            None => self.0.set_prompt(NOBODY_WAITS),
        }
    }
}
