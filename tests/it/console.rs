//! `serve console`: what clients say is printed; lines typed at the server answer them, in turn.
//! Scripts on a pipe here; a person at a terminal in `terminal`.

use std::fs::File;
use std::io::Write;
use std::process::Stdio;

use tempfile::NamedTempFile;

use crate::harness::{Launch, PATIENCE, Server, until};
use crate::peer::Peer;

/// A console with a pipe to type into.
fn console() -> Server {
    Launch::new("console").stdin(Stdio::piped()).start()
}

fn script(text: &str) -> File {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.reopen().unwrap()
}

/// Connects and says something, and waits until it was printed: the order is then certain.
#[track_caller]
fn arrives(server: &Server, number: usize, text: &str) -> Peer {
    let mut peer = Peer::connect(server);
    speaks(server, &mut peer, number, text);
    peer
}

#[track_caller]
fn speaks(server: &Server, peer: &mut Peer, number: usize, text: &str) {
    let line = format!("recv [{number}] {text}\n");
    let before = server.stdout().text().matches(&line).count();
    peer.send(text);
    server
        .stdout()
        .wait(&line, |t| t.matches(&line).count() > before);
}

#[test]
fn the_tutorials_clients_are_answered_in_turn() {
    let mut server = console();
    let mut ann = arrives(&server, 1, "hello from ann");
    let mut bob = arrives(&server, 2, "hello from bob");
    server.types("hello ann\n");
    assert_eq!(ann.recv(), "hello ann");
    server.types("hello bob\n");
    assert_eq!(bob.recv(), "hello bob");
    for round in 0..3 {
        speaks(&server, &mut bob, 2, &format!("bob {round}"));
        speaks(&server, &mut ann, 1, &format!("ann {round}"));
        server.types(&format!("to bob {round}\nto ann {round}\n"));
        assert_eq!(bob.recv(), format!("to bob {round}"));
        assert_eq!(ann.recv(), format!("to ann {round}"));
    }
    // The person enters nothing: the client closes.
    drop(ann);
    server.stdout().wait("that 1 left", |t| {
        t.lines().any(|l| l.contains("[1]") && l.contains("left"))
    });
    speaks(&server, &mut bob, 2, "still here");
    server.types("good\n");
    assert_eq!(bob.recv(), "good");
}

#[test]
fn the_longest_waiting_is_answered_and_each_message_is_worth_one() {
    let mut server = console();
    let mut ann = arrives(&server, 1, "a1");
    let mut bob = arrives(&server, 2, "b1");
    speaks(&server, &mut ann, 1, "a2");
    server.types("one\ntwo\nthree\nfour\n");
    assert_eq!(bob.exactly(3), b"two");
    assert_eq!(ann.exactly(8), b"onethree");
    // The fourth line was held for the next message.
    speaks(&server, &mut bob, 2, "b2");
    assert_eq!(bob.exactly(4), b"four");
}

#[test]
fn who_left_is_not_waited_for() {
    let mut server = console();
    let mut gone = arrives(&server, 1, "bye");
    let mut bob = arrives(&server, 2, "hello");
    gone.send("and more");
    server.stdout().wait_for("and more");
    drop(gone);
    server.stdout().wait_for("left");
    server.types("for bob\n");
    assert_eq!(bob.recv(), "for bob");
}

/// Its end means that it has left, but what it is owed it still gets.
#[test]
fn a_half_closed_client_gets_the_answer_that_was_held_for_it() {
    let server = Launch::new("console")
        .stdin(script("answer one\nanswer two\nand more\n/who\n"))
        .start();
    // By then the answers are held.
    server.stdout().wait_for("nobody is here");
    server.pause();
    let mut peer = Peer::connect(&server);
    peer.send("a question");
    peer.half_close();
    server.resume();
    assert_eq!(peer.rest(), b"answer one");
    server.stdout().wait_for("left");
    let mut other = arrives(&server, 2, "the next");
    assert_eq!(other.recv(), "answer two");
}

