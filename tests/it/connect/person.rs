//! `connect` in a terminal: what a person types, sees and leaves behind.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Stdio;

use rustix::process::Signal;

use super::{accept, connect, hears, hears_end, listener, reset};
use crate::child::{Running, within};
use crate::pty::{InPty, Pty};

const CTRL_D: &str = "\x04";
const CTRL_U: &str = "\x15";
const LEFT: &str = "\x1b[D";
const UP: &str = "\x1b[A";
const BACKSPACE: &str = "\x7f";

const CLOSED: &str = "* the server closed the connection";

/// A client whose prompt is there, and the server's end.
pub(super) fn talking(arguments: &[&str], environment: &[(&str, &str)]) -> (InPty, TcpStream) {
    let (listener, address) = listener();
    let mut command = connect(&address);
    command.args(arguments).env_remove("NO_COLOR");
    command.envs(environment.iter().copied());
    let client = InPty::start(80, &mut command);
    let server = accept(&listener);
    client.pty.wait_for(&["send:"]);
    (client, server)
}

fn says(mut server: &TcpStream, text: &str) {
    server.write_all(text.as_bytes()).unwrap();
}

#[test]
fn arrivals_stand_above_what_is_half_typed() {
    let (client, server) = talking(&[], &[]);
    client.pty.press("half");
    client.pty.wait_for(&["send: half"]);
    says(&server, "hello\r\nthere\n");
    client
        .pty
        .wait_for(&["recv: hello", "recv: there", "send: half"]);
    assert_eq!(client.pty.cursor(), (2, 10));
    client.pty.press(" and whole\r");
    hears(&server, b"half and whole\n");
    client.pty.wait_for(&["send: half and whole", "send:"]);
}

#[test]
fn wide_characters_are_edited_as_one_sees_them() {
    let (client, server) = talking(&[], &[]);
    client.pty.press("你好👩\u{200D}🚀世界");
    client.pty.press(&LEFT.repeat(2));
    client.pty.press(BACKSPACE);
    client.pty.wait_for(&["send: 你好世界"]);
    client.pty.press("x\r");
    hears(&server, "你好x世界\n".as_bytes());
    client.pty.press("你好");
    client.pty.press(LEFT);
    client.pty.press("é");
    client.pty.wait_for(&["send: 你é好"]);
    assert_eq!(client.pty.cursor().1, 9);
}

#[test]
fn history_and_commands_are_at_hand() {
    let (client, server) = talking(&[], &[]);
    client.pty.press("first\rsecond\r");
    client.pty.press(&UP.repeat(2));
    client
        .pty
        .wait_for(&["send: first", "send: second", "send: first"]);
    client.pty.press(CTRL_U);
    client.pty.press("/m\t");
    client.pty.wait_for(&["/me  /msg", "send: /m"]);
    client.pty.press("s\tann hi\r");
    hears(&server, b"first\nsecond\n/msg ann hi\n");
}

#[test]
fn what_has_no_newline_is_shown_too() {
    let (client, server) = talking(&["--raw"], &[]);
    client.pty.press("hi\r");
    hears(&server, b"hi");
    says(&server, "thank you !");
    client.pty.wait_for(&["recv: thank you !", "send:"]);
    // The rest of the line is one of its own, its mere end is not.
    says(&server, "\nand\n");
    client
        .pty
        .wait_for(&["recv: thank you !", "recv: and", "send:"]);
    client.pty.press(CTRL_D);
    hears_end(&server);
}

#[test]
fn a_server_that_closes_ends_it_while_one_types() {
    let (mut client, server) = talking(&[], &[]);
    client.pty.press("half");
    client.pty.wait_for(&["send: half"]);
    says(&server, "bye");
    drop(server);
    assert_eq!(client.wait().code(), Some(0));
    // What was not sent does not stay, as if it had been.
    client.pty.wait_for(&["recv: bye", CLOSED]);
}

#[test]
fn an_empty_line_or_ctrl_d_leaves_and_what_is_owed_is_shown() {
    for leave in ["\r", CTRL_D] {
        let (mut client, server) = talking(&[], &[]);
        client.pty.press("last words\r");
        client.pty.press(leave);
        hears(&server, b"last words\n");
        hears_end(&server);
        says(&server, "one\n");
        client.pty.wait_written("recv: one");
        // Nothing is read any more, but the end has not come.
        client.pty.press("unheard\r");
        says(&server, "two");
        drop(server);
        assert_eq!(client.wait().code(), Some(0));
        client.pty.wait_for(&["recv: one", "recv: two"]);
    }
}

#[test]
fn who_leaves_does_not_wait_for_ever() {
    let (mut client, server) = talking(&[], &[]);
    client.pty.press(CTRL_D);
    hears_end(&server);
    assert_eq!(client.wait().code(), Some(0));
}

#[test]
fn a_reset_gives_the_terminal_back_and_is_told() {
    let (mut client, server) = talking(&[], &[]);
    client.pty.press("half");
    client.pty.wait_for(&["send: half"]);
    reset(server);
    assert_eq!(client.wait().code(), Some(1));
    client.pty.wait_until(
        "one line",
        |rows| matches!(rows, [told] if told.starts_with("chinwag: talk to 127.0.0.1:")),
    );
}

