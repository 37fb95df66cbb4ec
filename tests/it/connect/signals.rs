//! `connect` and signals: it ends or stops as any program does, and the terminal is as it was.

use std::cell::Cell;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use super::person::talking;
use super::{accept, connect, hears, listener};
use crate::child::{PATIENCE, Running};
use crate::harness::until;
use crate::pty::{InPty, Pty};

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const CTRL_Z: &str = "\x1a";

#[test]
fn a_signal_ends_it_as_any_program_but_gives_the_terminal_back() {
    for signal in [
        Signal::INT,
        Signal::TERM,
        Signal::HUP,
        Signal::QUIT,
        Signal::ABORT,
        Signal::ALARM,
        Signal::USR1,
        Signal::USR2,
        Signal::XCPU,
    ] {
        let (mut client, _server) = talking(&[], &[]);
        client.pty.press("half");
        client.pty.wait_for(&["send: half"]);
        client.signal(signal);

        assert_eq!(client.wait().signal(), Some(signal.as_raw()));
        // No mark of ours stays set either: whatever is pasted next comes without.
        client.pty.wait_written("\x1b[?2004l");
    }
}

#[test]
fn ctrl_c_ends_it_as_sigint_does() {
    let (mut client, _server) = talking(&[], &[]);
    client.pty.press("half");
    client.pty.press(CTRL_C);
    assert_eq!(client.wait().signal(), Some(2));
    client.pty.wait_for(&["send: half^C"]);
}

/// A command that a parent with these signals blocked, or ignored, would start.
fn under(option: &str, command: &Command) -> Command {
    let mut wrapped = Command::new("env");
    wrapped.arg(option).arg(command.get_program());
    wrapped.args(command.get_args());
    wrapped
}

#[test]
fn a_blocked_signal_ends_it_all_the_same() {
    for signal in [Signal::TERM, Signal::INT] {
        let (listener, address) = listener();
        let mut command = under("--block-signal=TERM,INT,TSTP", &connect(&address));
        let mut client = InPty::start(80, &mut command);
        let _server = accept(&listener);
        client.pty.wait_for(&["send:"]);
        client.signal(signal);
        assert_eq!(client.wait().signal(), Some(signal.as_raw()));

        let mut command = under("--block-signal=TERM,INT", &connect(&address));
        let command = command.stdin(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It stays open.
        let _input = child.stdin.take();
        let mut client = Running::new(child);
        let _server = accept(&listener);
        client.signal(signal);
        assert_eq!(client.wait().signal(), Some(signal.as_raw()));
    }
}

#[test]
fn an_ignored_signal_is_ignored_but_ctrl_c_is_not() {
    let (listener, address) = listener();
    let mut command = under("--ignore-signal=HUP,INT", &connect(&address));
    let mut client = InPty::start(80, &mut command);
    let server = accept(&listener);
    client.pty.wait_for(&["send:"]);
    client.signal(Signal::HUP);
    client.signal(Signal::INT);
    client.pty.press("still here\r");
    hears(&server, b"still here\n");
    client.pty.press(CTRL_C);
    assert_eq!(client.wait().signal(), Some(2));
}

/// A shell with job control, at whose terminal the client runs in the foreground. When it stops
/// the shell does `meanwhile`, and continues it after a line. Gives the client's process too.
pub(super) fn in_shell(address: &str, pty: &Pty, meanwhile: &str) -> (Running, Pid) {
    let client = r#"sh -c 'echo "pid $$"; exec "$0" connect "$1"' "$0" "$1""#;
    let script = format!(r#"{client}; {meanwhile} echo "stopped $?"; read _; fg; echo "ended $?""#);
    let mut shell = Command::new("setsid");
    shell.args(["--ctty", "sh", "-m", "-c", &script]);
    shell.args([env!("CARGO_BIN_EXE_chinwag"), address]);
    let shell = Running::new(pty.run(&mut shell, false));
    let pid = Cell::new(None);
    pty.wait_until("the client's pid", |rows| {
        let said = rows.iter().find_map(|row| row.strip_prefix("pid "));
        pid.set(
            said.and_then(|said| said.parse().ok())
                .and_then(Pid::from_raw),
        );
        pid.get().is_some()
    });
    (shell, pid.get().unwrap())
}

#[test]
fn a_stop_lends_the_terminal_to_the_shell_and_a_continue_takes_it_again() {
    for is_key in [true, false] {
        let (listener, address) = listener();
        let pty = Pty::new(80);
        let modes = pty.modes();
        let (mut shell, pid) = in_shell(&address, &pty, "");
        let server = accept(&listener);
        pty.wait_for(&["send:"]);
        pty.press("half");
        pty.wait_for(&["send: half"]);
        let edited = pty.modes();
        assert_ne!(edited, modes);
        match is_key {
            true => pty.press(CTRL_Z),
            false => kill_process(pid, Signal::TSTP).unwrap(),
        }
        // 128 and SIGTSTP: what a shell tells of a job that was stopped by it.
        pty.wait_written("stopped 148\r\n");
        assert_eq!(pty.modes(), modes, "stopped; by its key: {is_key}");
        pty.press("\n");
        pty.wait_for(&["send: half"]);
        assert_eq!(pty.modes(), edited, "continued; by its key: {is_key}");
        pty.press(" and whole\r");
        hears(&server, b"half and whole\n");
        pty.press(CTRL_D);
        drop(server);
        pty.wait_written("ended 0\r\n");
        shell.wait();
        assert_eq!(pty.modes(), modes);
    }
}

/// Without a shell that could continue it, the kernel does not stop it, and it goes on.
#[test]
fn a_stop_that_nobody_could_end_does_not_happen() {
    let (listener, address) = listener();
    let pty = Pty::new(80);
    let mut command = Command::new("setsid");
    command.args(["--ctty", env!("CARGO_BIN_EXE_chinwag"), "connect", &address]);
    let _client = Running::new(pty.run(&mut command, false));
    let server = accept(&listener);
    pty.wait_for(&["send:"]);
    let edited = pty.modes();
    pty.press(CTRL_Z);
    pty.wait_written("\x1b[?2004l");
    pty.press("still here\r");
    hears(&server, b"still here\n");
    assert_eq!(pty.modes(), edited);
}

/// SIGSTOP asks nobody; but a shell that has set the terminal for itself meanwhile is no harm.
#[test]
fn a_continue_after_a_plain_stop_takes_the_terminal_again() {
    let (listener, address) = listener();
    let pty = Pty::new(80);
    let modes = pty.modes();
    let (mut shell, pid) = in_shell(&address, &pty, "stty sane;");
    let server = accept(&listener);
    pty.wait_for(&["send:"]);
    let edited = pty.modes();
    kill_process(pid, Signal::STOP).unwrap();
    pty.wait_written("stopped 0\r\n");
    assert_ne!(pty.modes(), edited);
    pty.press("\n");
    until("the terminal is taken again", PATIENCE, || {
        pty.modes() == edited
    });
    pty.press(CTRL_D);
    drop(server);
    pty.wait_written("ended 0\r\n");
    shell.wait();
    assert_eq!(pty.modes(), modes);
}
