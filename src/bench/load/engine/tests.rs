//! The engine against servers made of a few lines each, on a virtual clock.

use super::*;
use crate::bench::check::tracker::Totals;
use crate::bench::config::load_of;
use crate::bench::measure::histogram::Durations;
use crate::bench::measure::metrics::{Second, Used};

/// An engine of one thread, and its load.
fn engine_of(words: &str, run: u32) -> (Engine, Load) {
    let load = load_of(&format!("{words} --size 64"));
    let shared = Arc::new(Shared::new(&load, run, Arc::default()));
    (Engine::new(&load, &shared, 0), load)
}

/// One that has begun at 0, without a warm-up, and goes on for a second.
fn begun(words: &str) -> Engine {
    let (mut engine, load) = engine_of(&format!("{words} --warmup 0 -d 1s"), 7);
    engine.start(&load, 0);
    engine
}

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
    engine.recorder().tracker().totals()
}

fn sent(engine: &Engine) -> u64 {
    engine.shared.sent_by_all()
}

fn done(engine: &Engine) -> u64 {
    engine.metrics().sums.done
}

/// What has been measured in the seconds so far.
fn second(engine: &mut Engine) -> Second {
    engine.metrics_mut().end_last_second(Used::default())
}

fn max_us(durations: &Durations) -> f64 {
    durations.max_us().unwrap_or(0.0)
}

#[test]
fn a_closed_loop_waits_for_each_answer() {
    let (mut engine, load) = engine_of("echo -c 2 --warmup 0 -d 1s", 1);
    assert!(sendings(&mut engine, 0).is_empty());
    engine.start(&load, 0);
    let first = sendings(&mut engine, 10);
    assert_eq!(first.iter().map(|(s, _)| *s).collect::<Vec<_>>(), [0, 1]);
    assert!(sendings(&mut engine, 20).is_empty());
    engine.arrived(30, 1, &first[1].1).unwrap();
    let second = sendings(&mut engine, 40);
    assert_eq!(second.iter().map(|(s, _)| *s).collect::<Vec<_>>(), [1]);
    assert_eq!(done(&engine), 1);
    engine.arrived(2_000_000_000, 0, &first[0].1).unwrap();
    assert!(
        sendings(&mut engine, 2_000_000_000).is_empty(),
        "time is over"
    );
}

#[test]
fn an_open_loop_sends_when_it_is_due() {
    let mut engine = begun("echo -c 2 --rate 10");
    assert_eq!(sendings(&mut engine, 0).len(), 1);
    assert_eq!(engine.next_due_ns(), 100_000_000);
    assert!(sendings(&mut engine, 99_999_999).is_empty());
    // Three are due at once: two of sender 1, which go out together.
    let late = sendings(&mut engine, 300_000_000);
    let lengths: Vec<_> = late.iter().map(|(s, bytes)| (*s, bytes.len())).collect();
    assert_eq!(lengths, [(0, 64), (1, 128)]);
    sendings(&mut engine, 5_000_000_000);
    assert_eq!((sent(&engine), engine.next_due_ns()), (10, u64::MAX));
    // The last ones waited from 0.4 to 0.9 s until 5 s.
    let lag_us = max_us(&second(&mut engine).send_lag);
    assert!((lag_us - 4_600_000.0).abs() < 4_600.0, "{lag_us}");
}

#[test]
fn a_server_that_does_not_take_it_does_not_make_the_generator_late() {
    let mut engine = begun("echo -c 1 --rate 10");
    sendings(&mut engine, 0);
    engine.blocked(0);
    assert!(sendings(&mut engine, 500_000_000).is_empty());
    engine.unblocked(0, 500_000_000);
    let held = sendings(&mut engine, 500_000_000);
    assert_eq!(held[0].1.len(), 5 * 64);
    // Latency counts from the due time all the same.
    engine.arrived(600_000_000, 0, &held[0].1).unwrap();
    let service_us = max_us(&engine.metrics().service);
    assert!((service_us - 100_000.0).abs() < 100.0, "{service_us}");
    let second = second(&mut engine);
    let latency_us = max_us(&second.latency);
    assert!((latency_us - 500_000.0).abs() < 500.0, "{latency_us}");
    // The one at 0.5 s was due when the server took from it again, and is on time.
    assert!(max_us(&second.send_lag) < 1.0);
}

#[test]
fn what_was_never_sent_counts_with_the_time_it_waited() {
    let mut engine = begun("echo -c 1 --rate 10");
    let said = sendings(&mut engine, 0).remove(0).1;
    engine.arrived(5_000, 0, &said).unwrap();
    engine.blocked(0);
    assert!(sendings(&mut engine, 900_000_000).is_empty());
    engine.stop(1_000_000_000);
    assert_eq!((engine.unsent, sent(&engine)), (9, 1));
    let latency = second(&mut engine).latency;
    assert_eq!(latency.count(), 10);
    // Due from 0.1 s to 0.9 s on.
    let median_us = latency.quantile_us(0.5);
    assert!((median_us - 400_000.0).abs() < 400.0, "{median_us}");
    assert!((max_us(&latency) - 900_000.0).abs() < 900.0);
}

