//! Timers: what is due, and when each connection has to be looked at.

use std::time::{Duration, Instant};

use log::{info, warn};

use super::super::connection::{Phase, ReadState};
use super::super::net::Net;
use super::super::{ServiceId, Token};
use super::service_slot::ServiceSlot;
use super::{Engine, RunState, Source};
use crate::service::Disconnect;

/// Fewer old timers are not worth looking for.
pub(super) const FEW_TIMERS: usize = 64;

/// A service that panicked at its deadline, and may be due still, is not asked again before.
const PANIC_PAUSE: Duration = Duration::from_secs(1);

impl<N: Net> Engine<N> {
    /// How long the poll may wait; `None`: until something happens.
    pub(crate) fn wait(&mut self, now: Instant) -> Option<Duration> {
        let is_busy = |slot: &ServiceSlot| slot.fanout.urgent_len() > 0;
        if !self.ready.is_empty() || !self.dead.is_empty() || self.services.iter().any(is_busy) {
            return Some(Duration::ZERO);
        }
        let mut next = self.timers.next();
        let mut consider = |at: Option<Instant>| next = [next, at].into_iter().flatten().min();
        for slot in &mut self.services {
            consider(slot.deadline());
            consider(slot.fanout.round_due(now));
            if !slot.throttled.is_empty() {
                consider(slot.fanout.throttled_until());
            }
        }
        if let RunState::Stopping { until } = self.run_state {
            consider(Some(until));
        }
        consider(self.lag_log.due());
        consider(self.refusal_log.due());
        consider(self.handshake_log.due());
        consider(self.opening_log.due());
        next.map(|at| at.saturating_duration_since(now))
    }

    pub(super) fn run_timers(&mut self, now: Instant) {
        while let Some((at, token)) = self.timers.pop_due(now) {
            match self.source(token) {
                Some(Source::Listener(_)) => self.accept(token, now),
                Some(Source::Connection(connection)) if connection.armed == Some(at) => {
                    connection.armed = None;
                    self.on_connection_deadline(token, now);
                    self.arm(token);
                }
                _ => {}
            }
        }
        for index in 0..self.services.len() {
            if self.services[index].deadline().is_some_and(|at| at <= now) {
                let call = |service: &mut dyn crate::service::Service, out: &mut _| {
                    service.on_deadline(now, out);
                };
                let done = self.call_service(ServiceId::new(index), now, call);
                self.services[index].deadline_not_before =
                    done.is_none().then(|| now + PANIC_PAUSE);
            }
        }
        if let Some(more) = self.lag_log.take_suppressed(now) {
            warn!("{more} more disconnected as too slow");
        }
        if let Some(more) = self.handshake_log.take_suppressed(now) {
            let ending = if more == 1 { "" } else { "s" };
            info!("{more} more TLS handshake{ending} failed");
        }
        if let Some(more) = self.opening_log.take_suppressed(now) {
            info!("{more} more closed for what was sent");
        }
        if let Some(more) = self.refusal_log.take_suppressed(now) {
            warn!("{more} more turned away");
        }
    }

    /// The deadline of a connection may have come.
    fn on_connection_deadline(&mut self, token: Token, now: Instant) {
        let limits = self.limits;
        let Some(connection) = self.connection(token) else {
            return;
        };
        let service = connection.service;
        if connection.deadline(&limits).is_none_or(|at| at > now) {
            return;
        }
        match (connection.phase, connection.read_state) {
            (Phase::Open, ReadState::RateLimited) => {
                let limiter = connection.rate_limit.as_deref();
                let lingered = limiter.and_then(|limiter| limiter.linger_until());
                match lingered.is_some_and(|until| until <= now) && connection.is_rate_limited(now)
                {
                    true => self.kill(token, Disconnect::Unfinished),
                    false => self.resume(token, now),
                }
            }
            // The limit strikes if a read finds nothing: what the client has sent may lie there.
            (Phase::Open | Phase::Draining { .. }, _) => self.queue(token),
            // And so if a write takes nothing.
            (Phase::Flushing { .. }, _) => {
                self.services[service.index()].fanout.unblock(token);
                self.flush_client(service, token, now);
                let connection = self.connection(token);
                if let Some(Phase::Flushing { until }) = connection.map(|c| c.phase)
                    && until <= now
                {
                    self.kill(token, Disconnect::Unfinished);
                }
            }
            (Phase::Dead(_), _) => {}
        }
    }

    /// Sees to it that the connection is looked at when its deadline comes. Called once at the end
    /// of whatever may have moved it.
    pub(super) fn arm(&mut self, token: Token) {
        let limits = self.limits;
        let Some(connection) = self.connection(token) else {
            return;
        };
        if let Some(at) = connection.deadline(&limits)
            && connection.armed.is_none_or(|armed| at < armed)
        {
            connection.armed = Some(at);
            self.timers.add(at, token);
        }
    }

    /// Forgets timers of sources that are gone, or have a nearer one, when they outnumber the
    /// others: with an idle timeout of a day, each client of that day would leave one.
    pub(super) fn compact_timers(&mut self) {
        if self.timers.len() <= FEW_TIMERS + 2 * self.sources.len() {
            return;
        }
        let sources = self.sources.iter();
        self.timers.replace_with(sources.filter_map(|(key, slot)| {
            let at = match &slot.source {
                Source::Listener(state) => state.retry_at,
                Source::Connection(connection) => connection.armed,
            };
            Some((at?, Token::new(key, slot.generation)))
        }));
    }
}
