//! Twenty thousand clients come and go, in every way; the server is as it was before.

use std::thread;
use std::time::Duration;

use crate::harness::{Launch, Server, heavy, until};
use crate::kernel;
use crate::peer::Peer;

const THREADS: usize = 4;

/// One client's whole life, ended in one of three ways.
pub(crate) fn life(address: &str, service: &str, kind: usize) {
    let mut peer = Peer::to(address);
    peer.send("hello\n");
    if service == "echo" {
        assert_eq!(peer.exactly(6), b"hello\n");
    }
    match kind % 3 {
        0 => {
            peer.half_close();
            peer.rest();
        }
        1 => peer.reset(),
        // Half-closed, and gone before the server answers to that.
        _ => peer.half_close(),
    }
}

fn lives(server: &Server, service: &'static str, count: usize) {
    let living: Vec<_> = (0..THREADS)
        .map(|_| {
            let address = server.address().to_owned();
            thread::spawn(move || {
                for kind in 0..count / THREADS {
                    life(&address, service, kind);
                }
            })
        })
        .collect();
    living.into_iter().for_each(|l| l.join().unwrap());
}

/// Descriptors and memory as before, once `count` clients have come and gone.
fn leaves_nothing_behind(service: &'static str, args: &[&str], count: usize) {
    let _alone = heavy();
    let server = Launch::new(service).args(args).start();
    let at_start = kernel::descriptors(server.id());
    lives(&server, service, 2000);
    let settled = || kernel::descriptors(server.id()) <= at_start;
    until("the first are gone", Duration::from_secs(10), settled);
    let before = kernel::rss_kib(server.id());
    lives(&server, service, count);
    until("all are gone", Duration::from_secs(10), settled);
    let grown = kernel::rss_kib(server.id()).saturating_sub(before);
    assert!(grown < 2048, "{grown} KiB more after {count} lives");
    server.does_not_spin();
}

#[test]
fn twenty_thousand_lives_leave_nothing_in_the_echo() {
    leaves_nothing_behind("echo", &[], 20_000);
}

#[test]
fn many_lives_leave_nothing_in_the_room() {
    leaves_nothing_behind("room", &["--log-size", "64k"], 3000);
}

#[test]
fn many_lives_leave_nothing_in_reply() {
    leaves_nothing_behind("reply", &[], 3000);
}
