//! Closing: connections in good order or at once, and the end of the server.
//! Marks during the turn, takes away when it is over: no event of the turn names what is gone.

use std::io;
use std::time::Instant;

use log::{debug, info};

use super::super::Token;
use super::super::connection::{DRAIN_BYTES, DRAIN_TIMEOUT, FLUSH_TIMEOUT, Phase, ReadState};
use super::super::net::Net;
use super::{Counts, Engine, RunState, Source, connection_in};
use crate::service::Disconnect;

impl<N: Net> Engine<N> {
    /// Sends what is owed, then ends our side.
    pub(super) fn close_after_flush(&mut self, token: Token, now: Instant) {
        let Some(connection) = self.connection(token) else {
            return;
        };
        if connection.phase != Phase::Open {
            return;
        }
        if let Some(kind) = connection.write_error {
            return self.kill(token, Disconnect::Broken(kind));
        }
        connection.phase = Phase::Flushing {
            until: now + FLUSH_TIMEOUT,
        };
        connection.pending = None;
        let service = connection.service;
        self.services[service.index()].fanout.unfollow(token);
        self.arm(token);
    }

    /// All is sent: the peer may know that it was all.
    pub(super) fn end_our_side(&mut self, token: Token, now: Instant) {
        let Some(connection) = connection_in(&mut self.sources, token) else {
            return;
        };
        match connection.transport.close_notify() {
            Ok(true) => {}
            // The rest goes out when there is room; then it is our side's turn again.
            Ok(false) => return,
            Err(error) => return self.kill(token, Disconnect::Broken(error.kind())),
        }
        if connection.eof {
            return self.kill(token, Disconnect::Eof);
        }
        if let Err(error) = self.net.shutdown_write(connection.transport.stream()) {
            return self.kill(token, Disconnect::Broken(error.kind()));
        }
        connection.phase = Phase::Draining {
            until: now + DRAIN_TIMEOUT,
            left_bytes: DRAIN_BYTES,
        };
        self.queue(token);
        self.arm(token);
    }

    /// Tells a client, if its protocol has a word for that, that the server ends it; returns
    /// whether it is owed that.
    fn bid_farewell(&mut self, token: Token, why: Disconnect) -> bool {
        let Some(connection) = connection_in(&mut self.sources, token) else {
            return false;
        };
        let slot = &mut self.services[connection.service.index()];
        let is_open = connection.phase == Phase::Open && !slot.fanout.is_closing(token);
        if !is_open || !connection.is_told_of {
            return false;
        }
        let Some(farewell) = slot.service.farewell(token, &why) else {
            return false;
        };
        // It is the last, whatever it is owed already.
        slot.fanout.answer(token, &farewell);
        true
    }

    /// Ends a client that has done too little. It is told so if it takes that at once.
    pub(super) fn dismiss(&mut self, token: Token, why: Disconnect, now: Instant) {
        if self.bid_farewell(token, why) {
            self.flush_now(token, now);
        }
        self.kill(token, why);
    }

    /// A connection that has broken and is not read from would not be found gone.
    pub(super) fn close_if_broken(&mut self, token: Token, now: Instant) {
        let Some(connection) = self.connection(token) else {
            return;
        };
        let is_held = matches!(
            connection.read_state,
            ReadState::Backlogged | ReadState::RateLimited
        );
        if connection.broken && connection.write_error.is_none() && (is_held || connection.eof) {
            self.on_write_error(token, io::ErrorKind::ConnectionReset, now);
        }
    }

    /// Marks a connection; it goes when the turn is over.
    pub(super) fn kill(&mut self, token: Token, why: Disconnect) {
        if let Some(connection) = self.connection(token)
            && !matches!(connection.phase, Phase::Dead(_))
        {
            connection.phase = Phase::Dead(why);
            self.dead.push(token);
        }
    }

