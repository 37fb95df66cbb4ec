//! The load engine's hottest path, for `benches/hot_paths.rs` alone: a thousand members who are
//! sent the same merged messages.

use std::time::Duration;

use crate::bench::config::{Load, Scenario};
use crate::bench::load::engine::Engine;
use crate::bench::load::schedule::Pace;
use crate::bench::protocol::Kind;

const MEMBERS: usize = 1_000;
const SENDERS: usize = 10;
const IN_FLIGHT: u32 = 100;

/// Deliveries of one [`Receiving::round`].
pub const DELIVERIES: u64 = SENDERS as u64 * IN_FLIGHT as u64;

/// Members that receive, one after the other.
#[derive(Debug)]
pub struct Receiving {
    engine: Engine,
    said: Vec<u8>,
    member: usize,
    now_ns: u64,
}

impl Receiving {
    /// Before anything was sent.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it is no value, but a run")]
    pub fn new() -> Self {
        let scenario = Scenario::Room {
            senders: SENDERS,
            protocol: Kind::Line,
            own: true,
        };
        let mut load = Load::new(scenario, MEMBERS);
        load.pace = Pace::Closed {
            in_flight: IN_FLIGHT,
        };
        let mut engine = Engine::new(&load, 7);
        engine.start(0, Duration::ZERO, Duration::from_secs(3600));
        Self {
            engine,
            said: Vec::new(),
            member: 0,
            now_ns: 0,
        }
    }

    /// The next member receives everything that is in flight.
    pub fn round(&mut self) {
        if self.member == 0 {
            self.said.clear();
            while let Some(sender) = self.engine.next_sender() {
                self.engine.encode_due(sender, self.now_ns, &mut self.said);
            }
        }
        self.now_ns += 1_000;
        let _ = self.engine.arrived(self.now_ns, self.member, &self.said);
        self.member = (self.member + 1) % MEMBERS;
    }
}
