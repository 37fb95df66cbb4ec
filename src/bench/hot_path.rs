//! The load engine's hottest path, for `benches/hot_paths.rs` alone: a thousand members who are
//! sent the same merged messages.

use std::sync::Arc;

use crate::bench::config::load_of;
use crate::bench::load::engine::Engine;
use crate::bench::load::shared::Shared;

const MEMBERS: usize = 1_000;

/// Deliveries of one [`Receiving::round`].
pub const DELIVERIES: u64 = 10 * 100;

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
        let load = load_of("room -c 1000 --senders 10 --pipeline 100 --own --warmup 0 -d 1h");
        let shared = Arc::new(Shared::new(&load, 7, Arc::default()));
        let mut engine = Engine::new(&load, &shared, 0);
        engine.start(&load, 0);
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
