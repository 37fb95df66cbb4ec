//! Simulations of several nodes by seed. `CHINWAG_SEEDS=100000 cargo test --release --lib cluster`
//! for more of them.

use super::super::rng::Rng;
use super::Cluster;
use super::totals::Totals;
use crate::testing::seeds;

const USUAL_SEEDS: u64 = 150;

const FAULTS: &[&str] = &[
    "cut",
    "all cut",
    "frozen",
    "upgraded",
    "not upgraded",
    "killed",
    "stopped",
];

/// Runs it to its end, and tells what became of everybody.
fn play(seed: u64, may_lose: bool) -> Totals {
    let mut cluster = Cluster::new(Rng::with_seed(seed), may_lose);
    cluster.trace = seeds::is_one_alone().then(String::new);
    let mut cluster = TraceOnPanic(cluster);
    cluster.0.run();
    cluster.0.totals()
}

#[test]
fn all_nodes_of_a_cluster_tell_the_same_whatever_happens() {
    let Some(totals) = seeds::for_each_seed(USUAL_SEEDS, |seed| play(seed, false)) else {
        return;
    };
    // None of it is worth anything if the simulations are all alike.
    let runs = totals.runs;
    assert!(totals.clients > 5 * runs, "{totals:?}");
    assert!(totals.heard > 50 * runs, "{totals:?}");
    assert!(totals.private > runs, "{totals:?}");
    assert!(totals.lagged * 50 > runs, "{totals:?}");
    for what in FAULTS {
        let count = totals.happened.get(what).copied().unwrap_or(0);
        assert!(count * 10 > runs, "{what}: {totals:?}");
    }
}

/// Without this no failure could be looked at twice.
#[test]
fn a_seed_gives_the_same_trace_of_a_cluster_byte_for_byte() {
    let trace = |seed| {
        let mut cluster = Cluster::new(Rng::with_seed(seed), false);
        cluster.trace = Some(String::new());
        cluster.run();
        cluster.trace.take().unwrap_or_default()
    };
    let mut lines = 0;
    for seed in 0..10 {
        let (first, second) = (trace(seed), trace(seed));
        lines += first.lines().count();
        for (line, again) in first.lines().zip(second.lines()) {
            assert_eq!(line, again, "seed {seed}");
        }
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
    assert!(lines > 2000, "{lines}");
}

/// Shows what went before a failure.
struct TraceOnPanic(Cluster);

impl Drop for TraceOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(trace) = &self.0.trace
        {
            #[expect(clippy::print_stdout, reason = "the harness shows it")]
            {
                println!("{trace}");
            }
        }
    }
}
