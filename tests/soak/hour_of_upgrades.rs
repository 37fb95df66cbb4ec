//! An hour of mixed load on a room with an upgrade each minute: who stays hears everything, once and in
//! order, and one process holds no more than the one before it.
//! `CHINWAG_MINUTES` makes it longer or shorter; `CHINWAG_ROUND_S` is the time between two upgrades.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fastrand::Rng;
use rustix::process::Signal;
use serde_json::Value;

use crate::checked_text::Stamp;
use crate::deliveries::{Faults, comes_and_goes};
use crate::dialect::Protocol;
use crate::harness::{ANY, Launch, PATIENCE, serial, until};
use crate::kernel;
use crate::machine;
use crate::mixed_clients::{MixedClients, SENDERS};
use crate::one_hour::{BETWEEN_VISITS, bad_sessions};
use crate::peer::Peer;
use crate::succession::Succession;

const ROOMS: usize = 10;
const MEMBERS: usize = 10;
const MOVERS: usize = 12;

/// Messages a second, and half the most bytes that one has to fill it.
const RATE: u32 = 500;
const FILLING: usize = 60;

const BETWEEN_MOVES: Duration = Duration::from_millis(20);
const BETWEEN_SCRAPES: Duration = Duration::from_millis(250);

const MAY_GROW_KIB: u64 = 4096;
const MAY_DIFFER: usize = 2;

/// A number out of the environment.
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

/// What was said, as the server has written it down.
struct Transcript {
    file: PathBuf,
    old: PathBuf,
    written: [[u64; SENDERS]; ROOMS],
}

impl Transcript {
    /// Another file takes this one's place.
    fn rotates(&self, chat: &Succession) {
        fs::rename(&self.file, &self.old).unwrap();
        chat.signal(Signal::HUP);
        until("the file is opened anew", PATIENCE, || self.file.exists());
    }

    /// Reads what was in the old file: each line of the members once, in order.
    #[track_caller]
    fn reads(&mut self, file: &PathBuf) {
        for line in fs::read_to_string(file).unwrap().lines() {
            let line: Value = serde_json::from_str(line).expect(line);
            let text = line["text"].as_str().expect("no gap, but what was said");
            if let Some(Stamp {
                room, sender, seq, ..
            }) = Stamp::parse(text)
            {
                let written = &mut self.written[room][sender];
                assert_eq!(seq, *written + 1, "lost, doubled or out of order: {text}");
                *written = seq;
            }
        }
    }
}

/// Comes by one of the protocols, looks into a room or two, says something, and goes.
fn passes_by(address: &str, faults: &Faults) {
    let mut rng = Rng::with_seed(21);
    for number in 0.. {
        if faults.over.load(Ordering::Relaxed) {
            return;
        }
        let protocol = Protocol::ALL[rng.usize(..3)];
        let mut peer = Peer::to(address);
        peer.try_send(protocol.opening(&format!("p{number}")));
        let room = match rng.u8(..4) {
            0 => format!("p{}", rng.u8(..80)),
            _ => format!("r{}", rng.usize(..ROOMS)),
        };
        peer.try_send(protocol.moves(None, &room));
        peer.try_send(protocol.says(&room, "of no concern"));
        peer.try_send(protocol.moves(Some(&room), "r0"));
        thread::sleep(BETWEEN_VISITS);
        match rng.u8(..8) {
            0 => drop(peer),
            _ => peer.reset(),
        }
    }
}

/// What the server tells of itself, again and again: its counters go on over every upgrade.
fn scrapes(address: &str, faults: &Faults, (whole, cut): &(AtomicU64, AtomicU64)) {
    let mut accepted = 0;
    while !faults.over.load(Ordering::Relaxed) {
        match scrape(address) {
            Some(told) => {
                let line = told
                    .lines()
                    .find_map(|l| l.strip_prefix("chinwag_accepted_total "));
                let now: u64 = line.expect("the counter").parse().expect("a number");
                assert!(now >= accepted, "{now} after {accepted}");
                accepted = now;
                whole.fetch_add(1, Ordering::Relaxed);
            }
            // An upgrade ends it.
            None => drop(cut.fetch_add(1, Ordering::Relaxed)),
        }
        thread::sleep(BETWEEN_SCRAPES);
    }
}

/// None, if the answer is cut off. A connect is never refused.
fn scrape(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = String::new();
    let asked = stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        .and_then(|()| stream.read_to_string(&mut answer));
    match asked {
        Err(e) if e.kind() == ErrorKind::WouldBlock => panic!("no answer"),
        _ => answer.ends_with('\n').then_some(answer),
    }
}

/// Who comes and goes, in every way there is.
struct Visitors {
    faults: Arc<Faults>,
    threads: Vec<JoinHandle<()>>,
}

impl Visitors {
    fn come(address: &str, metrics: &str, scraped: &Arc<(AtomicU64, AtomicU64)>) -> Self {
        let faults = Arc::new(Faults::default());
        let visits: [fn(&str, &Faults); 3] = [
            |address, faults| comes_and_goes(address, faults, 3),
            bad_sessions,
            passes_by,
        ];
        let spawn = |visit: fn(&str, &Faults)| {
            let (address, faults) = (address.to_owned(), Arc::clone(&faults));
            thread::spawn(move || visit(&address, &faults))
        };
        let mut threads: Vec<_> = visits.into_iter().map(spawn).collect();
        let (metrics, scraped) = (metrics.to_owned(), Arc::clone(scraped));
        let asking = Arc::clone(&faults);
        threads.push(thread::spawn(move || scrapes(&metrics, &asking, &scraped)));
        Self { faults, threads }
    }

