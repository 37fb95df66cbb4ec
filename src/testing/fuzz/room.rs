//! A simulation of which the fuzzer's bytes decide everything, so that its minimiser finds the
//! shortest that fails.

use crate::testing::sim::rng::Rng;
use crate::testing::sim::simulation::Simulation;

pub(super) fn check(data: &[u8]) {
    Simulation::new(Rng::from_bytes(data)).run();
}
