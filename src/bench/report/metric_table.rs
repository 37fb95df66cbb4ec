//! The figures by which runs are compared. Reads reports; how they are laid out is for others.

use crate::bench::measure::collector::SecondRow;
use crate::bench::report::json::Report;
use crate::bench::report::table::{duration, figure};

/// A figure that runs can be compared by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) of: fn(&Report) -> Option<f64>,
    /// The same of one second, where it is measured by the second.
    pub(crate) of_second: Option<fn(&SecondRow) -> Option<f64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    PerSecond,
    Us,
    Bytes,
    Plain,
}

/// In the order in which they are shown.
pub(crate) const METRICS: [Metric; 16] = {
    const fn metric(name: &'static str, unit: Unit, of: fn(&Report) -> Option<f64>) -> Metric {
        Metric {
            name,
            unit,
            of,
            of_second: None,
        }
    }
    const fn by_second(mut metric: Metric, of: fn(&SecondRow) -> Option<f64>) -> Metric {
        metric.of_second = Some(of);
        metric
    }
    let deliveries = metric("deliveries/s", Unit::PerSecond, |r| {
        Some(r.deliveries_per_s)
    });
    let p50 = metric("latency p50", Unit::Us, |r| r.latency_us.p50);
    let p99 = metric("latency p99", Unit::Us, |r| r.latency_us.p99);
    [
        metric("messages/s", Unit::PerSecond, |r| Some(r.messages_per_s)),
        by_second(deliveries, |second| Some(second.received_per_s)),
        by_second(p50, |second| second.p50_us),
        metric("latency p90", Unit::Us, |r| r.latency_us.p90),
        by_second(p99, |second| second.p99_us),
        metric("latency p99.9", Unit::Us, |r| r.latency_us.p999),
        metric("latency max", Unit::Us, |r| r.latency_us.max),
        metric("last receiver p99", Unit::Us, |r| r.last_receiver_us?.p99),
        metric("delivery skew p50", Unit::Us, |r| r.spread_us?.p50),
        metric("server CPU/message", Unit::Us, |r| {
            r.server.as_ref().map(|s| s.cpu_us_per_message)
        }),
        metric("server CPU/delivery", Unit::Us, |r| {
            let room = r.server.as_ref().filter(|_| r.bench == "room");
            room.map(|s| s.cpu_us_per_delivery)
        }),
        metric("  in loopback s+r", Unit::Plain, |r| {
            r.server.as_ref()?.loopbacks_per_delivery
        }),
        metric("server CPU share", Unit::Plain, |r| {
            r.server.as_ref().map(|s| s.cpu_share)
        }),
        metric("server CPU/connect", Unit::Us, |r| {
            r.server.as_ref().map(|s| s.cpu_us_per_connect)
        }),
        metric("server memory", Unit::Bytes, |r| {
            r.server.as_ref().map(|s| s.rss_bytes as f64)
        }),
        metric("generator CPU share", Unit::Plain, |r| {
            Some(r.generator.cpu_share)
        }),
    ]
};

/// A value with its unit.
pub(crate) fn shown(unit: Unit, value: f64) -> String {
    match unit {
        Unit::PerSecond => figure(value),
        Unit::Us => duration(value),
        Unit::Bytes => format!("{:.1} MiB", value / f64::from(1 << 20)),
        Unit::Plain => format!("{value:.3}"),
    }
}
