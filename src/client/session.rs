//! A person at a terminal: typed lines go out, arrivals are shown above the prompt.
//!
//! ```text
//!   terminal's thread ──lines, bounded──> sender ──> socket ──> receiver ──> printer
//!           └──────────── Event ────────> run <──────── Event ─────┘
//! ```
//! Sender and receiver only ever wait for the socket or the printer; `run` decides when it is
//! over.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender, TrySendError};
use std::thread;
use std::time::Duration;

use super::Config;
use super::line_splitter::LineSplitter;
use super::link::Link;
use super::mention::Nick;
use crate::failure::CliError;
use crate::terminal::{Input, Options, Printer, Terminal};
use signal_hook::consts::SIGINT;
use signal_hook::low_level::emulate_default_handler;

const PROMPT: &str = "send: ";
/// What the room understands; Tab completes it.
pub(super) const COMMANDS: [&str; 6] = ["/help", "/me", "/msg", "/nick", "/quit", "/who"];

/// Typed lines that the server has not taken.
const UNSENT_MAX_LINES: usize = 1024;
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// Who writes no newline is shown after this much silence.
const QUIET: Duration = Duration::from_millis(100);
/// How long the server may take to send the rest after one has left.
const LINGER: Duration = Duration::from_secs(2);

/// What may end a session.
enum Event {
    /// An empty line, or Ctrl-D.
    Left,
    /// What the server sends is at its end, or the terminal is gone.
    Ended(io::Result<()>),
    /// Ctrl-C.
    Interrupted,
}

/// Talks until either side ends. Ctrl-C ends the process as SIGINT would, even if its parent has
/// it ignore SIGINT.
///
/// # Errors
/// The terminal cannot be used, or the connection broke.
pub(super) fn run(config: &Config, link: &Arc<Link>) -> Result<(), CliError> {
    let (events, happened) = mpsc::channel();
    let terminal = start(config, link, events)
        .map_err(|error| CliError::runtime(format!("use the terminal: {error}")))?;
    let last = wait(&happened, &terminal.printer());
    // Lets go whoever still waits for the socket.
    link.hang_up();
    drop(terminal);
    match last {
        Event::Left | Event::Ended(Ok(())) => Ok(()),
        Event::Ended(Err(error)) => Err(super::broken(config, &error)),
        Event::Interrupted => emulate_default_handler(SIGINT)
            .map_err(|error| CliError::runtime(format!("end by SIGINT: {error}"))),
    }
}

fn start(config: &Config, link: &Arc<Link>, events: Sender<Event>) -> io::Result<Terminal> {
    let (lines, typed) = mpsc::sync_channel(UNSENT_MAX_LINES);
    let options = Options {
        prompt: PROMPT.to_owned(),
        commands: COMMANDS.map(str::to_owned).to_vec(),
        handled_signals: Vec::new(),
    };
    let mut keyboard = Keyboard {
        lines: Some(lines),
        events: events.clone(),
    };
    let terminal = Terminal::start(options, move |input, printer| keyboard.take(input, printer))?;

    let (printer, receiving, ended) = (terminal.printer(), Arc::clone(link), events);
    spawn("receive", move || {
        let outcome = receive(&receiving, &printer);
        // Nobody listens any more once the session is over; so below.
        let _ = ended.send(Event::Ended(outcome));
    })?;
    let (sending, ending) = (Arc::clone(link), if config.raw { "" } else { "\n" });
    spawn("send", move || send(&sending, &typed, ending))?;
    Ok(terminal)
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(body).map(drop)
}

/// Gives the event that the session ends with.
fn wait(happened: &Receiver<Event>, printer: &Printer) -> Event {
    match happened.recv() {
        Ok(Event::Left) => {}
        Ok(Event::Ended(outcome)) => {
            // What is half typed will not be sent, so it should not stay below as if it had been.
            printer.end_input();
            if outcome.is_ok() {
                printer.print("* the server closed the connection");
            }
            return Event::Ended(outcome);
        }
        Ok(other) => return other,
        Err(_) => return Event::Left,
    }
    // The server may still owe something; but who has left does not wait for long, and no
    // longer minds how the connection ends.
    match happened.recv_timeout(LINGER) {
        Ok(Event::Interrupted) => Event::Interrupted,
        _ => Event::Left,
    }
}

/// Where the terminal's thread hands over what is typed; waits for nobody.
struct Keyboard {
    /// None once the person has left.
    lines: Option<SyncSender<String>>,
    events: Sender<Event>,
}

impl Keyboard {
    fn take(&mut self, input: Input, printer: &Printer) {
        match input {
            Input::Line(line) if !line.is_empty() => {
                let unsent = self.lines.as_ref().map(|lines| lines.try_send(line));
                if let Some(Err(TrySendError::Full(_))) = unsent {
                    printer.print("* not sent: the server does not read");
                }
            }
            Input::Line(_) | Input::End => {
                // The sender finishes what is queued, then ends our side.
                self.lines = None;
                printer.end_input();
                let _ = self.events.send(Event::Left);
            }
            Input::Interrupted => {
                let _ = self.events.send(Event::Interrupted);
            }
        }
    }
}

fn send(link: &Link, typed: &Receiver<String>, ending: &str) {
    for mut line in typed {
        line.push_str(ending);
        // One write for each line. What breaks here, the receiver sees and reports.
        if link.write_all(line.as_bytes()).is_err() {
            return;
        }
    }
    link.end_our_side();
}

/// Shows what arrives until its end, or until the printer takes nothing.
fn receive(link: &Link, printer: &Printer) -> io::Result<()> {
    let mut nick = Nick::default();
    let is_printing = Cell::new(true);
    let mut show = |line: &[u8]| {
        // The printer sanitizes it.
        let text = String::from_utf8_lossy(line);
        let is_meant = nick.is_meant_by(&text);
        is_printing.set(printer.print_waiting(&format!("recv: {text}"), is_meant));
    };
    let mut splitter = LineSplitter::default();
    let mut bytes = vec![0; READ_BUFFER_BYTES];
    loop {
        match link.read(&mut bytes, splitter.has_partial().then_some(QUIET)) {
            Ok(0) => {
                splitter.end(&mut show);
                return Ok(());
            }
            Ok(count) => splitter.push(&bytes[..count], &mut show),
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock | ErrorKind::TimedOut => splitter.pause(&mut show),
                _ => {
                    splitter.end(&mut show);
                    return Err(error);
                }
            },
        }
        if !is_printing.get() {
            return Ok(());
        }
    }
}
