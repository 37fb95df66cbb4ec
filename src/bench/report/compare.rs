//! Reports that were written to files, side by side with ratios. Files in, text out; whatever
//! words stand in them may be anybody's.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bench::report::json::{Report, SCHEMA};
use crate::bench::report::metric_table::{METRICS, shown};
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

/// Reports side by side: the first, then each other with its ratio to the first.
#[must_use]
pub(crate) fn side_by_side(paths: &[PathBuf], reports: &[Report]) -> String {
    let mut text = String::new();
    for (path, report) in paths.iter().zip(reports) {
        let path = sanitize(path.as_os_str().as_encoded_bytes());
        let _ = writeln!(
            text,
            "{path}: {}",
            crate::bench::report::table::title(report)
        );
        if !report.is_ok() {
            let _ = writeln!(text, "  {}", report.verdict);
        }
    }
    for difference in differences(reports) {
        let _ = writeln!(text, "not the same: {difference}");
    }
    let _ = write!(text, "\n{:<21}", "");
    for (i, path) in paths.iter().enumerate() {
        let _ = write!(text, "{:>14}", shortened(&named(path), 13));
        if i > 0 {
            let _ = write!(text, "{:>8}", "ratio");
        }
    }
    text.push('\n');
    for measure in &METRICS {
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
        second.latency_us.p50 = first.latency_us.p50 * 3.0;
        second.settings.connections += 1;
        let paths = ["a.json", "b.json"].map(PathBuf::from);
        let text = side_by_side(&paths, &[first, second]);
        assert!(text.contains("not the same: connections"), "{text}");
        let row = text.lines().find(|line| line.starts_with("latency p50"));
        assert!(row.is_some_and(|row| row.ends_with("3.000")), "{text}");
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
        let report = crate::bench::report::json::example();
        std::fs::write(&path, serde_json::to_string(&report).unwrap()).unwrap();
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
