//! How a WebSocket ends: each fault with its code, the server's end, and one that does not read;
//! and how it comes back.

use rustix::process::Signal;
use serde_json::Value;

use super::serve;
use super::websocket_client::{BINARY, CLOSE, CONTINUATION, PING, TEXT, WebSocket, frame};
use crate::harness::{PATIENCE, until};
use crate::member::Member;
use crate::peer::Peer;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_fault_has_its_code_and_nobody_hears_of_it() {
    let server = serve(&["--notices", "off"]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    let unmasked = vec![0x81, 2, b'h', b'i'];
    let whole = |opcode, payload: &[u8]| frame(opcode, true, payload);
    let first_bit = |bit: u8, mut bytes: Vec<u8>| {
        bytes[0] |= bit;
        bytes
    };
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("binary", whole(BINARY, b"\0\x01"), 1003),
        ("binary, empty", whole(BINARY, b""), 1003),
        ("binary in fragments", frame(BINARY, false, b"x"), 1003),
        ("not UTF-8", whole(TEXT, b"caf\xe9"), 1007),
        (
            "half a character",
            whole(TEXT, "é".as_bytes()[..1].as_ref()),
            1007,
        ),
        ("a surrogate", whole(TEXT, b"\xed\xa0\x80"), 1007),
        ("overlong", whole(TEXT, b"\xc0\xaf"), 1007),
        (
            "not UTF-8, in fragments",
            [frame(TEXT, false, b"\xc3"), whole(CONTINUATION, b"(")].concat(),
            1007,
        ),
        ("not masked", unmasked, 1002),
        ("a reserved opcode", whole(3, b"x"), 1002),
        ("a reserved control opcode", whole(11, b"x"), 1002),
        ("a reserved bit", first_bit(0x40, whole(TEXT, b"x")), 1002),
        (
            "another reserved bit",
            first_bit(0x10, whole(TEXT, b"x")),
            1002,
        ),
        ("a ping in fragments", frame(PING, false, b"x"), 1002),
        ("a ping that is too long", whole(PING, &[b'x'; 126]), 1002),
        ("a continuation of nothing", whole(CONTINUATION, b"x"), 1002),
        (
            "a message inside of another",
            [frame(TEXT, false, b"x"), whole(TEXT, b"y")].concat(),
            1002,
        ),
        (
            "a length over 63 bits",
            vec![0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4],
            1002,
        ),
        ("a close of one byte", whole(CLOSE, b"\x03"), 1002),
        (
            "a close of a code that is none",
            whole(CLOSE, &999_u16.to_be_bytes()),
            1002,
        ),
        (
            "a close of a code that is not sent",
            whole(CLOSE, &1005_u16.to_be_bytes()),
            1002,
        ),
        (
            "a close whose reason is no UTF-8",
            whole(CLOSE, b"\x03\xe8\xff"),
            1007,
        ),
        ("a close", whole(CLOSE, b"\x03\xe8bye"), 1000),
        (
            "a close of going away",
            whole(CLOSE, &1001_u16.to_be_bytes()),
            1001,
        ),
    ];
    for (fault, bytes, code) in cases {
        let mut client = WebSocket::joins(server.address(), "/ws");
        client.until("names");
        client.peer.send(bytes);
        assert_eq!(client.close_code(), code, "{fault}");
    }
    // A close without a code is answered by one without, or by 1000.
    let mut client = WebSocket::joins(server.address(), "/ws");
    client.until("names");
    client.frame(CLOSE, true, b"");
    let (opcode, payload) = client.next_frame().unwrap();
    assert!(
        opcode == CLOSE && (payload.is_empty() || payload == [3, 0xe8]),
        "{payload:?}"
    );
    client.peer.until_gone();
    ann.hears_nothing_before(&mut bob, "all quiet");
}

