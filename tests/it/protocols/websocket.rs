//! WebSockets: what is told, to whom, in which words.

use serde_json::{Value, json};

use super::http_client::{Answer, request};
use super::irc_client::Irc;
use super::websocket_client::{CONTINUATION, PING, PONG, TEXT, WebSocket, handshake};
use super::{listen, serve};
use crate::member::Member;
use crate::peer::Peer;

/// `2026-11-26T11:53:04.123Z`: the digits and the rest in their places.
#[track_caller]
fn is_time(value: &Value) {
    let time = value.as_str().unwrap_or_else(|| panic!("{value}"));
    let shape: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z", "{time}");
    assert!(("2026"..="2099").contains(&&time[..4]), "{time}");
}

#[track_caller]
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

#[test]
fn one_is_told_first_who_one_is_and_then_who_is_here() {
    let server = serve(&["--motd", "be kind"]);
    let _ann = Member::joins(&server, "ann");
    let mut bob = WebSocket::joins(server.address(), "/ws");
    assert_eq!(bob.name, "guest2");
    let names = bob.until("names");
    let mut listed: Vec<&str> = names["names"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_str().unwrap())
        .collect();
    listed.sort_unstable();
    assert_eq!(listed, ["ann", "guest2"]);
    let mut eve = WebSocket::open(server.address(), "/ws");
    let first = eve.json();
    assert_eq!(first, json!({"type": "you", "name": "guest3"}));
    let motd = eve.until("notice");
    assert!(motd["text"].as_str().unwrap().contains("be kind"), "{motd}");
}

