//! A report for people: a few lines of text that fit a terminal.

use std::fmt::Write as _;

use crate::bench::find_rate::Search;
use crate::bench::load::schedule::Arrivals;
use crate::bench::measure::histogram::Summary;
use crate::bench::protocol::Kind;
use crate::bench::report::json::{Generator, Report, Server};

/// The whole report.
pub(crate) fn render(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string does not fail; so below too.
    let _ = writeln!(text, "{}\n", title(report));
    let _ = writeln!(text, "verdict          {}", report.verdict);
    for remark in &report.remarks {
        let _ = writeln!(text, "remark           {remark}");
    }
    if let Some(search) = &report.search {
        found(&mut text, search);
    }
    let _ = writeln!(
        text,
        "messages         {} sent (warm-up included), {} of {} deliveries received",
        grouped(report.sent),
        grouped(report.received),
        grouped(report.owed)
    );
    let _ = writeln!(
        text,
        "                 {} lost, {} duplicate, {} reordered, {} corrupt",
        grouped(report.lost),
        grouped(report.duplicate),
        grouped(report.reordered),
        grouped(report.corrupt)
    );
    let _ = write!(
        text,
        "rate             {} messages/s",
        figure(report.messages_per_s)
    );
    if report.bench == "room" {
        let _ = write!(text, ", {} deliveries/s", figure(report.deliveries_per_s));
    }
    if let Some(asked) = report.settings.rate_per_s {
        let _ = write!(
            text,
            " (asked {}, sent {})",
            figure(asked),
            figure(report.generator.sent_per_s)
        );
    }
    text.push_str("\n\n");
    latencies(&mut text, report);
    if report.settings.in_flight.is_some() {
        text.push_str(
            "                 (closed loop: a sender waits for its answers, so a stall delays \
             few messages; --rate shows it)\n",
        );
    }
    text.push('\n');
    generator(&mut text, &report.generator);
    if let Some(side) = &report.server {
        server(&mut text, side, report);
    }
    for side in &report.servers {
        process(&mut text, side, &report.bench);
    }
    background(&mut text, report);
    text
}

/// The rates that were tried, from low to high; what follows is of the last run that held.
fn found(text: &mut String, search: &Search) {
    let found = search.found_rate_per_s;
    let found = found.map_or("none".to_owned(), |rate| {
        format!("{} messages/s", figure(rate))
    });
    let _ = writeln!(text, "highest rate     {found} with {}\n", search.condition);
    let mut trials: Vec<_> = search.trials.iter().collect();
    trials.sort_by(|a, b| a.rate_per_s.total_cmp(&b.rate_per_s));
    let _ = writeln!(
        text,
        "{:<17}{:>12}{:>12}{:>10}",
        "", "asked/s", "done/s", search.figure
    );
    for trial in trials {
        let _ = writeln!(
            text,
            "{:<17}{:>12}{:>12}{:>10}   {}",
            if trial.holds {
                "holds"
            } else {
                "does not hold"
            },
            figure(trial.rate_per_s),
            figure(trial.messages_per_s),
            duration(trial.value_us),
            if trial.verdict == "ok" {
                ""
            } else {
                &trial.verdict
            }
        );
    }
    text.push('\n');
}

/// What was run, on one line.
pub(crate) fn title(report: &Report) -> String {
    let settings = &report.settings;
    let mut text = format!(
        "bench {} {}: {} connections",
        report.bench,
        settings.address,
        grouped(settings.connections as u64)
    );
    if report.bench == "room" {
        let _ = write!(text, ", {} senders", grouped(settings.senders as u64));
    }
    if settings.protocol != Kind::Line {
        let _ = write!(text, ", {}", settings.protocol);
    }
    if settings.tls {
        text.push_str(", TLS");
    }
    let _ = write!(text, ", {} bytes", settings.size_bytes);
    if let Some(in_flight) = settings.in_flight {
        let _ = write!(text, ", closed loop, {in_flight} in flight each");
    }
    if let Some(rate) = settings.rate_per_s {
        let _ = write!(text, ", open loop, {} messages/s", figure(rate));
    }
    if let Some([from, to]) = settings.profile_per_s {
        let _ = write!(
            text,
            ", open loop, {} to {} messages/s",
            figure(from),
            figure(to)
        );
    }
    if settings.arrivals == Some(Arrivals::Poisson) {
        text.push_str(" at random");
    }
    if let Some(messages) = settings.messages {
        let _ = write!(text, ", {} messages", grouped(messages));
    }
    if let Some(duration_s) = settings.duration_s {
        let _ = write!(text, ", {duration_s} s");
    }
    if settings.threads > 1 {
        let _ = write!(text, ", {} threads", settings.threads);
    }
    text
}

fn latencies(text: &mut String, report: &Report) {
    let _ = writeln!(
        text,
        "{:<17}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "", "p50", "p90", "p99", "p99.9", "p99.99", "max", "mean"
    );
    row(text, "latency", Some(&report.latency_us));
    row(text, "service time", report.service_us.as_ref());
    row(text, "last receiver", report.last_receiver_us.as_ref());
    row(text, "delivery skew", report.spread_us.as_ref());
    row(text, "connect", Some(&report.connect_us));
    row(text, "kernel handshake", Some(&report.handshake_us));
    row(text, "TLS handshake", report.tls_handshake_us.as_ref());
    // What the generator adds to each of these.
    row(text, "send lag", report.generator.send_lag_us.as_ref());
    row(
        text,
        "read lag, at most",
        Some(&report.generator.iteration_us),
    );
}

