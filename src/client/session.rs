//! A person at a terminal: typed lines go out, arrivals are shown above the prompt.
//!
//! ```text
//!   terminal's thread ──lines, bounded──> sender ──> socket ──> receiver ──> printer
//!           └──────────── Event ────────> run <──────── Event ─────┘
//! ```
//! Sender and receiver only ever wait for the socket or the printer; `run` decides when it is
//! over. What is known of the room all three share, and none holds it while it waits.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::Config;
use super::line_splitter::LineSplitter;
use super::link::Link;
use super::outgoing::{self, Outgoing};
use super::room::{Heard, Room};
use crate::failure::CliError;
use crate::terminal::{Input, Options, Printer, Terminal, Vocabulary};
use signal_hook::consts::SIGINT;
use signal_hook::low_level::emulate_default_handler;

const PROMPT: &str = "send: ";

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

/// Talks until either side ends; `early` has come before. Ctrl-C ends the process as SIGINT would, even if its parent has
/// it ignore SIGINT.
///
/// # Errors
/// The terminal cannot be used, or the connection broke.
pub(super) fn run(config: &Config, link: &Arc<Link>, early: Vec<u8>) -> Result<(), CliError> {
    let (events, happened) = mpsc::channel();
    let terminal = start(config, link, early, events)
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

fn start(
    config: &Config,
    link: &Arc<Link>,
    early: Vec<u8>,
    events: Sender<Event>,
) -> io::Result<Terminal> {
    let (outgoing, orders) = Outgoing::new();
    let room = Arc::new(Mutex::new(Room::new(config.raw)));
    let known = Known {
        room: Arc::clone(&room),
        outgoing: Arc::clone(&outgoing),
    };
    let options = Options {
        prompt: PROMPT.to_owned(),
        vocabulary: Box::new(known.clone()),
        handled_signals: Vec::new(),
    };
    let keyboard = Keyboard {
        outgoing,
        events: events.clone(),
    };
    let terminal = Terminal::start(options, move |input, printer| keyboard.take(input, printer))?;

    let (printer, receiving, ended) = (terminal.printer(), Arc::clone(link), events);
    spawn("receive", move || {
        let outcome = receive(&receiving, &early, &printer, &known);
        // Nobody listens any more once the session is over; so below.
        let _ = ended.send(Event::Ended(outcome));
    })?;
    let (sending, ending) = (Arc::clone(link), if config.raw { "" } else { "\n" });
    spawn("send", move || {
        outgoing::send(&sending, &orders, &room, ending);
    })?;
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
    outgoing: Arc<Outgoing>,
    events: Sender<Event>,
}

impl Keyboard {
    fn take(&self, input: Input, printer: &Printer) {
        match input {
            Input::Line(line) if !line.is_empty() => {
                if !self.outgoing.say(line) {
                    printer.print("* not sent: the server does not read");
                }
            }
            Input::Line(_) | Input::End => {
                // Told before the server can answer to it by its own end.
                let _ = self.events.send(Event::Left);
                printer.end_input();
                // The sender finishes what is queued, then ends our side.
                self.outgoing.end();
            }
            Input::Interrupted => {
                let _ = self.events.send(Event::Interrupted);
            }
        }
    }
}

/// What is known of the room, and how to know more.
#[derive(Clone)]
struct Known {
    room: Arc<Mutex<Room>>,
    outgoing: Arc<Outgoing>,
}

impl Known {
    /// Also gives what stands before the line where it is shown.
    fn hears(&self, line: &str, is_whole: bool, printer: &Printer) -> (Heard, &'static str) {
        let mut room = held(&self.room);
        let heard = room.hears(line, is_whole);
        let mark = if room.is_room() { "" } else { "recv: " };
        if heard.has_changed {
            printer.set_status(&room.status());
        }
        drop(room);
        if heard.has_question {
            self.outgoing.ask();
        }
        (heard, mark)
    }
}

impl Vocabulary for Known {
    fn commands(&self) -> Vec<String> {
        held(&self.room).commands()
    }

    fn names(&self) -> Vec<String> {
        let room = held(&self.room);
        // For the next Tab.
        if room.is_stale() {
            self.outgoing.ask();
        }
        room.names()
    }
}

pub(super) fn held(room: &Mutex<Room>) -> MutexGuard<'_, Room> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows what arrives until its end, or until the printer takes nothing.
fn receive(link: &Link, early: &[u8], printer: &Printer, known: &Known) -> io::Result<()> {
    let is_printing = Cell::new(true);
    let mut show = |line: &[u8], is_whole: bool| {
        // The printer sanitizes it.
        let text = String::from_utf8_lossy(line);
        let (heard, mark) = known.hears(&text, is_whole, printer);
        if heard.is_shown {
            is_printing.set(printer.print_waiting(&format!("{mark}{text}"), heard.is_meant));
        }
    };
    let mut splitter = LineSplitter::default();
    splitter.push(early, &mut show);
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
