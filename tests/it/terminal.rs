//! The console at a terminal: prompt, typing, `^D`, hang-up, and flags left as they were.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::harness::{Capture, Launch, PATIENCE, Server};
use crate::peer::Peer;

/// A terminal: what a person types goes into `keyboard`, what is shown comes out of `screen`.
struct Terminal {
    keyboard: File,
    screen: Capture,
    /// The program's side. A shell would hold the same open file description.
    line: File,
}

impl Terminal {
    fn new() -> Self {
        let (keyboard, line) = pair();
        Self {
            screen: Capture::of(keyboard.try_clone().unwrap()),
            keyboard,
            line,
        }
    }

    fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    fn side(&self) -> File {
        self.line.try_clone().unwrap()
    }

    fn flags(&self) -> OFlags {
        fcntl_getfl(&self.line).unwrap()
    }

    /// Terminal settings, all of them.
    fn settings(&self) -> String {
        format!("{:?}", rustix::termios::tcgetattr(&self.line).unwrap())
    }

    /// A console whose stdin is this terminal, and whose stdout the harness reads.
    fn console(&self) -> Server {
        Launch::new("console").stdin(self.side()).start()
    }
}

/// A new terminal: the person's side, the program's side.
fn pair() -> (File, File) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master: OwnedFd = openpt(flags).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true);
    let line = options.open(name.to_str().unwrap()).unwrap();
    (File::from(master), line)
}

#[test]
fn the_prompt_says_whom_one_answers() {
    for term in ["TERM=xterm", "TERM=dumb"] {
        says_whom_one_answers(term);
    }
}

fn says_whom_one_answers(term: &str) {
    let mut terminal = Terminal::new();
    let server = Launch::new("console")
        .wrap(&["env", term])
        .stdin(terminal.side())
        .stdout(terminal.side())
        .spawn();
    let said = terminal.screen.wait("the address", |t| {
        t.contains("listening on ") && t.contains('\n')
    });
    let line = said.lines().find_map(|l| l.split_once("listening on "));
    let address = line.expect("the line").1.trim().to_owned();
    terminal.screen.wait_for("> ");
    let mut ann = Peer::to(&address);
    ann.send("hi from ann");
    terminal.screen.wait_for("recv [1] hi from ann");
    terminal.screen.wait_for("send [1]: ");
    let mut bob = Peer::to(&address);
    bob.send("hi from bob");
    terminal.screen.wait_for("recv [2] hi from bob");
    terminal.types("hello ann\n");
    assert_eq!(ann.recv(), "hello ann");
    terminal.screen.wait_for("send [2]: ");
    terminal.types("hello bob\n");
    assert_eq!(bob.recv(), "hello bob");
    drop(server);
}

#[test]
fn no_flag_is_left_on_a_shared_terminal() {
    let mut terminal = Terminal::new();
    let (flags, settings) = (terminal.flags(), terminal.settings());
    let mut server = terminal.console();
    let mut ann = Peer::connect(&server);
    ann.send("hi");
    server.stdout().wait_for("recv [1] hi");
    terminal.types("hello\n");
    assert_eq!(ann.recv(), "hello");
    assert_eq!(terminal.flags(), flags, "while it runs");
    terminal.types("/quit\n");
    assert_eq!(server.exit_code(), 0);
    assert_eq!(terminal.flags(), flags, "after its end");
    assert_eq!(terminal.settings(), settings);
}

#[test]
fn no_flag_is_left_by_a_signal_either() {
    for (signal, ends) in [
        (Signal::TERM, Ok(0)),
        (Signal::INT, Ok(0)),
        (Signal::QUIT, Err(3)),
        (Signal::USR1, Err(10)),
    ] {
        let terminal = Terminal::new();
        let (flags, settings) = (terminal.flags(), terminal.settings());
        let mut server = Launch::new("console")
            .stdin(terminal.side())
            .stdout(terminal.side())
            .stderr(terminal.side())
            .spawn();
        terminal.screen.wait_for("listening on ");
        assert!(!terminal.flags().contains(OFlags::NONBLOCK));
        assert_ne!(terminal.settings(), settings);
        server.signal(signal);
        let status = server.ends_within(PATIENCE);
        let ended = (status.code()).ok_or_else(|| status.signal().unwrap());
        assert_eq!(ended, ends);
        assert_eq!((terminal.flags(), terminal.settings()), (flags, settings));
    }
}

