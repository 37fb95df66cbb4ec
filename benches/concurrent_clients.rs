//! The server under 10, 100, 1,000 and 10,000 clients at once, echo and room, with every
//! delivery checked; one table, with the growth of cost from size to size.
//! `cargo bench --bench concurrent_clients`; sizes may follow after `--`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its table is its purpose"
)]

use std::process::{Command, ExitCode};

use serde_json::Value;

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
const SENDERS: usize = 10;
const LOAD: &str = "-d 3s --warmup 500ms --timeout 20s --json";

fn main() -> ExitCode {
    // Cargo adds `--bench`; numbers are sizes.
    let asked: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let sizes = if asked.is_empty() {
        SIZES.to_vec()
    } else {
        asked
    };
    println!(
        "{:<6}{:>8}{:>14}{:>10}{:>10}{:>14}{:>9}{:>14}{:>12}   verdict",
        "",
        "clients",
        "deliveries/s",
        "p50, ms",
        "p99, ms",
        "CPU us/del.",
        "growth",
        "bytes/client",
        "ready, ms"
    );
    let mut all_well = true;
    for kind in ["echo", "room"] {
        let mut before = None;
        for clients in &sizes {
            match run(kind, *clients) {
                Ok(report) => {
                    all_well &= report["verdict"] == "ok";
                    before = print(kind, *clients, &report, before);
                }
                Err(why) => {
                    all_well = false;
                    eprintln!("bench {kind} -c {clients}: {why}");
                }
            }
        }
    }
    if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn run(kind: &str, clients: usize) -> Result<Value, String> {
    let mut bench = Command::new(env!("CARGO_BIN_EXE_chinwag"));
    bench.args(["bench", kind, "-c", &clients.to_string()]);
    if kind == "room" {
        bench.args(["--senders", &SENDERS.min(clients).to_string()]);
    }
    let output = bench.args(LOAD.split(' ')).output();
    let output = output.map_err(|error| error.to_string())?;
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {}", said()))
}

/// Prints a row; returns the CPU time of a delivery, for the next row's growth.
fn print(kind: &str, clients: usize, report: &Value, before: Option<f64>) -> Option<f64> {
    let number = |path: &str| report.pointer(path).and_then(Value::as_f64);
    let cell = |path: &str, scale: f64, digits: usize| {
        number(path).map_or("-".to_owned(), |value| {
            format!("{:.digits$}", value * scale)
        })
    };
    let cpu_us = number("/server/cpu_us_per_delivery")?;
    let growth = before.map_or("-".to_owned(), |before| format!("{:.2}", cpu_us / before));
    let grown = number("/server/rss_connected_bytes")? - number("/server/rss_before_bytes")?;
    println!(
        "{kind:<6}{clients:>8}{:>14}{:>10}{:>10}{cpu_us:>14.2}{growth:>9}{:>14.0}{:>12}   {}",
        cell("/deliveries_per_s", 1.0, 0),
        cell("/latency_us/p50", 1e-3, 2),
        cell("/latency_us/p99", 1e-3, 2),
        grown / clients.max(1) as f64,
        cell("/ready_ms", 1.0, 1),
        report["verdict"].as_str().unwrap_or_default()
    );
    Some(cpu_us)
}
