//! What a client says first, and what the engine makes of it, in scenes.

use std::time::Duration;

use super::super::scene::{ROOMY, Scene};
use super::super::sim::network::End;
use super::{ONE_A_SECOND, from, ms, room};
use crate::addr::Proto;
use crate::service::Disconnect;

/// As the engine has it.
const MAX_REJECTED: usize = 64;

const GET: &str = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";
const GET_HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n";

const TEN_SECONDS: Duration = Duration::from_secs(10);

fn full_room(max_clients: usize) -> Scene {
    room(ROOMY).with_limits(|limits| limits.max_clients = max_clients)
}

/// For nine seconds, sends a byte in each.
fn drip(scene: &mut Scene, name: &str, bytes: &[u8]) {
    for second in 0..9 {
        scene.advance(ms(1000));
        if let Some(byte) = bytes.get(second) {
            scene.sends(name, [*byte]);
        }
    }
}

#[test]
fn who_says_nothing_is_greeted_after_a_tenth_of_a_second() {
    let mut room = room(ROOMY);
    room.joins("ann");
    assert!(room.is_served("ann"));
    room.joins_by("bob", Proto::Auto);
    room.advance(ms(99));
    assert!(!room.is_served("bob"));
    room.advance(ms(1));
    assert!(room.is_served("bob"));
    room.says("ann", "hi");
    room.hears("bob", "guest1: hi");
    // It is a line client from now on, and what it says first must not be a request.
    room.joins_by("eve", Proto::Auto);
    room.advance(ms(100));
    room.sends("eve", GET);
    assert_eq!(room.end("eve"), Some(End::Finished));
    room.says("bob", "ho");
    room.sends("bob", GET);
    room.hears("ann", "guest2: ho");
    room.hears("ann", "guest2: GET / HTTP/1.1");
}

#[test]
fn who_speaks_at_once_is_greeted_at_once() {
    let mut room = room(ROOMY);
    room.joins("ann");
    room.joins_by("bob", Proto::Auto);
    room.says("bob", "hi");
    assert!(room.is_served("bob"));
    room.hears("ann", "guest2: hi");
}

#[test]
fn what_may_still_become_a_request_is_waited_for_but_not_for_long() {
    for proto in [Proto::Auto, Proto::Lines] {
        for (opening, rest) in [("NIC", "E day"), ("GET", " the milk"), ("\u{16}\u{3}", "x")] {
            let mut room = room(ROOMY);
            room.joins("ann");
            room.joins_by("bob", proto);
            room.sends("bob", &opening[..1]);
            room.advance(ms(150));
            room.sends("bob", &opening[1..]);
            room.advance(ms(49));
            assert_eq!(room.is_served("bob"), proto == Proto::Lines, "{opening}");
            room.hears_nothing("ann");
            room.advance(ms(1));
            assert!(room.is_served("bob"));
            room.says("bob", rest);
            let line =
                crate::sanitize::sanitize(format!("{opening}{rest}").as_bytes()).into_owned();
            room.hears("ann", &format!("guest2: {line}"));
        }
    }
}

#[test]
fn an_unfinished_opening_of_one_that_ends_is_a_line() {
    let mut room = room(ROOMY);
    room.joins("ann");
    room.joins_by("bob", Proto::Auto);
    room.sends("bob", "HELLO");
    room.ends("bob");
    room.hears("ann", "guest2: HELLO");
    assert_eq!(room.fate("bob"), Some(Disconnect::Eof));
}

#[test]
fn a_page_arrives_whole_through_a_small_window_and_ends_well() {
    for proto in [Proto::Http, Proto::Auto] {
        let mut room = room(ROOMY);
        room.joins_by("ann", proto);
        room.has_room_for("ann", 100);
        room.sends_in_pieces_of("ann", 5);
        // What it asks for besides is not answered, and does not break the answer off.
        room.sends("ann", GET.repeat(20));
        room.recovers("ann");
        let page = room.heard("ann");
        let (head, body) = page.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        let length = format!("Content-Length: {}", body.len());
        assert!(body.len() > 1000 && head.contains(&length), "{head}");
        assert_eq!(room.end("ann"), Some(End::Finished));
        assert!(!room.is_served("ann"));
    }
}

