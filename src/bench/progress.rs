//! The live line of a run, on stderr where that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::config::Load;
use super::driver::{Driver, Stage};
use super::histogram::us;
use super::table::{self, grouped};

/// A bar with the figures so far; nothing where nobody looks.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
    total: Duration,
}

impl Bar {
    /// A bar for `load`.
    pub(super) fn new(load: &Load) -> Self {
        let target = if load.output.quiet {
            ProgressDrawTarget::hidden()
        } else {
            // Hidden by itself where stderr is no terminal.
            ProgressDrawTarget::stderr()
        };
        let total = load.warmup + load.duration;
        let length = u64::try_from(total.as_millis()).unwrap_or(u64::MAX);
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let style = ProgressStyle::with_template("{prefix:11} [{bar:30}] {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, total }
    }

    /// Shows how far it is.
    pub(super) fn show(&mut self, stage: Stage, driver: &Driver<'_>) {
        if self.bar.is_hidden() {
            return;
        }
        let figures = &driver.engine.tally.figures;
        let (p50, p99) = (
            figures.latency.quantile_ns(0.5),
            figures.latency.quantile_ns(0.99),
        );
        let received = driver.engine.tally.ledger().totals().received;
        let prefix = match stage {
            Stage::Connecting { open, of } => {
                self.bar.set_prefix("connecting");
                self.bar.set_message(format!(
                    "{} of {}",
                    grouped(open as u64),
                    grouped(of as u64)
                ));
                return;
            }
            Stage::WarmingUp => "warming up",
            Stage::Measuring => "measuring",
            Stage::Draining => "draining",
        };
        let begun_ns = figures.window().to_ns;
        let left_ns = begun_ns.saturating_sub(driver.now_ns());
        let done = self.total.saturating_sub(Duration::from_nanos(left_ns));
        self.bar.set_prefix(prefix);
        self.bar
            .set_position(u64::try_from(done.as_millis()).unwrap_or(u64::MAX));
        self.bar.set_message(format!(
            "{} delivered, p50 {}, p99 {}",
            grouped(received),
            table::duration(us(p50)),
            table::duration(us(p99))
        ));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
