//! Half a million bad sessions, and two who talk meanwhile.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::Bound;
use crate::harness::{Server, serial, until};
use crate::kernel;
use crate::machine;
use crate::member::{Member, room};
use crate::peer::Peer;

const SESSIONS: u64 = 500_000;
const THREADS: u64 = 2;

/// So many of a thread's sessions are open at a time.
const OPEN: usize = 16;

const BETWEEN_TICKS: Duration = Duration::from_millis(5);

const LONGEST_GAP: Duration = Duration::from_millis(100);

/// One session that no decent client would have; the socket is left for later.
pub(crate) fn misbehaves(address: &str, rng: &mut Rng) -> Peer {
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

fn attack(address: &str, seed: u64, done: &AtomicU64, bound: Bound) {
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
        bound.check(|| "bad sessions".to_owned());
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Hears the other's ticks, every one, once, in order; gives how long each was on its way.
/// What the bad ones make the room say is read, too, as any client has to.
fn hears(mut member: Member, other: &str, start: Instant, over: &AtomicBool) -> Vec<Duration> {
    let before = format!("{other}: tick ");
    let mut gaps = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let line = member.peer.line();
        let Some(tick) = line.strip_prefix(&before) else {
            continue;
        };
        let (number, sent_us) = tick.split_once(" at ").expect("a tick");
        assert_eq!(number.parse(), Ok(gaps.len()), "lost or doubled: {line}");
        let sent = Duration::from_micros(sent_us.parse().expect("a time"));
        gaps.push(start.elapsed().saturating_sub(sent));
    }
    gaps
}

/// Two members, heard from both ends, each saying a line every few milliseconds.
fn talk(server: &Server, over: &Arc<AtomicBool>) -> Vec<JoinHandle<Vec<Duration>>> {
    let members = ["ann", "bob"].map(|nick| Member::joins(server, nick));
    let mut mouths = members
        .each_ref()
        .map(|m| m.peer.stream.try_clone().unwrap());
    let (start, stop) = (Instant::now(), Arc::clone(over));
    let mut hearing: Vec<_> = members
        .into_iter()
        .zip(["bob", "ann"])
        .map(|(member, other)| {
            let over = Arc::clone(over);
            thread::spawn(move || hears(member, other, start, &over))
        })
        .collect();
    hearing.push(thread::spawn(move || {
        for number in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let tick = format!("tick {number} at {}\n", start.elapsed().as_micros());
            for mouth in &mut mouths {
                mouth.write_all(tick.as_bytes()).expect("still here");
            }
            thread::sleep(BETWEEN_TICKS);
        }
        // One more, after which the listeners see that it is over.
        for mouth in &mut mouths {
            mouth.write_all(b"the end\n").expect("still here");
        }
        Vec::new()
    }));
    hearing
}

#[test]
#[ignore = "a minute of load"]
fn half_a_million_bad_sessions_disturb_nobody() {
    let _alone = serial();
    let mut server = room(&[]);
    let at_start = (
        kernel::descriptors(server.id()),
        kernel::rss_kib(server.id()),
    );
    let (done, over) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let talking = talk(&server, &over);
    let (start, bound) = (Instant::now(), Bound::new());
    let attacks: Vec<_> = (0..THREADS)
        .map(|seed| {
            let (address, done) = (server.address().to_owned(), Arc::clone(&done));
            thread::spawn(move || attack(&address, seed, &done, bound))
        })
        .collect();
    attacks.into_iter().for_each(|t| t.join().unwrap());
    let took = start.elapsed();
    over.store(true, Ordering::Relaxed);
    let talked = talking
        .into_iter()
        .map(|t| t.join().expect("all was heard"));
    let mut gaps: Vec<Duration> = talked.flatten().collect();
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
        machine::load_average(),
    );
    until("all are gone", Duration::from_secs(10), || {
        kernel::descriptors(server.id()) <= at_start.0
    });
    assert!(server.is_running());
    assert!(gaps[last] < LONGEST_GAP, "{:?}", gaps[last]);
}
