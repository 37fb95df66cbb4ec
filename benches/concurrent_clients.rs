//! The server under 10, 100, 1,000 and 10,000 clients at once, echo and room, with every
//! delivery checked; one table, with the growth of cost from size to size.
//! `cargo bench --bench concurrent_clients`; sizes may follow after `--`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its table is its purpose"
)]

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chinwag::bench::config::{Load, Scenario};
use chinwag::bench::measure;
use chinwag::bench::protocol::Kind;
use chinwag::bench::report::Report;
use chinwag::bench::table::{duration, figure};
use chinwag::failure::CliError;

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
const SENDERS: usize = 10;
const WARMUP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(3);

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
        "p50",
        "p99",
        "CPU/delivery",
        "growth",
        "bytes/client",
        "all there"
    );
    let mut all_well = true;
    for kind in ["echo", "room"] {
        let mut before = None;
        for clients in &sizes {
            match run(kind, *clients) {
                Ok(report) => {
                    all_well &= report.is_ok();
                    before = print(kind, *clients, &report, before);
                }
                Err(failure) => {
                    all_well = false;
                    eprintln!("{failure}");
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

fn run(kind: &str, clients: usize) -> Result<Report, CliError> {
    let scenario = match kind {
        "echo" => Scenario::Echo,
        _ => Scenario::Room {
            senders: SENDERS.min(clients),
            protocol: Kind::Line,
            own: false,
        },
    };
    let mut load = Load::new(scenario, clients);
    load.warmup = WARMUP;
    load.duration = MEASURED;
    load.patience = Duration::from_secs(20);
    load.server_program = Some(env!("CARGO_BIN_EXE_chinwag").into());
    measure(&load, &Arc::new(AtomicBool::new(false)))
}

/// Prints a row; returns the CPU time of a delivery, for the next row's growth.
fn print(kind: &str, clients: usize, report: &Report, before: Option<f64>) -> Option<f64> {
    let server = report.server.as_ref()?;
    let cpu_us = server.cpu_us_per_delivery;
    let growth = before.map_or("-".to_owned(), |before| format!("{:.2}", cpu_us / before));
    let grown = server
        .rss_connected_bytes
        .saturating_sub(server.rss_before_bytes);
    println!(
        "{kind:<6}{clients:>8}{:>14}{:>10}{:>10}{:>14}{growth:>9}{:>14}{:>12}   {}",
        figure(report.deliveries_per_s),
        duration(report.latency_us.p50),
        duration(report.latency_us.p99),
        duration(cpu_us),
        grown / clients.max(1) as u64,
        duration(report.ready_ms * 1e3),
        report.verdict
    );
    Some(cpu_us)
}