#[test]
fn a_request_has_ten_seconds() {
    let slow = "GET / HTTP/1.1\r\n";
    for (proto, opening, sent) in [
        (Proto::Http, "", ""),
        (Proto::Http, "", slow),
        (Proto::Auto, slow, "Host: x\r\nA: b\r\n"),
        (Proto::Http, slow, ""),
    ] {
        let mut room = room(ROOMY);
        room.joins_by("ann", proto);
        room.sends("ann", opening);
        drip(&mut room, "ann", sent.as_bytes());
        room.advance(ms(999));
        assert_eq!((room.end("ann"), room.heard("ann")), (None, String::new()));
        room.advance(ms(1));
        let answer = room.heard("ann");
        assert!(
            answer.starts_with("HTTP/1.1 408 "),
            "{proto} {opening}: {answer}"
        );
        assert_eq!(room.end("ann"), Some(End::Finished));
        assert!(!room.is_served("ann"));
    }
}

#[test]
fn a_handshake_has_ten_seconds() {
    let mut room = room(ROOMY).with_tls();
    room.joins_by("ann", Proto::Auto);
    room.sends("ann", b"\x16\x03\x01\x02\x00\x01");
    drip(&mut room, "ann", &[0; 9]);
    room.advance(ms(999));
    assert_eq!(room.end("ann"), None);
    room.advance(ms(1));
    assert!(room.end("ann").is_some());
    assert!(!room.is_served("ann"));
}

#[test]
fn what_is_meant_for_another_port_reaches_nobody() {
    let hello = "\u{16}\u{3}\u{1}\u{2}\0\u{1}";
    for (proto, opening) in [
        (Proto::Lines, GET),
        (Proto::Lines, hello),
        (Proto::Auto, hello),
        (Proto::Auto, "SSH-2.0-x\r\n"),
        (Proto::Irc, GET),
    ] {
        let mut room = room(ROOMY);
        room.joins("ann");
        room.joins_by("bob", proto);
        room.sends("bob", opening);
        room.hears_nothing("ann");
        room.hears_nothing("bob");
        assert_eq!(room.end("bob"), Some(End::Finished), "{proto}");
    }
}

#[test]
fn who_comes_in_tls_speaks_what_it_likes() {
    let mut room = room(ROOMY).with_tls();
    room.joins("ann");
    for (n, proto) in [(2, Proto::Tls), (3, Proto::Auto)] {
        let name = &format!("guest{n}");
        room.joins_in_tls(name, proto);
        room.says(name, "hi");
        room.hears("ann", &format!("guest{n}: hi"));
        room.says("ann", "ho");
        room.hears(name, "guest1: ho");
    }
    room.hears("guest2", "guest3: hi");
    for proto in [Proto::Auto, Proto::Https] {
        room.joins_in_tls("eve", proto);
        room.sends("eve", GET_HEALTH);
        assert!(room.heard("eve").ends_with("\r\n\r\nok\n"), "{proto}");
        assert_eq!(room.end("eve"), Some(End::Finished));
    }
    // The tenth of a second begins anew behind the handshake.
    room.joins_in_tls("kim", Proto::Auto);
    room.advance(ms(100));
    assert!(room.is_served("kim"));
}

fn header(port: u16) -> String {
    format!("PROXY TCP4 192.0.2.1 198.51.100.1 {port} 7788\r\n")
}

#[test]
fn limits_by_address_count_what_the_proxy_says() {
    let room = room(ROOMY).with_limits(|limits| limits.max_clients_per_ip = Some(1));
    let mut room = room.with_proxy();
    for (name, port, proto) in [("ann", 1, Proto::Lines), ("bob", 2, Proto::Auto)] {
        room.joins_by_proxy(name, proto, from(&format!("192.0.2.1:{port}")));
        assert!(!room.is_served(name));
        room.sends(name, header(port) + "hi\n");
    }
    assert!(room.is_served("ann") && !room.is_served("bob"));
    room.hears(
        "bob",
        "* full: 1 are here from your address; try again later",
    );
    assert_eq!(room.end("bob"), Some(End::Finished));
    room.vanishes("ann");
    room.joins_by_proxy("kim", Proto::Auto, from("192.0.2.1:3"));
    room.sends_in_pieces_of("kim", 4);
    room.sends("kim", header(3));
    room.advance(ms(100));
    assert!(room.is_served("kim"));
    // One without a header is closed, and so is one that says nothing.
    room.joins_by("eve", Proto::Lines);
    room.sends("eve", "hi\n");
    room.joins_by("mum", Proto::Lines);
    assert!(room.end("eve").is_some() && room.end("mum").is_none());
    room.advance(TEN_SECONDS);
    assert!(room.end("mum").is_some());
    room.hears_nothing("kim");
}

