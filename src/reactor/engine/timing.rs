//! Timing: what is due, and who is looked at when.

use std::time::{Duration, Instant};

use log::warn;

use super::super::net::Net;
use super::super::token::SourceToken;
use super::{Engine, Life, Source, index_of};

/// So many old deadlines are not worth looking for.
pub(super) const FEW_DEADLINES: usize = 64;

/// A service that panicked at its deadline, and may be due still, is not asked again before.
const FAULT_PAUSE: Duration = Duration::from_secs(1);

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
            if station.deadline().is_some_and(|at| at <= now) {
                let done = station.guard(|service, fanout| service.on_deadline(now, fanout));
                station.deadline_not_before = done.is_none().then(|| now + FAULT_PAUSE);
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

    /// Forgets deadlines of sources that are gone, or have a nearer one, or the same once more, when
    /// they outnumber the others: with an idle timeout of a day, each client of that day would
    /// leave one.
    pub(super) fn weed_deadlines(&mut self) {
        if self.deadlines.len() <= FEW_DEADLINES + 2 * self.sources.len() {
            return;
        }
        let sources = self.sources.iter();
        self.deadlines
            .replace_with(sources.filter_map(|(key, slot)| {
                let at = match &slot.source {
                    Source::Listener(door) => door.retry_at,
                    Source::Connection(connection) => connection.armed,
                    Source::Foreign => None,
                };
                let token = SourceToken {
                    key: index_of(key),
                    generation: slot.generation,
                };
                Some((at?, token))
            }));
    }
}
