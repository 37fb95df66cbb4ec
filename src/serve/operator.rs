//! The place of the operator at the server: the console's screen and its typed lines, on a
//! terminal or in pipes. Knows the terminal and stdin; not what is said.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Arc, OnceLock};
use std::thread;

use rustix::process::{Signal, getpid, kill_process};

use crate::failure::CliError;
use crate::reactor::InputSender;
use crate::service::{self, Service};
use crate::services::console::{Console, Screen};
use crate::signals::HANDLED;
use crate::terminal::line_buffer::{LineBuffer, TooLong};
use crate::terminal::{self, Options, Printer, Terminal};

/// What the console understands; Tab completes it.
const COMMANDS: [&str; 5] = ["/to", "/all", "/who", "/close", "/quit"];

/// The prompt while nobody waits for an answer.
const NOBODY_WAITS: &str = "> ";

/// A piped line has at most this, without its LF. A longer one is refused whole, with a line that
/// says so: in pieces it would answer several clients.
const PIPED_LINE_MAX_BYTES: usize = 64 * 1024;

/// Screen and keyboard, or what stands for them.
pub(super) struct OperatorConsole {
    terminal: Terminal,
    is_interactive: bool,
    /// Where typed lines go, once the loop takes them.
    sender: Arc<OnceLock<InputSender>>,
}

impl OperatorConsole {
    /// Takes the terminal in use, if stdin is one.
    pub(super) fn find() -> Result<Self, CliError> {
        let sender = Arc::new(OnceLock::<InputSender>::new());
        let is_interactive = Terminal::is_there();
        let terminal = if is_interactive {
            let options = Options {
                prompt: NOBODY_WAITS.to_owned(),
                vocabulary: Box::new(COMMANDS.map(str::to_owned).to_vec()),
                // The loop ends in good order, and the terminal with it.
                handled_signals: HANDLED.into(),
            };
            let sender = Arc::clone(&sender);
            Terminal::start(options, move |input, _| on_typed(&sender, input))
        } else {
            Terminal::start_printing_only()
        };
        Ok(Self {
            terminal: terminal
                .map_err(|error| CliError::runtime(format!("use the terminal: {error}")))?,
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
    pub(super) fn forward_input(&self, sender: InputSender) -> Result<(), CliError> {
        if self.is_interactive {
            let _ = self.sender.set(sender);
            return Ok(());
        }
        let printer = self.terminal.printer();
        thread::Builder::new()
            .name("stdin".to_owned())
            .spawn(move || read_lines(io::stdin().lock(), &sender, &printer))
            .map(drop)
            .map_err(|error| CliError::runtime(format!("start a thread for stdin: {error}")))
    }
}

fn on_typed(sender: &OnceLock<InputSender>, input: terminal::Input) {
    // What is typed before the loop takes it waits for the loop.
    let sender = sender.wait();
    let _ = match input {
        terminal::Input::Line(line) => sender.send(service::Input::Line(line)),
        terminal::Input::End => sender.send(service::Input::End),
        // As if the terminal had sent it, to the process: this thread may have it blocked.
        terminal::Input::Interrupted => kill_process(getpid(), Signal::INT).is_ok(),
    };
}

/// Reads until stdin ends, blocking: a file or /dev/null cannot be polled, and a flag set on a
/// shared terminal would outlive the server.
fn read_lines(stdin: impl BufRead, sender: &InputSender, printer: &Printer) {
    let mut buffer = LineBuffer::new(PIPED_LINE_MAX_BYTES);
    // The operator is as gone after an error as at the end.
    for byte in stdin.bytes().map_while(Result::ok) {
        let line = buffer.push(byte);
        if line.is_some_and(|line| !forward(line, sender, printer)) {
            return;
        }
    }
    if buffer
        .end()
        .is_none_or(|line| forward(line, sender, printer))
    {
        let _ = sender.send(service::Input::End);
    }
}

/// False: the loop takes no more.
fn forward(line: Result<String, TooLong>, sender: &InputSender, printer: &Printer) -> bool {
    let Ok(mut text) = line else {
        printer.print(&format!(
            "* not sent: a line has at most {PIPED_LINE_MAX_BYTES} bytes"
        ));
        return true;
    };
    if text.ends_with('\r') {
        text.pop();
    }
    sender.send(service::Input::Line(text))
}

/// The terminal's screen as the console sees it.
struct Shown(Printer);

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
