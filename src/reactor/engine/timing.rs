//! Timing: what is due, and who is looked at when.

use std::time::Instant;

use log::warn;

use super::super::net::Net;
use super::super::token::SourceToken;
use super::{Engine, Life, Source, index_of};

/// So many old deadlines are not worth looking for.
pub(super) const FEW_DEADLINES: usize = 64;

impl<N: Net> Engine<N> {
    pub(super) fn run_deadlines(&mut self, now: Instant) {
        while let Some((at, token)) = self.deadlines.pop_due(now) {
            match self.source(token) {
                Some(Source::Listener(_)) => self.accept(token, now),
                Some(Source::Connection(connection)) if connection.armed == Some(at) => {
                    connection.armed = None;
                    self.on_connection_deadline(token, now);
                }
                _ => {}
            }
        }
        for index in 0..self.stations.len() {
            let station = &mut self.stations[index];
            if station.service.deadline().is_some_and(|at| at <= now) {
                station.guard(|service, egress| service.on_deadline(now, egress));
                self.carry_out(index_of(index), now);
            }
        }
        if let Life::Stopping { until } = self.life
            && until <= now
        {
            self.give_up_all();
        }
        if let Some(more) = self.lag_log.sum_up(now) {
            warn!("{more} more clients were disconnected as too slow");
        }
        if let Some(more) = self.refusal_log.sum_up(now) {
            warn!("{more} more clients were turned away");
        }
    }

    /// Sees to it that the connection is looked at when its deadline comes.
    pub(super) fn arm(&mut self, token: SourceToken) {
        let limits = self.limits;
        let Some(connection) = self.connection(token) else {
            return;
        };
        if let Some(at) = connection.deadline(&limits)
            && connection.armed.is_none_or(|armed| at < armed)
        {
            connection.armed = Some(at);
            self.deadlines.add(at, token);
        }
    }

    /// Forgets deadlines of sources that are gone, or have a nearer one, once they outnumber the
    /// others: with an idle timeout of a day, each client of that day would leave one.
    pub(super) fn weed_deadlines(&mut self) {
        if self.deadlines.len() <= FEW_DEADLINES + 2 * self.sources.len() {
            return;
        }
        let sources = &self.sources;
        self.deadlines.retain(|at, token| {
            let slot = sources.get(token.key as usize);
            let slot = slot.filter(|slot| slot.generation == token.generation);
            match slot.map(|slot| &slot.source) {
                Some(Source::Listener(door)) => door.retry_at == Some(at),
                Some(Source::Connection(connection)) => connection.armed == Some(at),
                Some(Source::Foreign) | None => false,
            }
        });
    }
}
