//! chinwag: a chat server on one hand-written, single-threaded reactor.

#![forbid(unsafe_code)]

pub mod addr;
pub mod bench;
pub mod cli;
pub mod client;
pub mod failure;
pub mod outbound;
pub mod reactor;
pub mod serve;
pub mod service;
pub mod terminal;
pub mod text;
pub mod units;
pub mod wire;
