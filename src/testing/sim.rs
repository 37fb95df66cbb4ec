//! One simulated network and clock, under the real engine. Scenes, simulations and fuzz targets
//! all run on it.

#![expect(clippy::expect_used, reason = "a test fails by it")]
#![cfg_attr(
    not(test),
    expect(dead_code, reason = "scenes need more than a fuzz target does")
)]

mod client;
#[cfg(test)]
mod cluster;
mod conversation;
pub(crate) mod hearing;
mod holding_echo;
#[cfg(test)]
mod ledger;
pub(crate) mod link;
pub(crate) mod net;
pub(crate) mod network;
mod oracle;
mod polyglot;
mod records;
pub(crate) mod rng;
pub(crate) mod server;
mod setup;
pub(crate) mod simulation;
pub(crate) mod speech;
#[cfg(test)]
pub(crate) mod stream;
