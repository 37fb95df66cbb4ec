//! The engine against servers made of a few lines each, on a virtual clock.

use std::time::Duration;

use super::*;
use crate::bench::check::tracker::Totals;
use crate::bench::config::Scenario;
use crate::bench::protocol::Kind;

fn load(scenario: Scenario, connections: usize, pace: Pace) -> Load {
    Load {
        size_bytes: 64,
        pace,
        ..Load::new(scenario, connections)
    }
}

fn room(senders: usize) -> Scenario {
    Scenario::Room {
        senders,
        protocol: Kind::Line,
        own: false,
    }
}

const ONE_IN_FLIGHT: Pace = Pace::Closed { in_flight: 1 };

/// Everything that may be sent at `now_ns`, by sender.
fn sendings(engine: &mut Engine, now_ns: u64) -> Vec<(usize, Vec<u8>)> {
    engine.issue(now_ns);
    let mut all = Vec::new();
    while let Some(sender) = engine.next_sender() {
        let mut out = Vec::new();
        if engine.encode_due(sender, now_ns, &mut out) > 0 {
            all.push((sender, out));
        }
    }
    all
}

fn totals(engine: &mut Engine) -> Totals {
    engine.close();
    engine.recorder.tracker().totals()
}

#[test]
fn a_closed_loop_waits_for_each_answer() {
    let mut engine = Engine::new(&load(Scenario::Echo, 2, ONE_IN_FLIGHT), 1);
    assert!(sendings(&mut engine, 0).is_empty());
    engine.start(0, Duration::ZERO, Duration::from_secs(1));
    let first = sendings(&mut engine, 10);
    assert_eq!(first.iter().map(|(s, _)| *s).collect::<Vec<_>>(), [0, 1]);
    assert!(sendings(&mut engine, 20).is_empty());
    assert_eq!(engine.arrived(30, 1, &first[1].1), Ok(0));
    let second = sendings(&mut engine, 40);
    assert_eq!(second.iter().map(|(s, _)| *s).collect::<Vec<_>>(), [1]);
    assert_eq!(engine.recorder.done, 1);
    engine.arrived(2_000_000_000, 0, &first[0].1).unwrap();
    assert!(
        sendings(&mut engine, 2_000_000_000).is_empty(),
        "time is over"
    );
}

#[test]
fn an_open_loop_sends_when_it_is_due() {
    let mut engine = Engine::new(&load(Scenario::Echo, 2, Pace::Open { per_s: 10 }), 1);
    engine.start(0, Duration::ZERO, Duration::from_secs(1));
    assert_eq!(sendings(&mut engine, 0).len(), 1);
    assert_eq!(engine.next_due_ns(), 100_000_000);
    assert!(sendings(&mut engine, 99_999_999).is_empty());
    // Three are due at once: two of sender 1, which go out together.
    let late = sendings(&mut engine, 300_000_000);
    let lengths: Vec<_> = late.iter().map(|(s, bytes)| (*s, bytes.len())).collect();
    assert_eq!(lengths, [(0, 64), (1, 128)]);
    let send_lag = engine.recorder.metrics.send_lag.summary();
    assert!((send_lag.max - 200_000.0).abs() < 200.0, "{send_lag:?}");
    sendings(&mut engine, 5_000_000_000);
    assert_eq!(
        (engine.recorder.sent_by_all(), engine.next_due_ns()),
        (10, u64::MAX)
    );
}

#[test]
fn a_server_that_does_not_take_it_does_not_make_the_generator_late() {
    let mut engine = Engine::new(&load(Scenario::Echo, 1, Pace::Open { per_s: 10 }), 1);
    engine.start(0, Duration::ZERO, Duration::from_secs(1));
    sendings(&mut engine, 0);
    engine.blocked(0);
    assert!(sendings(&mut engine, 500_000_000).is_empty());
    assert_eq!(engine.unsent(), 5);
    engine.unblocked(0);
    let held = sendings(&mut engine, 500_000_000);
    assert_eq!(held[0].1.len(), 5 * 64);
    assert!(engine.recorder.metrics.send_lag.summary().max < 1.0);
    // Latency counts from the due time all the same.
    engine.arrived(600_000_000, 0, &held[0].1).unwrap();
    let latency = engine.recorder.metrics.latency.summary();
    assert!((latency.max - 500_000.0).abs() < 500.0, "{latency:?}");
    let service = engine.recorder.metrics.service.summary();
    assert!((service.max - 100_000.0).abs() < 100.0, "{service:?}");
}

#[test]
fn a_room_delivers_to_the_others() {
    let mut engine = Engine::new(&load(room(2), 3, ONE_IN_FLIGHT), 7);
    engine.start(0, Duration::ZERO, Duration::from_secs(1));
    let said = sendings(&mut engine, 1_000);
    let line = |i: usize| [b"guest1: ", said[i].1.as_slice()].concat();
    engine.arrived(5_000, 1, &line(0)).unwrap();
    assert_eq!(engine.recorder.done, 0);
    engine
        .arrived(8_000, 2, &[line(0), line(1)].concat())
        .unwrap();
    assert_eq!(engine.recorder.done, 1);
    engine.arrived(9_000, 0, &line(1)).unwrap();
    assert_eq!(engine.recorder.done, 2);
    let metrics = &engine.recorder.metrics;
    assert!((metrics.last_receiver.summary().max - 8.0).abs() < 0.01);
    assert!((metrics.skew.summary().max - 3.0).abs() < 0.01);
    let totals = totals(&mut engine);
    assert!(totals.clean());
    assert_eq!((totals.owed, totals.received), (4, 4));
}

