//! Line clients that are no `nc`: telnet, terminals that send each key, editors that begin a text
//! with a byte order mark.

use std::process::Command;
use std::time::Duration;

use socket2::SockRef;

use crate::harness::{Server, skipped};
use crate::member::{Member, room};
use crate::peer::Peer;
use crate::pty::InPty;

const IAC: u8 = 255;

/// Types, each key in a segment of its own.
#[track_caller]
fn types(peer: &mut Peer, keys: &str) {
    for key in keys.chars() {
        peer.send(key.to_string());
        peer.all_taken();
    }
}

/// A member, and somebody whose connection says nothing yet.
fn with_stranger(server: &Server) -> (Member, Member) {
    let mut ann = Member::joins(server, "ann");
    let stranger = Member::arrives(server);
    ann.is_told("joined");
    (ann, stranger)
}

#[test]
fn what_is_typed_key_by_key_arrives_whole() {
    let server = room(&[]);
    let (mut ann, mut typist) = with_stranger(&server);
    types(&mut typist.peer, "helo\u{8}lo");
    assert!(!ann.peer.anything_within(Duration::from_millis(500)));
    types(&mut typist.peer, "\r\n");
    ann.hears(&format!("{}: hello", typist.nick));
    // A CR alone is enough, and one may type on at once.
    types(&mut typist.peer, "h\u{e9}\rnext\r");
    ann.hears(&format!("{}: h\u{e9}", typist.nick));
    ann.hears(&format!("{}: next", typist.nick));
}

#[test]
fn what_is_typed_without_a_line_end_arrives_after_two_seconds_and_a_command_never() {
    let server = room(&[]);
    let (mut ann, mut typist) = with_stranger(&server);
    types(&mut typist.peer, "hi");
    ann.hears(&format!("{}: hi", typist.nick));
    types(&mut typist.peer, "/msg ann pin");
    assert!(!ann.peer.anything_within(Duration::from_millis(2500)));
    types(&mut typist.peer, "\r");
    ann.hears(&format!("[{}] pin", typist.nick));
}

#[test]
fn one_read_of_several_characters_shows_a_raw_client_also_behind_a_slash() {
    let server = room(&[]);
    let (_ann, mut bob) = with_stranger(&server);
    bob.peer.send("/");
    bob.peer.all_taken();
    bob.peer.send("who");
    bob.is_told("* 2 here: ");
}

#[test]
fn telnets_negotiations_are_refused_and_heard_by_nobody() {
    let server = room(&[]);
    let (mut ann, mut bob) = with_stranger(&server);
    // What PuTTY offers, cut inside a command.
    bob.peer.send([IAC, 251, 31, IAC, 253]);
    bob.peer.all_taken();
    bob.peer.send([1, IAC, 252, 3, b'h', b'i', b'\r', 0]);
    assert_eq!(bob.peer.exactly(6), [IAC, 254, 31, IAC, 252, 1]);
    ann.hears(&format!("{}: hi", bob.nick));
    // Ctrl-C of Linux' telnet, which then waits for an answer.
    bob.peer.send([IAC, 244, IAC, 253, 6]);
    assert_eq!(bob.peer.exactly(3), [IAC, 252, 6]);
    bob.peer.send("after it\r\n");
    ann.hears(&format!("{}: after it", bob.nick));
}

/// Telnet's SYNCH sends one byte of a command as urgent; so does its Ctrl-C.
#[test]
fn what_is_sent_as_urgent_stands_where_it_was_sent() {
    let server = room(&[]);
    let (mut ann, mut bob) = with_stranger(&server);
    let pieces = [
        (
            b"\xff".as_slice(),
            b"\xf2".as_slice(),
            b"one\n".as_slice(),
            "one",
        ),
        (b"", b"\xff\xf2", b"two\n", "two"),
        (b"", b"\xff", b"\xf2three\n", "three"),
        (b"fo\xff\xf4\xff", b"\xf2", b"ur\n", "four"),
        (b"fi", b"v", b"e\n", "five"),
    ];
    for (before, urgent, after, said) in pieces {
        // All of it lies there when it is read, and then it comes piece by piece.
        for is_at_once in [true, false] {
            if is_at_once {
                server.pause();
            }
            bob.peer.send(before);
            if !is_at_once {
                bob.peer.all_taken();
            }
            let socket = SockRef::from(&bob.peer.stream);
            socket.send_out_of_band(urgent).unwrap();
            if !is_at_once {
                bob.peer.all_taken();
            }
            bob.peer.send(after);
            if is_at_once {
                server.resume();
            }
            ann.hears(&format!("{}: {said}", bob.nick));
        }
    }
    server.does_not_spin();
}

#[test]
fn a_byte_order_mark_makes_no_secret_public() {
    let server = room(&[]);
    let (mut ann, mut bob) = with_stranger(&server);
    bob.peer.send("\u{feff}/msg ann the pin is 42\n");
    ann.hears(&format!("[{}] the pin is 42", bob.nick));
}

#[test]
fn a_cr_ends_a_line_that_goes_no_further() {
    let server = room(&["--framing", "line"]);
    let (mut ann, mut bob) = with_stranger(&server);
    bob.peer.send("old machines\r");
    ann.hears(&format!("{}: old machines", bob.nick));
    bob.peer.send("\nnew ones\r\n");
    ann.hears(&format!("{}: new ones", bob.nick));
}

/// The real one, once it is greeted.
fn telnet(server: &Server) -> Option<InPty> {
    let (host, port) = server.address().rsplit_once(':').unwrap();
    let mut command = Command::new("telnet");
    command.args([host, port]);
    if Command::new("telnet").arg("--version").output().is_err() {
        skipped("telnet itself: it is not installed");
        return None;
    }
    let telnet = InPty::start(80, &mut command);
    telnet.pty.wait_written("/help lists the commands");
    Some(telnet)
}

#[test]
fn telnets_synch_leaves_nothing_in_what_is_said() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let Some(telnet) = telnet(&server) else {
        return;
    };
    telnet.pty.press("\u{1d}");
    telnet.pty.wait_written("telnet> ");
    telnet.pty.press("send synch\r");
    telnet.pty.press("in step\r");
    assert!(ann.next().ends_with(": in step"));
}

/// By lines and by characters.
#[test]
fn telnet_itself_is_understood() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let Some(mut telnet) = telnet(&server) else {
        return;
    };
    telnet.pty.press("hello\r");
    assert!(ann.next().ends_with(": hello"));
    telnet.pty.press("\u{3}");
    telnet.pty.press("not cut\r");
    assert!(ann.next().ends_with(": not cut"));
    telnet.pty.press("\u{1d}");
    telnet.pty.wait_written("telnet> ");
    telnet.pty.press("mode character\r");
    telnet.pty.press("/msg ann pin\r");
    assert!(ann.next().ends_with("] pin"));
    telnet.pty.press("\u{1d}");
    telnet.pty.press("quit\r");
    telnet.wait();
}
