//! Many handshakes at once, while others talk.

use std::sync::Arc;
use std::thread;

use super::client::{Client, config};
use super::{serve, tls_address};
use crate::harness::serial;
use crate::peer::Peer;

const CLIENTS: usize = 1000;
const THREADS: usize = 8;

#[test]
fn a_thousand_handshakes_do_not_keep_others_from_talking() {
    let _alone = serial();
    let (server, authority) = serve("room", &["--notices", "off", "--history", "0"]);
    let mut ann = Peer::to(&server.addresses[1]);
    let mut bob = Client::connect(tls_address(&server), &authority);
    ann.send("/nick ann\n");
    while !ann.line().contains("ann") {}
    let config = config(&authority);
    let dialling: Vec<_> = (0..THREADS)
        .map(|_| {
            let (address, config) = (tls_address(&server).to_owned(), Arc::clone(&config));
            thread::spawn(move || {
                let clients =
                    (0..CLIENTS / THREADS).map(|_| Client::with(&address, Arc::clone(&config)));
                clients.collect::<Vec<_>>()
            })
        })
        .collect();
    // As long as anybody still shakes hands, and some more.
    let mut said = 0;
    let mut talk = || {
        ann.send(format!("number {said}\n"));
        let expected = format!("ann: number {said}");
        while bob.line() != expected {}
        said += 1;
    };
    while !dialling.iter().all(thread::JoinHandle::is_finished) {
        talk();
    }
    let mut crowd: Vec<Client> = dialling
        .into_iter()
        .flat_map(|thread| thread.join().unwrap())
        .collect();
    assert_eq!(crowd.len(), CLIENTS);
    talk();
    assert!(said > 10, "only {said} lines came through meanwhile");
    // All of them are members, and hear what comes next.
    ann.send("everybody\n");
    for client in &mut crowd {
        while client.line() != "ann: everybody" {}
    }
}
