//! A terminal to run a program in: a pty, and behind it an emulator that knows what a person
//! would see.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use rustix::fs::{Mode, OFlags};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

use crate::child::{PATIENCE, Running, within};

const ROWS: NonZero<u16> = NonZero::new(24).unwrap();

/// A terminal of 24 rows.
pub(crate) struct Pty {
    keyboard: File,
    /// Kept, so that modes can be looked at and nothing is lost when the program ends.
    tty: OwnedFd,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

struct Seen {
    emulator: vt100::Parser,
    bytes: Vec<u8>,
}

impl Pty {
    pub(crate) fn new(columns: u16) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let tty = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap();
        let seen = Arc::new((
            Mutex::new(Seen {
                emulator: vt100::Parser::new(ROWS, NonZero::new(columns).unwrap(), 0),
                bytes: Vec::new(),
            }),
            Condvar::new(),
        ));
        let keyboard = File::from(master);
        let (mut output, watched) = (keyboard.try_clone().unwrap(), Arc::clone(&seen));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // EIO: nobody has the terminal open any more.
            while let Ok(count) = output.read(&mut bytes) {
                let mut seen = watched.0.lock().unwrap();
                seen.bytes.extend_from_slice(&bytes[..count]);
                seen.emulator.process(&bytes[..count]);
                watched.1.notify_all();
            }
        });
        let pty = Self {
            keyboard,
            tty,
            seen,
        };
        pty.resize(columns);
        pty
    }

    /// Runs `command` in it, stdout and stderr too unless they are `elsewhere`.
    pub(crate) fn run(&self, command: &mut Command, elsewhere: bool) -> std::process::Child {
        command.stdin(self.tty.try_clone().unwrap());
        if !elsewhere {
            command.stdout(self.tty.try_clone().unwrap());
            command.stderr(self.tty.try_clone().unwrap());
        }
        if !command.get_envs().any(|(name, _)| name == "TERM") {
            command.env("TERM", "xterm");
        }
        let child = command.spawn().unwrap();
        // The command would keep copies of the terminal open.
        command.stdin(Stdio::null());
        if !elsewhere {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        child
    }

    pub(crate) fn press(&self, keys: &str) {
        let (mut keyboard, keys) = (self.keyboard.try_clone().unwrap(), keys.to_owned());
        // A program that does not read makes this wait.
        within(move || keyboard.write_all(keys.as_bytes())).unwrap();
    }

    /// The program is told by a signal, for this is not its controlling terminal.
    pub(crate) fn resize(&self, columns: u16) {
        self.seen
            .0
            .lock()
            .unwrap()
            .emulator
            .screen_mut()
            .set_size(ROWS, NonZero::new(columns).unwrap());
        let size = Winsize {
            ws_row: ROWS.get(),
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.tty, size).unwrap();
    }

    /// What the modes are, and the flags of the open terminal.
    pub(crate) fn modes(&self) -> String {
        let flags = rustix::fs::fcntl_getfl(&self.tty).unwrap();
        format!("{:?} {flags:?}", tcgetattr(&self.tty).unwrap())
    }

    /// Waits until the screen's rows, less the empty ones below, are as `expected` says.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, expected: impl Fn(&[String]) -> bool) {
        self.wait(what, |seen| expected(&rows(&seen.emulator)));
    }

    #[track_caller]
    fn wait(&self, what: &str, mut expected: impl FnMut(&Seen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.seen.0.lock().unwrap();
        while !expected(&seen) {
            let left = deadline.saturating_duration_since(Instant::now());
            let screen = rows(&seen.emulator).join("\n");
            assert!(!left.is_zero(), "not seen: {what}\n{screen}");
            (seen, _) = self.seen.1.wait_timeout(seen, left).unwrap();
        }
    }

    /// Waits until the program has written this, wherever it has gone since.
    #[track_caller]
    pub(crate) fn wait_written(&self, text: &str) {
        let mut searched = 0;
        self.wait(text, |seen| {
            let from = searched;
            searched = seen.bytes.len().saturating_sub(text.len());
            contains(&seen.bytes[from..], text)
        });
    }

    /// Waits until the last rows are these.
    #[track_caller]
    pub(crate) fn wait_for(&self, last: &[&str]) {
        self.wait_until(&format!("{last:?}"), |rows| rows.ends_with_rows(last));
    }

    /// The last row that is not empty.
    pub(crate) fn last_row(&self) -> String {
        let rows = rows(&self.seen.0.lock().unwrap().emulator);
        rows.into_iter().next_back().unwrap_or_default()
    }

    /// Looks at all that a person would see.
    pub(crate) fn screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.seen.0.lock().unwrap().emulator.screen())
    }

    /// Row, less those above, and column of the cursor.
    pub(crate) fn cursor(&self) -> (u16, u16) {
        self.seen
            .0
            .lock()
            .unwrap()
            .emulator
            .screen()
            .cursor_position()
    }

    /// Whether the program ever wrote this.
    pub(crate) fn has_written(&self, text: &str) -> bool {
        contains(&self.seen.0.lock().unwrap().bytes, text)
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    let mut places = bytes.windows(text.len());
    places.any(|place| place == text.as_bytes())
}

trait EndsWith {
    fn ends_with_rows(&self, last: &[&str]) -> bool;
}

impl EndsWith for [String] {
    fn ends_with_rows(&self, last: &[&str]) -> bool {
        self.len() >= last.len() && self[self.len() - last.len()..] == *last
    }
}

fn rows(emulator: &vt100::Parser) -> Vec<String> {
    let contents = emulator.screen().contents();
    contents
        .lines()
        .map(|row| row.trim_end().to_owned())
        .collect()
}

/// A program in a terminal of its own.
pub(crate) struct InPty {
    pub(crate) pty: Pty,
    running: Running,
    modes: String,
}

impl InPty {
    pub(crate) fn start(columns: u16, command: &mut Command) -> Self {
        let pty = Pty::new(columns);
        let modes = pty.modes();
        let running = Running::new(pty.run(command, false));
        Self {
            pty,
            running,
            modes,
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// Waits for the end; the terminal must be as it was.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let status = self.running.wait();
        assert_eq!(
            self.pty.modes(),
            self.modes,
            "the terminal's modes after {status}"
        );
        status
    }
}
