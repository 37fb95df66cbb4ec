//! Reports that were written to files, side by side with ratios. Files in, text out; whatever
//! words stand in them may be anybody's.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bench::measure::statistics::interval;
use crate::bench::report::json::{Report, SCHEMA};
use crate::bench::report::metric_table::{METRICS, Metric, shown};
use crate::bench::report::table::title;
use crate::failure::CliError;
use crate::sanitize::sanitize;

/// Reads a report that a run has written.
///
/// # Errors
/// The file cannot be read, or is none.
pub(crate) fn read(path: &Path) -> Result<Report, CliError> {
    let failed =
        |why: &dyn std::fmt::Display| CliError::runtime(format!("read {}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    let mut value: Value = serde_json::from_str(&text).map_err(|error| failed(&error))?;
    make_harmless(&mut value);
    match value.get("schema").and_then(Value::as_u64) {
        Some(schema) if schema == u64::from(SCHEMA) => {}
        Some(schema) => {
            let why = format!("it has schema {schema}, and this program reads {SCHEMA}");
            return Err(failed(&why));
        }
        None => return Err(failed(&"it is no report of chinwag bench")),
    }
    if value.get("ratios").is_some() {
        return Err(failed(
            &"it is of a --compare run, which has ratios already; this takes single runs",
        ));
    }
    serde_json::from_value(value).map_err(|error| failed(&error))
}

/// Anybody may have written the file, and its words are shown on a terminal.
fn make_harmless(value: &mut Value) {
    match value {
        Value::String(text) => *text = sanitize(text.as_bytes()).into_owned(),
        Value::Array(values) => values.iter_mut().for_each(make_harmless),
        Value::Object(fields) => fields.values_mut().for_each(make_harmless),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A file's name for people.
#[must_use]
pub(crate) fn named(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    sanitize(stem.as_encoded_bytes()).into_owned()
}

/// Reports beside the first in one block of the table.
const BESIDE: usize = 3;
/// Seconds that an interval takes at least.
const SECONDS_MIN: usize = 5;

/// Reports side by side: the first, then each other with its ratio to the first.
pub(crate) fn side_by_side(paths: &[PathBuf], reports: &[Report]) -> String {
    let mut text = String::new();
    for (path, report) in paths.iter().zip(reports) {
        let path = sanitize(path.as_os_str().as_encoded_bytes());
        let _ = writeln!(text, "{path}: {}", title(report));
        if report.verdict != "ok" {
            let _ = writeln!(text, "  {}", report.verdict);
        }
        for remark in &report.remarks {
            let _ = writeln!(text, "  remark: {remark}");
        }
    }
    for difference in differences(reports) {
        let _ = writeln!(text, "not the same: {difference}");
    }
    let (Some((first_path, other_paths)), Some((first, others))) =
        (paths.split_first(), reports.split_first())
    else {
        return text;
    };
    for (paths, reports) in other_paths.chunks(BESIDE).zip(others.chunks(BESIDE)) {
        block(&mut text, (first_path, first), paths, reports);
    }
    text.push_str(
        "\ninterval: of the ratio, from the 93.75 % intervals of the medians of the seconds; = where \
         it holds 1: no difference shown\n",
    );
    text
}

fn block(text: &mut String, first: (&Path, &Report), paths: &[PathBuf], reports: &[Report]) {
    let _ = write!(text, "\n{:<21}{:>13}", "", shortened(&named(first.0), 12));
    for path in paths {
        let name = shortened(&named(path), 12);
        let _ = write!(text, "{name:>13}{:>8}{:>16}", "ratio", "interval");
    }
    text.push('\n');
    for metric in &METRICS {
        let values: Vec<Option<f64>> = reports.iter().map(metric.of).collect();
        let base = (metric.of)(first.1);
        if base.is_none() && values.iter().all(Option::is_none) {
            continue;
        }
        let shown = |value: Option<f64>| value.map_or("-".to_owned(), |v| shown(metric.unit, v));
        let _ = write!(text, "{:<21}{:>13}", metric.name, shown(base));
        let base = base.filter(|v| *v > 0.0);
        for (value, report) in values.iter().zip(reports) {
            let ratio = value.zip(base);
            let ratio = ratio.map_or("-".to_owned(), |(v, b)| format!("{:.3}", v / b));
            let interval = ratio_interval(metric, first.1, report);
            let interval = interval.map_or("-".to_owned(), |(from, to)| {
                let same = if (from..=to).contains(&1.0) { "= " } else { "" };
                format!("{same}{from:.2} to {to:.2}")
            });
            let _ = write!(text, "{:>13}{ratio:>8}{interval:>16}", shown(*value));
        }
        text.push('\n');
    }
}

/// Where the ratio of two runs' medians by the second may lie, if there are enough seconds.
fn ratio_interval(metric: &Metric, first: &Report, second: &Report) -> Option<(f64, f64)> {
    let of_second = metric.of_second?;
    let interval_of = |report: &Report| {
        let values: Vec<f64> = report.seconds.iter().filter_map(of_second).collect();
        let enough = values.len() >= SECONDS_MIN;
        enough.then(|| interval(values)).flatten()
    };
    let (base, other) = (interval_of(first)?, interval_of(second)?);
    (base.from > 0.0).then(|| (other.from / base.to, other.to / base.from))
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
        for name in fields.keys().filter(|name| !name.starts_with("address")) {
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

fn shortened(name: &str, length: usize) -> String {
    name.chars().take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_set_against_the_first() {
        let first = crate::bench::report::json::example();
        let mut second = first.clone();
        second.latency_us.p50 = first.latency_us.p50.map(|p50| p50 * 3.0);
        second.settings.connections += 1;
        let paths = ["a.json", "b.json"].map(PathBuf::from);
        let text = side_by_side(&paths, &[first, second]);
        assert!(text.contains("not the same: connections"), "{text}");
        let row = text.lines().find(|line| line.starts_with("latency p50"));
        assert!(row.is_some_and(|row| row.contains(" 3.000 ")), "{text}");
    }

    #[test]
    fn any_number_of_reports_is_told_with_intervals() {
        let first = crate::bench::report::json::example();
        let faster = |factor: f64| {
            let mut report = first.clone();
            report.deliveries_per_s *= factor;
            for second in &mut report.seconds {
                second.received_per_s *= factor;
            }
            report
        };
        let reports: Vec<Report> = [1.0, 1.0, 1.5, 2.0, 0.5].map(faster).into();
        let paths: Vec<PathBuf> = (0..5).map(|i| format!("run{i}.json").into()).collect();
        let text = side_by_side(&paths, &reports);
        let rows: Vec<&str> = text
            .lines()
            .filter(|l| l.starts_with("deliveries/s"))
            .collect();
        assert_eq!(rows.len(), 2, "{text}");
        assert!(rows[0].contains("1.000  = 0.96 to 1.04   "), "{text}");
        assert!(rows[0].contains("1.500    1.44 to 1.56"), "{text}");
        assert!(rows[1].contains("0.500    0.48 to 0.52"), "{text}");
    }

    #[test]
    fn absurd_numbers_are_compared_somehow() {
        let paths = ["a.json", "b.json"].map(PathBuf::from);
        for report in crate::bench::report::json::absurd() {
            let text = side_by_side(&paths, &[report, crate::bench::report::json::example()]);
            assert!(text.contains("latency p99"), "{text}");
        }
    }

    #[test]
    fn what_foreign_files_say_drives_no_terminal() {
        const WORDS: &str = "a\u{1b}[2J\u{9b}2J\u{202e}\nverdict ok";
        let folder = tempfile::tempdir().unwrap();
        let mut report = crate::bench::report::json::example();
        report.verdict = WORDS.to_owned();
        report.settings.address = WORDS.to_owned();
        report.settings.server_options = vec![WORDS.to_owned()];
        report.machine.processor = WORDS.to_owned();
        let paths = ["a.json", "b\u{1b}\n.json"].map(|name| folder.path().join(name));
        std::fs::write(&paths[0], serde_json::to_string(&report).unwrap()).unwrap();
        report.settings.server_options.clear();
        report.machine.processor.clear();
        std::fs::write(&paths[1], serde_json::to_string(&report).unwrap()).unwrap();
        let text = side_by_side(&paths, &paths.clone().map(|path| read(&path).unwrap()));
        assert!(text.contains("[2J"), "{text:?}");
        let lines: Vec<&str> = text.lines().collect();
        for line in lines {
            assert_eq!(sanitize(line.as_bytes()), line);
            assert!(!line.starts_with("verdict"), "{line}");
        }
    }

    #[test]
    fn a_report_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let mut report = crate::bench::report::json::example();
        std::fs::write(&path, serde_json::to_string(&report).unwrap()).unwrap();
        assert_eq!(read(&path), Ok(report.clone()));
        // Of an earlier version, which knew no nodes.
        let mut earlier = serde_json::to_value(&report).unwrap();
        earlier.as_object_mut().unwrap().remove("servers");
        let settings = earlier["settings"].as_object_mut().unwrap();
        settings.remove("addresses");
        std::fs::write(&path, earlier.to_string()).unwrap();
        report.settings.addresses.clear();
        assert_eq!(read(&path), Ok(report));
        for (text, words) in [
            ("{", "EOF"),
            ("{}", "no report"),
            ("{\"schema\": 99}", "schema 99"),
            ("{\"schema\": 2}", "missing field"),
            ("{\"schema\": 2, \"ratios\": []}", "of a --compare run"),
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