#[test]
fn what_comes_after_a_close_counts_no_more() {
    let server = serve(&["--notices", "off"]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    let mut eve = WebSocket::named(server.address(), "eve");
    let bytes = [
        frame(TEXT, true, b"before"),
        frame(CLOSE, true, b"\x03\xe8"),
        frame(TEXT, true, b"after"),
    ];
    eve.peer.send(bytes.concat());
    ann.hears("eve: before");
    assert_eq!(eve.close_code(), 1000);
    ann.hears_nothing_before(&mut bob, "all quiet");
}

#[test]
fn the_servers_end_is_1001_after_all_that_was_said() {
    let mut server = serve(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = WebSocket::named(server.address(), "bob");
    let mut eve = WebSocket::named(server.address(), "eve");
    ann.says("the last word");
    assert_eq!(eve.talk()["text"], "the last word");
    server.signal(Signal::TERM);
    assert_eq!(bob.talk()["text"], "the last word");
    assert_eq!(bob.close_code(), 1001);
    assert_eq!(eve.close_code(), 1001);
    drop(ann);
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn one_that_does_not_read_gets_whole_messages_up_to_its_end_and_1013() {
    let server = serve(&["--log-size", "64k", "--notices", "off"]);
    let mut deaf = WebSocket::over(Peer::with_receive_buffer(&server, 4096), "/ws", "");
    let mut ann = WebSocket::named(server.address(), "ann");
    let text = "x".repeat(900);
    let mut said = 0;
    until(
        "the one that does not read is disconnected",
        PATIENCE,
        || {
            ann.says(&format!("{said} {text}"));
            let own = ann.talk();
            assert_eq!(own["text"], format!("{said} {text}"));
            said += 1;
            server.stderr().text().contains("behind")
        },
    );
    let mut heard = 0;
    let code = loop {
        let (opcode, payload) = deaf.next_frame().expect("a close frame before the end");
        if opcode == CLOSE {
            break u16::from_be_bytes([payload[0], payload[1]]);
        }
        let told: Value = serde_json::from_slice(&payload).expect("whole messages alone");
        if told["type"] == "say" {
            let number = told["text"].as_str().unwrap().split(' ').next().unwrap();
            assert_eq!(number, heard.to_string(), "in order, and none left out");
            heard += 1;
        }
    };
    assert_eq!(code, 1013);
    assert!((1..said).contains(&heard), "{heard} of {said}");
    deaf.peer.until_gone();
}

#[test]
fn one_that_ends_its_connection_without_a_word_has_left() {
    let server = serve(&["--notices", "on"]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = WebSocket::named(server.address(), "bob");
    ann.is_told("is now bob");
    bob.says("so long");
    bob.peer.half_close();
    ann.hears("bob: so long");
    ann.is_told("bob left");
    // What was said comes back before the end.
    let mut texts = Vec::new();
    while let Some((opcode, payload)) = bob.next_frame() {
        if opcode == TEXT {
            texts.push(String::from_utf8(payload).unwrap());
        }
    }
    assert!(
        texts.iter().any(|text| text.contains("so long")),
        "{texts:?}"
    );
}

/// Says this many things, and gives their ids.
#[track_caller]
fn says_some(client: &mut WebSocket, texts: &[&str]) -> Vec<u64> {
    let ids = texts.iter().map(|text| {
        client.says(text);
        let told = client.talk();
        assert_eq!(told["text"], *text);
        told["id"].as_u64().unwrap()
    });
    ids.collect()
}

/// What a newcomer is told of what was said, as ids, and whether there was a gap.
#[track_caller]
fn replayed(address: &str, target: &str) -> (Vec<u64>, bool) {
    let mut client = WebSocket::joins(address, target);
    // The names come once by themselves; the second time they are the answer to this.
    client.says("/who");
    let (mut ids, mut has_gap, mut names) = (Vec::new(), false, 0);
    while names < 2 {
        let told = client.json();
        match told["type"].as_str().unwrap() {
            "gap" => {
                assert!(ids.is_empty() && !has_gap, "gap first, and once");
                has_gap = true;
            }
            "say" => ids.push(told["id"].as_u64().unwrap()),
            "names" => names += 1,
            _ => {}
        }
    }
    (ids, has_gap)
}

#[test]
fn who_comes_back_is_told_what_was_missed_each_once() {
    let server = serve(&["--history", "50", "--notices", "off"]);
    let address = server.address();
    let mut ann = WebSocket::named(address, "ann");
    let ids = says_some(&mut ann, &["one", "two", "three", "four", "five"]);
    for (at, id) in ids.iter().enumerate() {
        let (replayed, has_gap) = replayed(address, &format!("/ws?since={id}"));
        assert_eq!(replayed, ids[at + 1..], "since {id}");
        assert!(!has_gap, "since {id}");
    }
    // Who has never been here is told the history.
    assert_eq!(replayed(address, "/ws"), (ids.clone(), false));
    // An id of a server that has gone, or of another: there is a gap, and all that is here.
    let beyond = ids[4] + 1_000_000_000;
    assert_eq!(
        replayed(address, &format!("/ws?since={beyond}")),
        (ids.clone(), true)
    );
    assert_eq!(replayed(address, "/ws?since=1"), (ids, true));
}

#[test]
fn what_is_no_longer_there_is_a_gap() {
    let server = serve(&["--history", "3", "--notices", "off"]);
    let address = server.address();
    let mut ann = WebSocket::named(address, "ann");
    let texts: Vec<String> = (0..40).map(|i| format!("number {i}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let ids = says_some(&mut ann, &texts);
    // However much more than the history is kept: what comes is the end of it, and the gap is told
    // exactly when there is one.
    for at in [0, 20, 35, 37, 38, 39] {
        let (replayed, has_gap) = replayed(address, &format!("/ws?since={}", ids[at]));
        let missed = &ids[at + 1..];
        assert!(missed.ends_with(&replayed), "{replayed:?} of {missed:?}");
        assert_eq!(
            has_gap,
            replayed.len() < missed.len(),
            "since {at}: {replayed:?}"
        );
        assert!(
            replayed.len() >= missed.len().min(3),
            "since {at}: {replayed:?}"
        );
    }
}

#[test]
fn a_since_that_is_no_number_is_a_bad_request() {
    let server = serve(&[]);
    for since in ["x", "-1", "1.5", "99999999999999999999999999"] {
        let mut peer = Peer::connect(&server);
        let headers = super::websocket_client::handshake("");
        peer.send(super::http_client::request(
            "GET",
            &format!("/ws?since={since}"),
            &headers,
        ));
        assert_eq!(
            super::http_client::Answer::whole(&mut peer).status,
            400,
            "{since}"
        );
    }
}
