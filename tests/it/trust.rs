//! The rows of the README's table of trust, each a bounded run of its own that prints its
//! figures: `cargo test --release --test it -- --ignored --nocapture trust::` runs them all.
//! Ignored otherwise: each loads the machine for up to some minutes, `trust::hours` for an hour.

mod choir;
mod crowds;
mod deliveries;
mod hours;
mod sessions;
mod silent;

use std::time::{Duration, Instant};

/// No run takes longer, whatever happens.
const LIMIT: Duration = Duration::from_secs(300);

/// Stands for the end of a run that does not come to one.
#[derive(Clone, Copy)]
struct Bound(Instant);

impl Bound {
    fn new() -> Self {
        Self(Instant::now() + LIMIT)
    }

    #[track_caller]
    fn check(self, what: impl Fn() -> String) {
        assert!(Instant::now() < self.0, "not done in {LIMIT:?}: {}", what());
    }
}
