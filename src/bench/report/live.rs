//! The live line of a run, on stderr where that is a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::bench::config::Load;
use crate::bench::load::driver::{Driver, Stage};
use crate::bench::measure::histogram::us;
use crate::bench::report::table::{self, grouped};

/// Drawn so often in a second at most.
const DRAWINGS_PER_S: u8 = 20;
/// Columns that a terminal takes to show that Ctrl-C was pressed, and one for the cursor.
const CTRL_C_COLUMNS: u16 = 3;
/// Where the system does not tell.
const COLUMNS: u16 = 80;

/// A bar with the figures so far; nothing where nobody looks.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    total: Duration,
}

impl Bar {
    /// A bar for `load`.
    pub(crate) fn new(load: &Load) -> Self {
        let target = if load.output.quiet || !io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::term_like_with_hz(Box::new(Narrow::default()), DRAWINGS_PER_S)
        };
        let total = load.warmup + load.duration;
        let length = u64::try_from(total.as_millis()).unwrap_or(u64::MAX);
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let style = ProgressStyle::with_template("{prefix:11} [{bar:30}] {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, total }
    }

    /// Shows how far it is.
    pub(crate) fn show(&mut self, stage: Stage, driver: &Driver<'_>) {
        if self.bar.is_hidden() {
            return;
        }
        let metrics = &driver.engine.recorder.metrics;
        let (p50, p99) = (
            metrics.latency.quantile_ns(0.5),
            metrics.latency.quantile_ns(0.99),
        );
        let received = driver.engine.recorder.tracker().totals().received;
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
        let begun_ns = metrics.window().to_ns;
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

/// The terminal less some columns at its right. A line is filled up to its end, so that on the
/// whole terminal the `^C` of an interruption would go to the next row, which alone would then
/// be cleared.
#[derive(Debug, Default)]
struct Narrow {
    unwritten: Mutex<Vec<u8>>,
}

impl Narrow {
    fn put(&self, text: &str) -> io::Result<()> {
        let unwritten = self.unwritten.lock();
        let mut unwritten = unwritten.unwrap_or_else(PoisonError::into_inner);
        unwritten.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn go(&self, count: usize, way: char) -> io::Result<()> {
        match count {
            0 => Ok(()),
            _ => self.put(&format!("\x1b[{count}{way}")),
        }
    }
}

impl TermLike for Narrow {
    fn width(&self) -> u16 {
        let size = rustix::termios::tcgetwinsize(io::stderr());
        let columns = size.map_or(0, |size| size.ws_col);
        let columns = if columns == 0 { COLUMNS } else { columns };
        columns.saturating_sub(CTRL_C_COLUMNS).max(1)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.go(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.go(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.go(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.go(n, 'D')
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        self.put(s).and_then(|()| self.put("\n"))
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        self.put(s)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.put("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let unwritten = self.unwritten.lock();
        let mut unwritten = unwritten.unwrap_or_else(PoisonError::into_inner);
        let outcome = io::stderr().write_all(&unwritten);
        unwritten.clear();
        outcome
    }
}
