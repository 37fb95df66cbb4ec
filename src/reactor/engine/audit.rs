//! For simulations: what must be so after every turn, whatever happened in it.

use std::time::Instant;

use super::super::Token;
use super::super::connection::{Connection, Phase, ReadState};
use super::super::net::Net;
use super::timers::FEW_TIMERS;
use super::{Engine, READ_BUDGET_BYTES, RunState, Slot, Source};

impl<N: Net> Engine<N> {
    /// Asserts that the books are right, that bounds hold, and that every connection that waits
    /// will be woken.
    pub(crate) fn audit(&self, now: Instant) {
        let (mut clients, mut rejected) = (0, 0);
        let mut ready: Vec<_> = self.ready.iter().collect();
        ready.sort_unstable();
        ready.dedup();
        assert_eq!(ready.len(), self.ready.len(), "ready twice");
        for (key, Slot { generation, source }) in &self.sources {
            let Source::Connection(connection) = source else {
                continue;
            };
            let token = Token::new(key, *generation);
            let is_rejected = self.rejected.contains(&token);
            assert!(connection.rejected.is_some() || !is_rejected);
            rejected += usize::from(connection.rejected.is_some());
            clients += usize::from(connection.rejected.is_none());
            let slot = &self.services[connection.service.index()];
            let state = connection.read_state;
            let (phase, peer) = (connection.phase, connection.peer);
            let is_ready = self.ready.contains(&token);
            let is_queued = state == ReadState::Queued;
            assert_eq!(is_ready, is_queued, "{peer} {phase:?} {state:?}");
            assert_eq!(
                slot.throttled.contains(&token),
                state == ReadState::Throttled
            );
            let is_dead = matches!(connection.phase, Phase::Dead(_));
            assert_eq!(self.dead.contains(&token), is_dead);
            let pending = connection.pending.as_ref();
            let pending_bytes = pending.map_or(0, |pending| pending.rest().len());
            assert!(pending_bytes < READ_BUDGET_BYTES);
            self.audit_waiting(token, connection, now);
        }
        for slot in &self.services {
            let will_go_on = slot.throttled.is_empty() || slot.fanout.throttled_until().is_some();
            assert!(will_go_on, "throttled for ever");
        }
        assert_eq!(self.counts.clients, clients);
        assert!(clients <= self.limits.max_clients);
        assert!(rejected <= super::accept::MAX_REJECTED + self.dead.len());
        let is_running = self.run_state == RunState::Running;
        let listeners = self.sources.len() - clients - rejected;
        assert!(!is_running || self.parked_listeners.len() <= listeners);
        assert!(self.timers.len() <= FEW_TIMERS + 2 * self.sources.len());
    }

    fn audit_waiting(&self, token: Token, connection: &Connection<N::Stream>, now: Instant) {
        let fanout = &self.services[connection.service.index()].fanout;
        let deadline = connection.deadline(&self.limits);
        if let Some(at) = deadline {
            let is_armed = connection.armed.is_some_and(|armed| armed <= at);
            assert!(is_armed, "no timer looks at its deadline");
        }
        // Its deadline may have come, and be looked at in the next turn.
        let is_due = connection.armed.is_some_and(|at| at <= now);
        match (connection.phase, connection.read_state) {
            (Phase::Open, ReadState::Backlogged) => {
                assert!(!fanout.below_low_water(token), "held for nothing");
            }
            (Phase::Open, ReadState::RateLimited) => {
                assert!(
                    connection.is_rate_limited(now) || is_due,
                    "held for nothing"
                );
            }
            (Phase::Open, ReadState::Idle) => {
                assert!(connection.pending.is_none(), "unheard for ever");
                assert!(connection.write_error.is_none(), "mute for ever");
            }
            (Phase::Draining { .. }, ReadState::Queued) => {}
            (Phase::Flushing { .. } | Phase::Draining { .. }, _) => assert!(deadline.is_some()),
            (Phase::Open, ReadState::Queued | ReadState::Throttled) | (Phase::Dead(_), _) => {}
        }
    }
}
