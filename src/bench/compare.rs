//! Reports side by side, with ratios: of files, or of two servers that took turns.
//! Text and numbers only.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::histogram::rounded;
use super::report::{Report, SCHEMA};
use super::table::{duration, figure};
use crate::failure::Failure;

/// A figure that runs can be compared by.
#[derive(Debug, Clone, Copy)]
struct Measure {
    name: &'static str,
    unit: Unit,
    of: fn(&Report) -> Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    PerSecond,
    Us,
    Bytes,
    Plain,
}

const MEASURES: [Measure; 16] = {
    const fn measure(name: &'static str, unit: Unit, of: fn(&Report) -> Option<f64>) -> Measure {
        Measure { name, unit, of }
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
        measure("spread p50", Unit::Us, |r| r.spread_us.map(|s| s.p50)),
        measure("server CPU/message", Unit::Us, |r| {
            r.server.as_ref().map(|s| s.cpu_us_per_message)
        }),
        measure("server CPU/delivery", Unit::Us, |r| {
            let room = r.server.as_ref().filter(|_| r.bench == "room");
            room.map(|s| s.cpu_us_per_delivery)
        }),
        measure("  in exchanges", Unit::Plain, |r| {
            r.server.as_ref()?.exchanges_per_delivery
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

/// Two servers that took turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rivalry {
    /// The version of this shape.
    pub schema: u32,
    /// `ok`, or the first round's verdict that was not.
    pub verdict: String,
    /// The first server's ratio to the second, figure by figure.
    pub ratios: Vec<Ratio>,
    /// The first server's reports, in order.
    pub first: Vec<Report>,
    /// The second server's reports, in order.
    pub second: Vec<Report>,
}

/// One figure of two servers that took turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Its name.
    pub name: String,
    /// The first server's median.
    pub first: f64,
    /// The second server's median.
    pub second: f64,
    /// The median of the rounds' ratios, first to second.
    pub ratio: f64,
    /// The smallest of them.
    pub ratio_min: f64,
    /// The largest.
    pub ratio_max: f64,
}

impl Rivalry {
    /// Of as many reports of each, round by round.
    #[must_use]
    pub fn new(first: Vec<Report>, second: Vec<Report>) -> Self {
        let bad = first.iter().chain(&second).find(|r| !r.is_ok());
        let ratios = MEASURES
            .iter()
            .filter_map(|measure| ratio(measure, &first, &second))
            .collect();
        Self {
            schema: SCHEMA,
            verdict: bad.map_or("ok".to_owned(), |report| {
                format!("{}: {}", report.settings.address, report.verdict)
            }),
            ratios,
            first,
            second,
        }
    }

    /// Of rounds the last of which could not be run: there are no ratios.
    #[must_use]
    pub fn broken_off(first: Vec<Report>, second: Vec<Report>) -> Self {
        Self {
            ratios: Vec::new(),
            ..Self::new(first, second)
        }
    }

    /// As a table.
    #[must_use]
    pub fn render(&self) -> String {
        let address = |reports: &[Report]| {
            let first = reports.first();
            first.map_or(String::new(), |r| r.settings.address.clone())
        };
        let mut text = String::new();
        // Writing to a string does not fail; so below too.
        let _ = writeln!(
            text,
            "A {} against B {}, {} rounds of each in turns\n\n{:<21}{:>12}{:>12}{:>9}   of the rounds",
            address(&self.first),
            address(&self.second),
            self.first.len(),
            "medians",
            "A",
            "B",
            "A/B"
        );
        for ratio in &self.ratios {
            let unit = MEASURES.iter().find(|m| m.name == ratio.name);
            let unit = unit.map_or(Unit::Plain, |m| m.unit);
            let _ = writeln!(
                text,
                "{:<21}{:>12}{:>12}{:>9.3}   {:.3} to {:.3}",
                ratio.name,
                shown(unit, ratio.first),
                shown(unit, ratio.second),
                ratio.ratio,
                ratio.ratio_min,
                ratio.ratio_max
            );
        }
        let _ = writeln!(text, "\nverdict              {}", self.verdict);
        text
    }
}

fn ratio(measure: &Measure, first: &[Report], second: &[Report]) -> Option<Ratio> {
    let values = |reports: &[Report]| reports.iter().map(measure.of).collect::<Option<Vec<_>>>();
    let (first, second) = (values(first)?, values(second)?);
    let mut ratios: Vec<f64> = first
        .iter()
        .zip(&second)
        .filter(|(_, b)| **b > 0.0)
        .map(|(a, b)| a / b)
        .collect();
    ratios.sort_by(f64::total_cmp);
    Some(Ratio {
        name: measure.name.to_owned(),
        first: rounded(median(first)?),
        second: rounded(median(second)?),
        ratio: rounded(median(ratios.clone())?),
        ratio_min: rounded(*ratios.first()?),
        ratio_max: rounded(*ratios.last()?),
    })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// Reads a report that a run has written.
///
/// # Errors
/// The file cannot be read, or is none.
pub fn read(path: &Path) -> Result<Report, Failure> {
    let failed =
        |why: &dyn std::fmt::Display| Failure::runtime(format!("read {}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| failed(&error))?;
    match value.get("schema").and_then(Value::as_u64) {
        Some(schema) if schema == u64::from(SCHEMA) => {}
        Some(schema) => {
            let why = format!("it has schema {schema}, and this program reads {SCHEMA}");
            return Err(failed(&why));
        }
        None => return Err(failed(&"it is no report of chinwag bench")),
    }
    serde_json::from_value(value).map_err(|error| failed(&error))
}

/// Reports side by side: the first, then each other with its ratio to the first.
#[must_use]
pub fn side_by_side(paths: &[PathBuf], reports: &[Report]) -> String {
    let mut text = String::new();
    for (path, report) in paths.iter().zip(reports) {
        let _ = writeln!(text, "{}: {}", path.display(), super::table::title(report));
        if !report.is_ok() {
            let _ = writeln!(text, "  {}", report.verdict);
        }
    }
    for difference in differences(reports) {
        let _ = writeln!(text, "not the same: {difference}");
    }
    let _ = write!(text, "\n{:<21}", "");
    for (i, path) in paths.iter().enumerate() {
        let name = path.file_stem().map(|s| s.to_string_lossy().into_owned());
        let _ = write!(text, "{:>14}", shortened(&name.unwrap_or_default(), 13));
        if i > 0 {
            let _ = write!(text, "{:>8}", "ratio");
        }
    }
    text.push('\n');
    for measure in &MEASURES {
        let values: Vec<Option<f64>> = reports.iter().map(measure.of).collect();
        if values.iter().all(Option::is_none) {
            continue;
        }
        let _ = write!(text, "{:<21}", measure.name);
        let base = values.first().copied().flatten().filter(|v| *v > 0.0);
        for (i, value) in values.iter().enumerate() {
            let cell = value.map_or("-".to_owned(), |v| shown(measure.unit, v));
            let _ = write!(text, "{cell:>14}");
            if i > 0 {
                let cell = value
                    .zip(base)
                    .map_or("-".to_owned(), |(v, b)| format!("{:.3}", v / b));
                let _ = write!(text, "{cell:>8}");
            }
        }
        text.push('\n');
    }
    text
}

/// Settings and machines that are not the same in all.
fn differences(reports: &[Report]) -> Vec<String> {
    let all: Vec<Value> = reports
        .iter()
        .filter_map(|r| serde_json::to_value((&r.settings, &r.machine, &r.bench)).ok())
        .collect();
    let mut found = Vec::new();
    for part in ["/0", "/1"] {
        let Some(Value::Object(fields)) = all.first().and_then(|v| v.pointer(part)) else {
            continue;
        };
        for name in fields.keys().filter(|name| *name != "address") {
            let path = format!("{part}/{name}");
            let values: Vec<String> = all
                .iter()
                .filter_map(|v| v.pointer(&path).map(ToString::to_string))
                .collect();
            if values.windows(2).any(|pair| pair[0] != pair[1]) {
                found.push(format!("{name} {}", values.join(", ")));
            }
        }
    }
    found
}

fn shown(unit: Unit, value: f64) -> String {
    match unit {
        Unit::PerSecond => figure(value),
        Unit::Us => duration(value),
        Unit::Bytes => format!("{:.1} MiB", value / f64::from(1 << 20)),
        Unit::Plain => format!("{value:.3}"),
    }
}

fn shortened(name: &str, length: usize) -> String {
    name.chars().take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_even_and_odd() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // Both slow down by half in the second round, as a shared machine does.
        let reports = |per_s: [f64; 3]| -> Vec<Report> {
            per_s
                .iter()
                .map(|per_s| Report {
                    messages_per_s: *per_s,
                    ..crate::bench::report::example()
                })
                .collect()
        };
        let rivalry = Rivalry::new(
            reports([200.0, 100.0, 210.0]),
            reports([100.0, 50.0, 100.0]),
        );
        let ratio = &rivalry.ratios[0];
        assert_eq!(
            (ratio.ratio, ratio.ratio_min, ratio.ratio_max),
            (2.0, 2.0, 2.1)
        );
        assert_eq!(rivalry.verdict, "ok");
        assert!(rivalry.render().contains("2.000 to 2.100"));
    }

    #[test]
    fn files_are_set_against_the_first() {
        let first = crate::bench::report::example();
        let mut second = first.clone();
        second.latency_us.p50 = first.latency_us.p50 * 3.0;
        second.settings.connections += 1;
        let paths = ["a.json", "b.json"].map(PathBuf::from);
        let text = side_by_side(&paths, &[first, second]);
        assert!(text.contains("not the same: connections"), "{text}");
        let row = text.lines().find(|line| line.starts_with("latency p50"));
        assert!(row.is_some_and(|row| row.ends_with("3.000")), "{text}");
    }

    #[test]
    fn a_report_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let report = crate::bench::report::example();
        std::fs::write(&path, serde_json::to_string(&report).unwrap()).unwrap();
        assert_eq!(read(&path), Ok(report));
        for (text, words) in [
            ("{", "EOF"),
            ("{}", "no report"),
            ("{\"schema\": 99}", "schema 99"),
            ("{\"schema\": 1}", "missing field"),
        ] {
            std::fs::write(&path, text).unwrap();
            let refusal = read(&path).unwrap_err().to_string();
            assert!(
                refusal.contains(words) && refusal.contains("a.json"),
                "{refusal}"
            );
        }
    }
}
