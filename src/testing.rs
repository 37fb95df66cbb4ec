//! What tests and fuzz targets stand on: scenes, one simulated network, seeds.

pub mod fuzz;
#[cfg(test)]
pub(crate) mod scene;
#[cfg(test)]
pub(crate) mod seeds;
#[cfg(test)]
mod simulation;
