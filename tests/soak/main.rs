//! The long runs, each bounded, each printing its figures: docs/MEASUREMENTS.md has them.
//! `cargo test --release --test soak -- --ignored --nocapture` runs all, `... scale::` a module.
//! Each loads the machine for up to some minutes, `one_hour::` and
//! `hour_of_upgrades::` for an hour.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and shows what the server said"
)]

#[allow(dead_code, reason = "the tests of `it` use the rest")]
#[path = "../it/tls/certificates.rs"]
mod certificates;
#[allow(dead_code, reason = "the tests of `it` use the rest")]
#[path = "../it/harness.rs"]
mod harness;
#[allow(dead_code, reason = "the tests of `it` use the rest")]
#[path = "../it/kernel.rs"]
mod kernel;
#[allow(dead_code, reason = "the tests of `it` use the rest")]
#[path = "../it/member.rs"]
mod member;
#[allow(dead_code, reason = "the tests of `it` use the rest")]
#[path = "../it/peer.rs"]
mod peer;
#[allow(dead_code, reason = "the tests of `it` use the rest")]
#[path = "../it/succession.rs"]
mod succession;
#[allow(dead_code, reason = "the tests of `it` use the rest")]
#[path = "../it/tls/client.rs"]
mod tls_client;

#[path = "../it/hub/cluster.rs"]
#[allow(dead_code, reason = "the tests of `it` use the rest")]
mod cluster;
#[path = "../it/protocols/http_client.rs"]
#[allow(dead_code, reason = "the tests of `it` use the rest")]
mod http_client;
#[path = "../it/protocols/irc_client.rs"]
#[allow(dead_code, reason = "the tests of `it` use the rest")]
mod irc_client;
#[path = "../it/hub/stopped.rs"]
#[allow(dead_code, reason = "the tests of `it` use the rest")]
mod stopped;
#[path = "../it/protocols/websocket_client.rs"]
#[allow(dead_code, reason = "the tests of `it` use the rest")]
mod websocket_client;

mod abuse;
mod checked_clients;
mod checked_text;
mod deliveries;
mod dialect;
mod hour_of_upgrades;
mod hub;
mod machine;
mod many_rooms;
mod mixed_clients;
mod never_reading;
mod one_hour;
mod scale;
mod speech;
mod ten_thousand;

use std::time::{Duration, Instant};

/// No run takes longer, whatever happens.
const LIMIT: Duration = Duration::from_secs(300);

/// Stands for the end of a run that does not come to one.
#[derive(Clone, Copy)]
struct Bound(Instant);

impl Bound {
    fn new() -> Self {
        Self(Instant::now() + LIMIT)
    }

    #[track_caller]
    fn check(self, what: impl Fn() -> String) {
        assert!(Instant::now() < self.0, "not done in {LIMIT:?}: {}", what());
    }
}
