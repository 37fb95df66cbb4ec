//! Reports to test with: one as they are, and what a file might hold instead.

use serde_json::Value;

use super::*;
use crate::bench::config::load_of;
use crate::bench::find_rate::Trial;

/// A report to test with.
pub(crate) fn example() -> Report {
    let summary = Summary {
        count: 1000,
        p50: Some(100.0),
        p90: Some(150.0),
        p99: Some(200.0),
        p999: Some(400.0),
        p9999: Some(800.0),
        max: Some(1_000.0),
        mean: Some(110.0),
    };
    let load = load_of("echo 127.0.0.1:1 -c 2 -d 1s");
    let second = SecondRow {
        second: 0,
        sent_per_s: 1_000.0,
        received_per_s: 1_000.0,
        p50_us: Some(100.0),
        p99_us: Some(200.0),
        max_us: Some(1_000.0),
    };
    Report {
        schema: SCHEMA,
        program: "chinwag 0".to_owned(),
        bench: load.name().to_owned(),
        verdict: "ok".to_owned(),
        settings: settings(&load, &load.target),
        machine: Machine::here(),
        sent: 1000,
        owed: 1000,
        received: 1000,
        measured: 1000,
        measured_s: 1.0,
        messages_per_s: 1000.0,
        deliveries_per_s: 1000.0,
        latency_us: summary,
        connect_us: summary,
        handshake_us: summary,
        ready_ms: 1.0,
        generator: example_generator(),
        // Slower and faster by turns.
        seconds: [0.99, 1.0, 1.01, 0.98, 1.02]
            .map(|factor| SecondRow {
                received_per_s: second.received_per_s * factor,
                ..second
            })
            .to_vec(),
        curve: [(0.0, 10.0), (50.0, 100.0), (99.0, 200.0), (100.0, 1_000.0)]
            .map(|(percentile, us)| Point { percentile, us })
            .to_vec(),
        interval_s: 0.5,
        timeline: [(0.0, 490, 900.0), (0.5, 510, 1_000.0)]
            .map(|(at_s, received, max_us)| Interval {
                at_s,
                sent: 500,
                received,
                max_us,
            })
            .to_vec(),
        ..Report::default()
    }
}

fn example_generator() -> Generator {
    Generator {
        cpu_share: 0.5,
        cpu_us_per_message: 1.0,
        cpu_us_per_delivery: 1.0,
        waiting_share: 0.5,
        send_lag_us: None,
        iteration_us: Summary::default(),
        sent_per_s: 1000.0,
        rss_bytes: 1 << 20,
    }
}

/// Reports that no run has written: every number of the example and its server as large as it
/// can be, below zero where it may be, and next to nothing.
pub(crate) fn absurd() -> Vec<Report> {
    let mut report = example();
    report.bench = "room".to_owned();
    report.service_us = Some(report.latency_us);
    report.last_receiver_us = Some(report.latency_us);
    report.spread_us = Some(report.latency_us);
    report.service_curve = report.curve.clone();
    report.settings.rate_per_s = Some(1.0);
    report.settings.profile_per_s = Some([1.0, 2.0]);
    report.search = Some(Search {
        condition: "p99<1ms".to_owned(),
        figure: "p99".to_owned(),
        found_rate_per_s: Some(1.0),
        trials: vec![Trial {
            rate_per_s: 1.0,
            messages_per_s: 1.0,
            holds: true,
            value_us: 1.0,
            verdict: "ok".to_owned(),
        }],
    });
    report.background = Some(BackgroundCounts::default());
    report.server = Some(Server::default());
    report.servers = vec![Server::default(); 2];
    let value = serde_json::to_value(&report).unwrap();
    let all = |number: f64| {
        let mut value = value.clone();
        put_in_all(&mut value, number);
        serde_json::from_value(value).unwrap()
    };
    [f64::MAX, f64::MIN, -1.0, f64::MIN_POSITIVE, 0.0]
        .map(all)
        .into()
}

/// Puts `number`, or the whole one next to it, in place of every number.
fn put_in_all(value: &mut Value, number: f64) {
    match value {
        Value::Number(old) if old.is_f64() => *value = number.into(),
        Value::Number(_) if number > 1.0 => *value = u64::MAX.into(),
        Value::Number(_) => *value = 0.into(),
        Value::Array(values) => values.iter_mut().for_each(|v| put_in_all(v, number)),
        Value::Object(fields) => {
            // The narrower ones stay as they are.
            let wide = |name: &str| !["schema", "in_flight", "pid", "cores"].contains(&name);
            let fields = fields.iter_mut().filter(|(name, _)| wide(name));
            fields.for_each(|(_, v)| put_in_all(v, number));
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