#[test]
fn behind_a_proxy_there_may_be_tls() {
    let mut room = room(ROOMY).with_tls().with_proxy();
    for (name, proto, port) in [("ann", Proto::Tls, 1), ("bob", Proto::Auto, 2)] {
        room.joins_by_proxy_in_tls(
            name,
            proto,
            from(&format!("192.0.2.1:{port}")),
            &header(port),
        );
        room.says(name, "hi");
        assert!(room.is_served(name), "{proto}");
    }
    room.hears("ann", "guest2: hi");
}

#[test]
fn a_full_server_says_so_in_everybodys_words() {
    let mut room = full_room(1).with_tls();
    room.joins("ann");
    let full = "* full: 1 are here; try again later\n";
    for proto in [Proto::Lines, Proto::Auto, Proto::Tls] {
        let name = &proto.to_string();
        room.joins_by(name, proto);
        room.advance(ms(100));
        assert_eq!(room.heard(name), full, "{proto}");
        assert_eq!(room.end(name), Some(End::Finished));
    }
    for proto in [Proto::Http, Proto::Auto, Proto::Https] {
        let name = &format!("http by {proto}");
        room.joins_by(name, proto);
        room.sends(name, GET);
        assert!(room.heard(name).starts_with("HTTP/1.1 503 "), "{proto}");
        assert_eq!(room.end(name), Some(End::Finished));
        assert!(!room.is_served(name));
    }
    for proto in [Proto::Irc, Proto::Auto, Proto::Ircs] {
        let name = &format!("irc by {proto}");
        room.joins_by(name, proto);
        if room.end(name).is_none() {
            room.sends(name, "NICK eve\r\n");
        }
        assert_eq!(
            room.heard(name),
            format!("ERROR :{}\r\n", &full[2..full.len() - 1])
        );
        assert_eq!(room.end(name), Some(End::Finished));
    }
    // What makes no sense is answered as ever.
    room.joins_by("eve", Proto::Http);
    room.sends("eve", "nonsense\r\n");
    assert!(room.heard("eve").starts_with("HTTP/1.1 400 "));
    room.vanishes("ann");
    room.joins("kim");
    assert!(room.is_served("kim"));
}

/// It waits for its turn to be drained, and for nothing else.
#[test]
fn one_that_is_turned_away_for_what_it_says_waits_once() {
    let mut room = full_room(1).with_limits(|limits| limits.message_rate = ONE_A_SECOND);
    room.joins("ann");
    room.joins_by("bob", Proto::Auto);
    // At a rate it is read from twice in a turn, and only then it is seen that this is no request.
    room.says("bob", &format!("GET /{} no", "x".repeat(4096)));
    room.hears("bob", "* full: 1 are here; try again later");
    assert_eq!(room.end("bob"), Some(End::Finished));
}

/// Of those who come at once so many are kept until they have said what they speak.
#[test]
fn a_crowd_at_a_full_server_is_answered_but_for_the_first() {
    let mut room = full_room(1);
    room.joins("ann");
    let names: Vec<String> = (0..=MAX_REJECTED).map(|n| n.to_string()).collect();
    room.freeze(ms(0), |room| {
        for name in &names {
            room.joins_by(name, Proto::Auto);
        }
    });
    assert!(room.end(&names[0]).is_some());
    assert_eq!(room.end(&names[1]), None);
    for (n, name) in names.iter().enumerate().skip(1) {
        match n % 2 {
            0 => room.sends(name, GET),
            _ => room.says(name, "hi"),
        }
        let answer = room.heard(name);
        let expected = ["HTTP/1.1 503 ", "* full: "][n % 2];
        assert!(answer.starts_with(expected), "{name}: {answer}");
        assert_eq!(room.end(name), Some(End::Finished));
    }
}
