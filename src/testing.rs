//! What tests and fuzz targets stand on: scenes, one simulated network, seeds.

#[cfg(test)]
mod engine_tests;
pub mod fuzz;
#[cfg(test)]
pub(crate) mod scene;
#[cfg(test)]
pub(crate) mod seeds;
pub(crate) mod sim;

/// A time to begin with, for tests whose clock stands still.
#[cfg(test)]
pub(crate) fn some_time() -> std::time::Instant {
    std::time::Instant::now()
}
