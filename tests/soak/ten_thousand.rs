//! Ten thousand members by lines, WebSocket and IRC, a thousand messages a second, and one upgrade
//! after the other: what it costs those who talk, and the two processes.

use rustix::process::Signal;
use std::time::{Duration, Instant};

use crate::certificates::Authority;
use crate::harness::{Launch, PATIENCE, serial, until};
use crate::kernel;
use crate::machine;
use crate::mixed_clients::MixedClients;
use crate::succession::Succession;
use crate::tls_client::Client;

const ROOMS: usize = 1000;
const MEMBERS: usize = 10;
const SEALED: usize = 20;
const UPGRADES: usize = 20;

/// Messages a second, and half the most bytes that one has to fill it.
const RATE: u32 = 1000;
const FILLING: usize = 60;

/// How long they talk before each upgrade, and after it.
const TALK: Duration = Duration::from_millis(1500);

/// What one upgrade cost.
struct Cost {
    /// Of all that was said from the signal on: median, 99 in 100, the most, in ms.
    latency: [f64; 3],
    /// CPU time until the other process went on, in ms: of the one that ended, from the signal on, and
    /// of the one that goes on, its start included.
    cpu_ms: [f64; 2],
    /// Memory at its height, in KiB: the process that ended, and the one that goes on.
    peaks_kib: [u64; 2],
}

fn talks_for(clients: &mut MixedClients, length: Duration) {
    let began = Instant::now();
    while began.elapsed() < length {
        clients.talks(RATE, FILLING);
        clients.turn();
    }
}

/// One upgrade in the midst of the talk.
fn upgrades(chat: &mut Succession, clients: &mut MixedClients) -> Cost {
    clients.take_latencies();
    let (old, began) = (machine::pid(chat), Instant::now());
    let mut old_peak = 0;
    let old_cpu = || machine::cpu_ms(old).unwrap_or(0.0);
    let (cpu_before, mut cpu_after) = (old_cpu(), 0.0);
    chat.signal(Signal::USR2);
    while !chat.has_upgraded() {
        clients.talks(RATE, FILLING);
        clients.turn();
        cpu_after = old_cpu().max(cpu_after);
        old_peak = machine::peak_rss_kib(old).unwrap_or(0).max(old_peak);
        assert!(began.elapsed() < PATIENCE, "no upgrade");
    }
    let new_cpu = machine::cpu_ms(machine::pid(chat)).expect("it goes on");
    talks_for(clients, TALK);
    let (latency, _) = clients.take_latencies();
    Cost {
        latency,
        cpu_ms: [cpu_after - cpu_before, new_cpu],
        peaks_kib: [
            old_peak,
            machine::peak_rss_kib(machine::pid(chat)).expect("it goes on"),
        ],
    }
}

#[test]
#[ignore = "20,000 descriptors"]
fn ten_thousand_of_all_protocols_do_not_notice_twenty_upgrades() {
    let _alone = serial();
    let authority = Authority::new();
    let pair = authority.signs(&["localhost"]);
    let launch = Launch::new("room")
        .args(&["--max-rooms", "1000", "--tls-cert", pair.certificate()])
        .args(&["--tls-key", pair.key()])
        .log("info,chinwag::reactor::upgrade=debug");
    let mut chat = Succession::of(launch.start());
    let address = chat.server.address().to_owned();
    let mut clients = MixedClients::joins(&address, ROOMS, MEMBERS, 0);
    talks_for(&mut clients, TALK);
    clients.take_latencies();
    talks_for(&mut clients, TALK);
    let (quiet, _) = clients.take_latencies();
    eprintln!("without an upgrade: p50, p99, longest {:.1?} ms", quiet);
    let mut costs = Vec::new();
    for number in 1..=UPGRADES {
        let sealed = || Client::connect(&address, &authority);
        let mut sealed: Vec<_> = (0..SEALED).map(|_| sealed()).collect();
        // They are in once they are greeted.
        sealed.iter_mut().for_each(|client| drop(client.line()));
        talks_for(&mut clients, TALK);
        let before = kernel::rss_kib(machine::pid(&chat));
        let cost = upgrades(&mut chat, &mut clients);
        for mut client in sealed {
            let told = String::from_utf8(client.rest()).unwrap();
            assert!(
                told.ends_with("* the server restarts; come again\n"),
                "{told}"
            );
        }
        eprintln!(
            "upgrade {number}: p50, p99, longest {:.1?} ms; CPU old, new {:.0?} ms; old {before} KiB \
             before, {} KiB at its height, new {} KiB at its height",
            cost.latency, cost.cpu_ms, cost.peaks_kib[0], cost.peaks_kib[1],
        );
        costs.push(cost);
    }
    clients.settles();
    clients.agrees();
    until("the sealed are gone", PATIENCE, || {
        kernel::descriptors(machine::pid(&chat)) < ROOMS * MEMBERS + 50
    });
    let told = chat.server.stderr().text();
    for line in told.lines().filter(|line| line.contains(" handed over")) {
        eprintln!("{line}");
    }
    costs.sort_by(|a, b| a.latency[2].total_cmp(&b.latency[2]));
    let (median, worst) = (&costs[UPGRADES / 2], &costs[UPGRADES - 1]);
    eprintln!(
        "{} deliveries checked over {UPGRADES} upgrades, 0 lost, doubled, out of order or torn, nobody \
         closed but {SEALED} inside TLS each time; the longest wait around an upgrade: {:.1} ms \
         (median), {:.1} ms (most); load average {}",
        clients.heard,
        median.latency[2],
        worst.latency[2],
        machine::load_average(),
    );
}
