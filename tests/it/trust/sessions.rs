//! Half a million bad sessions, and two who talk meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::Bound;
use crate::harness::{heavy, until};
use crate::kernel;
use crate::member::{Member, room};
use crate::peer::Peer;

const SESSIONS: u64 = 500_000;
const THREADS: u64 = 2;

/// So many of a thread's sessions are open at a time.
const OPEN: usize = 16;

const LONGEST_GAP: Duration = Duration::from_millis(100);

/// One session that no decent client would have; the socket is left for later.
fn misbehaves(address: &str, rng: &mut Rng) -> Peer {
    let mut peer = Peer::to(address);
    let said: &[u8] = match rng.u8(..10) {
        0 => b"",
        1 => b"half a li",
        2 => b"\xff\xfe\xed\xa0\x80\x1b]0;owned\x07\x1b[2J\n\0\0\n",
        3 => &[b'x'; 3000],
        4 => b"/nick ann\n/nick \xe2\x80\xae\n/msg ann psst\n/msg nobody x\n/who\n",
        5 => &b"/help\n".repeat(50),
        6 => b"\n\n\n\n\n\r\n\r\n//\n/\n",
        7 => b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        8 => b"/quit\nafter the end\n",
        _ => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    };
    peer.try_send(said);
    peer
}

fn throng(address: &str, seed: u64, done: &AtomicU64) {
    let mut rng = Rng::with_seed(seed);
    let mut open: Vec<Peer> = Vec::new();
    for _ in 0..SESSIONS / THREADS {
        open.push(misbehaves(address, &mut rng));
        if open.len() == OPEN {
            let peer = open.swap_remove(rng.usize(..OPEN));
            match rng.u8(..8) {
                // A clean end leaves a port behind for a minute: there are not so many.
                0 => drop(peer),
                _ => peer.reset(),
            }
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Says one line a time, and takes the time until the other has heard it.
fn talk(ann: &mut Member, bob: &mut Member, over: &AtomicBool, bound: &Bound) -> Vec<Duration> {
    let mut gaps = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let (start, text) = (Instant::now(), format!("tick {}", gaps.len()));
        ann.says(&text);
        let mine = format!("ann: {text}");
        loop {
            let line = bob.peer.line();
            if line.starts_with("ann: ") {
                assert_eq!(line, mine);
                break;
            }
        }
        gaps.push(start.elapsed());
        // What ann is sent has to be read, too.
        while ann.peer.anything_within(Duration::from_micros(1)) {
            ann.peer.line();
        }
        bound.check(|| "talking".to_owned());
        thread::sleep(Duration::from_millis(2));
    }
    gaps
}

#[test]
#[ignore = "a minute of load"]
fn half_a_million_bad_sessions_disturb_nobody() {
    let _alone = heavy();
    let mut server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    let at_start = (
        kernel::descriptors(server.id()),
        kernel::rss_kib(server.id()),
    );
    let (done, over) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (start, bound) = (Instant::now(), Bound::new());
    let throngs: Vec<_> = (0..THREADS)
        .map(|seed| {
            let (address, done) = (server.address().to_owned(), Arc::clone(&done));
            thread::spawn(move || throng(&address, seed, &done))
        })
        .collect();
    let talking = {
        let over = Arc::clone(&over);
        thread::spawn(move || talk(&mut ann, &mut bob, &over, &bound))
    };
    throngs.into_iter().for_each(|t| t.join().unwrap());
    let took = start.elapsed();
    over.store(true, Ordering::Relaxed);
    let mut gaps = talking.join().unwrap();
    gaps.sort_unstable();
    let (last, most) = (gaps.len() - 1, gaps.len());
    eprintln!(
        "{} bad sessions in {took:.1?}; two bystanders: {most} lines, median {:.1?}, p99 {:.1?}, \
         p99.9 {:.1?}, longest {:.1?}; server {} KiB before, {} after, load average {}",
        done.load(Ordering::Relaxed),
        gaps[last / 2],
        gaps[last * 99 / 100],
        gaps[last * 999 / 1000],
        gaps[last],
        at_start.1,
        kernel::rss_kib(server.id()),
        kernel::load_average(),
    );
    until("all are gone", Duration::from_secs(10), || {
        kernel::descriptors(server.id()) <= at_start.0
    });
    assert!(server.is_running());
    assert!(gaps[last] < LONGEST_GAP, "{:?}", gaps[last]);
}