#[test]
fn so_many_messages_are_sent_and_no_more() {
    let (mut engine, load) = engine_of("echo -c 2 --pipeline 2 --warmup 0 -n 5", 7);
    engine.start(&load, 0);
    let first = sendings(&mut engine, 0);
    assert_eq!(sent(&engine), 4);
    engine.arrived(10, 0, &first[0].1).unwrap();
    assert_eq!(sendings(&mut engine, 20)[0].1.len(), 64);
    engine.arrived(30, 1, &first[1].1).unwrap();
    assert!(sendings(&mut engine, 40).is_empty());
    assert_eq!((sent(&engine), engine.metrics().window().to_ns), (5, 21));
}

#[test]
fn the_last_message_that_is_taken_need_not_be_the_latest() {
    let load = load_of("echo -c 2 --size 64 --threads 2 --warmup 0 -n 2");
    let shared = Arc::new(Shared::new(&load, 7, Arc::default()));
    let mut engines = [0, 1].map(|thread| Engine::new(&load, &shared, thread));
    for engine in &mut engines {
        engine.start(&load, 0);
    }
    // The first thread has read its clock before the second one, and gets a core after it.
    let later = sendings(&mut engines[1], 100).remove(0).1;
    let earlier = sendings(&mut engines[0], 90).remove(0).1;
    engines[0].arrived(95, 0, &earlier).unwrap();
    // One that comes too late for a message does not end the measured time either.
    assert!(sendings(&mut engines[0], 96).is_empty());
    engines[1].arrived(120, 0, &later).unwrap();
    assert_eq!(shared.early_end_ns(), 101);
    for engine in &mut engines {
        engine.metrics_mut().close_window(shared.early_end_ns());
        assert_eq!(engine.metrics().measured, 1);
        assert_eq!(second(engine).latency.count(), 1);
    }
}

#[test]
fn two_threads_agree_when_a_message_is_done() {
    let load = load_of("room -c 4 --senders 2 --threads 2 --warmup 0 -d 1s");
    let shared = Arc::new(Shared::new(&load, 7, Arc::default()));
    let mut engines = [0, 1].map(|thread| Engine::new(&load, &shared, thread));
    for engine in &mut engines {
        engine.start(&load, 0);
    }
    // The first member of the first thread is sender 0; it hears nothing of itself.
    let said = sendings(&mut engines[0], 0).remove(0).1;
    engines[0].arrived(10, 1, &said).unwrap();
    engines[1].arrived(20, 0, &said).unwrap();
    engines[1].tell_others();
    engines[0].take_notes(25, 0);
    assert!(
        sendings(&mut engines[0], 25).is_empty(),
        "one of them has not had it"
    );
    engines[1].arrived(30, 1, &said).unwrap();
    engines[1].tell_others();
    engines[0].take_notes(35, 0);
    assert_eq!(
        (done(&engines[0]), sendings(&mut engines[0], 40).len()),
        (1, 1)
    );
    let metrics = engines[0].metrics();
    assert!((max_us(&metrics.last_receiver) - 0.03).abs() < 0.001);
    assert!((max_us(&metrics.skew) - 0.02).abs() < 0.001);
    assert_eq!(shared.order_violations(), 0);
}

#[test]
fn a_room_delivers_to_the_others() {
    let mut engine = begun("room -c 3 --senders 2");
    let said = sendings(&mut engine, 1_000);
    let line = |i: usize| [b"guest1: ", said[i].1.as_slice()].concat();
    engine.arrived(5_000, 1, &line(0)).unwrap();
    assert_eq!(done(&engine), 0);
    engine
        .arrived(8_000, 2, &[line(0), line(1)].concat())
        .unwrap();
    assert_eq!(done(&engine), 1);
    engine.arrived(9_000, 0, &line(1)).unwrap();
    assert_eq!(done(&engine), 2);
    let metrics = engine.metrics();
    assert!((max_us(&metrics.last_receiver) - 8.0).abs() < 0.01);
    assert!((max_us(&metrics.skew) - 3.0).abs() < 0.01);
    let totals = totals(&mut engine);
    assert!(totals.clean());
    assert_eq!((totals.owed, totals.received), (4, 4));
}

#[test]
fn notices_and_other_runs_are_no_messages() {
    let (mut engine, load) = engine_of("room -c 2 --senders 1 --warmup 0", 7);
    let (mut other, _) = engine_of("room -c 2 --senders 1", 8);
    let mut theirs = Vec::new();
    other.probe(0, 0, &mut theirs);
    let handshake = [b"x".repeat(100), b"\n".to_vec()].concat();
    engine.arrived(0, 1, &handshake).unwrap();
    engine.start(&load, 0);
    engine.arrived(0, 1, &theirs).unwrap();
    let notice = [b"* ".to_vec(), b"y".repeat(100), b"\n".to_vec()].concat();
    engine.arrived(0, 1, &notice).unwrap();
    assert!(totals(&mut engine).clean());
    assert_eq!(engine.recorder().talk, 3);
}

