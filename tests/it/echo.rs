//! `serve echo`: the same bytes, every one, in order, and a clean end.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tempfile::TempDir;

use crate::harness::{Launch, PATIENCE, Server, serial, until};
use crate::peer::{Peer, pattern, unix};

const BURSTS: [usize; 8] = [1, 1023, 1024, 1025, 65_535, 65_536, 65_537, 300_000];

fn echo() -> Server {
    Launch::new("echo").start()
}

#[test]
fn a_burst_then_silence_comes_back_whole() {
    let server = echo();
    for size in BURSTS {
        Peer::connect(&server).echoes(pattern(size));
        let mut kept = Peer::connect(&server);
        for _ in 0..3 {
            kept.echoes(pattern(size));
        }
    }
}

/// All of a burst lies in the server's receive queue before it looks, so that there is one
/// readiness event for it, and never another.
#[test]
fn a_burst_that_is_there_at_once_comes_back_whole() {
    let server = echo();
    for size in [65_535, 65_536, 65_537, 300_000] {
        let mut peer = Peer::connect(&server);
        peer.echoes("first");
        server.pause();
        let mut writer = peer.stream.try_clone().unwrap();
        let burst = pattern(size);
        let expected = burst.clone();
        let writing = thread::spawn(move || writer.write_all(&burst));
        until("the burst queues up", PATIENCE, || {
            peer.far_side().is_some_and(|side| side.unread > 30_000)
        });
        server.resume();
        assert_eq!(peer.exactly(size), expected);
        writing.join().unwrap().unwrap();
    }
}

/// A unix socket takes over 100 KB at once: more than one turn of any loop should read.
#[test]
fn a_burst_over_a_unix_socket_comes_back_whole() {
    let folder = TempDir::new().unwrap();
    let address = format!("unix:{}", folder.path().join("s").display());
    let server = Launch::new("echo").listen(&[&address]).start();
    for size in BURSTS {
        let mut stream = unix(server.address());
        let expected = pattern(size);
        let mut writer = stream.try_clone().unwrap();
        let burst = expected.clone();
        server.pause();
        let writing = thread::spawn(move || writer.write_all(&burst));
        if size <= 65_537 {
            until("it is written", PATIENCE, || writing.is_finished());
        }
        server.resume();
        let mut back = vec![0; size];
        stream.read_exact(&mut back).unwrap();
        assert!(back == expected, "{size} bytes came back changed");
        writing.join().unwrap().unwrap();
    }
}

#[test]
fn eight_mebibytes_half_closed_and_read_late_come_back() {
    let server = echo();
    let mut peer = Peer::connect(&server);
    let sent = pattern(8 << 20);
    let expected = sent.clone();
    let mut writer = peer.stream.try_clone().unwrap();
    let writing = thread::spawn(move || {
        writer.write_all(&sent).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    // The scenario itself: nobody reads for a second, and every buffer fills.
    thread::sleep(Duration::from_secs(1));
    let back = peer.rest();
    assert_eq!(back.len(), expected.len());
    assert!(back == expected, "the bytes changed");
    writing.join().unwrap();
}

/// The server has read the end while it still owes more than the kernel takes.
#[test]
fn what_is_owed_at_the_end_is_sent() {
    let _alone = serial();
    let server = Launch::new("echo").args(&["--max-pending", "16m"]).start();
    let mut peer = Peer::with_receive_buffer(&server, 16 * 1024);
    let sent = pattern(14 << 20);
    peer.send(&sent);
    peer.half_close();
    peer.all_taken();
    let mut other = Peer::connect(&server);
    for _ in 0..10 {
        // Each is a turn of the loop, or more: the end has been handled by then.
        other.echoes("tick");
    }
    assert!(peer.rest() == sent, "what was owed was lost");
}

#[test]
fn data_and_end_in_one_batch() {
    let server = echo();
    let mut bystander = Peer::connect(&server);
    bystander.echoes("here");
    let mut known = Peer::connect(&server);
    known.echoes("here");
    server.pause();
    // One that was accepted already, one that connects, sends and ends before it is.
    let mut fresh = Peer::connect(&server);
    for peer in [&mut known, &mut fresh] {
        peer.send("last words");
        peer.half_close();
        until("the end has arrived", PATIENCE, || {
            // 8: CLOSE_WAIT, the kernel has seen the peer's end.
            peer.far_side().is_some_and(|side| side.state == 8)
        });
    }
    server.resume();
    assert_eq!(known.rest(), b"last words");
    assert_eq!(fresh.rest(), b"last words");
    bystander.echoes("still here");
}

#[test]
fn an_end_is_the_end_of_that_client_only() {
    let server = echo();
    let mut others: Vec<Peer> = (0..10).map(|_| Peer::connect(&server)).collect();
    for round in 0..10 {
        let mut leaving = Peer::connect(&server);
        if round % 2 == 0 {
            leaving.echoes("x");
        }
        leaving.half_close();
        assert_eq!(leaving.rest(), b"");
        for other in &mut others {
            other.echoes(format!("round {round}"));
        }
    }
}

#[test]
fn clients_do_not_mix() {
    let server = echo();
    let mut peers: Vec<Peer> = (0..50).map(|_| Peer::connect(&server)).collect();
    for round in 0..20 {
        for (i, peer) in peers.iter_mut().enumerate() {
            peer.send(format!("{i}/{round};"));
        }
        for (i, peer) in peers.iter_mut().enumerate() {
            let expected = format!("{i}/{round};");
            assert_eq!(peer.exactly(expected.len()), expected.as_bytes());
        }
    }
}

#[test]
fn many_requests_in_flight_keep_their_order() {
    let server = echo();
    let mut peer = Peer::connect(&server);
    let mut writer = peer.stream.try_clone().unwrap();
    let requests: Vec<u8> = (0..20_000)
        .flat_map(|i: u32| format!("{i:08}").into_bytes())
        .collect();
    let expected = requests.clone();
    let writing = thread::spawn(move || {
        for request in requests.chunks(8) {
            writer.write_all(request).unwrap();
        }
    });
    assert!(peer.exactly(expected.len()) == expected, "order or bytes");
    writing.join().unwrap();
}

#[test]
fn one_answer_costs_no_delay() {
    // No timer stands between a message and its answer. On a busy machine some exchanges are slow
    // all the same; with a timer all of them would be.
    let server = echo();
    let mut peer = Peer::connect(&server);
    let mut quick = 0;
    for _ in 0..100 {
        let start = Instant::now();
        peer.echoes("ping");
        peer.echoes(pattern(5000));
        quick += usize::from(start.elapsed() < Duration::from_millis(35));
    }
    assert!(quick > 25, "{quick} of 100 were without a delay");
}

/// A read ends before a byte that was sent as urgent, as telnet's Ctrl-C is; what comes after it
/// is no news to the poll.
#[test]
fn what_follows_urgent_data_is_echoed_too() {
    let server = Launch::new("echo").start();
    let mut peer = Peer::connect(&server);
    peer.echoes("hello");
    server.pause();
    peer.send("one");
    SockRef::from(&peer.stream).send_out_of_band(b"!").unwrap();
    peer.send("two");
    server.resume();
    assert_eq!(peer.exactly(6), b"onetwo");
    server.does_not_spin();
}
