//! The real program on real sockets, from outside: one file per capability.
//! Knows the contract, and nothing of how the server is built (but for `tidy`).
//! `CHINWAG_BIN` runs the same tests against another build of the program.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and shows what the server said"
)]

mod abuse;
mod addresses;
mod bench_features;
mod bench_peers;
mod bench_runs;
mod bench_truth;
mod child;
mod churn;
mod commands;
mod connect;
mod console;
mod descriptors;
mod docs;
mod echo;
mod environment;
mod examples;
mod faults;
mod generate;
mod harness;
mod hub;
mod kernel;
mod limits;
mod line_clients;
mod line_editor;
mod listen;
mod member;
mod metrics;
mod notices;
mod packaging;
mod peer;
mod picture;
mod privilege;
mod protocols;
mod pty;
mod reload;
mod reply;
mod room;
mod rooms;
mod signals;
mod stdio;
mod succession;
mod systemd;
mod terminal;
mod tidy;
mod tls;
mod transcript;
mod upgrade;
