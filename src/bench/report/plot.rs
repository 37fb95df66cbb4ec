//! A run as one page that needs nothing else: how long messages took, and how many went
//! through over time. Hand-made SVG; light and dark by the reader's own setting.

mod chart;
mod scale;

use std::fmt::Write as _;

use chart::{Chart, Series};
use scale::Scale;

use crate::bench::measure::histogram::Point;
use crate::bench::report::json::Report;
use crate::bench::report::table::{duration, figure, grouped, title};

const STYLE: &str = include_str!("plot/style.css");

/// The page of one report, or of several on the same axes.
#[must_use]
pub(crate) fn page(reports: &[(String, &Report)]) -> String {
    let mut html = String::new();
    let heading = match reports {
        [(_, only)] => title(only),
        _ => format!("{} runs compared", reports.len()),
    };
    // Writing to a string does not fail; so below too.
    let _ = write!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{0}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{0}</h1>\n",
        escaped(&heading)
    );
    for (name, report) in reports {
        summary(&mut html, name, report, reports.len() > 1);
    }
    section(
        &mut html,
        "How long messages took",
        &in_words(reports),
        &latency_chart(reports).render(),
    );
    section(
        &mut html,
        "Deliveries a second, over the measured time",
        "Dips are moments in which the server, the generator or the machine did something else.",
        &timeline_chart(reports).render(),
    );
    section(
        &mut html,
        "The slowest delivery of each moment",
        "A single high point is a stall; a slope that never comes down is a server that falls \
         behind.",
        &slowest_chart(reports).render(),
    );
    footer(&mut html, reports);
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn section(html: &mut String, heading: &str, words: &str, svg: &str) {
    let _ = write!(
        html,
        "<section>\n<h2>{heading}</h2>\n<p>{words}</p>\n{svg}</section>\n"
    );
}

fn summary(html: &mut String, name: &str, report: &Report, named: bool) {
    if named {
        let _ = writeln!(
            html,
            "<h2>{}: {}</h2>",
            escaped(name),
            escaped(&title(report))
        );
    }
    let class = if report.is_ok() { "ok" } else { "bad" };
    // A report may be anybody's, and its counts anything.
    let faults = [report.duplicate, report.reordered, report.corrupt]
        .iter()
        .fold(report.lost, |sum, count| sum.saturating_add(*count));
    let _ = writeln!(
        html,
        "<p class=\"verdict {class}\">{}</p>\n<dl>",
        escaped(&report.verdict)
    );
    let mut tile = |value: String, what: &str| {
        let _ = writeln!(html, "<div><dd>{value}</dd><dt>{what}</dt></div>");
    };
    tile(figure(report.messages_per_s), "messages a second");
    if report.bench == "room" {
        tile(figure(report.deliveries_per_s), "deliveries a second");
    }
    tile(duration(report.latency_us.p50), "median latency");
    tile(duration(report.latency_us.p99), "99 of 100 within");
    tile(grouped(faults), "lost, doubled, out of order, damaged");
    if let Some(server) = &report.server {
        tile(
            format!("{:.0} %", server.cpu_share * 100.0),
            "of a core for the server",
        );
    }
    html.push_str("</dl>\n");
}

/// The chart's message in a sentence.
fn in_words(reports: &[(String, &Report)]) -> String {
    let mut words = String::new();
    for (name, report) in reports {
        let latency = &report.latency_us;
        let who = if reports.len() > 1 {
            format!("{}: half", escaped(name))
        } else {
            "Half".to_owned()
        };
        let _ = write!(
            words,
            "{who} took at most {}, 99 of 100 at most {}, the slowest {}. ",
            duration(latency.p50),
            duration(latency.p99),
            duration(latency.max)
        );
    }
    words.push_str(match reports {
        [(_, only)] if only.settings.rate_per_s.is_some() => {
            "Latency counts from when a message was due, service time from when it was really sent."
        }
        [(_, only)] if only.settings.in_flight.is_some() => {
            "Each sender waits for its answers, so a stall of the server delays few messages; an \
             open loop (--rate) shows it in full."
        }
        _ => "",
    });
    words
}

fn latency_chart(reports: &[(String, &Report)]) -> Chart {
    let mut series = Vec::new();
    for (i, (name, report)) in reports.iter().enumerate() {
        let prefix = if reports.len() > 1 {
            format!("{name}: ")
        } else {
            String::new()
        };
        let count = report.latency_us.count;
        series.push(curve(format!("{prefix}latency"), i, &report.curve, count));
        if !report.service_curve.is_empty() {
            let name = format!("{prefix}service time");
            let mut service = curve(name, i, &report.service_curve, count);
            service.is_dashed = true;
            series.push(service);
        }
    }
    let all = || series.iter().flat_map(|s| &s.points);
    let nines = all().map(|p| p.x).fold(1.0, f64::max);
    let low = all().map(|p| p.y).fold(f64::MAX, f64::min);
    let high = all().map(|p| p.y).fold(1.0, f64::max);
    Chart {
        label: "latency by percentile".to_owned(),
        x: Scale::nines(nines),
        y: Scale::log_us(low.min(high), high),
        x_title: "share of all deliveries that took no longer".to_owned(),
        series,
    }
}

