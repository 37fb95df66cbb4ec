//! The status line of `connect` in a room: where it stands, what it says, and that it leaves nothing
//! behind.

use std::io::Write;
use std::net::TcpStream;

use rustix::process::Signal;

use super::room::{person, shows};
use super::signals::in_shell;
use super::{accept, connect, hears, hears_end, listener};
use crate::member::{Member, room};
use crate::pty::{InPty, Pty};

const CTRL_D: &str = "\x04";
const CTRL_L: &str = "\x0c";
const CTRL_Z: &str = "\x1a";

const GREETING: &str = "* you are ann; others here: 1; /help lists the commands\n";
const ANSWERS: &str = "* /who  who is here\n* 2 here: ann, bob\n";
const STATUS: &str = "-- ann in lobby, 2 here: bob";

/// A client that a room of this test's own has greeted.
fn greeted(columns: u16, environment: &[(&str, &str)]) -> (InPty, TcpStream) {
    let (listener, address) = listener();
    let mut command = connect(&address);
    command.env_remove("NO_COLOR");
    command.envs(environment.iter().copied());
    let client = InPty::start(columns, &mut command);
    let server = accept(&listener);
    greets(&server);
    (client, server)
}

fn greets(mut server: &TcpStream) {
    server.write_all(GREETING.as_bytes()).unwrap();
    hears(server, b"/help\n/who\n");
    server.write_all(ANSWERS.as_bytes()).unwrap();
}

fn says(mut server: &TcpStream, text: &str) {
    server.write_all(text.as_bytes()).unwrap();
}

/// How many rows look like a status.
fn count(rows: &[String]) -> usize {
    rows.iter().filter(|row| row.starts_with("-- ")).count()
}

/// The status above the prompt is this one, and there is no other.
#[track_caller]
fn stands(pty: &Pty, status: &str, typed: &str) {
    let last = [status, &format!("send: {typed}")].map(|row| row.trim_end().to_owned());
    let is_there = |rows: &[String]| rows.ends_with(&last) && count(rows) == 1;
    pty.wait_until(&last.join(", "), is_there);
}

#[test]
fn it_follows_who_comes_and_goes() {
    let server = room(&[]);
    let mut bob = Member::joins(&server, "bob");
    let client = person(&server, "ann");
    stands(&client.pty, STATUS, "");
    client.pty.press("half");
    let cat = Member::joins(&server, "李雷");
    stands(&client.pty, "-- ann in lobby, 3 here: bob, 李雷", "half");
    bob.says("hello");
    shows(&client, "bob: hello");
    stands(&client.pty, "-- ann in lobby, 3 here: bob, 李雷", "half");
    assert_eq!(client.pty.cursor().1, 10);
    drop(cat);
    stands(&client.pty, STATUS, "half");
    client.pty.press("\x15/join games\r");
    stands(&client.pty, "-- ann in games, 1 here", "");
}

#[test]
fn who_is_kicked_is_here_no_more() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("operators");
    std::fs::write(&file, "sesame\n").unwrap();
    let server = room(&["--operator-password-file", file.to_str().unwrap()]);
    let _bob = Member::joins(&server, "bob");
    let client = person(&server, "ann");
    stands(&client.pty, STATUS, "");
    client.pty.press("/op sesame\r/ki\tbob\r");
    stands(&client.pty, "-- ann in lobby, 1 here", "");
    shows(&client, "send: /kick bob");
}

#[test]
fn many_lines_go_by_above_it() {
    let (client, server) = greeted(80, &[]);
    let lines: Vec<String> = (0..100).map(|nth| format!("bob: line {nth}\n")).collect();
    for some in lines.chunks(7) {
        says(&server, &some.concat());
        client.pty.press("x");
    }
    shows(&client, "bob: line 99");
    stands(&client.pty, STATUS, &"x".repeat(15));
    client.pty.wait_until("22 lines", |rows| {
        let expected = (78..100).map(|nth| format!("bob: line {nth}"));
        rows.len() == 24 && rows[..22].iter().cloned().eq(expected)
    });
    client.pty.press("\r");
    hears(&server, b"xxxxxxxxxxxxxxx\n");
    client.pty.press(CTRL_L);
    stands(&client.pty, STATUS, "");
    client
        .pty
        .wait_until("a clear screen", |rows| rows.len() == 2);
}

#[test]
fn it_stands_out_unless_colours_are_unwanted() {
    for (environment, stands_out) in [(&[][..], true), (&[("NO_COLOR", "1")][..], false)] {
        let (client, _server) = greeted(80, environment);
        stands(&client.pty, STATUS, "");
        assert_eq!(client.pty.has_written("\x1b[7m"), stands_out);
        assert_eq!(client.pty.has_written("\x1b[0m"), stands_out);
        client.pty.screen(|screen| {
            let (row, column) = screen.cursor_position();
            assert!(!screen.cell(row, column - 2).unwrap().inverse());
        });
    }
}

