//! Every opening, however the network cuts it.

use std::thread;
use std::time::{Duration, Instant};

use super::http_client::{Answer, request};
use super::serve;
use crate::harness::Server;
use crate::peer::Peer;

/// What is sent, and what is in the first line of the answer. The nick is another each time.
const OPENINGS: &[(&str, &str)] = &[
    (
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "HTTP/1.1 200 OK\r",
    ),
    ("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 "),
    ("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 "),
    ("NICK split\r\nUSER s 0 * :S\r\n", " 001 split "),
    ("CAP LS 302\r\n", " LS "),
    ("PASS x\r\nNICK split\r\nUSER s 0 * :S\r\n", " 001 split "),
    ("USER s 0 * :S\nNICK split\n", " 001 split "),
    ("NICKY says hello\n", "* you are guest"),
    ("GET / HTTP/2 is new\n", "* you are guest"),
    ("CAPS ARE LOUD\r\n", "* you are guest"),
    ("\u{feff}hello\n", "* you are guest"),
];

fn numbered(text: &str, number: usize) -> String {
    text.replace("split", &format!("s{number:04}"))
}

#[track_caller]
fn answers(peer: &mut Peer, expected: &str, how: &str) {
    let line = peer.line();
    assert!(line.contains(expected), "{how}: {line:?}");
}

#[test]
fn in_two() {
    let server = serve(&[]);
    for (turn, (opening, expected)) in OPENINGS.iter().enumerate() {
        let cuts = 1..opening.len();
        let mut two: Vec<(Peer, Vec<u8>, String)> = cuts
            .map(|at| {
                let number = turn * 100 + at;
                let bytes = numbered(opening, number).into_bytes();
                let mut peer = Peer::connect(&server);
                peer.send(&bytes[..at]);
                (peer, bytes, numbered(expected, number))
            })
            .collect();
        // Until then all of them have been read.
        two.last().unwrap().0.all_taken();
        for (at, (peer, bytes, _)) in two.iter_mut().enumerate() {
            peer.send(&bytes[at + 1..]);
        }
        for (at, (mut peer, bytes, expected)) in two.into_iter().enumerate() {
            let how = format!("{:?} cut at {}", String::from_utf8_lossy(&bytes), at + 1);
            answers(&mut peer, &expected, &how);
            leaves(peer);
        }
    }
}

/// Ends the connection, and waits until the server has forgotten it.
fn leaves(mut peer: Peer) {
    peer.half_close();
    peer.until_gone();
}

#[test]
fn byte_by_byte() {
    let server = serve(&[]);
    for (turn, (opening, expected)) in OPENINGS.iter().enumerate() {
        // What is not decided within 200 ms of its first byte is lines: on a busy machine this
        // test may be too slow for that, and tries again.
        for attempt in 0.. {
            let number = turn * 100 + attempt;
            let (opening, expected) = (numbered(opening, number), numbered(expected, number));
            let mut peer = Peer::connect(&server);
            let began = Instant::now();
            let first_line = opening.find('\n').unwrap() + 1;
            let mut within = true;
            for (at, byte) in opening.bytes().enumerate() {
                peer.send([byte]);
                if at < first_line {
                    thread::sleep(Duration::from_micros(500));
                    within = began.elapsed() < Duration::from_millis(150);
                }
            }
            if within {
                answers(&mut peer, &expected, &opening);
                leaves(peer);
                break;
            }
            assert!(attempt < 20, "never fast enough");
            leaves(peer);
        }
    }
}

#[test]
fn with_more_behind_it() {
    let server = serve(&[]);
    let mut ann = crate::member::Member::joins(&server, "ann");
    // All of an IRC client's first minute in one segment.
    let mut peer = Peer::connect(&server);
    peer.send(
        "NICK bob\r\nUSER bob 0 * :B\r\nJOIN #lobby\r\nPRIVMSG #lobby :hello there\r\nQUIT\r\n",
    );
    ann.hears("bob: hello there");
    peer.until_gone();
    // Two requests: the first is answered, and that is the end of it.
    let mut peer = Peer::connect(&server);
    peer.send(format!("{0}{0}", request("GET", "/healthz", "")));
    let answer = Answer::whole(&mut peer);
    assert_eq!((answer.status, answer.text()), (200, "ok\n"));
    // A handshake and what is said behind it.
    let mut bytes = request("GET", "/ws", &super::websocket_client::handshake("")).into_bytes();
    bytes.extend(super::websocket_client::frame(
        super::websocket_client::TEXT,
        true,
        b"in one piece",
    ));
    let mut peer = Peer::connect(&server);
    peer.send(bytes);
    let line = ann.next();
    assert!(line.ends_with(": in one piece"), "{line}");
    // Lines and the end of the stream before it was decided what they are.
    let mut peer = Peer::connect(&server);
    peer.send("G");
    peer.half_close();
    let line = ann.next();
    assert!(line.ends_with(": G"), "{line}");
    let told = String::from_utf8(peer.rest()).unwrap();
    assert!(told.starts_with("* you are "), "{told}");
}

#[test]
fn a_client_that_leaves_without_a_word_leaves_nothing_behind() {
    let server: Server = serve(&[]);
    let before = crate::kernel::descriptors(server.id());
    for opening in ["", "G", "GET / HTTP/1.1\r\n", "NICK a\r\n", "CAP LS\r\n"] {
        for reset in [true, false] {
            let mut peer = Peer::connect(&server);
            peer.send(opening);
            match reset {
                true => peer.reset(),
                false => leaves(peer),
            }
        }
    }
    crate::harness::until("all are gone", crate::harness::PATIENCE, || {
        crate::kernel::descriptors(server.id()) == before
    });
}