fn timeline_chart(reports: &[(String, &Report)]) -> Chart {
    let series: Vec<Series> = reports
        .iter()
        .enumerate()
        .map(|(i, (name, report))| {
            let per_s = 1.0 / report.interval_s.max(f64::MIN_POSITIVE);
            #[expect(clippy::cast_precision_loss, reason = "a count, for a drawing")]
            let rate = |count: u64| count as f64 * per_s;
            let points = whole_intervals(report).map(|s| (s.at_s, rate(s.received)));
            let hint = |x: f64, y: f64| format!("{x:.1} s: {} a second", figure(y));
            Series::new(name.clone(), i, points, hint)
        })
        .collect();
    over_time("deliveries a second over time", series, Scale::count)
}

fn slowest_chart(reports: &[(String, &Report)]) -> Chart {
    let series: Vec<Series> = reports
        .iter()
        .enumerate()
        .map(|(i, (name, report))| {
            let points = whole_intervals(report).map(|s| (s.at_s, s.max_us));
            let hint = |x: f64, y: f64| format!("{x:.1} s: {}", duration(y));
            Series::new(name.clone(), i, points, hint)
        })
        .collect();
    over_time("slowest delivery over time", series, Scale::us)
}

fn over_time(label: &str, series: Vec<Series>, scale: fn(f64) -> Scale) -> Chart {
    let all = || series.iter().flat_map(|s| &s.points);
    let end = all().map(|p| p.x).fold(0.1, f64::max);
    let high = all().map(|p| p.y).fold(1.0, f64::max);
    Chart {
        label: label.to_owned(),
        x: Scale::seconds(end),
        y: scale(high),
        x_title: "seconds".to_owned(),
        series,
    }
}

/// The last slice may be cut short by the window's end, and would look like a dip.
fn whole_intervals(
    report: &Report,
) -> impl Iterator<Item = &crate::bench::measure::metrics::Interval> {
    let window_s = report.settings.duration_s;
    let whole = move |s: &&crate::bench::measure::metrics::Interval| {
        s.at_s + report.interval_s <= window_s + 1e-6
    };
    report.timeline.iter().filter(whole)
}

fn curve(name: String, colour: usize, points: &[Point], count: u64) -> Series {
    #[expect(clippy::cast_precision_loss, reason = "a count, for a drawing")]
    let last = (count.max(10) as f64).log10();
    let points = points.iter().map(|point| {
        let rest = 1.0 - point.percentile / 100.0;
        let nines = if rest > 0.0 { -rest.log10() } else { last };
        (nines.min(last), point.us.max(0.001))
    });
    Series::new(name, colour, points, |nines, us| {
        let share = (1.0 - 10_f64.powf(-nines)) * 100.0;
        format!("{share:.4} % within {}", duration(us))
    })
}

/// Each run was made somewhere and checked for itself.
fn footer(html: &mut String, reports: &[(String, &Report)]) {
    html.push_str("<footer>\n");
    for (name, report) in reports {
        let machine = &report.machine;
        let who = if reports.len() > 1 {
            format!("{}: ", escaped(name))
        } else {
            String::new()
        };
        let _ = writeln!(
            html,
            "<p>{who}{}, on {} with {} cores, {}. Every delivery was checked: {} of {}.</p>",
            escaped(&report.program),
            escaped(&machine.processor),
            machine.cores,
            escaped(&machine.system),
            grouped(report.received),
            grouped(report.owed)
        );
    }
    html.push_str("</footer>\n");
}

/// Text that is safe in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::json::example;

    #[test]
    fn a_page_stands_alone() {
        let mut report = example();
        report.verdict = "FAILED: 3 <lost>".to_owned();
        let page = page(&[("a".to_owned(), &report)]);
        for outside in [
            "http:", "https:", "src=", "<script", "@import", "NaN", "inf",
        ] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("prefers-color-scheme: dark"));
        assert!(page.contains("3 &lt;lost&gt;"));
        assert!(page.contains("99 of 100 at most 200 µs"));
        assert_eq!(page.matches("<svg").count(), 3);
        assert_eq!(page.matches("</svg>").count(), 3);
    }

    #[test]
    fn several_runs_share_the_axes() {
        let (a, mut b) = (example(), example());
        b.received = 1_999;
        b.owed = 2_000;
        b.service_curve = b.curve.clone();
        let page = page(&[("one".to_owned(), &a), ("two".to_owned(), &b)]);
        assert!(page.contains("one: latency") && page.contains("two: service time"));
        let footer = page.split("<footer>").nth(1).unwrap_or_default();
        assert!(footer.contains("one: chinwag 0") && footer.contains("1,000 of 1,000"));
        assert!(footer.contains("two: chinwag 0") && footer.contains("1,999 of 2,000"));
    }

    #[test]
    fn absurd_numbers_are_drawn_somehow() {
        for report in crate::bench::report::json::absurd() {
            let one = page(&[("a".to_owned(), &report)]);
            let two = page(&[("a".to_owned(), &report), ("b".to_owned(), &example())]);
            assert!(one.ends_with("</html>\n") && two.ends_with("</html>\n"));
        }
    }

    #[test]
    fn an_empty_run_draws_empty_axes() {
        let mut report = example();
        report.curve.clear();
        report.timeline.clear();
        report.latency_us = Default::default();
        let page = page(&[("a".to_owned(), &report)]);
        assert!(!page.contains("NaN") && !page.contains("inf"));
    }
}