fn row(text: &mut String, name: &str, summary: Option<&Summary>) {
    let Some(s) = summary else {
        return;
    };
    let _ = write!(text, "{name:<17}");
    for us in [s.p50, s.p90, s.p99, s.p999, s.p9999, s.max, s.mean] {
        let _ = write!(text, "{:>9}", us.map_or("-".to_owned(), duration));
    }
    text.push('\n');
}

fn generator(text: &mut String, side: &Generator) {
    let _ = writeln!(
        text,
        "generator        CPU {:.0} %, {:.2} µs a delivery; waited {:.0} % of the time",
        side.cpu_share * 100.0,
        side.cpu_us_per_delivery,
        side.waiting_share * 100.0
    );
}

fn server(text: &mut String, side: &Server, report: &Report) {
    let _ = write!(
        text,
        "server           CPU {:.0} % ({:.0} % of it kernel), {:.2} µs a message",
        side.cpu_share * 100.0,
        side.system_share * 100.0,
        side.cpu_us_per_message
    );
    if report.bench == "room" {
        let _ = write!(text, ", {:.3} µs a delivery", side.cpu_us_per_delivery);
    }
    if let (Some(unit), Some(per)) = (side.loopback_us, side.loopbacks_per_delivery) {
        let _ = write!(
            text,
            " = {per:.3} loopback sends + receives of {unit:.2} µs"
        );
    }
    let grown = side
        .rss_connected_bytes
        .saturating_sub(side.rss_before_bytes);
    let settings = &report.settings;
    let connections = settings
        .connections
        .saturating_add(settings.idle)
        .saturating_add(settings.slow);
    let _ = writeln!(
        text,
        "\n                 memory {}, {}; {} context switches\n                 \
         connecting took {:.1} ms, {:.1} µs CPU each",
        bytes(side.rss_bytes),
        per_connection(grown, connections),
        grouped(
            side.voluntary_switches
                .saturating_add(side.involuntary_switches)
        ),
        report.ready_ms,
        side.cpu_us_per_connect
    );
    if let (Some(resumed), Some(all)) = (report.tls_resumed, report.tls_handshake_us) {
        let (resumed, all) = (grouped(resumed), grouped(all.count));
        let _ = writeln!(
            text,
            "                 {resumed} of {all} TLS handshakes resumed"
        );
    }
}

/// One process of several.
fn process(text: &mut String, side: &Server, bench: &str) {
    let name = format!("{} {}", side.pid, side.name);
    let _ = write!(
        text,
        "  {name:<15}CPU {:.0} %, {:.2} µs a message",
        side.cpu_share * 100.0,
        side.cpu_us_per_message
    );
    if bench == "room" {
        let _ = write!(text, ", {:.3} µs a delivery", side.cpu_us_per_delivery);
    }
    let _ = writeln!(text, "; memory {}", bytes(side.rss_bytes));
}

/// Memory is counted in pages, and a server may have some to spare.
fn per_connection(grown_bytes: u64, connections: usize) -> String {
    match grown_bytes / connections.max(1) as u64 {
        0 => "too small to tell by connection".to_owned(),
        bytes => format!("{} bytes a connection", grouped(bytes)),
    }
}

fn background(text: &mut String, report: &Report) {
    let Some(background) = &report.background else {
        return;
    };
    let settings = &report.settings;
    let _ = writeln!(
        text,
        "background       {} idle ({} closed), {} slow ({} closed), {} transient ({} failed)",
        grouped(settings.idle as u64),
        background.idle_closed,
        grouped(settings.slow as u64),
        background.slow_closed,
        grouped(background.served),
        background.failed
    );
}

/// Microseconds with the unit that suits them.
#[must_use]
pub(crate) fn duration(us: f64) -> String {
    if us < 999.5 {
        format!("{} µs", three(us))
    } else if us < 999_500.0 {
        format!("{} ms", three(us / 1e3))
    } else {
        format!("{} s", three(us / 1e6))
    }
}

/// Three digits that matter.
fn three(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

/// A rate: whole, in groups; small ones with decimals.
#[must_use]
pub(crate) fn figure(value: f64) -> String {
    if value < 100.0 {
        return three(value);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is no more than 2^53 and not negative"
    )]
    grouped(value.round() as u64)
}

/// A number in groups of three digits.
#[must_use]
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for reading")]
    let mib = count as f64 / f64::from(1 << 20);
    format!("{mib:.1} MiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        for (us, text) in [
            (0.0, "0.00 µs"),
            (7.456, "7.46 µs"),
            (12.34, "12.3 µs"),
            (999.4, "999 µs"),
            (999.6, "1.00 ms"),
            (7_610.0, "7.61 ms"),
            (1_200_000.0, "1.20 s"),
        ] {
            assert_eq!(duration(us), text);
        }
    }

    #[test]
    fn what_is_told_says_what_it_covers() {
        let mut report = crate::bench::report::json::example();
        report.server = Some(Server::default());
        let text = render(&report);
        assert!(text.contains("1,000 sent (warm-up included), "), "{text}");
        assert!(text.contains("too small to tell by connection;"), "{text}");
        report.server = Some(Server {
            rss_connected_bytes: 8_192,
            ..Server::default()
        });
        let text = render(&report);
        assert!(text.contains("4,096 bytes a connection;"), "{text}");
    }

    #[test]
    fn absurd_numbers_are_shown_somehow() {
        for report in crate::bench::report::json::absurd() {
            assert!(render(&report).contains("verdict"));
        }
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(12_345_678), "12,345,678");
    }
}
