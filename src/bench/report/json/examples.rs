//! Reports to test with: one as they are, and what a file might hold instead.

use serde_json::Value;

use super::*;

/// A report to test with.
pub(crate) fn example() -> Report {
    let summary = Summary {
        count: 1000,
        p50: 100.0,
        p90: 150.0,
        p99: 200.0,
        p999: 400.0,
        p9999: 800.0,
        max: 1_000.0,
        mean: 110.0,
    };
    let mut load = Load::new(Scenario::Echo, 2);
    load.duration = std::time::Duration::from_secs(1);
    Report {
        schema: SCHEMA,
        program: "chinwag 0".to_owned(),
        bench: load.name().to_owned(),
        verdict: "ok".to_owned(),
        settings: Settings::of(&load, "127.0.0.1:1"),
        machine: Machine::here(),
        sent: 1000,
        owed: 1000,
        received: 1000,
        lost: 0,
        duplicate: 0,
        reordered: 0,
        corrupt: 0,
        unsent: 0,
        disconnected: 0,
        measured_s: 1.0,
        messages_per_s: 1000.0,
        deliveries_per_s: 1000.0,
        latency_us: summary,
        service_us: None,
        last_receiver_us: None,
        spread_us: None,
        connect_us: summary,
        first_answer_us: Some(summary),
        ready_ms: 1.0,
        generator: example_generator(),
        server: None,
        background: None,
        curve: [(0.0, 10.0), (50.0, 100.0), (99.0, 200.0), (100.0, 1_000.0)]
            .map(|(percentile, us)| Point { percentile, us })
            .to_vec(),
        service_curve: Vec::new(),
        interval_s: 0.5,
        timeline: [(0.0, 490, 900.0), (0.5, 510, 1_000.0)]
            .map(|(at_s, received, max_us)| Interval {
                at_s,
                sent: 500,
                received,
                max_us,
            })
            .to_vec(),
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
    report.settings.rate_per_s = Some(1);
    report.background = Some(BackgroundCounts::default());
    report.server = Some(Server::default());
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
            let wide = |name: &str| !["schema", "in_flight", "pid"].contains(&name);
            let fields = fields.iter_mut().filter(|(name, _)| wide(name));
            fields.for_each(|(_, v)| put_in_all(v, number));
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
