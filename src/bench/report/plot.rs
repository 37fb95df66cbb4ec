//! A run as one page that needs nothing else, no network and no script: how long messages took, and
//! how many went through over time. Hand-made SVG; light and dark by the reader's own setting, and
//! fit for paper.

mod chart;
mod scale;

use std::fmt::Write as _;

use chart::{Chart, Series};
use scale::Scale;

use crate::bench::find_rate::Search;
use crate::bench::measure::histogram::Point;
use crate::bench::measure::timeline::Interval;
use crate::bench::report::json::Report;
use crate::bench::report::table::{duration, figure, grouped, title};

const STYLE: &str = include_str!("plot/style.css");

/// The page of one report, or of several on the same axes.
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
    for (name, report) in reports {
        if let Some(search) = &report.search {
            let heading = format!("The search for the highest rate{}", of(reports, name));
            section(
                &mut html,
                &heading,
                &search_in_words(search),
                &search_chart(search),
            );
        }
    }
    section(
        &mut html,
        "How long messages took",
        &in_words(reports),
        &latency_chart(reports),
    );
    section(
        &mut html,
        "Deliveries a second, over the measured time",
        "Dips are moments in which the server, the generator or the machine did something else.",
        &timeline_chart(reports),
    );
    section(
        &mut html,
        "The slowest delivery of each moment",
        "A single high point is a stall; a slope that never comes down is a server that falls \
         behind.",
        &slowest_chart(reports),
    );
    footer(&mut html, reports);
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn section(html: &mut String, heading: &str, words: &str, chart: &Chart) {
    let _ = write!(
        html,
        "<section>\n<h2>{}</h2>\n<p>{words}</p>\n{}</section>\n",
        escaped(heading),
        chart.render()
    );
}

/// Which run something is of, where there are several.
fn of(reports: &[(String, &Report)], name: &str) -> String {
    if reports.len() > 1 {
        format!(": {name}")
    } else {
        String::new()
    }
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
    let class = match report.is_ok() {
        true => "ok",
        false => "bad",
    };
    // A report may be anybody's, and its counts anything.
    let faults = [report.duplicate, report.reordered, report.corrupt]
        .iter()
        .fold(report.lost, |sum, count| sum.saturating_add(*count));
    let _ = writeln!(
        html,
        "<p class=\"verdict {class}\">{}</p>",
        escaped(&report.verdict)
    );
    for remark in &report.remarks {
        let _ = writeln!(html, "<p class=\"verdict but\">{}</p>", escaped(remark));
    }
    html.push_str("<dl>\n");
    let mut tile = |value: String, what: &str| {
        let _ = writeln!(html, "<div><dd>{value}</dd><dt>{what}</dt></div>");
    };
    let told = |us: Option<f64>| us.map_or("-".to_owned(), duration);
    tile(figure(report.messages_per_s), "messages a second");
    if report.bench == "room" {
        tile(figure(report.deliveries_per_s), "deliveries a second");
    }
    tile(told(report.latency_us.p50), "median latency");
    tile(told(report.latency_us.p99), "99 of 100 within");
    tile(told(report.latency_us.max), "the slowest");
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
        let shares = [
            ("half", latency.p50),
            ("99 of 100", latency.p99),
            ("all", latency.max),
        ];
        let told = shares.iter().filter_map(|(share, us)| {
            let us = duration((*us)?);
            Some(format!("{share} within {us}"))
        });
        let told: Vec<String> = told.collect();
        let who = if reports.len() > 1 {
            escaped(name)
        } else {
            "Latency".to_owned()
        };
        let _ = write!(words, "{who}: {}. ", told.join(", "));
    }
    if let [(_, only)] = reports
        && let Some(lag) = only
            .generator
            .send_lag_us
            .and_then(|lag| lag.p99.or(lag.max))
    {
        let _ = write!(
            words,
            "Of that the generator's own send lag: {} at p99. ",
            duration(lag)
        );
    }
    words.push_str(match reports {
        [(_, only)] if only.settings.in_flight.is_none() => {
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
        y_title: LOG_TITLE.to_owned(),
        series,
    }
}

/// An axis that does not begin at 0 says so.
const LOG_TITLE: &str = "logarithmic: the axis does not begin at 0";

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
        y_title: String::new(),
        series,
    }
}

/// The last interval may be cut short by the end, and would look like a dip.
fn whole_intervals(report: &Report) -> impl Iterator<Item = &Interval> {
    let measured_s = report.measured_s;
    let whole = move |s: &&Interval| s.at_s + report.interval_s <= measured_s + 1e-6;
    report.timeline.iter().filter(whole)
}

fn search_in_words(search: &Search) -> String {
    let condition = escaped(&search.condition);
    match search.found_rate_per_s {
        Some(rate) => format!(
            "{} messages a second is the highest rate that held {condition}, and held it again.",
            figure(rate)
        ),
        None => format!("No rate held {condition}."),
    }
}

fn search_chart(search: &Search) -> Chart {
    let mut trials: Vec<_> = search.trials.iter().collect();
    trials.sort_by(|a, b| a.rate_per_s.total_cmp(&b.rate_per_s));
    let series = [(true, "held"), (false, "did not hold")].map(|(holds, name)| {
        let these = trials.iter().filter(|trial| trial.holds == holds);
        let points = these.map(|trial| (trial.rate_per_s, trial.value_us.max(0.001)));
        let hint = |x: f64, y: f64| format!("{} a second: {}", figure(x), duration(y));
        let colour = usize::from(!holds);
        let mut series = Series::new(name.to_owned(), colour, points, hint);
        series.has_dots = true;
        series
    });
    let all = || series.iter().flat_map(|s| &s.points);
    let low = all().map(|p| p.y).fold(f64::MAX, f64::min);
    let high = all().map(|p| p.y).fold(1.0, f64::max);
    Chart {
        label: "latency by rate".to_owned(),
        x: Scale::count(all().map(|p| p.x).fold(1.0, f64::max)),
        y: Scale::log_us(low.min(high), high),
        x_title: "messages a second that were asked for".to_owned(),
        y_title: format!("{}: {LOG_TITLE}", search.figure),
        series: series.into(),
    }
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
mod tests;
