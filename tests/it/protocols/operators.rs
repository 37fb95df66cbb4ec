//! Operators: kick, ban and mute as clients of each protocol meet them, and the operators' password.
//! What of it lasts: in `state`.

use std::fs;

use rustix::process::Signal;
use tempfile::NamedTempFile;

use super::irc_client::Irc;
use super::websocket_client::WebSocket;
use crate::harness::{Launch, Server};
use crate::member::Member;
use crate::peer::Peer;

const PASSWORD: &str = "correct horse-Battery7";
const OTHER: &str = "another horse-Battery8";
const WRONG: &str = "incorrect-Staple8";

/// A room whose operators say what is in that file.
pub(super) fn room(password: &str, args: &[&str]) -> (NamedTempFile, Server) {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), format!("{password}\n")).unwrap();
    let path = file.path().to_str().unwrap();
    let server =
        Launch::unnamed()
            .log("trace")
            .args(&["--operator-password-file", path, "--notices", "on"]);
    let server = server.args(args).start();
    (file, server)
}

pub(super) fn becomes_operator(server: &Server, nick: &str, password: &str) -> Member {
    let mut member = Member::joins(server, nick);
    member.says(&format!("/op {password}"));
    member.is_told("you are an operator");
    member
}

/// What a line client that comes now is told to the end.
pub(super) fn comes(server: &Server) -> String {
    String::from_utf8(Peer::connect(server).rest()).unwrap()
}

#[track_caller]
fn is_closed_because(page: &mut WebSocket, why: &str) {
    loop {
        match page.next_frame().expect("a close frame") {
            (8, payload) => {
                assert_eq!(payload[..2], 1008_u16.to_be_bytes());
                assert_eq!(String::from_utf8_lossy(&payload[2..]), why);
                return;
            }
            (opcode, _) => assert_eq!(opcode, 1),
        }
    }
}

#[test]
fn a_kick_is_told_to_all_in_their_own_way() {
    let (_file, server) = room(PASSWORD, &[]);
    let address = server.address();
    let mut ann = becomes_operator(&server, "ann", PASSWORD);
    let mut bob = Member::joins(&server, "bob");
    let mut page = WebSocket::named(address, "page");
    let mut cat = Irc::joins(address, "cat");
    let mut dog = Irc::joins(address, "dog");
    ann.says("/kick bob be nice");
    bob.is_told("ann kicked bob: be nice");
    bob.is_told("kicked by ann: be nice");
    assert_eq!(bob.peer.rest(), b"");
    assert_eq!(page.until("notice")["text"], "ann kicked bob: be nice");
    assert_eq!(page.until("left")["name"], "bob");
    assert_eq!(
        cat.until("KICK"),
        ":ann!ann@chinwag KICK #lobby bob :be nice"
    );
    ann.says("/kick page");
    is_closed_because(&mut page, "kicked by ann");
    ann.says("/kick cat bye");
    assert_eq!(
        cat.until("KICK #lobby cat"),
        ":ann!ann@chinwag KICK #lobby cat :bye"
    );
    assert_eq!(cat.until("ERROR"), "ERROR :kicked by ann: bye");
    assert_eq!(cat.next_line(), None);
    // An operator of IRC, by its own command.
    dog.sends(&format!("OPER dog :{PASSWORD}"));
    dog.until(" 381 ");
    let mut eve = Member::joins(&server, "eve");
    dog.sends("KICK #lobby eve :you too");
    eve.is_told("kicked by dog: you too");
    let log = server.stderr().wait_for("operator dog");
    assert!(log.contains("operator ann (from 127.0.0.1) kicked bob: be nice (from 127.0.0.1)"));
    assert!(!log.contains("horse-Battery7"), "{log}");
}

#[test]
fn a_ban_ends_who_is_here_and_keeps_all_from_there_out() {
    let (_file, server) = room(PASSWORD, &[]);
    let address = server.address();
    let mut ann = becomes_operator(&server, "ann", PASSWORD);
    let mut bob = Member::joins(&server, "bob");
    let mut eve = Member::joins(&server, "eve");
    ann.says("/ban bob 2h");
    bob.is_told("you are banned");
    assert_eq!(bob.peer.rest(), b"");
    eve.is_told("ann banned bob for 2h");
    // All come from this address here, the operator too.
    assert_eq!(comes(&server), "* you are banned\n");
    is_closed_because(&mut WebSocket::open(address, "/ws"), "you are banned");
    let mut irc = Irc::to(address);
    irc.sends("NICK x");
    assert!(irc.line().contains(" 465 * :you are banned"));
    assert_eq!(irc.line(), "ERROR :you are banned");
    ann.says("/bans");
    let told = ann.is_told("s left");
    assert!(told.starts_with("* bob (127.0.0.1): "), "{told}");
    ann.says("/unban bob");
    ann.is_told("ann lifted the ban of bob");
    let mut bob = Member::joins(&server, "bob");
    // By address: those that are here go, operators apart.
    ann.says("/ban 127.0.0.1");
    for member in [&mut bob, &mut eve] {
        member.is_told("you are banned");
    }
    assert_eq!(comes(&server), "* you are banned\n");
    ann.says("/unban 127.0.0.1");
    ann.is_told("ann lifted the ban of 127.0.0.1");
    Member::joins(&server, "bob");
}

#[test]
fn three_wrong_passwords_close_and_none_is_in_the_log() {
    let (_file, server) = room(PASSWORD, &[]);
    let mut ann = Member::joins(&server, "ann");
    for _ in 0..3 {
        let mut bob = Member::joins(&server, "bob");
        for _ in 0..3 {
            bob.says(&format!("/op {WRONG}"));
            bob.is_told("wrong password");
        }
        bob.is_told("too many wrong passwords");
        assert!(bob.peer.rest().is_empty());
    }
    ann.says("/kick bob");
    ann.is_told("only an operator may do that");
    let log = server
        .stderr()
        .wait_for("4 more wrong operators' passwords");
    let each = "bob (from 127.0.0.1) has said a wrong operators' password";
    assert_eq!(log.matches(each).count(), 5);
    assert!(!log.contains(WRONG) && !log.contains("Battery7"), "{log}");
}

#[test]
fn another_operators_password_is_taken_at_sighup() {
    let (file, server) = room(PASSWORD, &[]);
    let mut ann = becomes_operator(&server, "ann", PASSWORD);
    fs::write(file.path(), format!("{OTHER}\n")).unwrap();
    server.signal(Signal::HUP);
    server
        .stderr()
        .wait_for("the operators' password is read anew");
    let mut bob = Member::joins(&server, "bob");
    bob.says(&format!("/op {PASSWORD}"));
    bob.is_told("wrong password");
    becomes_operator(&server, "eve", OTHER);
    // Who is one stays one.
    ann.says("/kick bob");
    bob.is_told("kicked by ann");
    fs::write(file.path(), " \n").unwrap();
    server.signal(Signal::HUP);
    let log = server.stderr().wait_for("what was there before stays");
    assert!(log.contains("--operator-password-file"), "{log}");
    becomes_operator(&server, "dog", OTHER);
}