#[test]
fn nobody_drives_ones_terminal() {
    let (client, server) = talking(&[], &[]);
    says(&server, "a\x1b[2J\x1b]0;title\x07\u{9b}H\u{202E}b\n");
    (&server).write_all(b"\xff\xfe\x00\n").unwrap();
    client
        .pty
        .wait_until("three rows", |rows| rows.len() == 3 && rows[2] == "send:");
    // The emulator shows no U+FFFD, so it is not asked.
    for shown in [
        "recv: a\u{FFFD}[2J\u{FFFD}]0;title\u{FFFD}\u{FFFD}H\u{FFFD}b\r\n",
        "recv: \u{FFFD}\u{FFFD}\u{FFFD}\r\n",
    ] {
        assert!(client.pty.has_written(shown));
    }
    for harmful in ["\x1b[2J", "\x1b]", "\x07", "\u{9b}", "\u{202E}"] {
        assert!(!client.pty.has_written(harmful), "{harmful:?}");
    }
}

#[test]
fn a_line_that_names_one_stands_out_unless_colours_are_unwanted() {
    for (environment, stands_out) in [(&[][..], true), (&[("NO_COLOR", "1")][..], false)] {
        let (client, server) = talking(&[], environment);
        says(&server, "* you are ann; others here: 1\nbob: hi\n");
        client.pty.wait_for(&["recv: bob: hi", "send:"]);
        assert!(!client.pty.has_written("\x07"));
        says(&server, "bob: ann?\n");
        client.pty.wait_for(&["recv: bob: ann?", "send:"]);
        assert_eq!(client.pty.has_written("\x07"), stands_out);
        assert_eq!(client.pty.has_written("\x1b[1m"), stands_out);
    }
}

#[test]
fn a_pasted_empty_line_does_not_leave() {
    let (client, server) = talking(&[], &[]);
    client.pty.press("\x1b[200~one\r\rtwo\x1b[201~");
    client.pty.wait_for(&["send: one", "send: two"]);
    client.pty.press("\r");
    hears(&server, b"one\ntwo\n");
}

#[test]
fn a_narrower_terminal_shows_the_end_of_the_line() {
    let (client, _server) = talking(&[], &[]);
    client.pty.press(&"0123456789".repeat(5));
    let whole = format!("send: {}", "0123456789".repeat(5));
    client.pty.wait_for(&[&whole]);
    client.pty.resize(20);
    client.signal(Signal::WINCH);
    client.pty.wait_for(&["send: 7890123456789"]);
}

#[test]
fn a_server_that_does_not_read_costs_a_bounded_queue() {
    let (listener, address) = listener();
    // What the kernel holds for the two should be little beside the client's own queue.
    let socket = socket2::SockRef::from(&listener);
    socket.set_recv_buffer_size(4096).unwrap();
    let client = InPty::start(80, &mut connect(&address));
    let server = accept(&listener);
    client.pty.wait_for(&["send:"]);
    let lines = format!("{}\r", "x".repeat(2000)).repeat(100);
    for _ in 0..100 {
        client.pty.press(&lines);
        if client
            .pty
            .has_written("* not sent: the server does not read")
        {
            says(&server, "still heard\n");
            client.pty.wait_written("recv: still heard");
            return;
        }
    }
    panic!("20 MB were taken by nobody");
}

#[test]
fn where_stdout_is_no_terminal_there_is_only_text() {
    let (listener, address) = listener();
    let pty = Pty::new(80);
    let modes = pty.modes();
    let mut command = connect(&address);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pty.run(&mut command, true);
    let mut output = child.stdout.take().unwrap();
    let mut running = Running::new(child);
    let server = accept(&listener);
    assert_eq!(pty.modes(), modes);
    pty.press("typed\n");
    hears(&server, b"typed\n");
    says(&server, "* you are ann; others here: 1\nbob: ann?\n");
    server.shutdown(Shutdown::Write).unwrap();
    let shown = within(move || {
        let mut shown = String::new();
        output.read_to_string(&mut shown).map(|_| shown)
    });
    assert_eq!(
        shown.unwrap(),
        format!("recv: * you are ann; others here: 1\nrecv: bob: ann?\n{CLOSED}\n")
    );
    assert_eq!(running.wait().code(), Some(0));
}

/// The terminal edits and echoes; nothing that it might not understand is sent to it.
#[test]
fn a_dumb_terminal_has_its_prompt_and_no_escape_sequence() {
    let (mut client, server) = talking(&[], &[("TERM", "dumb")]);
    assert!(client.pty.modes().contains("ICANON"));
    client.pty.press("helo\x7flo\r");
    hears(&server, b"hello\n");
    client.pty.wait_for(&["send: hello", "send:"]);
    client.pty.press("half");
    client.pty.wait_for(&["send: half"]);
    says(&server, "one\n");
    client.pty.wait_for(&["send: half", "recv: one", "send:"]);
    assert_eq!(client.pty.cursor(), (3, 6));
    client.pty.press(" and whole\r");
    hears(&server, b"half and whole\n");
    client.pty.press(CTRL_D);
    hears_end(&server);
    drop(server);
    assert_eq!(client.wait().code(), Some(0));
    // What comes next begins a row of its own.
    client.pty.wait_written(" and whole\r\nsend: \r\n");
    assert!(!client.pty.has_written("\x1b"));
}
