//! `--proxy-protocol`: where a client comes from is what its proxy says first.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::http_client::{Answer, request};
use super::irc_client::Irc;
use super::websocket_client::WebSocket;
use super::{bare, listen};
use crate::harness::{Launch, PATIENCE, Server, until};
use crate::member::Member;
use crate::peer::Peer;
use crate::tls::client::{Client, config};

const V1: &str = "PROXY TCP4 10.9.8.7 127.0.0.1 4711 7788\r\n";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A header of version 2: command, family and what follows its length.
fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[0x20 | command, family], &length, rest].concat()
}

fn v2_of(source: [u8; 4]) -> Vec<u8> {
    v2(
        1,
        0x11,
        &[&source[..], &[127, 0, 0, 1, 0x12, 0x67, 0x1e, 0x6c]].concat(),
    )
}

fn proxied(args: &[&str]) -> Server {
    listen(
        &[""],
        &[&["--proxy-protocol", "--notices", "on"], args].concat(),
    )
}

#[track_caller]
fn member(server: &Server, header: impl AsRef<[u8]>) -> Member {
    let mut peer = Peer::connect(server);
    peer.send(header);
    Member::greeted(peer)
}

#[track_caller]
fn named(server: &Server, nick: &str) -> Member {
    let mut peer = Peer::connect(server);
    peer.send(V1);
    Member::over(peer, nick)
}

#[test]
fn every_header_is_understood() {
    let server = proxied(&[]);
    let mut ann = named(&server, "ann");
    let v6 = [
        &[0x20, 1, 0xd, 0xb8][..],
        &[0; 11],
        &[1],
        &[0; 15],
        &[1, 0, 80, 0, 80],
    ]
    .concat();
    let tlvs = [
        &[10, 0, 0, 1, 127, 0, 0, 1, 0, 80, 0, 80][..],
        &[4, 0, 3, b'a', b'b', b'c'],
        &[0x20, 0, 0],
    ]
    .concat();
    for header in [
        V1.as_bytes().to_vec(),
        b"PROXY TCP6 2001:db8::1 ::1 4711 7788\r\n".to_vec(),
        b"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n".to_vec(),
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN some other words 1 2\r\n".to_vec(),
        v2_of([10, 0, 0, 1]),
        v2(1, 0x21, &v6),
        v2(1, 0x11, &tlvs),
        v2(0, 0, &[]),
        v2(0, 0x11, &[1; 12]),
        v2(1, 0, &[]),
        v2(1, 0x31, &[b'/'; 216]),
    ] {
        let how = String::from_utf8_lossy(&header).into_owned();
        // Silent after it, with a line behind it, and byte by byte.
        let silent = member(&server, &header);
        let mut peer = Peer::connect(&server);
        peer.send([&header[..], b"with it\n"].concat());
        let line = ann.next();
        assert!(line.ends_with(": with it"), "{how}: {line}");
        let mut peer = Peer::connect(&server);
        for byte in &header {
            peer.send([*byte]);
        }
        peer.send("slowly\n");
        let line = ann.next();
        assert!(line.ends_with(": slowly"), "{how}: {line}");
        drop(silent);
    }
}

#[test]
fn what_comes_after_it_decides_the_protocol() {
    let (authority, args) = super::certificates::args();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let server = proxied(&args);
    let mut ann = named(&server, "ann");
    for at_once in [true, false] {
        let mut peer = Peer::connect(&server);
        let asked = request("GET", "/healthz", "");
        match at_once {
            true => peer.send(format!("{V1}{asked}")),
            false => {
                peer.send(V1);
                peer.all_taken();
                peer.send(asked);
            }
        }
        assert_eq!(Answer::whole(&mut peer).text(), "ok\n");
    }
    let mut peer = Peer::connect(&server);
    peer.send(V1);
    let mut page = WebSocket::over(peer, "/ws", "");
    page.says("from a page");
    assert!(ann.next().ends_with(": from a page"));
    let mut irc = Irc::to(server.address());
    irc.peer.send(V1);
    for line in [
        "NICK eve",
        "USER a 0 * :A",
        "JOIN #lobby",
        "PRIVMSG #lobby :from irc",
    ] {
        irc.sends(line);
    }
    ann.hears("eve: from irc");
    // A second header is what a client says, and not believed.
    let mut peer = Peer::connect(&server);
    peer.send(format!("{V1}{V1}"));
    assert!(
        ann.next()
            .ends_with(": PROXY TCP4 10.9.8.7 127.0.0.1 4711 7788")
    );
    let mut tls = Client::behind_proxy(server.address(), config(&authority), V1.as_bytes());
    tls.send("from inside\n");
    assert!(ann.next().ends_with(": from inside"));
}

