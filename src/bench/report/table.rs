//! A report for people: a few lines of text that fit a terminal.

use std::fmt::Write as _;

use crate::bench::measure::histogram::Summary;
use crate::bench::report::json::{Generator, Report, Server};

/// The whole report.
#[must_use]
pub(crate) fn render(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string does not fail; so below too.
    let _ = writeln!(text, "{}\n", title(report));
    let _ = writeln!(text, "verdict      {}", report.verdict);
    let _ = writeln!(
        text,
        "messages     {} sent (warm-up included), {} of {} deliveries received",
        grouped(report.sent),
        grouped(report.received),
        grouped(report.owed)
    );
    let _ = writeln!(
        text,
        "             {} lost, {} duplicate, {} reordered, {} corrupt",
        grouped(report.lost),
        grouped(report.duplicate),
        grouped(report.reordered),
        grouped(report.corrupt)
    );
    let _ = write!(
        text,
        "rate         {} messages/s",
        figure(report.messages_per_s)
    );
    if report.bench == "room" {
        let _ = write!(text, ", {} deliveries/s", figure(report.deliveries_per_s));
    }
    if let Some(asked) = report.settings.rate_per_s {
        let _ = write!(
            text,
            " (asked {}, sent {})",
            grouped(asked),
            figure(report.generator.sent_per_s)
        );
    }
    text.push_str("\n\n");
    latencies(&mut text, report);
    if report.settings.in_flight.is_some() {
        text.push_str(
            "             (closed loop: a sender waits for its answers, so a stall delays few \
             messages; --rate shows it)\n",
        );
    }
    text.push('\n');
    generator(&mut text, &report.generator);
    if let Some(side) = &report.server {
        server(&mut text, side, report);
    }
    background(&mut text, report);
    text
}

/// What was run, on one line.
#[must_use]
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
    if settings.protocol != "line" {
        let _ = write!(text, ", {}", settings.protocol);
    }
    let _ = write!(text, ", {} bytes", settings.size_bytes);
    if let Some(in_flight) = settings.in_flight {
        let _ = write!(text, ", closed loop, {in_flight} in flight each");
    }
    if let Some(rate) = settings.rate_per_s {
        let _ = write!(text, ", open loop, {} messages/s", grouped(rate));
    }
    let _ = write!(text, ", {} s", settings.duration_s);
    text
}

fn latencies(text: &mut String, report: &Report) {
    let _ = writeln!(
        text,
        "{:<13}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "", "p50", "p90", "p99", "p99.9", "p99.99", "max", "mean"
    );
    row(text, "latency", Some(&report.latency_us));
    row(text, "service time", report.service_us.as_ref());
    row(text, "last receiver", report.last_receiver_us.as_ref());
    row(text, "delivery skew", report.spread_us.as_ref());
    row(text, "connect", Some(&report.connect_us));
    row(text, "first answer", report.first_answer_us.as_ref());
    row(text, "send lag", report.generator.send_lag_us.as_ref());
}

fn row(text: &mut String, name: &str, summary: Option<&Summary>) {
    let Some(s) = summary else {
        return;
    };
    let _ = write!(text, "{name:<13}");
    for us in [s.p50, s.p90, s.p99, s.p999, s.p9999, s.max, s.mean] {
        let _ = write!(text, "{:>9}", duration(us));
    }
    text.push('\n');
}

fn generator(text: &mut String, side: &Generator) {
    let _ = writeln!(
        text,
        "generator    CPU {:.0} %, {:.2} µs a delivery; waited {:.0} % of the time; ready of {} at \
         p99",
        side.cpu_share * 100.0,
        side.cpu_us_per_delivery,
        side.waiting_share * 100.0,
        duration(side.iteration_us.p99)
    );
}

fn server(text: &mut String, side: &Server, report: &Report) {
    let _ = write!(
        text,
        "server       CPU {:.0} % ({:.0} % of it kernel), {:.2} µs a message",
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
        "\n             memory {}, {}; {} context switches\n             \
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
        "background   {} idle ({} closed), {} slow ({} closed), {} transient ({} failed)",
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