/// As `printf question | nc -N` does: its question is worth an answer, whenever that comes.
#[test]
fn a_half_closed_client_is_answered_before_it_is_let_go() {
    let mut server = console();
    let mut asks = arrives(&server, 1, "a question");
    asks.half_close();
    server.stdout().wait_for("[1] left");
    let mut bob = arrives(&server, 2, "hello");
    server.types("the answer\nfor bob\n");
    assert_eq!(asks.rest(), b"the answer");
    assert_eq!(bob.recv(), "for bob");
}

/// One that has closed altogether looks the same, until it is sent something.
#[test]
fn who_had_closed_eats_no_answer() {
    let mut server = console();
    drop(arrives(&server, 1, "a question"));
    server.stdout().wait_for("[1] left");
    server.types("for bob\n");
    let mut bob = arrives(&server, 2, "hello");
    assert_eq!(bob.recv(), "for bob");
}

/// One that is gone altogether is found out, though nothing is read from it any more.
#[test]
fn who_ended_and_then_broke_is_not_answered() {
    let console = Launch::new("console").stdin(Stdio::piped()).log("debug");
    let mut server = console.start();
    let gone = arrives(&server, 1, "a question");
    gone.half_close();
    server.stdout().wait_for("[1] left");
    gone.reset();
    server.stderr().wait_for("is gone");
    server.types("for bob\n");
    let mut bob = arrives(&server, 2, "hello");
    assert_eq!(bob.recv(), "for bob");
}

/// More than is taken without an answer, and a reset, in one event: no other comes.
#[test]
fn who_broke_off_while_too_much_was_unanswered_is_not_answered() {
    let console = Launch::new("console").stdin(Stdio::piped()).log("debug");
    let mut server = console.args(&["--max-message", "100"]).start();
    server.pause();
    let mut gone = Peer::connect(&server);
    gone.send(vec![b'?'; 400_000]);
    gone.reset();
    server.resume();
    server.stderr().wait_for("is gone");
    server.types("for bob\n");
    let mut bob = arrives(&server, 2, "hello");
    assert_eq!(bob.recv(), "for bob");
}

#[test]
fn an_answer_ends_as_the_clients_messages_do() {
    let mut server = console();
    let mut raw = arrives(&server, 1, "raw");
    let mut lines = Peer::connect(&server);
    lines.send("line\n");
    server.stdout().wait_for("recv [2] line\n");
    server.types("first\nsecond\n");
    assert_eq!(raw.recv(), "first");
    assert_eq!(lines.recv(), "second\n");
}

