//! Flushing: each connection that is owed something gets it in one write, in turn.

use std::time::Instant;

use log::warn;

use super::super::connection::{FLUSH_PATIENCE, Phase};
use super::super::net::Net;
use super::super::token::SourceToken;
use super::{Engine, connection_in};
use crate::outbound::{ClientId, Flushed, Lagged};
use crate::service::Disconnect;

/// So many that are owed something of their own are written to in one turn.
const QUEUE_BUDGET: usize = 1024;

/// So many in the round through a room are written to before the loop reads again.
const ROUND_BUDGET: u32 = 64;

/// Fewer writes than this are no measure of what one costs.
const FEWEST_FOR_A_MEASURE: u32 = 8;

impl<N: Net> Engine<N> {
    pub(super) fn flush(&mut self, now: Instant) {
        for index in 0..self.stations.len() {
            for _ in 0..self.stations[index].fanout.queue_len().min(QUEUE_BUDGET) {
                let Some(id) = self.stations[index].fanout.next_queued() else {
                    break;
                };
                self.flush_one(index, id, now);
            }
            self.stations[index].fanout.note_queue();
            self.go_round(index, now);
        }
    }

    /// Writes to the client that was just read from what it is owed by that. Its socket is warm
    /// in the cache; with 1,000 clients that saves a quarter of an echo's cost.
    pub(super) fn answer(&mut self, station: u32, client: ClientId, now: Instant) {
        if self.stations[station as usize].fanout.take_if_last(client) {
            self.flush_one(station as usize, client, now);
        }
    }

    fn go_round(&mut self, index: usize, now: Instant) {
        let mut visits = 0;
        let mut began = now;
        while visits < ROUND_BUDGET
            && let Some(id) = self.stations[index].fanout.next_in_round(now)
        {
            if visits == 0 {
                // What the turn has read before is no part of what a visit costs.
                began = self.net.now();
            }
            self.flush_one(index, id, now);
            visits += 1;
        }
        if visits >= FEWEST_FOR_A_MEASURE {
            let elapsed = self.net.now().saturating_duration_since(began);
            self.stations[index].fanout.note_cost(elapsed, visits);
        }
    }

    fn flush_one(&mut self, index: usize, id: ClientId, now: Instant) {
        let fanout = &mut self.stations[index].fanout;
        let Some(token) = fanout.handle(id).map(SourceToken::unpack) else {
            return;
        };
        let Some(connection) = connection_in(&mut self.sources, token) else {
            return;
        };
        match connection.phase {
            Phase::Open | Phase::Flushing { .. } => {}
            Phase::Mute(_) => {
                fanout.discard(id);
                return self.resume_if_room(token, now);
            }
            Phase::Draining { .. } | Phase::Dead(_) => return,
        }
        let was_behind = connection.paused;
        match fanout.flush(id, &mut connection.stream) {
            Flushed::Clear => {
                if let Phase::Flushing { .. } = connection.phase {
                    return self.end_our_side(token, now);
                }
            }
            Flushed::Blocked { progress: true } => {
                if let Phase::Flushing { until } = &mut connection.phase {
                    *until = now + FLUSH_PATIENCE;
                }
            }
            Flushed::Blocked { progress: false } => {}
            Flushed::Lagged(lagged) => return self.drop_laggard(token, lagged, now),
            Flushed::Failed(error) => {
                return match connection.phase {
                    Phase::Open if !connection.eof => self.go_mute(token, error.kind(), now),
                    _ => self.kill(token, Disconnect::Broken(error.kind())),
                };
            }
        }
        if was_behind {
            connection.active_at = now;
            self.resume_if_room(token, now);
        }
    }

    /// Closes whoever will never catch up, writable or not.
    pub(super) fn drop_laggards(&mut self, now: Instant) {
        for index in 0..self.stations.len() {
            let fanout = &mut self.stations[index].fanout;
            for (id, lagged) in fanout.laggards() {
                if let Some(token) = self.stations[index].fanout.handle(id) {
                    self.drop_laggard(SourceToken::unpack(token), lagged, now);
                }
            }
        }
    }

    fn drop_laggard(&mut self, token: SourceToken, Lagged { behind_bytes }: Lagged, now: Instant) {
        let Some(connection) = self.connection(token) else {
            return;
        };
        if matches!(connection.phase, Phase::Dead(_)) {
            return;
        }
        let peer = connection.peer;
        self.counts.lagged += 1;
        let so_far = self.counts.lagged;
        if self.lag_log.allow(now) {
            warn!("{peer} is {behind_bytes} bytes behind and is disconnected ({so_far} so far)");
        }
        self.kill(token, Disconnect::Lagged { behind_bytes });
    }
}
