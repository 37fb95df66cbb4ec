//! Closing: connections in good order or at once, and the end of the server.
//! Marks during the turn, takes away when it is over: no event of the turn names what is gone.

use std::time::Instant;

use log::{debug, info};

use super::super::connection::{DRAIN_BYTES, DRAIN_PATIENCE, FLUSH_PATIENCE, Phase};
use super::super::net::Net;
use super::super::token::SourceToken;
use super::{Counts, Engine, Life, Source, connection_in};
use crate::service::Disconnect;

impl<N: Net> Engine<N> {
    /// Sends what is owed, then ends our side.
    pub(super) fn close_after_flush(&mut self, token: SourceToken, now: Instant) {
        let Some(connection) = self.connection(token) else {
            return;
        };
        let (client, station) = (connection.client, connection.station);
        match connection.phase {
            Phase::Open => {
                connection.phase = Phase::Flushing {
                    until: now + FLUSH_PATIENCE,
                };
                connection.unread = None;
                self.stations[station as usize].fanout.unfollow(client);
                self.arm(token);
            }
            Phase::Mute(kind) => self.kill(token, Disconnect::Broken(kind)),
            Phase::Flushing { .. } | Phase::Draining { .. } | Phase::Dead(_) => {}
        }
    }

    /// All is sent: the peer may know that it was all.
    pub(super) fn end_our_side(&mut self, token: SourceToken, now: Instant) {
        let Some(connection) = connection_in(&mut self.sources, token) else {
            return;
        };
        if connection.eof {
            return self.kill(token, Disconnect::Eof);
        }
        if let Err(error) = self.net.shutdown_write(&connection.stream) {
            return self.kill(token, Disconnect::Broken(error.kind()));
        }
        connection.phase = Phase::Draining {
            until: now + DRAIN_PATIENCE,
            left_bytes: DRAIN_BYTES,
        };
        self.make_ready(token);
        self.arm(token);
    }

    /// Marks a connection; it goes when the turn is over.
    pub(super) fn kill(&mut self, token: SourceToken, why: Disconnect) {
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
            let (client, index, peer) = (connection.client, connection.station, connection.peer);
            let station = &mut self.stations[index as usize];
            station.guard(|service, fanout| service.on_close(now, client, &why, fanout));
            // Its socket is full. What lies in there would outlive the connection by minutes, and
            // whoever comes again and again without reading could make any amount of it.
            let is_deaf = !station.fanout.is_clear(client) && gave_up(why);
            station.fanout.forget(client);
            let slot = self.sources.remove(token.key as usize);
            if let Source::Connection(connection) = slot.source {
                match is_deaf {
                    true => self.net.abandon(connection.stream),
                    false => self.net.close(connection.stream),
                }
            }
            self.counts.clients -= 1;
            self.counts.panicked += u64::from(why == Disconnect::Panicked);
            if self.limits.max_clients_per_ip.is_some() {
                self.guests.leave(&peer);
            }
            debug!("{peer} is gone: {why}; {} here", self.counts.clients);
            self.carry_out(index, now);
        }
        self.let_in_who_waits();
    }

    /// Takes no more clients, sends what is owed, and is done when everybody is gone.
    pub fn stop(&mut self, now: Instant) {
        if self.life != Life::Running {
            return;
        }
        self.life = Life::Stopping {
            until: now + self.limits.grace,
        };
        let tokens: Vec<SourceToken> = self.tokens();
        for token in tokens {
            match self.source(token) {
                Some(Source::Connection(_)) => {
                    self.close_after_flush(token, now);
                    // One whose side has ended already may have nothing more to say.
                    self.make_ready(token);
                }
                Some(Source::Listener(_)) => {
                    let slot = self.sources.remove(token.key as usize);
                    if let Source::Listener(door) = slot.source {
                        self.net.close_listener(door.listener);
                    }
                }
                Some(Source::Foreign) | None => {}
            }
        }
        for station in &mut self.stations {
            station.fanout.stop_pacing();
        }
        let Counts {
            clients,
            accepted,
            refused,
            lagged,
            panicked,
        } = self.counts;
        info!(
            "stopping; clients here: {clients}, in all: {accepted}, turned away: {refused}, \
             disconnected as too slow: {lagged}, ended by a fault of ours: {panicked}"
        );
    }

    /// The time for a good end is over, or nobody wants one.
    pub fn give_up_all(&mut self) {
        for token in self.tokens() {
            self.kill(token, Disconnect::Shutdown);
        }
    }

    /// Whether the engine is on its way to its end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.life != Life::Running
    }

    fn tokens(&self) -> Vec<SourceToken> {
        let slots = self.sources.iter();
        slots
            .map(|(key, slot)| SourceToken {
                key: super::index_of(key),
                generation: slot.generation,
            })
            .collect()
    }
}

/// Whether a client was closed for what it did not do. One that lagged may still read what has
/// reached the kernel, and a clean end after it: the room's send buffers are small.
fn gave_up(why: Disconnect) -> bool {
    matches!(why, Disconnect::Unfinished | Disconnect::Idle)
}
