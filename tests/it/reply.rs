//! `serve reply`: one message, one answer, a clean end; never a reset.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::harness::{Launch, PATIENCE, Server, serial, until};
use crate::peer::Peer;

const THANKS: &[u8] = b"thank you !";

fn reply() -> Server {
    Launch::new("reply").start()
}

#[test]
fn a_message_is_thanked_for_and_the_stream_ends() {
    let server = reply();
    for message in ["hello", "hello\n", "a\nb\nc\n", "\u{e9}", "\0"] {
        let mut peer = Peer::connect(&server);
        peer.send(message);
        assert_eq!(peer.rest(), THANKS, "{message:?}");
    }
}

#[test]
fn the_message_is_logged_and_harmless() {
    let server = reply();
    let mut peer = Peer::connect(&server);
    peer.send("remember \x1b[31mme\x07");
    peer.rest();
    let said = server.stderr().wait_for("remember ");
    assert!(!said.contains(['\x1b', '\x07']), "{said:?}");
}

#[test]
fn a_line_is_logged_as_a_line_and_a_long_one_in_part() {
    let server = Launch::new("reply").args(&["--max-message", "16m"]).start();
    for message in [" its end\r\n".to_owned(), "x".repeat(100_000) + "y"] {
        let mut peer = Peer::connect(&server);
        peer.send(message);
        peer.rest();
    }
    let said = server.stderr().wait_for("x…");
    assert!(
        !said.contains(['\u{FFFD}', 'y']) && said.len() < 4096,
        "{said:?}"
    );
}

#[test]
fn the_text_is_sent_as_given() {
    for text in [
        "ok",
        "two\nlines",
        "  spaces  ",
        "gr\u{fc}\u{df}e \u{1f980}",
    ] {
        let server = Launch::new("reply").args(&["--text", text]).start();
        let mut peer = Peer::connect(&server);
        peer.send("x");
        assert_eq!(peer.rest(), text.as_bytes());
    }
}

#[test]
fn no_message_no_reply() {
    let server = reply();
    let mut peer = Peer::connect(&server);
    peer.half_close();
    assert_eq!(peer.rest(), b"");
}

#[test]
fn a_half_closed_client_is_still_answered() {
    let server = reply();
    let mut peer = Peer::connect(&server);
    server.pause();
    peer.send("hello");
    peer.half_close();
    server.resume();
    assert_eq!(peer.rest(), THANKS);
}

/// What the client still sends must be drained: closing with it unread would reset the client,
/// which on loopback loses even the reply.
#[test]
fn a_mebibyte_too_much_does_no_harm() {
    let server = reply();
    for round in 0..5 {
        let mut peer = Peer::connect(&server);
        if round % 2 == 1 {
            server.pause();
        }
        let mut writer = peer.stream.try_clone().unwrap();
        let writing = thread::spawn(move || writer.write_all(&vec![b'x'; 1024 + (1 << 20)]));
        if round % 2 == 1 {
            until("more is there than one read takes", PATIENCE, || {
                peer.far_side().is_some_and(|side| side.unread > 30_000)
            });
            server.resume();
        }
        writing.join().unwrap().expect("all of it is taken");
        peer.half_close();
        assert_eq!(peer.rest(), THANKS, "round {round}");
    }
}

#[test]
fn a_client_that_sends_more_after_the_reply_sees_a_clean_end() {
    let server = reply();
    let mut peer = Peer::connect(&server);
    peer.send("first");
    assert_eq!(peer.exactly(THANKS.len()), THANKS);
    for _ in 0..10 {
        peer.send("more");
    }
    peer.half_close();
    assert_eq!(peer.rest(), b"");
}

#[test]
fn what_is_drained_is_bounded() {
    let _alone = serial();
    let server = reply();
    let mut peer = Peer::connect(&server);
    // Without a bound this client would be read from for ever.
    let chunk = vec![b'x'; 64 * 1024];
    let mut sent: u64 = 0;
    while sent < 4 << 30 {
        match peer.stream.write(&chunk) {
            Ok(n) => sent += n as u64,
            Err(_) => break,
        }
    }
    assert!(sent < 4 << 30, "4 GiB were drained");
    drop(peer);
    let mut other = Peer::connect(&server);
    other.send("x");
    assert_eq!(other.rest(), THANKS);
}

#[test]
fn once_serves_one_client_and_ends() {
    let mut server = Launch::new("reply").args(&["--once"]).start();
    let mut peer = Peer::connect(&server);
    peer.send("hello");
    assert_eq!(peer.rest(), THANKS);
    drop(peer);
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn once_with_a_talkative_client_is_as_clean() {
    let mut server = Launch::new("reply").args(&["--once"]).start();
    let mut peer = Peer::connect(&server);
    server.pause();
    peer.send(vec![b'x'; 20_000]);
    server.resume();
    peer.half_close();
    assert_eq!(peer.rest(), THANKS);
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn without_once_it_goes_on() {
    let mut server = reply();
    for _ in 0..20 {
        let mut peer = Peer::connect(&server);
        peer.send("hello");
        assert_eq!(peer.rest(), THANKS);
    }
    assert!(server.is_running());
}

#[test]
fn a_silent_client_holds_up_nobody() {
    let server = reply();
    let mut silent: Vec<Peer> = (0..20).map(|_| Peer::connect(&server)).collect();
    let mut peer = Peer::connect(&server);
    peer.send("hello");
    assert_eq!(peer.rest(), THANKS);
    for waiting in &mut silent {
        waiting.send("now");
        assert_eq!(waiting.rest(), THANKS);
    }
}

#[test]
fn hundreds_at_once_are_all_answered() {
    let server = reply();
    let mut peers: Vec<Peer> = (0..300).map(|_| Peer::connect(&server)).collect();
    for peer in &mut peers {
        peer.send("hello");
    }
    for peer in &mut peers {
        assert_eq!(peer.rest(), THANKS);
    }
}

/// The default idle timeout of `reply` is 30 s; a shorter one behaves alike.
#[test]
fn a_client_that_never_speaks_is_let_go() {
    let server = Launch::new("reply")
        .args(&["--idle-timeout", "300ms"])
        .start();
    let mut silent = Peer::connect(&server);
    assert_eq!(silent.rest(), b"");
}

/// A client that takes its reply but never ends must not keep its place for ever.
#[test]
fn a_client_that_never_leaves_is_let_go() {
    let server = Launch::new("reply")
        .args(&["--idle-timeout", "300ms"])
        .start();
    let mut staying = Peer::connect(&server);
    staying.send("hello");
    assert_eq!(staying.rest(), THANKS);
    // Once the server's side is closed for good, what is sent meets a reset.
    until("sending fails", PATIENCE, || {
        staying.stream.write_all(b"x").is_err()
    });
}

#[test]
fn an_answer_takes_no_idle_timeout() {
    let server = reply();
    let mut peer = Peer::connect(&server);
    let start = std::time::Instant::now();
    peer.send("hello");
    assert_eq!(peer.rest(), THANKS);
    assert!(start.elapsed() < Duration::from_secs(5));
}