    fn go(self) {
        self.faults.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("all was as it should be");
        }
    }
}

/// The server, and all that is checked of it.
struct Hour {
    chat: Succession,
    address: String,
    metrics: String,
    clients: MixedClients,
    transcript: Transcript,
    /// Descriptors before the first upgrade.
    at_rest: usize,
    scraped: Arc<(AtomicU64, AtomicU64)>,
}

/// What a process holds when nobody is left but those who stay.
#[derive(Debug, Clone, Copy)]
struct Held {
    descriptors: usize,
    rss_kib: u64,
}

impl Hour {
    fn begins(folder: &Path) -> Self {
        let transcript = Transcript {
            file: folder.join("transcript"),
            old: folder.join("old"),
            written: [[0; SENDERS]; ROOMS],
        };
        let file = transcript.file.to_str().unwrap();
        let args = ["--metrics", ANY, "--log-size", "64k", "--transcript", file];
        let chat = Succession::of(Launch::new("room").args(&args).start());
        let told = chat.server.stdout().wait_for("listening on metrics:");
        let (_, metrics) = told.split_once("listening on metrics:").unwrap();
        let address = chat.server.address().to_owned();
        let clients = MixedClients::joins(&address, ROOMS, MEMBERS, MOVERS);
        Self {
            at_rest: kernel::descriptors(machine::pid(&chat)),
            metrics: metrics.trim().to_owned(),
            scraped: Arc::default(),
            chat,
            address,
            clients,
            transcript,
        }
    }

    /// Talk for so long, and in its midst another file for the transcript, and an upgrade.
    fn talks_on(&mut self, length: Duration) {
        let began = Instant::now();
        let (mut moved, mut has_rotated, mut has_begun) = (began, false, false);
        let mut is_upgraded = false;
        self.clients.resumes();
        while began.elapsed() < length || !is_upgraded {
            self.clients.talks(RATE, FILLING);
            self.clients.turn();
            if moved.elapsed() > BETWEEN_MOVES {
                moved = Instant::now();
                self.clients.moves();
            }
            if !has_rotated && began.elapsed() > length / 3 {
                has_rotated = true;
                self.transcript.rotates(&self.chat);
            }
            if !has_begun && began.elapsed() > length / 2 {
                has_begun = true;
                self.chat.signal(Signal::USR2);
            }
            is_upgraded = is_upgraded || has_begun && self.chat.has_upgraded();
            assert!(began.elapsed() < length + PATIENCE, "no upgrade");
        }
    }

    /// Talk among visitors, until they are gone.
    fn round(&mut self, length: Duration) -> Held {
        let visitors = Visitors::come(&self.address, &self.metrics, &self.scraped);
        self.talks_on(length);
        visitors.go();
        self.clients.settles();
        let old = self.transcript.old.clone();
        self.transcript.reads(&old);
        let pid = machine::pid(&self.chat);
        until("all visitors are gone", PATIENCE, || {
            kernel::descriptors(pid) <= self.at_rest + MAY_DIFFER
        });
        Held {
            descriptors: kernel::descriptors(pid),
            rss_kib: kernel::rss_kib(pid),
        }
    }
}

#[test]
#[ignore = "an hour of load"]
fn an_hour_of_upgrades_loses_nothing_and_leaves_nothing_behind() {
    let _alone = serial();
    let round = Duration::from_secs(setting("CHINWAG_ROUND_S", 60));
    let rounds = setting("CHINWAG_MINUTES", 60) * 60 / round.as_secs();
    let folder = tempfile::tempdir().unwrap();
    let mut hour = Hour::begins(folder.path());
    let (start, mut held) = (Instant::now(), Vec::new());
    for number in 1..=rounds {
        let now = hour.round(round.mul_f64(0.8));
        let (latency_ms, late) = hour.clients.take_latencies();
        eprintln!(
            "round {number}: {} deliveries; p50, p99, longest {latency_ms:.1?} ms (said {late:.0?} late at \
             most); process {}: {now:?}",
            hour.clients.heard,
            machine::pid(&hour.chat),
        );
        held.push(now);
        while start.elapsed() < round * u32::try_from(number).unwrap() {
            hour.clients.turn();
        }
    }
    hour.clients.agrees();
    hour.chat.ends();
    let file = hour.transcript.file.clone();
    hour.transcript.reads(&file);
    assert_eq!(hour.transcript.written[..], *hour.clients.said_by());
    let [whole, cut] =
        [&hour.scraped.0, &hour.scraped.1].map(|count| count.load(Ordering::Relaxed));
    eprintln!(
        "{:.1?}: {rounds} upgrades, {} messages, {} deliveries checked, 0 lost, doubled, out of order or \
         torn, the transcript too; {whole} scrapes, {cut} cut off; {} descriptors before the first",
        start.elapsed(),
        hour.clients.said,
        hour.clients.heard,
        hour.at_rest,
    );
    let (first, last) = (held[0], held[held.len() - 1]);
    let differ = first.descriptors.abs_diff(last.descriptors);
    assert!(differ <= MAY_DIFFER, "{first:?}, {last:?}");
    assert!(
        last.rss_kib <= first.rss_kib + MAY_GROW_KIB,
        "{first:?}, {last:?}"
    );
    assert!(cut <= rounds * 2);
}
