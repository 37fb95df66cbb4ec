//! `chinwag bench`: many concurrent clients from one thread, and figures one can trust.

pub mod config;
pub mod engine;
pub mod figures;
pub mod flights;
pub mod histogram;
pub mod ledger;
pub mod protocol;
pub mod schedule;
pub mod stamp;
pub mod tally;
