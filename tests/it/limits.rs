//! The limits that every service has: clients, idleness, socket options, what one may be owed.

use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::Socket;

use crate::harness::{Launch, PATIENCE, Server, until};
use crate::kernel;
use crate::peer::{Peer, pattern};

#[test]
fn further_clients_wait_for_a_place() {
    let server = Launch::new("echo").args(&["--max-clients", "3"]).start();
    let mut inside: Vec<Peer> = (0..3).map(|_| Peer::connect(&server)).collect();
    for peer in &mut inside {
        peer.echoes("in");
    }
    let mut waiting: Vec<Peer> = (0..3).map(|_| Peer::connect(&server)).collect();
    for peer in &mut waiting {
        peer.send("hello");
    }
    server.does_not_spin();
    for peer in &mut waiting {
        assert!(!peer.anything_within(Duration::from_millis(20)));
    }
    for next in &mut waiting {
        drop(inside.remove(0));
        // No new connect wakes the listener: it resumes by itself.
        assert_eq!(next.exactly(5), b"hello");
    }
}

#[test]
fn one_place_is_enough_for_many_in_turn() {
    let server = Launch::new("reply").args(&["--max-clients", "1"]).start();
    let mut peers: Vec<Peer> = (0..30).map(|_| Peer::connect(&server)).collect();
    for peer in &mut peers {
        peer.send("hello");
        peer.half_close();
    }
    for peer in &mut peers {
        assert_eq!(peer.rest(), b"thank you !");
    }
}

#[test]
fn the_idle_are_let_go_and_the_busy_are_not() {
    let server = Launch::new("echo").args(&["--idle-timeout", "1s"]).start();
    let mut idle = Peer::connect(&server);
    idle.echoes("x");
    let mut busy = Peer::connect(&server);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        busy.echoes("y");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(idle.rest(), b"");
    busy.echoes("still here");
}

#[test]
fn nobody_is_idle_unless_told() {
    let server = Launch::new("room").start();
    let mut peer = Peer::connect(&server);
    peer.line();
    assert!(!peer.anything_within(Duration::from_secs(1)));
}

/// The service's client of `peer`, as the server itself holds it.
fn servers_socket(server: &Server, peer: &Peer) -> Option<Socket> {
    let pid = Pid::from_raw(i32::try_from(server.id()).ok()?)?;
    let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    (3..64).find_map(|fd| {
        let socket = Socket::from(pidfd_getfd(&process, fd, PidfdGetfdFlags::empty()).ok()?);
        let far = socket.peer_addr().ok()?.as_socket()?;
        (far == peer.local()).then_some(socket)
    })
}

#[test]
fn keepalive_is_on_and_nagle_is_off() {
    for service in ["room", "console", "echo", "reply"] {
        let stdin = std::process::Stdio::piped();
        let server = Launch::new(service).stdin(stdin).start();
        let peer = Peer::connect(&server);
        until("the keepalive timer runs", PATIENCE, || {
            peer.far_side().is_some_and(|side| side.timer == 2)
        });
        // Where one process may not look into another, the timer has to do.
        if let Some(socket) = servers_socket(&server, &peer) {
            assert!(socket.keepalive().unwrap(), "{service}");
            assert!(socket.tcp_nodelay().unwrap(), "{service}");
        }
    }
}

#[test]
fn max_message_is_what_one_receive_takes() {
    let server = Launch::new("console")
        .args(&["--max-message", "10"])
        .stdin(std::process::Stdio::piped())
        .start();
    let mut peer = Peer::connect(&server);
    server.pause();
    peer.send("0123456789abcde");
    server.resume();
    let said = server.stdout().wait_for("abcde\n");
    assert!(
        said.contains("recv [1] 0123456789\nrecv [1] abcde\n"),
        "{said}"
    );
}

#[test]
fn a_small_max_message_loses_nothing_of_an_echo() {
    let server = Launch::new("echo").args(&["--max-message", "7"]).start();
    Peer::connect(&server).echoes(pattern(100_000));
}

#[test]
fn sizes_and_durations_take_suffixes() {
    let args = [
        "--max-message",
        "2k",
        "--max-pending",
        "1M",
        "--idle-timeout",
        "1h",
        "--grace",
        "250ms",
    ];
    let server = Launch::new("echo").args(&args).start();
    Peer::connect(&server).echoes("hello");
}

/// Who is owed `--max-pending` is not read from any more, rather than cut off: it may read later.
#[test]
fn who_is_owed_much_waits_and_loses_nothing() {
    let server = Launch::new("echo").args(&["--max-pending", "64k"]).start();
    let mut peer = Peer::with_receive_buffer(&server, 4096);
    let sent = pattern(8 << 20);
    let expected = sent.clone();
    let before = kernel::rss_kib(server.id());
    let mut writer = peer.stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        for piece in sent.chunks(64 * 1024) {
            std::io::Write::write_all(&mut writer, piece).unwrap();
        }
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    until("the server's queue is full", PATIENCE, || {
        peer.far_side()
            .is_some_and(|side| side.unread > 0 && side.unsent > 0)
    });
    Peer::connect(&server).echoes("another");
    let grown = kernel::rss_kib(server.id()).saturating_sub(before);
    assert!(grown < 2048, "{grown} KiB for one who may be owed 64");
    assert!(peer.rest() == expected, "bytes changed");
    writing.join().unwrap();
}