#[test]
fn an_idle_terminal_costs_nothing() {
    let mut terminal = Terminal::new();
    let server = terminal.console();
    terminal.types("half a line");
    server.does_not_spin();
    let mut ann = Peer::connect(&server);
    ann.send("hi");
    server.stdout().wait_for("recv [1] hi");
    terminal.types(" and its end\n");
    assert_eq!(ann.recv(), "half a line and its end");
}

#[test]
fn a_pasted_line_that_is_too_long_answers_nobody() {
    // The kernel itself cuts what a dumb terminal is typed.
    for (term, bytes, told) in [
        (
            "TERM=xterm",
            20_000,
            "* not sent: a typed line has at most 16384 bytes",
        ),
        (
            "TERM=dumb",
            5_000,
            "* not sent: a typed line has at most 4094 bytes",
        ),
    ] {
        let mut terminal = Terminal::new();
        let _server = Launch::new("console")
            .wrap(&["env", term])
            .stdin(terminal.side())
            .stdout(terminal.side())
            .spawn();
        let said = terminal.screen.wait("the address", |t| {
            t.split_once("listening on ")
                .is_some_and(|(_, t)| t.contains('\n'))
        });
        let (_, said) = said.split_once("listening on ").unwrap();
        let mut ann = Peer::to(said.lines().next().unwrap().trim());
        ann.send("hi");
        terminal.screen.wait_for("send [1]: ");
        terminal.types(&format!("{}\n", "x".repeat(bytes)));
        terminal.screen.wait_for(told);
        terminal.types("short\n");
        assert_eq!(ann.recv(), "short", "{term}");
    }
}

#[test]
fn control_d_uses_up_what_is_held_and_ends() {
    let mut terminal = Terminal::new();
    let mut server = terminal.console();
    terminal.types("held\n\x04");
    let mut ann = Peer::connect(&server);
    ann.send("hi");
    assert_eq!(ann.rest(), b"held");
    assert_eq!(server.exit_code(), 0);
}

/// People type ahead, and scripts type at once: nothing of it is lost, the end least of all.
#[test]
fn what_was_typed_before_it_started_counts() {
    let mut terminal = Terminal::new();
    terminal.types("early\n\x04");
    let mut server = terminal.console();
    let mut ann = Peer::connect(&server);
    ann.send("hi");
    assert_eq!(ann.rest(), b"early");
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn control_d_after_half_a_line_is_no_end() {
    let mut terminal = Terminal::new();
    let mut server = terminal.console();
    let mut ann = Peer::connect(&server);
    ann.send("hi");
    server.stdout().wait_for("recv [1] hi");
    // The first ^D only hands over "half"; the terminal is not at its end.
    terminal.types("half\x04");
    terminal.types(" whole\n");
    assert_eq!(ann.recv(), "half whole");
    terminal.types("\x04");
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn a_hang_up_ends_it_without_spinning() {
    let (keyboard, line) = pair();
    let mut server = Launch::new("console").stdin(line).start();
    let mut ann = Peer::connect(&server);
    // Reads on the program's side now say end of file or EIO.
    drop(keyboard);
    assert_eq!(ann.rest(), b"");
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn a_hang_up_with_answers_held_does_not_spin() {
    let (mut keyboard, line) = pair();
    let mut server = Launch::new("console").stdin(line).start();
    let mut ann = Peer::connect(&server);
    ann.send("hi");
    server.stdout().wait_for("recv [1] hi");
    keyboard.write_all(b"one\ntwo\n").unwrap();
    assert_eq!(ann.recv(), "one");
    // "two" was read with "one", or is read now: a terminal that hangs up drops what was not.
    drop(keyboard);
    server.does_not_spin();
    if server.is_running() {
        ann.send("more");
        assert_eq!(ann.rest(), b"two");
    }
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn a_hang_up_of_the_controlling_terminal_ends_it() {
    let (keyboard, line) = pair();
    let mut server = Launch::new("console")
        .wrap(&["setsid", "--ctty"])
        .stdin(line)
        .start();
    drop(keyboard);
    server.ends_within(PATIENCE);
}

#[test]
fn other_services_leave_the_terminal_alone() {
    let mut terminal = Terminal::new();
    let server = Launch::new("echo").stdin(terminal.side()).start();
    terminal.types("not for you\n");
    let mut ann = Peer::connect(&server);
    ann.echoes("hello");
    server.does_not_spin();
    assert!(!terminal.flags().contains(OFlags::NONBLOCK));
}
