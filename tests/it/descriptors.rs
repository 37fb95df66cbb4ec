//! When descriptors run out: the limit is raised first, then nobody spins and nobody is lost.

use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::harness::{Launch, Server, serial};
use crate::kernel;
use crate::peer::Peer;

#[test]
fn the_soft_limit_is_raised_to_the_hard_one() {
    let server = Launch::new("echo")
        .wrap(&["prlimit", "--nofile=64:600"])
        .start();
    assert_eq!(kernel::descriptor_limits(server.id()), (600, 600));
    let mut peers: Vec<Peer> = (0..200).map(|_| Peer::connect(&server)).collect();
    for peer in &mut peers {
        peer.echoes("hello");
    }
}

#[test]
fn the_default_leaves_a_reserve() {
    let server = Launch::new("echo")
        .wrap(&["prlimit", "--nofile=64:64"])
        .start();
    let peers = exhaust(&server, 40);
    // As many as the process may open, less a reserve of 32.
    assert_eq!(peers.0.len(), 32);
    assert!(kernel::descriptors(server.id()) < 64);
}

/// `count` clients that have each said something; those that are served, those that wait.
fn exhaust(server: &Server, count: usize) -> (Vec<Peer>, Vec<Peer>) {
    let mut peers: Vec<Peer> = (0..count).map(|_| Peer::connect(server)).collect();
    for peer in &mut peers {
        peer.send("hello");
    }
    let mut served = Vec::new();
    let mut waiting = Vec::new();
    for mut peer in peers {
        // They are accepted in order: the first that is not served ends the row.
        if waiting.is_empty() && peer.anything_within(Duration::from_secs(3)) {
            assert_eq!(peer.exactly(5), b"hello");
            served.push(peer);
        } else {
            waiting.push(peer);
        }
    }
    for peer in &mut waiting {
        assert!(
            !peer.anything_within(Duration::from_millis(1)),
            "out of turn"
        );
    }
    (served, waiting)
}

/// The limit sinks while the server runs, as when something else in the process needs its share:
/// accepting fails with EMFILE, and no limit of the server's own is in the way.
#[test]
fn out_of_descriptors_nobody_spins_and_nobody_is_lost() {
    let _alone = serial();
    let server = Launch::new("echo")
        .wrap(&["prlimit", "--nofile=1000:1000"])
        .start();
    let pid = Pid::from_raw(server.id().cast_signed());
    let limit = Rlimit {
        current: Some(64),
        maximum: Some(1000),
    };
    prlimit(pid, Resource::Nofile, limit).unwrap();
    let (mut served, mut waiting) = exhaust(&server, 120);
    assert!((20..64).contains(&served.len()), "{} served", served.len());
    assert!(kernel::descriptors(server.id()) >= 64, "all are in use");
    server.does_not_spin();
    for peer in &mut served {
        peer.echoes("inside");
    }
    // Each descriptor that comes free lets the next one in, without a connect to wake anybody.
    for round in 0..5 {
        drop(served.remove(0));
        let mut next = waiting.remove(0);
        assert_eq!(next.exactly(5), b"hello", "round {round}");
        served.push(next);
    }
    // As many at once: as many that waited are served.
    let many = waiting.len().min(served.len());
    served.clear();
    for peer in waiting.iter_mut().take(many) {
        assert_eq!(peer.exactly(5), b"hello");
    }
    let said = server.stderr().text();
    assert!(said.lines().count() < 20, "a log line for each try: {said}");
    assert!(said.contains("WARN"), "nothing said of it: {said:?}");
}

/// The same with the limit there from the start: the server keeps below it.
#[test]
fn a_limit_of_64_holds_120_clients_in_turn() {
    let server = Launch::new("echo")
        .wrap(&["prlimit", "--nofile=64:64"])
        .args(&["--max-clients", "1000"])
        .start();
    let (mut served, mut waiting) = exhaust(&server, 120);
    server.does_not_spin();
    while !waiting.is_empty() {
        let many = waiting.len().min(served.len());
        served.clear();
        for mut peer in waiting.drain(..many) {
            assert_eq!(peer.exactly(5), b"hello");
            served.push(peer);
        }
    }
}