    /// Takes away what was marked. The slot is free last, when the service has heard of it.
    pub(super) fn reap(&mut self, now: Instant) {
        for token in std::mem::take(&mut self.dead) {
            let Some(connection) = self.connection(token) else {
                continue;
            };
            let Phase::Dead(why) = connection.phase else {
                continue;
            };
            let (service, peer) = (connection.service, connection.peer);
            let (is_client, is_counted) = (connection.rejected.is_none(), connection.is_counted);
            if self.count_unknown(token) {
                self.call_service(service, now, |service, out| {
                    service.on_close(now, token, &why, out);
                });
            }
            if !is_client {
                self.rejected.retain(|rejected| *rejected != token);
            }
            let slot = &mut self.services[service.index()];
            // Its socket is full. What lies in there would outlive the connection by minutes, and
            // clients that come again and again without reading could make any amount of it.
            let is_stalled = !slot.fanout.is_clear(token) && gave_up(why);
            slot.fanout.forget(token);
            self.undecided.remove(&token);
            slot.throttled.retain(|throttled| *throttled != token);
            if let Source::Connection(connection) = self.sources.remove(token.index()).source {
                let stream = connection.transport.into_stream();
                match is_stalled {
                    true => self.net.abandon(stream),
                    false => self.net.close(stream),
                }
            }
            if is_client {
                self.counts.clients -= 1;
                self.counts.panicked += u64::from(why == Disconnect::Panicked);
                if is_counted {
                    self.per_ip.remove(&peer);
                }
                debug!("{peer} is gone: {why}; {} here", self.counts.clients);
            }
        }
        self.wake_listeners();
    }

    /// Takes no more clients, sends what is owed, and is done when all are gone.
    pub(crate) fn stop(&mut self, now: Instant) {
        if self.run_state != RunState::Running {
            return;
        }
        self.end_all(Disconnect::Shutdown, now);
        let Counts {
            clients,
            accepted,
            refused,
            lagged,
            panicked,
            ..
        } = self.counts;
        info!(
            "stopping; clients here: {clients}, in all: {accepted}, turned away: {refused}, \
             disconnected as too slow: {lagged}, ended by an internal error: {panicked}"
        );
    }

    /// Tells everybody why, and ends when all are gone or the grace is over.
    pub(super) fn end_all(&mut self, why: Disconnect, now: Instant) {
        self.run_state = RunState::Stopping {
            until: now + self.limits.grace,
        };
        for token in self.tokens() {
            match self.source(token) {
                Some(Source::Connection(connection)) if connection.rejected.is_some() => {
                    self.kill(token, Disconnect::Shutdown);
                }
                Some(Source::Connection(_)) => {
                    self.bid_farewell(token, why);
                    self.close_after_flush(token, now);
                    // One whose side has ended already may have nothing more to say.
                    self.queue(token);
                }
                Some(Source::Listener(_)) => {
                    let slot = self.sources.remove(token.index());
                    if let Source::Listener(state) = slot.source {
                        match why {
                            Disconnect::Restarted => self.net.release_listener(state.listener),
                            _ => self.net.close_listener(state.listener),
                        }
                    }
                }
                None => {}
            }
        }
        for slot in &mut self.services {
            slot.fanout.stop_pacing();
        }
    }

    /// Gives up what could not be sent within the grace.
    pub(super) fn end_grace(&mut self, now: Instant) {
        if let RunState::Stopping { until } = self.run_state
            && until <= now
        {
            self.give_up_all();
        }
    }

    /// The time for a good end is over, or nobody wants one.
    pub(crate) fn give_up_all(&mut self) {
        for token in self.tokens() {
            self.kill(token, Disconnect::Shutdown);
        }
    }

    /// Whether the engine is on its way to its end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.run_state != RunState::Running
    }

    fn tokens(&self) -> Vec<Token> {
        let slots = self.sources.iter();
        slots
            .map(|(key, slot)| Token::new(key, slot.generation))
            .collect()
    }
}

/// Whether a client was closed for what it did not do. One that lagged may still read what has
/// reached the kernel, and a clean end after it: the room's send buffers are small.
fn gave_up(why: Disconnect) -> bool {
    matches!(why, Disconnect::Unfinished | Disconnect::Idle)
}
