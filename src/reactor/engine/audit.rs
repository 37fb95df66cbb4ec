//! For simulations: what must be so after every turn, whatever happened in it.

use std::time::Instant;

use super::super::connection::{Connection, Phase};
use super::super::net::Net;
use super::timing::FEW_DEADLINES;
use super::{Engine, Life, READ_BUDGET_BYTES, Slot, Source};

impl<N: Net> Engine<N> {
    /// Asserts that the books are right, that bounds hold, and that whoever waits will be woken.
    pub(crate) fn audit(&self, now: Instant) {
        let mut connections = 0;
        let mut ready: Vec<_> = self.ready.iter().collect();
        ready.sort_unstable();
        ready.dedup();
        assert_eq!(ready.len(), self.ready.len(), "ready twice");
        for (key, Slot { generation, source }) in &self.sources {
            let Source::Connection(connection) = source else {
                continue;
            };
            connections += 1;
            let token = super::SourceToken {
                key: super::index_of(key),
                generation: *generation,
            };
            let station = &self.stations[connection.station as usize];
            assert_eq!(station.fanout.handle(connection.client), Some(token.pack()));
            let waits = self.ready.contains(&token) || station.held_back.contains(&token);
            assert_eq!(waits, connection.in_ready);
            assert_eq!(
                self.dead.contains(&token),
                matches!(connection.phase, Phase::Dead(_))
            );
            let unread = connection
                .unread
                .as_ref()
                .map_or(0, |unread| unread.rest().len());
            assert!(unread < READ_BUDGET_BYTES);
            self.audit_waiting(connection, now);
        }
        for station in &self.stations {
            let will_go_on =
                station.held_back.is_empty() || station.fanout.outrun_until().is_some();
            assert!(will_go_on, "held back for ever");
        }
        assert_eq!(self.counts.clients, connections);
        assert!(connections <= self.limits.max_clients);
        let is_running = self.life == Life::Running;
        assert!(!is_running || self.full.len() <= self.sources.len() - connections);
        assert!(self.deadlines.len() <= FEW_DEADLINES + 2 * self.sources.len());
    }

    fn audit_waiting(&self, connection: &Connection<N::Stream>, now: Instant) {
        let fanout = &self.stations[connection.station as usize].fanout;
        let deadline = connection.deadline(&self.limits);
        if let Some(at) = deadline {
            let looks = connection.armed.expect("somebody looks at its deadline");
            assert!(looks <= at);
        }
        // Its deadline may have come, and be looked at in the next turn.
        let is_held = connection.is_rationed(now) || connection.armed.is_some_and(|at| at <= now);
        let waits = connection.paused && (is_held || !fanout.has_room(connection.client));
        match connection.phase {
            Phase::Open => assert!(waits || !connection.paused, "paused for nothing"),
            Phase::Mute(_) => assert!(waits || connection.in_ready, "mute for ever"),
            Phase::Flushing { .. } | Phase::Draining { .. } => assert!(deadline.is_some()),
            Phase::Dead(_) => {}
        }
    }
}
