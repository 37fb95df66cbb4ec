//! What tests and fuzz targets stand on: scenes, one simulated network, seeds.

#[cfg(test)]
mod engine_tests;
pub mod fuzz;
#[cfg(test)]
pub(crate) mod scene;
#[cfg(test)]
pub(crate) mod seeds;
pub(crate) mod sim;
