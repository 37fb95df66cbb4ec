//! Five million deliveries and more, each checked, while others come, crash, stall and read too slowly.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::Bound;
use crate::checked_clients::{CheckedClients, Heard};
use crate::harness::serial;
use crate::kernel;
use crate::member::room;
use crate::peer::Peer;

const DELIVERIES: u64 = 25_000_000;
const MEMBERS: usize = 100;
const SENDERS: usize = 10;
const SLOW: usize = 10;

#[derive(Default)]
pub(crate) struct Faults {
    pub(crate) over: AtomicBool,
    comings: AtomicU64,
    /// Slow readers that were cut off.
    cut_off: AtomicU64,
    /// What they had heard by then, every line of it checked.
    slow_heard: AtomicU64,
}

/// Comes and goes, in every bad way, and says a thing or two.
pub(crate) fn comes_and_goes(address: &str, faults: &Faults, seed: u64) {
    let mut rng = Rng::with_seed(seed);
    while !faults.over.load(Ordering::Relaxed) {
        let mut peer = Peer::to(address);
        let kind = rng.u8(..8);
        let said: &[u8] = match kind {
            0 => b"",
            1 => b"half a li",
            2 => b"whole\nand half",
            3 => b"\xff\xfe\x1b[2J\r\n\0\n",
            4 => &[b'x'; 3000],
            5 => b"/nick h1\n/who\n/msg h1 psst\n/quit\n",
            _ => b"noise\nmore noise\n",
        };
        peer.try_send(said);
        match kind {
            6 => peer.half_close(),
            7 => thread::sleep(Duration::from_millis(5)),
            _ => peer.reset(),
        }
        faults.comings.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(1));
    }
}

/// Reads far less than is said, and must have heard a contiguous part when it is cut off.
pub(crate) fn reads_slowly(address: &str, faults: &Faults) {
    while !faults.over.load(Ordering::Relaxed) {
        let mut peer = Peer::to(address);
        let mut text = Vec::new();
        let mut chunk = [0; 2048];
        while !faults.over.load(Ordering::Relaxed) {
            match peer.stream.read(&mut chunk) {
                Ok(count) if count > 0 => text.extend_from_slice(&chunk[..count]),
                _ => {
                    faults.cut_off.fetch_add(1, Ordering::Relaxed);
                    break;
                }
            }
            thread::sleep(Duration::from_millis(20));
        }
        let mut last = [None; SENDERS];
        let whole = text.iter().rposition(|b| *b == b'\n').unwrap_or(0);
        for line in String::from_utf8(text[..whole].to_vec()).unwrap().lines() {
            if let Some(Heard { sender, seq }) = Heard::parse(line) {
                assert!(
                    last[sender].is_none_or(|last| seq == last + 1),
                    "a gap: {line}"
                );
                last[sender] = Some(seq);
                faults.slow_heard.fetch_add(1, Ordering::Relaxed);
            }
        }
        let _ = peer.stream.flush();
    }
}

#[test]
#[ignore = "a minute of load"]
fn millions_of_deliveries_under_faults() {
    let _alone = serial();
    let server = room(&["--history", "0", "--log-size", "1m"]);
    let mut clients = CheckedClients::joins(&server, MEMBERS, SENDERS, 40);
    let faults = Arc::new(Faults::default());
    let mut troubles = Vec::new();
    for i in 0..=SLOW {
        let (faults, address) = (Arc::clone(&faults), server.address().to_owned());
        troubles.push(thread::spawn(move || match i {
            0 => comes_and_goes(&address, &faults, 7),
            _ => reads_slowly(&address, &faults),
        }));
    }
    let (start, bound) = (Instant::now(), Bound::new());
    let (mut stops, mut last_fault) = (0, start);
    clients.says(0);
    while clients.heard() < DELIVERIES {
        clients.says_more(100);
        clients.turn();
        bound.check(|| clients.state());
        if last_fault.elapsed() > Duration::from_millis(500) {
            last_fault = Instant::now();
            clients.stalls(5, Duration::from_millis(300));
            server.pause();
            thread::sleep(Duration::from_millis(20));
            server.resume();
            stops += 1;
        }
    }
    clients.says_last();
    while !clients.is_done() {
        clients.turn();
        bound.check(|| clients.state());
    }
    let took = start.elapsed();
    faults.over.store(true, Ordering::Relaxed);
    for trouble in troubles {
        trouble.join().expect("what the slow heard was contiguous");
    }
    clients.agrees();
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    eprintln!(
        "{} deliveries checked in {took:.1?}, 0 lost, doubled, out of order or torn; meanwhile \
         {} came and went, {} slow readers were cut off after {} checked deliveries, the server \
         was stopped {stops} times; server {} KiB",
        clients.heard(),
        count(&faults.comings),
        count(&faults.cut_off),
        count(&faults.slow_heard),
        kernel::rss_kib(server.id()),
    );
    assert!(count(&faults.cut_off) > 0, "nobody was slow enough");
}
