//! Twenty thousand clients come and go, in every way; the server is as it was before.

use std::thread;
use std::time::Duration;

use crate::harness::{Launch, Server, serial, until};
use crate::kernel;
use crate::peer::short_life;

const THREADS: usize = 4;

fn churn(server: &Server, service: &'static str, count: usize) {
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let address = server.address().to_owned();
            thread::spawn(move || {
                for kind in 0..count / THREADS {
                    short_life(&address, service, kind);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
}

/// Descriptors and memory as before, once `count` clients have come and gone.
fn leaves_nothing_behind(service: &'static str, args: &[&str], count: usize) {
    let _alone = serial();
    let server = Launch::new(service).args(args).start();
    let at_start = kernel::descriptors(server.id());
    churn(&server, service, 2000);
    let settled = || kernel::descriptors(server.id()) <= at_start;
    until("the first are gone", Duration::from_secs(10), settled);
    let before = kernel::rss_kib(server.id());
    churn(&server, service, count);
    until("all are gone", Duration::from_secs(10), settled);
    let grown = kernel::rss_kib(server.id()).saturating_sub(before);
    assert!(grown < 2048, "{grown} KiB more after {count} clients");
    server.does_not_spin();
}

#[test]
fn twenty_thousand_clients_leave_nothing_in_the_echo() {
    leaves_nothing_behind("echo", &[], 20_000);
}

#[test]
fn many_clients_leave_nothing_in_the_room() {
    leaves_nothing_behind("room", &["--log-size", "64k"], 3000);
}

#[test]
fn many_clients_leave_nothing_in_reply() {
    leaves_nothing_behind("reply", &[], 3000);
}
