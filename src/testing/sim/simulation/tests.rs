//! Simulations by seed. `CHINWAG_SEEDS=1000000 cargo test --release simulation` for more of them.

use super::totals::Totals;
use super::*;
use crate::testing::seeds;
use crate::testing::sim::net::Shared;

const USUAL_SEEDS: u64 = 400;

const USUAL_POLYGLOT_SEEDS: u64 = 100;

const ROOMY: Limits = Limits {
    max_clients: 10_000,
    max_message_bytes: 1024,
    max_clients_per_ip: None,
    message_rate: None,
    idle_timeout: None,
    first_message_timeout: None,
    grace: GRACE,
};

/// A simulation of this many clients that have just connected; nothing fails.
fn crowd(seed: u64, clients: usize) -> Simulation {
    let rng = Rng::with_seed(seed);
    let mut simulation = Simulation::with(rng, clients, Talk::Lines, ROOMY);
    simulation.server.network.borrow_mut().has_faults = false;
    (0..clients).for_each(|_| simulation.connect_client());
    simulation
}

/// Runs it to its end, and tells what became of everybody.
fn play(mut simulation: Simulation) -> Totals {
    let network = Rc::clone(&simulation.server.network);
    network.borrow_mut().trace = seeds::is_one_alone().then(String::new);
    let _trace = TraceOnPanic(network);
    simulation.run();
    simulation.totals()
}

#[test]
fn everybody_is_served_whatever_happens() {
    let run = |seed| play(Simulation::new(Rng::with_seed(seed)));
    let Some(totals) = seeds::for_each_seed(USUAL_SEEDS, run) else {
        return;
    };
    // None of it is worth anything if the simulations are all alike.
    let runs = totals.runs;
    assert!(totals.clients > 5 * runs, "{totals:?}");
    assert!(totals.content * 3 > totals.clients, "{totals:?}");
    assert!(totals.broken * 20 > totals.clients, "{totals:?}");
    assert!(totals.lagged * 20 > runs, "{totals:?}");
    assert!(totals.sent_away * 2 > runs, "{totals:?}");
    assert!(totals.heard_bytes > 10_000 * runs, "{totals:?}");
    assert!(totals.unsure * 10 < runs, "{totals:?}");
}

/// Whatever they speak, inside TLS or not, wherever its records are cut: they hear one conversation
/// in one order.
#[test]
fn all_protocols_agree_on_the_order() {
    let run = |seed| play(Simulation::of(Rng::with_seed(seed), Talk::Polyglot));
    let Some(totals) = seeds::for_each_seed(USUAL_POLYGLOT_SEEDS, run) else {
        return;
    };
    let runs = totals.runs;
    assert!(totals.clients > 5 * runs, "{totals:?}");
    let told = totals.told_of_lag;
    assert!(
        totals.by_tongue.iter().all(|content| *content > runs),
        "{totals:?}"
    );
    assert!(totals.in_tls > runs, "{totals:?}");
    assert!(
        told * 10 > runs && totals.not_told_of_lag * 2 < told,
        "{totals:?}"
    );
    assert!(
        totals.resumed * 15 > runs && totals.with_gap * 100 > runs,
        "{totals:?}"
    );
    assert!(totals.unsure * 10 < runs, "{totals:?}");
}

/// Without this no failure could be looked at twice.
#[test]
fn a_seed_gives_the_same_trace_byte_for_byte() {
    let trace = |seed| {
        let mut simulation = Simulation::new(Rng::with_seed(seed));
        simulation.server.network.borrow_mut().trace = Some(String::new());
        simulation.run();
        let trace = simulation.server.network.borrow_mut().trace.take();
        trace.expect("it was asked for")
    };
    let mut lines = 0;
    for seed in 0..25 {
        let (first, second) = (trace(seed), trace(seed));
        lines += first.lines().count();
        for (line, again) in first.lines().zip(second.lines()) {
            assert_eq!(line, again, "seed {seed}");
        }
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
    assert!(lines > 5_000, "{lines}");
}

/// A listener is looked at twice in a turn, for an event and for what was left, and each time
/// takes in no more than its budget, however many wait there and go on coming.
#[test]
fn a_crowd_is_accepted_by_turns() {
    let mut simulation = crowd(1, 1000);
    let mut here = 0;
    while here < 1000 {
        simulation.connect_client();
        simulation.turn(Duration::ZERO);
        let now_here = simulation.records.borrow().here;
        let most = 2 * 64 * simulation.server.network.borrow().listeners.len();
        assert!(
            (1..=most).contains(&(now_here - here)),
            "{here}, {now_here}"
        );
        here = now_here;
    }
    simulation.end();
}

/// However much there is to be read, the loop soon writes again.
#[test]
fn those_who_talk_are_listened_to_by_turns() {
    let mut simulation = crowd(2, 50);
    simulation.turn(Duration::ZERO);
    for at in 0..simulation.clients.len() {
        simulation.with_client(at, |client, _, record| {
            if client.can_chat() {
                (0..1000).for_each(|_| client.line(record, String::new()));
            }
        });
    }
    simulation.each_client(Client::be_prompt);
    let mut heard = simulation.records.borrow().messages;
    let mut turns = 0;
    while turns == 0 || simulation.server.engine.wait(simulation.now()) == Some(Duration::ZERO) {
        simulation.each_client(Client::be_prompt);
        simulation.turn(Duration::ZERO);
        let now_heard = simulation.records.borrow().messages;
        assert!(now_heard - heard < 10_000, "{}", now_heard - heard);
        heard = now_heard;
        turns += 1;
    }
    assert!(
        turns > 3 && heard > 30_000,
        "{turns} turns, {heard} messages"
    );
    simulation.end();
}

/// Shows what went before a failure.
struct TraceOnPanic(Shared);

impl Drop for TraceOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(trace) = &self.0.borrow().trace
        {
            let lines: Vec<&str> = trace.lines().rev().take(40).collect();
            #[expect(clippy::print_stdout, reason = "the harness shows it")]
            for line in lines.iter().rev() {
                println!("{line}");
            }
        }
    }
}