#[test]
fn a_small_or_dumb_terminal_has_none() {
    for (columns, environment) in [(39, &[][..]), (80, &[("TERM", "dumb")][..])] {
        let (mut client, server) = greeted(columns, environment);
        says(&server, "bob: hello\n");
        client.pty.wait_for(&["bob: hello", "send:"]);
        client.pty.press(CTRL_D);
        hears_end(&server);
        drop(server);
        client.wait();
        assert!(!client.pty.has_written("-- ann"), "{columns} columns");
    }
}

#[test]
fn it_goes_with_the_room_for_it_and_comes_back() {
    let (client, server) = greeted(80, &[]);
    says(&server, "bob: one\nbob: two\nbob: three\n");
    client.pty.press("half");
    stands(&client.pty, STATUS, "half");
    for columns in [39, 120, 50, 39, 80] {
        client.pty.resize(columns);
        client.signal(Signal::WINCH);
        match columns >= 40 {
            true => stands(&client.pty, STATUS, "half"),
            false => client.pty.wait_until("no status", |rows| {
                count(rows) == 0 && rows.last().is_some_and(|row| row == "send: half")
            }),
        }
    }
    // What stood above is still there.
    shows(&client, "bob: two");
}

#[test]
fn a_long_one_is_cut_and_stays_one_row() {
    let (client, server) = greeted(60, &[]);
    for nth in 0..40 {
        says(&server, &format!("* 李雷{nth} joined\n"));
    }
    client.pty.wait_until("a cut one", |rows| {
        let [.., status, prompt] = rows else {
            return false;
        };
        let is_cut = status.starts_with("-- ann in lobby, 42 here: bob, 李雷0");
        is_cut && status.ends_with("...") && count(rows) == 1 && prompt == "send:"
    });
}

#[test]
fn nothing_of_it_is_left_at_the_end() {
    for is_left in [true, false] {
        let (mut client, server) = greeted(80, &[]);
        says(&server, "bob: bye\n");
        shows(&client, "bob: bye");
        stands(&client.pty, STATUS, "");
        if is_left {
            client.pty.press(CTRL_D);
            hears_end(&server);
        }
        drop(server);
        client.wait();
        let last = match is_left {
            true => "bob: bye",
            false => "* the server closed the connection",
        };
        client.pty.wait_until("no status", |rows| {
            count(rows) == 0 && rows.last().is_some_and(|row| row == last)
        });
    }
    // What is half typed stays, as ever.
    let (mut client, _server) = greeted(80, &[]);
    client.pty.press("half");
    stands(&client.pty, STATUS, "half");
    client.signal(Signal::TERM);
    client.wait();
    client.pty.wait_until("no status", |rows| count(rows) == 0);
}

#[test]
fn a_stop_takes_it_away_and_a_continue_shows_it_again() {
    let (listener, address) = listener();
    let pty = Pty::new(80);
    let (mut shell, _) = in_shell(&address, &pty, "");
    let server = accept(&listener);
    greets(&server);
    pty.press("half");
    stands(&pty, STATUS, "half");
    pty.press(CTRL_Z);
    pty.wait_until("the shell alone", |rows| {
        rows.iter().any(|row| row == "stopped 148") && count(rows) == 0
    });
    pty.press("\n");
    stands(&pty, STATUS, "half");
    pty.press("\x15\x04");
    drop(server);
    pty.wait_written("ended 0\r\n");
    shell.wait();
    pty.wait_until("the shell alone", |rows| count(rows) == 0);
}

/// What others are called is all that a status is made of.
#[test]
fn no_name_draws_outside_of_it() {
    let (client, server) = greeted(80, &[]);
    for name in [
        "a\x1b[2Jb",
        "a\u{9b}2Jb",
        "a\u{202E}b",
        "a b",
        "a\u{200B}b",
        "-",
    ] {
        says(
            &server,
            &format!("* {name} joined\n* 3 here: ann, {name}, bob\n"),
        );
    }
    stands(&client.pty, "-- ann in lobby, 3 here: -, bob", "");
    for harmful in ["\x1b[2J", "\u{9b}", "\u{202E}"] {
        assert!(!client.pty.has_written(harmful), "{harmful:?}");
    }
}

#[test]
fn elsewhere_there_is_none() {
    let server = room(&[]);
    let mut bob = Member::joins(&server, "bob");
    let client = InPty::start(80, connect(server.address()).arg("--raw"));
    bob.is_told("guest2 joined");
    bob.says("hello");
    client.pty.wait_for(&["recv: bob: hello", "send:"]);
    let (client, server) = super::person::talking(&[], &[]);
    says(&server, "* you are ann; others here: 1\n");
    let told = "recv: * you are ann; others here: 1";
    client.pty.wait_for(&[told, "send:"]);
}
