//! Every service over TLS: the same bytes, and the same ends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use super::client::{Client, config};
use super::{serve, tls_address};
use crate::harness::{Launch, PATIENCE, until};
use crate::peer::{Peer, pattern};

#[test]
fn echo_gives_back_all_of_it_and_a_clean_end_however_the_client_ends() {
    let (server, authority) = serve("echo", &[]);
    let bytes = pattern(3_000_000);
    for with_close_notify in [true, false] {
        let mut client = Client::connect(tls_address(&server), &authority);
        // More than both sockets hold, in small parts: the server may not wait for the reader.
        let sent = bytes[..200_000].to_vec();
        client.send(&sent);
        client.ends(with_close_notify);
        assert!(client.rest() == sent);
    }
}

#[test]
fn a_room_is_one_whether_its_members_come_over_tls_or_not() {
    let (server, authority) = serve("room", &[]);
    let mut ann = Client::connect(tls_address(&server), &authority);
    ann.send("/nick ann\n");
    while !ann.line().contains("ann") {}
    let mut bob = Peer::to(&server.addresses[1]);
    bob.send("hello over there\n");
    while !ann.line().ends_with(": hello over there") {}
    ann.send("hello bob\n");
    while bob.line() != "ann: hello bob" {}
    ann.ends(true);
    while !bob.line().starts_with("* ann") {}
    ann.rest();
}

#[test]
fn nobody_is_told_of_a_client_that_does_not_shake_hands() {
    let (server, _authority) = serve("room", &[]);
    let mut ann = Peer::to(&server.addresses[1]);
    ann.send("/nick ann\n");
    while !ann.line().contains("ann") {}
    let silent = TcpStream::connect(tls_address(&server)).unwrap();
    let mut wrong = TcpStream::connect(tls_address(&server)).unwrap();
    wrong.set_read_timeout(Some(PATIENCE)).unwrap();
    wrong
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut alert = Vec::new();
    wrong.read_to_end(&mut alert).unwrap();
    assert_eq!(alert[0], 0x15, "{alert:?}");
    server.stderr().wait_for("no TLS");
    drop((silent, wrong));
    // Whatever was told before would be told before this.
    ann.send("/who\n");
    let told = ann.line();
    assert!(told.contains("ann") && !told.contains("guest"), "{told}");
}

#[test]
fn a_handshake_has_ten_seconds_however_slowly_it_comes() {
    let (server, _authority) = serve("echo", &[]);
    let clients: Vec<_> = [false, true]
        .map(|drips| {
            let address = tls_address(&server).to_owned();
            std::thread::spawn(move || {
                let mut client = TcpStream::connect(address).unwrap();
                let began = std::time::Instant::now();
                // A handshake record of 512 bytes, begun.
                client.write_all(&[0x16, 3, 1, 2, 0]).unwrap();
                client
                    .set_read_timeout(Some(Duration::from_millis(500)))
                    .unwrap();
                let mut byte = [0];
                while client
                    .read(&mut byte)
                    .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
                {
                    assert!(began.elapsed() < 2 * PATIENCE);
                    if drips {
                        let _ = client.write_all(&[1]);
                    }
                }
                began.elapsed()
            })
        })
        .into_iter()
        .collect();
    for client in clients {
        let lasted = client.join().unwrap();
        assert!(lasted >= Duration::from_secs(9), "{lasted:?}");
    }
}

#[test]
fn reply_answers_once_and_ends() {
    let (server, authority) = serve("reply", &["--text", "thanks"]);
    let mut client = Client::connect(tls_address(&server), &authority);
    client.send("hi");
    assert_eq!(client.rest(), b"thanks");
}

#[test]
fn a_console_answers() {
    let authority = super::Authority::new();
    let pair = authority.signs(&["localhost"]);
    let launch = Launch::new("console").listen(&["tls:127.0.0.1:0"]);
    let files = ["--tls-cert", pair.certificate(), "--tls-key", pair.key()];
    let mut server = launch.args(&files).stdin(Stdio::piped()).start();
    let mut client = Client::connect(tls_address(&server), &authority);
    client.send("anybody?\n");
    server.stdout().wait_for("anybody?");
    server.types("me\n");
    assert_eq!(client.line(), "me");
}

#[test]
fn a_client_hears_that_the_room_is_full() {
    let (server, authority) = serve("room", &["--max-clients", "1"]);
    let _ann = Client::connect(tls_address(&server), &authority);
    server.stderr();
    let mut bob = Client::connect(tls_address(&server), &authority);
    let told = bob.rest();
    let told = String::from_utf8_lossy(&told);
    assert!(told.starts_with("* full: 1 are here"), "{told}");
}

#[test]
fn the_servers_end_is_a_clean_one() {
    let (mut server, authority) = serve("room", &[]);
    let mut ann = Client::connect(tls_address(&server), &authority);
    ann.send("/who\n");
    while !ann.line().contains("guest") {}
    server.signal(rustix::process::Signal::TERM);
    ann.rest();
    ann.ends(true);
    drop(ann);
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn what_is_spoken_inside_need_not_be_agreed_on() {
    let (server, authority) = serve("echo", &[]);
    // Bytes have no name for it.
    for (offered, agreed) in [
        (&["h2", "http/1.1"][..], None),
        (&["irc"], None),
        (&[], None),
    ] {
        let mut config = Arc::unwrap_or_clone(config(&authority));
        config.alpn_protocols = offered
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        let client = Client::with(tls_address(&server), Arc::new(config));
        let alpn = client.alpn().map(|name| String::from_utf8(name).unwrap());
        assert_eq!(alpn.as_deref(), agreed);
    }
}

#[test]
fn a_client_that_does_not_read_costs_nobody_else_anything() {
    let (server, authority) = serve("room", &["--log-size", "64k"]);
    let mut deaf = Client::connect(tls_address(&server), &authority);
    deaf.send("/nick deaf\n");
    while !deaf.line().contains("deaf") {}
    let mut ann = Client::connect(tls_address(&server), &authority);
    let mut bob = Client::connect(tls_address(&server), &authority);
    let text = "x".repeat(1000);
    let mut said = 0;
    until(
        "the one that does not read is disconnected",
        PATIENCE,
        || {
            ann.send(format!("{said} {text}\n"));
            said += 1;
            while !bob.line().ends_with(&text) {}
            server.stderr().text().contains("bytes behind")
        },
    );
    // What it was sent is whole, up to where it was left behind.
    let mut heard = 0;
    while deaf.try_line().is_some_and(|line| {
        let is_talk = line.ends_with(&text);
        assert!(
            !is_talk || line.contains(&format!(": {heard} ")),
            "{line:.80}"
        );
        heard += usize::from(is_talk);
        true
    }) {}
    assert!((1..said).contains(&heard), "{heard} of {said}");
}
