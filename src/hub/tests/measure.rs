//! How much goes through one stream, and how much later what is appended is heard than Redis alone
//! would have it. Run alone: `cargo test --release --lib hub::tests::measure -- --ignored --nocapture`.

use std::io::Write as _;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use redis::cmd;

use super::super::*;
use super::node::config;
use super::redis_server::{RedisServer, is_there};

const ENTRIES: usize = 1_000_000;
const SAMPLES: usize = 1000;
const ENTRY_BYTES: usize = 100;

fn tell(line: &str) {
    writeln!(std::io::stderr(), "{line}").unwrap();
}

fn quantile(sorted: &[Duration], of: f64) -> Duration {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    sorted[((sorted.len() - 1) as f64 * of) as usize]
}

fn tell_latency(what: &str, mut samples: Vec<Duration>) {
    samples.sort_unstable();
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|of| quantile(&samples, of));
    tell(&format!("{what}: p50 {p50:?}, p99 {p99:?}, max {max:?}"));
}

/// CPU seconds of a process, all threads.
fn cpu_s(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|f| f.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    (ticks(11) + ticks(12)) / 100.0
}

#[test]
#[ignore = "measures: run it alone, optimised, on a machine that does nothing else"]
fn entries_a_second_and_latency() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let (sender, events) = sync_channel(64);
    let connected = connect(config(&redis.url(), "a")).unwrap();
    let mut port = connected
        .start(Box::new(move |event| sender.send(event).is_ok()))
        .unwrap();
    let before = [std::process::id(), redis.pid()].map(cpu_s);
    let began = Instant::now();
    let (mut appended, mut heard) = (0, 0);
    while heard < ENTRIES {
        // As much on its way as a room's bound might allow.
        while appended < ENTRIES && appended - heard < 20_000 {
            port.append(vec![b'x'; ENTRY_BYTES]);
            appended += 1;
        }
        match events.recv_timeout(Duration::from_secs(10)).unwrap() {
            HubEvent::Entries(entries) => heard += entries.len(),
            other => panic!("{other:?}"),
        }
    }
    let took = began.elapsed().as_secs_f64();
    let after = [std::process::id(), redis.pid()].map(cpu_s);
    #[allow(clippy::cast_precision_loss)]
    let per_s = ENTRIES as f64 / took;
    tell(&format!(
        "{per_s:.0} entries a second; cores: this process {:.2}, redis {:.2}",
        (after[0] - before[0]) / took,
        (after[1] - before[1]) / took
    ));
    // In turns, so that both have the same seconds.
    let mut plain = redis::Client::open(redis.url())
        .unwrap()
        .get_connection()
        .unwrap();
    let (mut by_hub, mut by_hand) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        thread::sleep(Duration::from_millis(5));
        let began = Instant::now();
        port.append(vec![b'x'; ENTRY_BYTES]);
        events.recv_timeout(Duration::from_secs(10)).unwrap();
        by_hub.push(began.elapsed());
        thread::sleep(Duration::from_millis(5));
        let began = Instant::now();
        let data = vec![b'x'; ENTRY_BYTES];
        let id: String = cmd("XADD")
            .arg("other")
            .arg("*")
            .arg("e")
            .arg(data)
            .query(&mut plain)
            .unwrap();
        let (ms, seq) = id.split_once('-').unwrap();
        let before = format!("{}-{seq}", ms.parse::<u64>().unwrap() - 1);
        let read = cmd("XREAD")
            .arg("STREAMS")
            .arg("other")
            .arg(before)
            .exec(&mut plain);
        read.unwrap();
        by_hand.push(began.elapsed());
    }
    tell_latency("append to event", by_hub);
    tell_latency("XADD, then XREAD", by_hand);
}