#[test]
fn a_script_is_used_up_and_the_server_ends() {
    let script = script("one\ntwo\nthree\n");
    let mut server = Launch::new("console").stdin(script).start();
    let mut ann = Peer::connect(&server);
    for expected in ["one", "two"] {
        ann.send("next?");
        assert_eq!(ann.recv(), expected);
    }
    assert!(server.is_running(), "an answer is still held");
    let mut bob = Peer::connect(&server);
    bob.send("and me?");
    assert_eq!(bob.recv(), "three");
    assert_eq!(bob.rest(), b"");
    assert_eq!(ann.rest(), b"");
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn messages_are_what_one_receive_returns() {
    let server = console();
    let mut peer = Peer::connect(&server);
    server.pause();
    peer.send(vec![b'a'; 1500]);
    server.resume();
    let (first, second) = ("a".repeat(1024), "a".repeat(476));
    let said = server.stdout().wait_for(&format!("recv [1] {second}\n"));
    assert!(said.contains(&format!("recv [1] {first}\nrecv [1] {second}\n")));
}

/// A pasted paragraph is shown as it was, though it is longer than a message.
#[test]
fn a_message_is_cut_between_two_characters() {
    let server = console();
    let mut peer = Peer::connect(&server);
    let pasted = format!("a{}", "\u{4f60}".repeat(700));
    server.pause();
    peer.send(&pasted);
    server.resume();
    let said = server.stdout().wait("all of it", |said| {
        said.matches('\u{4f60}').count() == 700 && said.ends_with('\n')
    });
    let shown: String = said
        .lines()
        .filter_map(|line| line.strip_prefix("recv [1] "))
        .collect();
    assert_eq!(shown, pasted);
}

#[test]
fn what_clients_send_cannot_drive_the_terminal() {
    let server = console();
    let mut peer = Peer::connect(&server);
    peer.send(b"a\x1b[2Jb\x07c\x00d\x7fe\xc2\x9bf\xffg\rh");
    let said = server.stdout().wait("the message", |t| {
        t.lines()
            .any(|l| l.starts_with("recv [1] a") && l.ends_with('h'))
    });
    let harmful = |c: char| c.is_control() && c != '\n';
    assert!(!said.contains(harmful), "{said:?}");
    for letter in "abcdefgh".chars() {
        assert!(said.contains(letter), "{letter} is missing: {said:?}");
    }
}

/// A message with newlines inside must not pass for somebody else's.
#[test]
fn a_message_cannot_pretend_to_be_another() {
    let server = console();
    let mut peer = Peer::connect(&server);
    peer.send("hi\nrecv [7] forged\nend");
    let said = server.stdout().wait_for("end");
    assert!(!said.lines().any(|l| l.starts_with("recv [7]")), "{said:?}");
}

#[test]
fn to_and_all_speak_unasked() {
    let mut server = console();
    let mut ann = arrives(&server, 1, "hi");
    let mut bob = arrives(&server, 2, "hi");
    server.types("/to 2 psst\n");
    assert_eq!(bob.recv(), "psst");
    server.types("/all everyone\n");
    assert_eq!(ann.recv(), "everyone");
    assert_eq!(bob.recv(), "everyone");
    // Unasked words are not answers: both still wait, ann the longest.
    server.types("answer ann\nanswer bob\n");
    assert_eq!(ann.recv(), "answer ann");
    assert_eq!(bob.recv(), "answer bob");
}

#[test]
fn close_hangs_up_on_one() {
    let mut server = console();
    let mut ann = arrives(&server, 1, "hi");
    let mut bob = arrives(&server, 2, "hi");
    server.types("/close 1\n");
    assert_eq!(ann.rest(), b"");
    server.types("for bob\n");
    assert_eq!(bob.recv(), "for bob");
}

#[test]
fn who_lists_those_who_are_there() {
    let mut server = console();
    let _ann = arrives(&server, 1, "hi");
    let bob = arrives(&server, 2, "hi");
    let _cy = arrives(&server, 3, "hi");
    drop(bob);
    server.stdout().wait_for("left");
    let before = server.stdout().text().len();
    server.types("/who\n");
    let said = server.stdout().wait("two of them", |t| {
        let listed = &t[before..];
        listed.contains("[1]") && listed.contains("[3]")
    });
    assert!(!said[before..].contains("[2]"), "{said:?}");
}

#[test]
fn quit_ends_the_server_with_a_clean_end_for_all() {
    let mut server = console();
    let mut ann = arrives(&server, 1, "hi");
    let mut bob = arrives(&server, 2, "hi");
    server.types("see you\n/quit\n");
    assert_eq!(ann.rest(), b"see you");
    assert_eq!(bob.rest(), b"");
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn commands_about_nobody_do_no_harm() {
    let mut server = console();
    let mut ann = arrives(&server, 1, "hi");
    server.types("/to 99 x\n/close 99\n/to\n/close x\n/nonsense\n/to 1\n");
    server.types("hello\n");
    until("ann is answered", PATIENCE, || {
        ann.recv().ends_with("hello")
    });
    assert!(server.is_running());
}

#[test]
fn a_client_that_leaves_without_a_word_is_told() {
    let server = console();
    drop(Peer::connect(&server));
    let mut second = Peer::connect(&server);
    second.send("hello");
    let said = server.stdout().wait_for("recv [2] hello\n");
    assert!(
        said.lines()
            .any(|l| l.contains("[1]") && l.contains("left"))
    );
    drop(second);
    server.stdout().wait("2 left", |t| {
        t.lines().any(|l| l.contains("[2]") && l.contains("left"))
    });
}
