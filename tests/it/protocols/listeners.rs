//! Each protocol on a listener of its own, unix sockets too; all of them lead into one room.

use std::io::{Read, Write};

use super::http_client::Answer;
use super::irc_client::Irc;
use super::websocket_client::WebSocket;
use super::{bare, line_member, listen};
use crate::harness::{Launch, program};
use crate::peer::unix;

#[test]
fn each_speaks_its_own_and_all_are_one_room() {
    let server = listen(&["lines:", "http:", "irc:", "auto:"], &[]);
    for (address, prefix) in server
        .addresses
        .iter()
        .zip(["lines:", "http:", "irc:", "auto:"])
    {
        assert!(
            address.starts_with(&format!("{prefix}127.0.0.1:")),
            "{address}"
        );
    }
    let mut ann = line_member(&server, 0, "ann");
    let mut bob = WebSocket::named(bare(&server, 1), "bob");
    let mut eve = Irc::joins(bare(&server, 2), "eve");
    let mut joe = line_member(&server, 3, "joe");
    ann.says("hello");
    assert_eq!(bob.talk()["text"], "hello");
    assert_eq!(eve.hears().2, "hello");
    joe.hears("ann: hello");
    bob.says("from a page");
    eve.until(":from a page");
    eve.says("from irc");
    for member in [&mut ann, &mut joe] {
        member.hears("bob: from a page");
        member.hears("eve: from irc");
    }
}

#[test]
fn a_unix_socket_has_them_too() {
    let folder = tempfile::tempdir().unwrap();
    let at =
        |prefix: &str, name: &str| format!("{prefix}unix:{}", folder.path().join(name).display());
    let addresses = [
        at("http:", "h"),
        at("irc:", "i"),
        at("auto:", "a"),
        at("", "n"),
    ];
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let server = Launch::unnamed().listen(&addresses).start();
    assert_eq!(server.addresses, addresses);
    for address in [addresses[0], addresses[2], addresses[3]] {
        let mut client = unix(
            address
                .trim_start_matches("http:")
                .trim_start_matches("auto:"),
        );
        client
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            .unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert_eq!(Answer::of(&answer).text(), "ok\n", "{address}");
    }
    for (address, nick) in [(addresses[1], "ann"), (addresses[2], "bob")] {
        let mut client = unix(
            address
                .trim_start_matches("irc:")
                .trim_start_matches("auto:"),
        );
        write!(client, "NICK {nick}\r\nUSER a 0 * :A\r\nQUIT\r\n").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(&format!(" 001 {nick} ")), "{answer}");
    }
}

#[test]
fn an_irc_listener_greets_nobody_unasked_and_takes_any_opening_for_irc() {
    let server = listen(&["irc:"], &[]);
    let mut silent = Irc::to(bare(&server, 0));
    assert!(
        !silent
            .peer
            .anything_within(std::time::Duration::from_millis(400))
    );
    silent.sends("nick ann");
    silent.sends(":ignored user a 0 * :A");
    silent.until(" 001 ann ");
    let mut other = Irc::to(bare(&server, 0));
    other.sends("HELLO there");
    other.until_any(&[" 421 ", " 451 "]);
    // A browser that has come to the wrong port is no member, whatever is answered to it.
    let mut browser = Irc::to(bare(&server, 0));
    browser.peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    browser.peer.half_close();
    browser.peer.until_gone();
}

#[test]
fn what_cannot_be_listened_on_is_wrong_usage() {
    for (address, words) in [
        ("gopher:127.0.0.1:0", "gopher"),
        ("https:127.0.0.1:0", "certificate"),
        ("ircs:127.0.0.1:0", "certificate"),
        ("tls:127.0.0.1:0", "certificate"),
    ] {
        let output = std::process::Command::new(program())
            .args(["serve", "-l", address])
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{address}: {told}");
        assert!(told.contains(words), "{address}: {told}");
    }
}
