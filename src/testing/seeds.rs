//! Random tests that can be told again: one number decides everything that a run does.
//! Knows nothing of what is tested.
//!
//! `CHINWAG_SEEDS=100000 cargo test --release NAME` runs that many instead of the usual number,
//! `CHINWAG_SEEDS=100000..200000` the next as many; `CHINWAG_SEED=17 cargo test NAME` runs that
//! one alone.

use std::env;
use std::ops::{AddAssign, Range};

/// Runs `run` with each seed and adds up what it returns. With a seed chosen alone there is no
/// sum: it says nothing about how varied the runs are.
pub(crate) fn for_each_seed<Sum: AddAssign + Default>(
    usual: u64,
    mut run: impl FnMut(u64) -> Sum,
) -> Option<Sum> {
    if let Some(seed) = setting("CHINWAG_SEED") {
        let seed = whole_number(&seed);
        let _naming = NamedOnPanic(seed);
        run(seed);
        return None;
    }
    let mut sum = Sum::default();
    for seed in chosen().unwrap_or(0..usual) {
        let _naming = NamedOnPanic(seed);
        sum += run(seed);
    }
    Some(sum)
}

/// Whether one seed was chosen alone.
pub(crate) fn is_one_alone() -> bool {
    setting("CHINWAG_SEED").is_some()
}

fn chosen() -> Option<Range<u64>> {
    let text = setting("CHINWAG_SEEDS")?;
    let (from, to) = text.split_once("..").unwrap_or(("0", &text));
    Some(whole_number(from)..whole_number(to))
}

fn setting(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn whole_number(text: &str) -> u64 {
    text.parse().expect("a whole number")
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
