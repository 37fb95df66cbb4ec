//! Figures as Prometheus reads them: names, helps, types. The format is the crate's.

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use prometheus::{Encoder as _, TextEncoder};

use crate::protocol::Encoding;
use crate::service::{Figures, TURN_BOUNDS_US, Turns};

/// The type of the text.
pub(super) const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The text that a scraper is sent.
pub(super) fn encode(figures: &Figures, dropped_lines: u64) -> String {
    let mut families = counters(figures, dropped_lines);
    families.extend(gauges(figures));
    families.push(turns(&figures.turns));
    let mut text = Vec::new();
    // It can only fail where the vector does, or a family is empty.
    let _ = TextEncoder::new().encode(&families, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn counters(figures: &Figures, dropped_lines: u64) -> Vec<MetricFamily> {
    let counters = [
        ("accepted", "Clients that were taken in.", figures.accepted),
        (
            "refused",
            "Clients that were turned away at the door.",
            figures.refused,
        ),
        (
            "lagged",
            "Clients that were disconnected as too slow.",
            figures.lagged,
        ),
        (
            "panics",
            "Clients that were ended by an internal error.",
            figures.panicked,
        ),
        (
            "messages",
            "Messages that clients have sent, commands among them.",
            figures.messages,
        ),
        (
            "deliveries",
            "Messages that clients were sent, each once for each client that got it.",
            figures.sent.messages,
        ),
        (
            "bytes",
            "Bytes that clients were sent, before TLS.",
            figures.sent.bytes,
        ),
        (
            "received_bytes",
            "Bytes that clients have sent, without TLS.",
            figures.received_bytes,
        ),
        (
            "rounds",
            "Rounds through the members that were owed something.",
            figures.rounds.all,
        ),
        (
            "pauses",
            "Rounds that were held back so that messages share a write.",
            figures.rounds.paced,
        ),
        (
            "log_lines_dropped",
            "Lines of the log that nobody read in time.",
            dropped_lines,
        ),
    ];
    let family = |(name, help, value)| {
        let mut counter = Counter::default();
        counter.set_value(as_f64(value));
        let mut metric = Metric::default();
        metric.set_counter(counter);
        let name = format!("chinwag_{name}_total");
        family(&name, help, MetricType::COUNTER, vec![metric])
    };
    counters.map(family).into()
}

fn gauges(figures: &Figures) -> [MetricFamily; 4] {
    let clients = |encoding: Encoding| as_f64(figures.clients_by_encoding[encoding.index()] as u64);
    let known: usize = figures.clients_by_encoding.iter().sum();
    let by_protocol = [
        ("lines", clients(Encoding::Lines)),
        ("websocket", clients(Encoding::Json)),
        ("irc", clients(Encoding::Irc) + clients(Encoding::IrcTime)),
        // Of which it is not known yet, or never will be.
        ("none", as_f64(figures.clients.saturating_sub(known) as u64)),
    ];
    let by_protocol = by_protocol.map(|(protocol, value)| gauge(&[("protocol", protocol)], value));
    let version = ("version", env!("CARGO_PKG_VERSION"));
    [
        family(
            "chinwag_clients",
            "Clients that are here, by what they speak.",
            MetricType::GAUGE,
            by_protocol.into(),
        ),
        family(
            "chinwag_clients_max",
            "Clients that may be here at once.",
            MetricType::GAUGE,
            vec![gauge(&[], as_f64(figures.max_clients as u64))],
        ),
        family(
            "chinwag_lag_bytes",
            "How far the client that is farthest behind is.",
            MetricType::GAUGE,
            vec![gauge(&[], as_f64(figures.lag_bytes))],
        ),
        family(
            "chinwag_build_info",
            "Which chinwag this is.",
            MetricType::GAUGE,
            vec![gauge(&[version], 1.0)],
        ),
    ]
}

fn turns(turns: &Turns) -> MetricFamily {
    let mut histogram = Histogram::default();
    let mut so_far = 0;
    let buckets = TURN_BOUNDS_US.iter().zip(turns.counts).map(|(us, count)| {
        so_far += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(f64::from(*us) / 1e6);
        bucket.set_cumulative_count(so_far);
        bucket
    });
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(turns.counts.iter().sum());
    histogram.set_sample_sum(turns.total.as_secs_f64());
    let mut metric = Metric::default();
    metric.set_histogram(histogram);
    family(
        "chinwag_turn_seconds",
        "Time of a turn of the loop, without waiting.",
        MetricType::HISTOGRAM,
        vec![metric],
    )
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn gauge(labels: &[(&str, &str)], value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let labels = labels.iter().map(|(name, value)| {
        let mut label = LabelPair::default();
        label.set_name((*name).to_owned());
        label.set_value((*value).to_owned());
        label
    });
    let mut metric = Metric::from_label(labels.collect());
    metric.set_gauge(gauge);
    metric
}

/// Exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "so Prometheus has its values")]
fn as_f64(value: u64) -> f64 {
    value as f64
}
