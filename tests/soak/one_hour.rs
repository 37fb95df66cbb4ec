//! An hour of mixed load on every service: whoever comes and goes, nothing is left of them.
//! `CHINWAG_MINUTES` makes it longer or shorter.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::abuse::misbehaves;
use crate::checked_clients::CheckedClients;
use crate::deliveries::{Faults, comes_and_goes, reads_slowly};
use crate::harness::{Launch, Server, serial, until};
use crate::kernel;
use crate::peer::short_life;
use crate::peer::{Peer, pattern};

const USUAL_MINUTES: u32 = 60;
const LOAD_TIME: Duration = Duration::from_secs(50);
const MINUTE: Duration = Duration::from_secs(60);

const MEMBERS: usize = 30;
const SENDERS: usize = 5;
const TEXT_BYTES: usize = 200;
const SAID_EVERY_MS: u128 = 2;

/// Between two short lives: their ports are taken for a minute after each.
pub(crate) const BETWEEN_VISITS: Duration = Duration::from_millis(15);

const MAY_GROW_KIB: u64 = 4096;
const MAY_DIFFER: usize = 2;

/// What a server holds when nobody is left but those who stay.
#[derive(Debug, Clone, Copy)]
struct Held {
    descriptors: usize,
    rss_kib: u64,
}

impl Held {
    fn by(server: &Server) -> Self {
        Self {
            descriptors: kernel::descriptors(server.id()),
            rss_kib: kernel::rss_kib(server.id()),
        }
    }
}

/// The four services, and how many descriptors each has when all visitors are gone.
struct Services {
    servers: [Server; 4],
    at_rest: [usize; 4],
}

impl Services {
    /// Who comes, stays for a moment and leaves, in every way there is.
    fn load(&mut self, clients: &mut CheckedClients, start: Instant) {
        let faults = Arc::new(Faults::default());
        let [room, echo, reply, console] = &mut self.servers;
        let spawn = |server: &Server, visit: fn(&str, &Faults)| {
            let (address, faults) = (server.address().to_owned(), Arc::clone(&faults));
            thread::spawn(move || visit(&address, &faults))
        };
        let visitors = [
            spawn(room, |address, faults| comes_and_goes(address, faults, 3)),
            spawn(room, reads_slowly),
            spawn(room, reads_slowly),
            spawn(room, bad_sessions),
            spawn(echo, |address, faults| churn(address, "echo", faults)),
            spawn(echo, bursts),
            spawn(reply, |address, faults| churn(address, "reply", faults)),
            spawn(console, questions),
        ];
        let (began, mut stalled) = (Instant::now(), Instant::now());
        while began.elapsed() < LOAD_TIME {
            let due = start.elapsed().as_millis() / SAID_EVERY_MS;
            let due = u64::try_from(due).expect("no such long run");
            clients.says_more(due.saturating_sub(clients.said).min(100));
            clients.turn();
            if stalled.elapsed() > Duration::from_secs(5) {
                stalled = Instant::now();
                clients.stalls(3, Duration::from_secs(1));
                console.types("an answer for who has waited longest\n/who\n");
            }
        }
        faults.over.store(true, Ordering::Relaxed);
        for visitor in visitors {
            visitor.join().expect("all was as it should be");
        }
    }

    /// Everybody is heard out, and all visitors are gone.
    fn settle(&self, clients: &mut CheckedClients) {
        let deadline = Instant::now() + MINUTE;
        while !clients.is_done() {
            clients.turn();
            assert!(Instant::now() < deadline, "{}", clients.state());
        }
        for (server, at_rest) in self.servers.iter().zip(self.at_rest) {
            until("all visitors are gone", Duration::from_secs(10), || {
                kernel::descriptors(server.id()) <= at_rest + MAY_DIFFER
            });
        }
    }

    fn held(&self) -> [Held; 4] {
        self.servers.each_ref().map(Held::by)
    }
}

pub(crate) fn bad_sessions(address: &str, faults: &Faults) {
    let mut rng = Rng::with_seed(11);
    while !faults.over.load(Ordering::Relaxed) {
        let peer = misbehaves(address, &mut rng);
        thread::sleep(Duration::from_millis(2));
        peer.reset();
    }
}

fn churn(address: &str, service: &str, faults: &Faults) {
    for kind in 0.. {
        if faults.over.load(Ordering::Relaxed) {
            return;
        }
        short_life(address, service, kind);
        thread::sleep(BETWEEN_VISITS);
    }
}

/// Nobody waits for an answer.
fn questions(address: &str, faults: &Faults) {
    while !faults.over.load(Ordering::Relaxed) {
        let mut peer = Peer::to(address);
        peer.send("a question\n");
        thread::sleep(BETWEEN_VISITS);
        peer.reset();
    }
}

/// More at once than every buffer holds.
fn bursts(address: &str, faults: &Faults) {
    let text = pattern(300_000);
    let mut peer = Peer::to(address);
    while !faults.over.load(Ordering::Relaxed) {
        peer.echoes(&text);
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
#[ignore = "an hour of load"]
fn an_hour_of_mixed_load_leaves_nothing_behind() {
    let _alone = serial();
    let minutes = std::env::var("CHINWAG_MINUTES").map_or(USUAL_MINUTES, |text| {
        text.parse().expect("a number of minutes")
    });
    let room = Launch::new("room").args(&["--history", "0", "--log-size", "1m"]);
    let console = Launch::new("console").stdin(Stdio::piped());
    let servers = [room, Launch::new("echo"), Launch::new("reply"), console].map(Launch::start);
    let mut clients = CheckedClients::joins(&servers[0], MEMBERS, SENDERS, TEXT_BYTES);
    let at_rest = servers.each_ref().map(|s| kernel::descriptors(s.id()));
    let mut services = Services { servers, at_rest };
    let start = Instant::now();
    clients.says(0);
    let mut first = None;
    for minute in 1..=minutes {
        services.load(&mut clients, start);
        services.settle(&mut clients);
        let held = services.held();
        eprintln!(
            "minute {minute}: {} deliveries; room, echo, reply, console: {:?} descriptors, {:?} KiB",
            clients.heard(),
            held.map(|held| held.descriptors),
            held.map(|held| held.rss_kib),
        );
        // The first minute fills the log and every table.
        first.get_or_insert(held);
        while start.elapsed() < MINUTE * minute {
            clients.turn();
        }
    }
    clients.says_last();
    services.settle(&mut clients);
    clients.agrees();
    let cpu_s = services
        .servers
        .each_ref()
        .map(|s| kernel::cpu_seconds(s.id()));
    eprintln!(
        "{:.1?}: {} deliveries checked, 0 lost, doubled, out of order or torn; CPU seconds {cpu_s:?}",
        start.elapsed(),
        clients.heard(),
    );
    for (first, last) in first
        .expect("a minute at least")
        .iter()
        .zip(services.held())
    {
        let differs = first.descriptors.abs_diff(last.descriptors);
        assert!(differs <= MAY_DIFFER, "{first:?}, then {last:?}");
        assert!(
            last.rss_kib <= first.rss_kib + MAY_GROW_KIB,
            "{first:?}, then {last:?}"
        );
    }
}