#[test]
fn whoever_does_not_say_it_is_closed_and_unheard() {
    let server = proxied(&[]);
    let mut ann = named(&server, "ann");
    let mut bob = named(&server, "bob");
    ann.is_told("is now bob");
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(200));
    let many: Vec<&[u8]> = vec![
        b"hello\n",
        b"NICK eve\r\nUSER a 0 * :A\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        hello,
        b"PROXY TCP4 999.1.1.1 127.0.0.1 1 2\r\n",
        b"PROXY TCP4 10.0.0.1\r\n",
        b"PROXY TCP4 10.0.0.1 127.0.0.1 1 70000\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP5 10.0.0.1 127.0.0.1 1 2\r\n",
        b"PROXY TCP4 10.0.0.1 127.0.0.1 1 2\nhi\n",
        b"proxy TCP4 10.0.0.1 127.0.0.1 1 2\r\n",
        long.as_bytes(),
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c\x0a\0\0\x01\x7f\0\0\x01\0\x50\0\x50",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04\x0a\0\0\x01hello\n",
        b"\r\n\r\n\0\r\nQUIT?hello\n",
    ];
    for opening in &many {
        let mut peer = Peer::connect(&server);
        peer.try_send(opening);
        let told = peer.until_gone();
        assert!(
            told.is_empty(),
            "{:?}: {:?}",
            String::from_utf8_lossy(opening),
            String::from_utf8_lossy(&told)
        );
    }
    for _ in 0..100 {
        let mut peer = Peer::connect(&server);
        peer.try_send("hello\n");
        peer.until_gone();
    }
    ann.hears_nothing_before(&mut bob, "all quiet");
    until("they are in the log", PATIENCE, || {
        server.stderr().text().to_uppercase().contains("PROXY")
    });
    let lines = server.stderr().text().lines().count();
    assert!(lines < 20, "{lines} lines: {}", server.stderr().text());
}

#[test]
fn limits_count_the_address_that_is_said() {
    let server = proxied(&["--max-clients-per-ip", "2"]);
    let said = |last: u8| format!("PROXY TCP4 10.0.0.{last} 127.0.0.1 4711 7788\r\n");
    let mut first = vec![
        member(&server, said(1)),
        member(&server, v2_of([10, 0, 0, 1])),
    ];
    let mut third = Peer::connect(&server);
    third.try_send(said(1));
    let told = String::from_utf8(third.until_gone()).unwrap();
    assert!(!told.contains("you are"), "{told}");
    // More of other addresses, though all of them come from the proxy's.
    let others: Vec<Member> = (2..8).map(|last| member(&server, said(last))).collect();
    assert_eq!(others.len(), 6);
    drop(first.pop());
    until("the place is free again", PATIENCE, || {
        let mut peer = Peer::connect(&server);
        peer.try_send(said(1));
        String::from_utf8(peer.first_bytes())
            .unwrap()
            .contains("you are")
    });
}

#[test]
fn the_log_tells_the_address_that_is_said() {
    let server = Launch::unnamed()
        .log("debug")
        .args(&["--proxy-protocol"])
        .start();
    let _ann = member(&server, V1);
    server.stderr().wait_for("10.9.8.7");
}

#[test]
fn other_services_have_it_too() {
    let server = Launch::new("echo").args(&["--proxy-protocol"]).start();
    let mut peer = Peer::connect(&server);
    peer.send(format!("{V1}hello"));
    assert_eq!(peer.exactly(5), b"hello");
    let server = Launch::new("reply").args(&["--proxy-protocol"]).start();
    let mut peer = Peer::connect(&server);
    peer.send(V1);
    peer.send("hi");
    assert_eq!(peer.rest(), b"thank you !");
    let server = Launch::new("echo").args(&["--proxy-protocol"]).start();
    let mut peer = Peer::connect(&server);
    peer.try_send("no header");
    assert!(peer.until_gone().is_empty());
}

#[test]
fn nginx_says_it() {
    let Some(nginx) = super::program_exists("nginx") else {
        return;
    };
    let server = listen(
        &["", ""],
        &["--proxy-protocol", "--max-clients-per-ip", "1"],
    );
    let Some(proxy) = super::nginx::Nginx::start(&nginx, bare(&server, 0)) else {
        return;
    };
    let from = |last: u8| {
        let source = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0);
        Peer::to_from(proxy.address(), source)
    };
    let mut ann = Member::over(from(2), "ann");
    let mut second = from(2);
    let told = String::from_utf8(second.until_gone()).unwrap();
    assert!(!told.contains("you are"), "{told}");
    let mut bob = Member::over(from(3), "bob");
    bob.says("through nginx");
    ann.hears("bob: through nginx");
    let mut asked = from(4);
    asked.send(request("GET", "/healthz", ""));
    assert_eq!(Answer::whole(&mut asked).text(), "ok\n");
    let mut page = WebSocket::over(from(5), "/ws", "");
    page.says("and a page");
    assert!(ann.next().ends_with(": and a page"));
}
