//! A run while it lasts, on stderr where that is a terminal: how far it is, and the last minute of
//! throughput and latency as small charts. Nothing where nobody looks.

use std::io::{self, IsTerminal as _};
use std::sync::atomic::Ordering;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::bench::config::Load;
use crate::bench::load::shared::{Shared, Stage};
use crate::bench::measure::collector::SecondRow;
use crate::bench::report::table::{duration, figure, grouped};

/// Seconds that a chart shows.
const SECONDS: usize = 60;
/// Columns that a terminal takes to show that Ctrl-C was pressed, and one for the cursor: on the
/// whole width it would go to the next row, which would then stay.
const CTRL_C_COLUMNS: usize = 3;
/// Where the system does not tell.
const COLUMNS: usize = 80;
/// Before a chart.
const NAME_COLUMNS: usize = 14;
/// Behind it.
const FIGURE_COLUMNS: usize = 12;

/// What is charted: its name, its value of a second, and how that is written.
type ChartOf = (
    &'static str,
    fn(&SecondRow) -> Option<f64>,
    fn(f64) -> String,
);

const CHARTS: [ChartOf; 3] = [
    ("deliveries/s", |row| Some(row.received_per_s), figure),
    ("p50", |row| row.p50_us, duration),
    ("p99", |row| row.p99_us, duration),
];

/// The view of a run.
#[derive(Debug)]
pub(crate) struct Live {
    bar: ProgressBar,
    connections: usize,
}

impl Live {
    /// A view for a run of `load`.
    pub(crate) fn new(load: &Load) -> Self {
        let target = if io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self {
            bar,
            connections: load.lasting_connections(),
        }
    }

    /// Shows how far it is.
    pub(crate) fn show(&self, shared: &Shared, rows: &[SecondRow]) {
        if !self.bar.is_hidden() {
            let open = shared.open.load(Ordering::Relaxed);
            let received = shared.received.load(Ordering::Relaxed);
            let stage = match shared.stage() {
                Stage::Connecting => {
                    let of = grouped(self.connections as u64);
                    format!("connecting    {} of {of}", grouped(open as u64))
                }
                Stage::WarmingUp => format!("warming up    {} delivered", grouped(received)),
                Stage::Measuring => format!("measuring     {} delivered", grouped(received)),
                Stage::Draining => format!("draining      {} delivered", grouped(received)),
            };
            self.bar.set_message(view(&stage, rows, columns()));
        }
    }

    /// Leaves nothing behind.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// The view as text that fits so many columns.
fn view(stage: &str, rows: &[SecondRow], columns: usize) -> String {
    let columns = columns.saturating_sub(CTRL_C_COLUMNS).max(1);
    let mut lines = vec![stage.to_owned()];
    let recent = &rows[rows.len().saturating_sub(SECONDS)..];
    let chart_columns = columns.saturating_sub(NAME_COLUMNS + FIGURE_COLUMNS);
    let recent = &recent[recent.len().saturating_sub(chart_columns)..];
    for (name, value, text) in CHARTS {
        let values: Vec<Option<f64>> = recent.iter().map(value).collect();
        if let Some(last) = values.iter().rev().find_map(|value| *value) {
            let bars = bars(&values);
            lines.push(format!("{name:<NAME_COLUMNS$}{bars} {}", text(last)));
        }
    }
    let cut = |line: &String| line.chars().take(columns).collect::<String>();
    lines.iter().map(cut).collect::<Vec<_>>().join("\n")
}

/// A bar for each value, from 0 to the highest; a gap for none.
fn bars(values: &[Option<f64>]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let high = values.iter().flatten().copied().fold(0.0, f64::max);
    let bar = |value: &Option<f64>| {
        let Some(value) = value else {
            return ' ';
        };
        let share = value / high.max(f64::MIN_POSITIVE);
        let reached = BARS.iter().enumerate();
        let reached = reached.take_while(|(i, _)| share * BARS.len() as f64 > *i as f64);
        reached.last().map_or(BARS[0], |(_, bar)| *bar)
    };
    values.iter().map(bar).collect()
}

fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stderr());
    match size.map_or(0, |size| size.ws_col) {
        0 => COLUMNS,
        columns => columns.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charts_rise_with_the_values_and_fit() {
        let rows: Vec<SecondRow> = (0..100)
            .map(|second| SecondRow {
                second,
                received_per_s: second as f64,
                p50_us: (second % 2 == 0).then_some(50.0),
                ..SecondRow::default()
            })
            .collect();
        let text = view("measuring", &rows[..9], 80);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "deliveries/s  ▁▁▂▃▄▅▆▇█ 8.00");
        assert_eq!(lines[2], "p50           █ █ █ █ █ 50.0 µs");
        assert_eq!(lines.len(), 3, "no p99 of too few");
        for columns in [1, 20, 40, 80, 200] {
            for line in view("measuring", &rows, columns).lines() {
                assert!(
                    line.chars().count() <= columns.max(4) - 3,
                    "{columns}: {line}"
                );
            }
        }
    }
}
