//! SIGTERM and SIGINT, SIGSTOP and SIGCONT; and the crowd that comes meanwhile.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{Launch, PATIENCE, Server, serial, until};
use crate::member::{Member, room};
use crate::peer::{Peer, pattern};

#[test]
fn term_int_and_a_hangup_end_every_service_cleanly() {
    for service in ["echo", "reply", "console", "room"] {
        for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
            let mut server = Launch::new(service).stdin(Stdio::piped()).start();
            let mut peer = Peer::connect(&server);
            // Once a second one is served, the first was accepted.
            let mut second = Peer::connect(&server);
            second.send("hello\n");
            second.all_taken();
            let start = Instant::now();
            server.signal(signal);
            peer.rest();
            assert_eq!(server.exit_code(), 0, "{service} {signal:?}");
            assert!(start.elapsed() < Duration::from_secs(3));
            let address: SocketAddr = server.address().parse().unwrap();
            assert!(TcpStream::connect(address).is_err(), "it still listens");
        }
    }
}

/// Whatever SIGHUP has done, SIGTERM is the first word that hurries, and it does not.
#[test]
fn only_a_second_term_or_int_ends_at_once() {
    let args = ["--max-pending", "16m", "--grace", "1m"];
    let mut server = Launch::new("echo").args(&args).start();
    let mut peer = Peer::with_receive_buffer(&server, 4096);
    peer.send(vec![b'x'; 14 << 20]);
    peer.all_taken();
    for (signal, said) in [
        (Signal::HUP, "SIGHUP: ending in good order"),
        (Signal::HUP, "SIGHUP: the server ends already"),
        (Signal::TERM, "SIGTERM: the server ends already"),
    ] {
        server.signal(signal);
        server.stderr().wait_for(said);
    }
    assert!(server.is_running());
    server.signal(Signal::INT);
    server.stderr().wait_for("SIGINT again: ending at once");
    assert_eq!(server.exit_code(), 0);
}

/// Waits until the signal has been heard.
#[track_caller]
fn accepts_no_more(server: &Server) {
    let address: SocketAddr = server.address().parse().unwrap();
    until("it accepts no more", PATIENCE, || {
        TcpStream::connect(address).is_err()
    });
}

#[test]
fn what_is_owed_is_sent_before_the_end() {
    let _alone = serial();
    let args = ["--max-pending", "16m", "--grace", "10s"];
    let mut server = Launch::new("echo").args(&args).start();
    let mut peer = Peer::with_receive_buffer(&server, 16 * 1024);
    // More than the kernel holds: the rest is with the server when the signal comes.
    let sent = pattern(14 << 20);
    peer.send(&sent);
    peer.all_taken();
    server.signal(Signal::TERM);
    accepts_no_more(&server);
    assert!(server.is_running(), "it ended with bytes owed");
    assert!(peer.rest() == sent, "what was owed was lost");
    assert_eq!(server.exit_code(), 0);
}

/// What it still sends must not meet a closed socket: the reset would take along what it is owed.
#[test]
fn who_is_still_sending_at_the_end_is_not_reset() {
    let mut server = Launch::new("echo").start();
    let mut peer = Peer::with_receive_buffer(&server, 4096);
    let sent = pattern(200_000);
    peer.send(&sent);
    peer.all_taken();
    server.signal(Signal::TERM);
    accepts_no_more(&server);
    peer.send("one thing more");
    assert!(peer.rest() == sent, "what was owed was lost");
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn who_never_reads_delays_the_end_by_the_grace_only() {
    let args = ["--max-pending", "16m", "--grace", "300ms"];
    let mut server = Launch::new("echo").args(&args).start();
    let mut peer = Peer::with_receive_buffer(&server, 4096);
    peer.send(vec![b'x'; 14 << 20]);
    peer.all_taken();
    let start = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), 0);
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(250),
        "it did not wait: {took:?}"
    );
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_rooms_last_line_is_delivered() {
    let mut server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    ann.is_told(" bob");
    for i in 0..100 {
        bob.says(&format!("line {i}"));
    }
    bob.peer.all_taken();
    server.signal(Signal::TERM);
    let heard = String::from_utf8(ann.peer.rest()).unwrap();
    assert!(heard.contains("bob: line 99\n"), "{heard:?}");
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn the_port_can_be_bound_again_at_once() {
    let mut server = Launch::new("echo").start();
    let mut peers: Vec<Peer> = (0..10).map(|_| Peer::connect(&server)).collect();
    for peer in &mut peers {
        peer.echoes("x");
    }
    // The server's side ends first, so the port stays in TIME_WAIT.
    server.signal(Signal::TERM);
    for peer in &mut peers {
        assert_eq!(peer.rest(), b"");
    }
    assert_eq!(server.exit_code(), 0);
    drop(peers);
    let address = server.address().to_owned();
    let again = Launch::new("echo").listen(&[&address]).start();
    assert_eq!(again.address(), address);
    Peer::connect(&again).echoes("again");
}

#[test]
fn a_hundred_stops_in_a_transfer_lose_nothing() {
    let _alone = serial();
    let server = Launch::new("echo").start();
    let total: usize = 64 << 20;
    let block = pattern(1 << 20);
    let mut peer = Peer::connect(&server);
    let mut writer = peer.stream.try_clone().unwrap();
    let sent = block.clone();
    let writing = thread::spawn(move || {
        for _ in 0..total / sent.len() {
            writer.write_all(&sent).unwrap();
        }
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut received = 0;
    for stop in 1..=100 {
        server.pause();
        server.resume();
        while received < total / 100 * stop {
            let part = 16 * 1024 - received % (16 * 1024);
            let at = received % block.len();
            assert!(peer.exactly(part) == block[at..at + part], "at {received}");
            received += part;
        }
    }
    let rest = peer.rest();
    assert_eq!(received + rest.len(), total);
    let at = received % block.len();
    assert!(
        rest.iter()
            .eq(block.iter().cycle().skip(at).take(rest.len()))
    );
    writing.join().unwrap();
}

#[test]
fn a_stop_is_no_end() {
    let mut server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    for round in 0..100 {
        server.pause();
        bob.says(&format!("round {round}"));
        server.resume();
        ann.hears(&format!("bob: round {round}"));
    }
    assert!(server.is_running());
}

/// The kernel holds a thousand for a server that is away: with a shorter backlog it would drop
/// their SYNs, and some connects would not be done before the server goes on.
#[test]
fn a_thousand_who_come_in_a_pause_are_served() {
    let _alone = serial();
    let server = Launch::new("echo").start();
    server.pause();
    let mut peers: Vec<Peer> = (0..1000).map(|_| Peer::connect(&server)).collect();
    for peer in &mut peers {
        peer.send("x");
    }
    server.resume();
    for peer in &mut peers {
        assert_eq!(peer.exactly(1), b"x");
    }
}