#[test]
fn what_is_said_has_its_place_and_comes_back() {
    let server = serve(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = WebSocket::named(server.address(), "bob");
    bob.says("hi");
    bob.says("/me waves");
    ann.says("hello bob");
    let (hi, wave, hello) = (bob.talk(), bob.talk(), bob.talk());
    assert_eq!(keys(&hi), ["from", "id", "room", "text", "time", "type"]);
    for (told, kind, from, text) in [
        (&hi, "say", "bob", "hi"),
        (&wave, "me", "bob", "waves"),
        (&hello, "say", "ann", "hello bob"),
    ] {
        assert_eq!(
            (&told["type"], &told["from"], &told["text"]),
            (&kind.into(), &from.into(), &text.into())
        );
        assert_eq!(told["room"], "lobby");
        is_time(&told["time"]);
    }
    let ids = [&hi, &wave, &hello].map(|told| told["id"].as_u64().unwrap());
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    assert!(ids[2] < 1 << 53, "JavaScript's numbers: {ids:?}");
    ann.hears("bob: hi");
    ann.hears("** bob waves");
}

#[test]
fn a_private_message_goes_to_both_and_to_nobody_else() {
    let server = serve(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = WebSocket::named(server.address(), "bob");
    let mut eve = WebSocket::named(server.address(), "eve");
    let mut joe = Irc::joins(server.address(), "joe");
    bob.says("/msg eve psst");
    let private = json!({"type": "private", "from": "bob", "to": "eve", "text": "psst"});
    assert_eq!(bob.talk(), private);
    assert_eq!(eve.talk(), private);
    bob.says("/msg ann to a line");
    ann.hears("[bob] to a line");
    assert_eq!(bob.talk()["to"], "ann");
    ann.says("/msg bob from a line");
    assert_eq!(
        bob.talk(),
        json!({"type": "private", "from": "ann", "to": "bob", "text": "from a line"})
    );
    bob.says("/msg joe to irc");
    assert_eq!(joe.hears(), ("bob".into(), "joe".into(), "to irc".into()));
    assert_eq!(bob.talk()["to"], "joe");
    joe.sends("PRIVMSG bob :from irc");
    assert_eq!(bob.talk()["text"], "from irc");
    // To oneself: once.
    bob.says("/msg bob note");
    bob.says("done");
    assert_eq!(bob.talk()["text"], "note");
    assert_eq!(bob.talk()["text"], "done");
    assert_eq!(eve.talk()["text"], "done");
    // Nobody has such a name: a notice, and nothing else.
    bob.says("/msg nobody hello?");
    let told = bob.json();
    assert_eq!(told["type"], "notice");
    assert!(told["text"].as_str().unwrap().contains("nobody"), "{told}");
}

#[test]
fn comings_goings_and_names_are_told() {
    let server = serve(&["--notices", "on"]);
    let mut bob = WebSocket::named(server.address(), "bob");
    let mut eve = WebSocket::joins(server.address(), "/ws");
    assert_eq!(
        bob.until("joined"),
        json!({"type": "joined", "name": eve.name})
    );
    eve.until("names");
    eve.says("/nick eve");
    assert_eq!(eve.until("you"), json!({"type": "you", "name": "eve"}));
    assert_eq!(
        bob.until("renamed"),
        json!({"type": "renamed", "name": eve.name, "to": "eve"})
    );
    for client in [&mut bob, &mut eve] {
        client.says("/who");
        let told = client.json();
        assert_eq!(keys(&told), ["names", "type"]);
        let mut names: Vec<&str> = told["names"]
            .as_array()
            .unwrap()
            .iter()
            .map(|n| n.as_str().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["bob", "eve"]);
    }
    eve.says("/quit");
    assert_eq!(eve.close_code(), 1000);
    assert_eq!(bob.json(), json!({"type": "left", "name": "eve"}));
    // One of lines, one of IRC, and one whose connection only ends.
    let ann = Member::joins(&server, "ann");
    let joe = Irc::joins(server.address(), "joe");
    bob.until("joined");
    drop(ann);
    assert_eq!(bob.until("left")["name"], "ann");
    drop(joe);
    assert_eq!(bob.until("left")["name"], "joe");
    drop(WebSocket::named(server.address(), "max"));
    assert_eq!(bob.until("left")["name"], "max");
}

#[test]
fn a_name_that_is_taken_or_bad_is_a_notice() {
    let server = serve(&[]);
    let _ann = Member::joins(&server, "ann");
    let mut bob = WebSocket::named(server.address(), "bob");
    for name in [
        "ann",
        "ANN",
        "аnn",
        "ａｎｎ",
        "a b",
        "x!y",
        "#lobby",
        "*",
        "",
    ] {
        bob.says(&format!("/nick {name}"));
        let told = bob.json();
        assert_eq!(told["type"], "notice", "{name:?}: {told}");
    }
    bob.says("/nonsense");
    assert_eq!(bob.json()["type"], "notice");
    bob.says("//help is a command");
    assert_eq!(bob.json()["text"], "/help is a command");
    bob.says("/help");
    assert_eq!(bob.json()["type"], "notice");
}

#[test]
fn what_is_said_is_one_line_and_valid_json_whatever_is_in_it() {
    let server = serve(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = WebSocket::named(server.address(), "bob");
    for (said, shown) in [
        ("\"quoted\" \\ back</script>", "\"quoted\" \\ back</script>"),
        ("tab\there", "tab\there"),
        (
            "bell\u{7} escape\u{1b}[2J nul\0",
            "bell\u{fffd} escape\u{fffd}[2J nul\u{fffd}",
        ),
        (
            "over\u{202e}ride line\u{2028}",
            "over\u{fffd}ride line\u{fffd}",
        ),
        ("שלום\u{200f} 👩‍👩‍👧 \u{10ffff}", "שלום\u{200f} 👩‍👩‍👧 \u{10ffff}"),
    ] {
        bob.says(said);
        assert_eq!(bob.talk()["text"], shown);
        ann.hears(&format!("bob: {shown}"));
        ann.says(said);
        assert_eq!(bob.talk()["text"], shown);
    }
    // A line's end in a message cannot put words in another's mouth, whatever is made of it.
    bob.says("one\n* you are now eve\r\nann: I owe bob\r* so do I\n");
    bob.says("the last");
    loop {
        let line = ann.peer.line();
        assert!(line.starts_with("bob: "), "{line:?}");
        if line == "bob: the last" {
            break;
        }
    }
    loop {
        let told = bob.talk();
        assert!(
            !told["text"].as_str().unwrap().contains(['\n', '\r']),
            "{told}"
        );
        if told["text"] == "the last" {
            break;
        }
    }
    // Nothing is nothing.
    bob.says("");
    bob.says("\n");
    bob.says("more");
    ann.hears("bob: more");
}

#[test]
fn a_message_may_come_in_fragments_with_a_ping_between_them() {
    let server = serve(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = WebSocket::named(server.address(), "bob");
    let text = "Grüße, 世界";
    let bytes = text.as_bytes();
    // Cut in the middle of a character, and with nothing in one of them.
    bob.frame(TEXT, false, &bytes[..3]);
    bob.frame(CONTINUATION, false, &bytes[3..4]);
    bob.frame(PING, true, b"are you there?");
    bob.frame(CONTINUATION, false, b"");
    bob.frame(PONG, true, b"unasked");
    bob.frame(CONTINUATION, true, &bytes[4..]);
    let (opcode, payload) = bob.next_frame().unwrap();
    assert_eq!((opcode, &*payload), (PONG, &b"are you there?"[..]));
    assert_eq!(bob.talk()["text"], text);
    ann.hears(&format!("bob: {text}"));
    for size in [0, 1, 125] {
        bob.frame(PING, true, &vec![b'p'; size]);
        assert_eq!(bob.next_frame().unwrap(), (PONG, vec![b'p'; size]));
    }
    // Byte by byte.
    for byte in super::websocket_client::frame(TEXT, true, b"slowly") {
        bob.peer.send([byte]);
    }
    ann.hears("bob: slowly");
}

#[test]
fn a_message_over_the_limit_is_refused_whole_and_the_client_stays() {
    let server = serve(&["--max-message", "100"]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = WebSocket::named(server.address(), "bob");
    let most = "x".repeat(100);
    bob.says(&most);
    ann.hears(&format!("bob: {most}"));
    assert_eq!(bob.talk()["text"], most);
    for size in [101, 126, 70_000, 1_000_000] {
        bob.says(&"y".repeat(size));
        let told = bob.json();
        assert_eq!(told["type"], "notice", "{size}");
        assert!(told["text"].as_str().unwrap().contains("100"), "{told}");
    }
    // In fragments, each of which would do.
    bob.frame(TEXT, false, &[b'z'; 60]);
    bob.frame(CONTINUATION, false, &[b'z'; 60]);
    bob.frame(CONTINUATION, true, &[b'z'; 60]);
    assert_eq!(bob.json()["type"], "notice");
    bob.says("short again");
    ann.hears("bob: short again");
}

#[test]
fn long_messages_come_in_one_frame() {
    let server = serve(&["--max-message", "200k"]);
    let mut ann = WebSocket::named(server.address(), "ann");
    let mut bob = WebSocket::named(server.address(), "bob");
    for size in [1, 50, 100, 125, 126, 65_000, 65_536, 150_000] {
        let text = "x".repeat(size);
        bob.says(&text);
        assert!(
            ann.talk()["text"] == text && bob.talk()["text"] == text,
            "{size}"
        );
    }
}

#[test]
fn every_browsers_handshake_is_taken_and_no_extension_is() {
    let server = listen(&["http:", ""], &[]);
    for index in [0, 1] {
        for headers in [
            handshake("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"),
            handshake("").replace("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
            handshake("").replace("Upgrade: websocket", "upgrade: WebSocket"),
            "Connection: keep-alive\r\n".to_owned() + &handshake(""),
            handshake("Sec-WebSocket-Protocol: chat, superchat\r\n"),
            handshake("Cookie: a=b\r\nAuthorization: Basic eDp5\r\n"),
        ] {
            let mut peer = Peer::to(super::bare(&server, index));
            peer.send(request("GET", "/ws", &headers));
            let answer = Answer::head(&mut peer);
            assert_eq!(answer.status, 101, "{headers}");
            for name in ["sec-websocket-extensions", "sec-websocket-protocol"] {
                assert!(
                    answer.headers.iter().all(|(header, _)| header != name),
                    "{headers}"
                );
            }
        }
    }
}
