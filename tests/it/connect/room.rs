//! `connect` in a room, and where there is none: what stands before arrivals, what Tab completes, and
//! what the server is sent.

use std::io::Write;

use super::person::talking;
use super::{connect, hears};
use crate::child::PATIENCE;
use crate::harness::{Launch, Server, until};
use crate::member::{Member, room};
use crate::pty::InPty;

const CTRL_D: &str = "\x04";
const CTRL_U: &str = "\x15";
const TAB: &str = "\t";

const GREETING: &str = "* you are ann; others here: 1; /help lists the commands\n";

/// A client on a terminal that is greeted by a room, and called `nick`.
pub(super) fn person(server: &Server, nick: &str) -> InPty {
    let client = InPty::start(80, connect(server.address()).env_remove("NO_COLOR"));
    let greeted = |rows: &[String]| rows.iter().any(|row| row.contains("/help lists"));
    client.pty.wait_until("the greeting", greeted);
    client.pty.press(&format!("/nick {nick}\r"));
    let named = format!("* you are now {nick}");
    shows(&client, &named);
    client
}

#[track_caller]
pub(super) fn shows(client: &InPty, row: &str) {
    let is_shown = |rows: &[String]| rows.iter().any(|shown| shown == row);
    client.pty.wait_until(row, is_shown);
}

/// Whether `typed`, and Tab, become the line `expected`; more than one Tab if the names are not there
/// yet.
#[track_caller]
pub(super) fn completes(client: &InPty, typed: &str, expected: &str) {
    client.pty.press(CTRL_U);
    client.pty.press(typed);
    let row = format!("send: {expected}");
    until(expected, PATIENCE, || {
        client.pty.press(TAB);
        client.pty.last_row().trim_end() == row.trim_end()
    });
    client.pty.press(CTRL_U);
}

#[test]
fn in_a_room_arrivals_stand_as_they_are() {
    let server = room(&[]);
    let mut bob = Member::joins(&server, "bob");
    let client = person(&server, "ann");
    bob.says("hello");
    shows(&client, "bob: hello");
    client.pty.press("/who\r");
    shows(&client, "* 2 here: bob, ann");
    client.pty.press("/help\r");
    shows(&client, "* //TEXT          say /TEXT");
    client.pty.screen(|screen| {
        let contents = screen.contents();
        assert!(!contents.contains("recv:"), "{contents}");
        // What the client has asked by itself was answered too.
        for once in ["* 2 here:", "* //TEXT"] {
            assert_eq!(contents.matches(once).count(), 1, "{contents}");
        }
    });
}

#[test]
fn names_are_completed_and_follow_those_who_come_and_go() {
    let server = room(&[]);
    // They are there before, and say nothing.
    let _bob = Member::joins(&server, "bob");
    let mut zoe = Member::joins(&server, "李雷");
    let client = person(&server, "ann");
    completes(&client, "B", "bob:");
    completes(&client, "well, b", "well, bob");
    completes(&client, "/msg 李", "/msg 李雷");
    zoe.renames("Zoë");
    completes(&client, "z", "Zoë:");
    zoe.says("/join games");
    shows(&client, "* Zoë left");
    client.pty.press("z\tx");
    client.pty.wait_for(&["send: zx"]);
    let _bobby = Member::joins(&server, "bobby");
    shows(&client, "* guest4 is now bobby");
    completes(&client, "bobb", "bobby:");
    client.pty.press("bo\t\t");
    shows(&client, "bob  bobby");
    client.pty.wait_for(&["send: bob"]);
    client.pty.press(CTRL_U);
    client.pty.press("/join games\r");
    shows(&client, "* you are in games; others here: 1");
    completes(&client, "z", "Zoë:");
    client.pty.press("bo\tx");
    client.pty.wait_for(&["send: box"]);
}

#[test]
fn in_a_crowd_the_names_are_fetched_when_they_are_wanted() {
    let server = room(&[]);
    let mut crowd: Vec<Member> = (0..50).map(|_| Member::arrives(&server)).collect();
    let client = person(&server, "ann");
    let late = Member::joins(&server, "late");
    let is_told = |rows: &[String]| rows.iter().any(|row| row.ends_with("; 52 are here"));
    client.pty.wait_until("a sum", is_told);
    completes(&client, "la", "late:");
    drop((late, crowd.pop()));
}

#[test]
fn commands_are_those_that_the_server_offers() {
    let server = room(&[]);
    let client = person(&server, "ann");
    completes(&client, "/ro", "/rooms");
    completes(&client, "/ig", "/ignore");
    let (client, server) = talking(&[], &[]);
    let told = "* /dance WITH  dance\n* /who        who is here\n* 1 here: ann\n";
    (&server).write_all(GREETING.as_bytes()).unwrap();
    hears(&server, b"/help\n/who\n");
    (&server).write_all(told.as_bytes()).unwrap();
    completes(&client, "/d", "/dance");
    client.pty.press("/m\tx");
    client.pty.wait_for(&["send: /mx"]);
}

/// Not one byte goes to a server that is no room but those that were typed.
#[test]
fn a_server_that_is_no_room_is_asked_nothing() {
    for welcome in [
        "* you are guest; others here: 3\n",
        "* welcome; /help lists the commands\n* 3 here: ann, bob\n",
        "\n",
    ] {
        let (client, server) = talking(&[], &[]);
        (&server).write_all(welcome.as_bytes()).unwrap();
        let first = welcome.lines().next().unwrap();
        shows(&client, format!("recv: {first}").trim_end());
        client.pty.press("x\ty\t\rsecond\r");
        hears(&server, b"xy\nsecond\n");
        client.pty.press(CTRL_D);
        super::hears_end(&server);
    }
}

#[test]
fn an_echo_of_a_greeting_makes_no_room() {
    let server = Launch::new("echo").start();
    let client = InPty::start(80, &mut connect(server.address()));
    client.pty.wait_for(&["send:"]);
    client.pty.press(&format!("{}\r", GREETING.trim_end()));
    client.pty.press("more\r");
    shows(&client, "recv: more");
    shows(&client, &format!("recv: {}", GREETING.trim_end()));
    assert!(!client.pty.has_written("/who"));
}

#[test]
fn raw_arrivals_keep_their_mark_in_a_room_too() {
    let server = room(&[]);
    let mut bob = Member::joins(&server, "bob");
    let client = InPty::start(80, connect(server.address()).arg("--raw"));
    shows(
        &client,
        "recv: * you are guest2; others here: 1; /help lists the commands",
    );
    bob.says("hello");
    shows(&client, "recv: bob: hello");
    client.pty.press("b\tx");
    client.pty.wait_for(&["send: bx"]);
}

#[test]
fn before_the_password_a_room_is_one_too() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("password");
    std::fs::write(&file, "sesame\n").unwrap();
    let server = room(&["--password-file", file.to_str().unwrap()]);
    let client = InPty::start(80, &mut connect(server.address()));
    shows(&client, "* this room has a password: /pass PASSWORD");
    completes(&client, "/p", "/pass");
    client.pty.press("/pass sesame\r");
    shows(
        &client,
        "* you are guest1; others here: 0; /help lists the commands",
    );
    completes(&client, "/ro", "/rooms");
}