#[test]
fn notices_and_other_runs_are_no_messages() {
    let mut engine = Engine::new(&load(room(1), 2, ONE_IN_FLIGHT), 7);
    let mut other = Engine::new(&load(room(1), 2, ONE_IN_FLIGHT), 8);
    let mut theirs = Vec::new();
    other.probe(0, 0, &mut theirs);
    let handshake = [b"x".repeat(100), b"\n".to_vec()].concat();
    engine.arrived(0, 1, &handshake).unwrap();
    engine.start(0, Duration::ZERO, Duration::from_secs(1));
    engine.arrived(0, 1, &theirs).unwrap();
    let notice = [b"* ".to_vec(), b"y".repeat(100), b"\n".to_vec()].concat();
    engine.arrived(0, 1, &notice).unwrap();
    assert!(totals(&mut engine).clean());
    assert_eq!(engine.recorder.talk, 3);
}

#[test]
fn a_servers_last_words_are_harmless() {
    let mut engine = Engine::new(&load(room(1), 2, ONE_IN_FLIGHT), 7);
    let words = "go away\u{1b}[2J\u{202e}\u{9b}\r\n";
    engine.arrived(0, 1, words.as_bytes()).unwrap();
    let told = engine.recorder.last_words.as_deref();
    assert_eq!(told, Some("go away\u{fffd}[2J\u{fffd}\u{fffd}"));
}

#[test]
fn damage_and_pieces_are_corrupt() {
    let mut engine = Engine::new(&load(room(1), 2, Pace::Closed { in_flight: 3 }), 7);
    engine.start(0, Duration::ZERO, Duration::from_secs(1));
    let mut said = sendings(&mut engine, 0).remove(0).1;
    said[20] ^= 4;
    said.remove(64 + 50);
    engine.arrived(0, 1, &said).unwrap();
    let totals = totals(&mut engine);
    assert_eq!((totals.corrupt, totals.received, totals.lost), (2, 1, 0));
}

#[test]
fn ones_own_message_is_told_apart() {
    let mut engine = Engine::new(&load(room(1), 2, ONE_IN_FLIGHT), 7);
    engine.start(0, Duration::ZERO, Duration::from_secs(1));
    let said = sendings(&mut engine, 0).remove(0).1;
    engine.arrived(0, 0, &said).unwrap();
    engine.arrived(0, 1, &said).unwrap();
    assert_eq!(engine.recorder.own, 1);
    assert!(totals(&mut engine).clean());
}

#[test]
fn who_leaves_is_owed_no_more_and_holds_up_nobody() {
    let mut engine = Engine::new(&load(room(1), 3, ONE_IN_FLIGHT), 7);
    engine.start(0, Duration::ZERO, Duration::from_secs(1));
    let said = sendings(&mut engine, 0).remove(0).1;
    engine.arrived(0, 1, &said).unwrap();
    engine.left(2);
    assert_eq!(engine.recorder.done, 1);
    let said = sendings(&mut engine, 1).remove(0).1;
    engine.arrived(2, 1, &said).unwrap();
    let totals = totals(&mut engine);
    assert_eq!((totals.owed, totals.received, totals.lost), (3, 2, 1));
}

#[test]
fn a_loss_in_between_does_not_stop_the_loop() {
    let mut engine = Engine::new(&load(Scenario::Echo, 1, Pace::Closed { in_flight: 2 }), 7);
    engine.start(0, Duration::ZERO, Duration::from_secs(1));
    let said = sendings(&mut engine, 0).remove(0).1;
    engine.arrived(1, 0, &said[64..]).unwrap();
    assert_eq!(sendings(&mut engine, 2)[0].1.len(), 128);
    assert_eq!(engine.recorder.done, 2);
}

#[test]
fn probes_are_heard_and_not_counted() {
    let mut engine = Engine::new(&load(room(1), 3, ONE_IN_FLIGHT), 7);
    let mut probe = Vec::new();
    engine.probe(0, 5, &mut probe);
    engine.arrived(6, 1, &probe).unwrap();
    engine.arrived(6, 1, &probe).unwrap();
    engine.arrived(6, 2, &probe).unwrap();
    assert_eq!(engine.recorder.hearers(), 2);
    assert!(engine.recorder.has_heard(1) && !engine.recorder.has_heard(0));
    assert_eq!(totals(&mut engine), Totals::default());
}

#[test]
fn what_is_due_in_the_warm_up_is_checked_but_not_measured() {
    let mut engine = Engine::new(&load(Scenario::Echo, 1, Pace::Open { per_s: 10 }), 1);
    let second = Duration::from_secs(1);
    engine.start(0, second, second);
    let mut said = Vec::new();
    for n in 0..20 {
        let now_ns = n * 100_000_000;
        said = sendings(&mut engine, now_ns).remove(0).1;
        engine.arrived(now_ns + 5_000, 0, &said).unwrap();
    }
    assert_eq!(engine.recorder.metrics.latency.summary().count, 10);
    assert_eq!(engine.recorder.metrics.send_lag.summary().count, 10);
    engine.arrived(2_000_000_000, 0, &said).unwrap();
    let totals = totals(&mut engine);
    assert_eq!(
        (totals.owed, totals.received, totals.duplicate),
        (20, 20, 1)
    );
}