#[test]
fn a_servers_last_words_are_harmless() {
    let (mut engine, _) = engine_of("room -c 2 --senders 1", 7);
    let words = "go away\u{1b}[2J\u{202e}\u{9b}\r\n";
    engine.arrived(0, 1, words.as_bytes()).unwrap();
    let told = engine.recorder().remark.as_deref();
    let words = "the server said 'go away\u{fffd}[2J\u{fffd}\u{fffd}'";
    assert_eq!(told, Some(words));
}

#[test]
fn damage_and_pieces_are_corrupt() {
    let mut engine = begun("room -c 2 --senders 1 --pipeline 3");
    let mut said = sendings(&mut engine, 0).remove(0).1;
    said[20] ^= 4;
    said.remove(64 + 50);
    engine.arrived(0, 1, &said).unwrap();
    let totals = totals(&mut engine);
    assert_eq!((totals.corrupt, totals.received, totals.lost), (2, 1, 0));
}

#[test]
fn ones_own_message_is_told_apart() {
    let mut engine = begun("room -c 2 --senders 1");
    let said = sendings(&mut engine, 0).remove(0).1;
    engine.arrived(0, 0, &said).unwrap();
    engine.arrived(0, 1, &said).unwrap();
    assert_eq!(engine.recorder().own, 1);
    assert!(totals(&mut engine).clean());
}

#[test]
fn who_leaves_is_owed_no_more_and_holds_up_nobody() {
    let mut engine = begun("room -c 3 --senders 1");
    let said = sendings(&mut engine, 0).remove(0).1;
    engine.arrived(0, 1, &said).unwrap();
    engine.left(1, 2);
    assert_eq!(done(&engine), 1);
    let said = sendings(&mut engine, 1).remove(0).1;
    engine.arrived(2, 1, &said).unwrap();
    let totals = totals(&mut engine);
    assert_eq!((totals.owed, totals.received, totals.lost), (3, 2, 1));
}

#[test]
fn a_loss_in_between_does_not_stop_the_loop() {
    let mut engine = begun("echo -c 1 --pipeline 2");
    let said = sendings(&mut engine, 0).remove(0).1;
    engine.arrived(1, 0, &said[64..]).unwrap();
    assert_eq!(sendings(&mut engine, 2)[0].1.len(), 128);
    assert_eq!(done(&engine), 2);
}

#[test]
fn probes_are_heard_and_not_counted() {
    let (mut engine, _) = engine_of("room -c 3 --senders 1", 7);
    let mut probe = Vec::new();
    engine.probe(0, 5, &mut probe);
    engine.arrived(6, 1, &probe).unwrap();
    engine.arrived(6, 1, &probe).unwrap();
    engine.arrived(6, 2, &probe).unwrap();
    assert_eq!(
        engine
            .shared
            .probed
            .load(std::sync::atomic::Ordering::Relaxed),
        2
    );
    assert!(engine.recorder().is_probed(1) && !engine.recorder().is_probed(0));
    assert_eq!(totals(&mut engine), Totals::default());
}

#[test]
fn what_is_due_in_the_warm_up_is_checked_but_not_measured() {
    let (mut engine, load) = engine_of("echo -c 1 --rate 10 --warmup 1s -d 1s", 1);
    engine.start(&load, 0);
    let mut said = Vec::new();
    for n in 0..20 {
        let now_ns = n * 100_000_000;
        said = sendings(&mut engine, now_ns).remove(0).1;
        engine.arrived(now_ns + 5_000, 0, &said).unwrap();
    }
    engine.arrived(2_000_000_000, 0, &said).unwrap();
    let totals = totals(&mut engine);
    assert_eq!(
        (totals.owed, totals.received, totals.duplicate),
        (20, 20, 1)
    );
    let second = second(&mut engine);
    assert_eq!((second.latency.count(), second.send_lag.count()), (10, 10));
}

#[test]
fn a_ping_is_answered_with_what_it_carries() {
    for (protocol, ping, pong) in [
        (
            "irc",
            &b"PING :are you there\r\n"[..],
            &b"PONG :are you there\r\n"[..],
        ),
        // Masked.
        ("ws", b"\x89\x02hi", b"\x8a\x82\x5a\xc3\x96\x3c\x32\xaa"),
        ("nats", b"PING\r\n", b"PONG\r\n"),
    ] {
        let words = format!("room 7000 -c 2 --senders 1 --protocol {protocol}");
        let (mut engine, _) = engine_of(&words, 7);
        engine.arrived(0, 1, ping).unwrap();
        assert_eq!(engine.answers, pong, "{protocol}");
    }
}
