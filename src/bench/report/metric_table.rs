//! The figures by which runs are compared. Reads reports; how they are laid out is for others.

use crate::bench::report::json::Report;
use crate::bench::report::table::{duration, figure};

/// A figure that runs can be compared by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) of: fn(&Report) -> Option<f64>,
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
    const fn measure(name: &'static str, unit: Unit, of: fn(&Report) -> Option<f64>) -> Metric {
        Metric { name, unit, of }
    }
    [
        measure("messages/s", Unit::PerSecond, |r| Some(r.messages_per_s)),
        measure("deliveries/s", Unit::PerSecond, |r| {
            (r.bench == "room").then_some(r.deliveries_per_s)
        }),
        measure("latency p50", Unit::Us, |r| Some(r.latency_us.p50)),
        measure("latency p90", Unit::Us, |r| Some(r.latency_us.p90)),
        measure("latency p99", Unit::Us, |r| Some(r.latency_us.p99)),
        measure("latency p99.9", Unit::Us, |r| Some(r.latency_us.p999)),
        measure("latency max", Unit::Us, |r| Some(r.latency_us.max)),
        measure("last receiver p99", Unit::Us, |r| {
            r.last_receiver_us.map(|s| s.p99)
        }),
        measure("delivery skew p50", Unit::Us, |r| {
            r.spread_us.map(|s| s.p50)
        }),
        measure("server CPU/message", Unit::Us, |r| {
            r.server.as_ref().map(|s| s.cpu_us_per_message)
        }),
        measure("server CPU/delivery", Unit::Us, |r| {
            let room = r.server.as_ref().filter(|_| r.bench == "room");
            room.map(|s| s.cpu_us_per_delivery)
        }),
        measure("  in loopback s+r", Unit::Plain, |r| {
            r.server.as_ref()?.loopbacks_per_delivery
        }),
        measure("server CPU share", Unit::Plain, |r| {
            r.server.as_ref().map(|s| s.cpu_share)
        }),
        measure("server CPU/connect", Unit::Us, |r| {
            r.server.as_ref().map(|s| s.cpu_us_per_connect)
        }),
        measure("server memory", Unit::Bytes, |r| {
            r.server.as_ref().map(|s| s.rss_bytes as f64)
        }),
        measure("generator CPU share", Unit::Plain, |r| {
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
