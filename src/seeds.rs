//! Random tests that can be told again: one number decides everything that a run does.
//! Knows nothing of what is tested.
//!
//! `CHINWAG_SEEDS=100000 cargo test --release NAME` runs that many instead of the usual number;
//! `CHINWAG_SEED=17 cargo test NAME` runs that one alone.

use std::env;
use std::ops::AddAssign;

/// Runs `story` with each seed and adds up what it returns. With a seed chosen alone there is no
/// sum: it says nothing about how varied the runs are.
pub(crate) fn tell<Sum: AddAssign + Default>(
    usual: u64,
    mut story: impl FnMut(u64) -> Sum,
) -> Option<Sum> {
    if let Some(seed) = number("CHINWAG_SEED") {
        let _naming = NamedOnPanic(seed);
        story(seed);
        return None;
    }
    let mut sum = Sum::default();
    for seed in 0..number("CHINWAG_SEEDS").unwrap_or(usual) {
        let _naming = NamedOnPanic(seed);
        sum += story(seed);
    }
    Some(sum)
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().expect("a whole number"))
}

/// Says on the way out of a failed run which one it was.
struct NamedOnPanic(u64);

impl Drop for NamedOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(
                clippy::print_stderr,
                reason = "the test harness shows it with the failure"
            )]
            {
                eprintln!("this was seed {0}: CHINWAG_SEED={0} tells it again", self.0);
            }
        }
    }
}
