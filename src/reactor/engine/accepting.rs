//! Taking clients in, and what to do when there is no room for more.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use log::{debug, info, warn};

use super::super::connection::{Connection, Phase};
use super::super::net::Net;
use super::super::rate_limit::RateLimiter;
use super::super::token::SourceToken;
use super::{Engine, Life, Source, source_in, would_block};
use crate::addr::Peer;
use crate::service::Disconnect;
use crate::wire::Decoder;

/// So many clients are taken in at once, then it is the others' turn.
const ACCEPT_BUDGET: usize = 64;

/// After the system had no descriptor or memory for a client, it is asked again.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// That the server has no room is logged this often at most: it has none again whenever somebody
/// has left, and that is not news each time.
const NO_ROOM_TOLD_EVERY: Duration = Duration::from_secs(60);

impl<N: Net> Engine<N> {
    pub(super) fn accept(&mut self, token: SourceToken, now: Instant) {
        for _ in 0..ACCEPT_BUDGET {
            if self.life != Life::Running {
                return;
            }
            if self.counts.clients >= self.limits.max_clients {
                return self.wait_for_room(token, now);
            }
            let Some(Source::Listener(door)) = source_in(&mut self.sources, token) else {
                return;
            };
            if door.retry_at.is_some_and(|at| at > now) {
                return;
            }
            let station = door.station;
            match self.net.accept(&door.listener) {
                Ok((stream, peer)) => {
                    door.retry_at = None;
                    self.welcome(stream, peer, station, now);
                }
                Err(error) if would_block(&error) => return,
                Err(error) if gone_already(&error) => {}
                Err(error) => {
                    let retry_at = now + ACCEPT_RETRY;
                    door.retry_at = Some(retry_at);
                    if is_news(&mut self.shortage_told_at, now) {
                        let clients = self.counts.clients;
                        warn!("accepting a client, with {clients} here: {error}; others wait");
                    }
                    // The edge is not given again, and nobody tells of a descriptor come free.
                    self.deadlines.add(retry_at, token);
                    return;
                }
            }
        }
        self.make_ready(token);
    }

    fn welcome(&mut self, mut stream: N::Stream, peer: Peer, station: u32, now: Instant) {
        if let Some(most) = self.limits.max_clients_per_ip
            && !self.guests.admit(&peer, most)
        {
            let why = format_args!("{peer}: already here from its address: {most}");
            return self.turn_away(stream, now, why);
        }
        let token = self.next_token();
        if let Err(error) = self.net.register(&mut stream, token.pack()) {
            self.guests.leave(&peer);
            return self.turn_away(stream, now, format_args!("registering {peer}: {error}"));
        }
        let home = &mut self.stations[station as usize];
        let client = home.fanout.open(token.pack());
        let connection = Connection {
            stream,
            client,
            station,
            peer,
            decoder: Decoder::new(home.service.framing()),
            unread: None,
            phase: Phase::Open,
            rate_limit: RateLimiter::new(&self.limits, now),
            paused: false,
            in_ready: false,
            peer_closed: false,
            had_urgent: false,
            broken: false,
            eof: false,
            active_at: now,
            armed: None,
        };
        self.insert(Source::Connection(connection));
        self.counts.clients += 1;
        self.counts.accepted += 1;
        debug!("{peer} has come; {} here", self.counts.clients);
        let home = &mut self.stations[station as usize];
        let opened = home.guard(|service, fanout| service.on_open(now, client, &peer, fanout));
        if opened.is_none() {
            self.kill(token, Disconnect::Panicked);
        }
        self.carry_out(station, now);
        self.arm(token);
    }

    fn turn_away(&mut self, stream: N::Stream, now: Instant, why: fmt::Arguments<'_>) {
        self.counts.refused += 1;
        if self.refusal_log.allow(now) {
            warn!("a client is turned away: {why}");
        }
        self.net.close(stream);
    }

    fn wait_for_room(&mut self, token: SourceToken, now: Instant) {
        if !self.full.contains(&token) {
            self.full.push(token);
        }
        if is_news(&mut self.full_told_at, now) {
            let clients = self.counts.clients;
            info!("clients here: {clients}, as many as may be; others wait");
        }
    }

    /// A place has come free.
    pub(super) fn let_in_who_waits(&mut self) {
        if self.counts.clients < self.limits.max_clients {
            for token in std::mem::take(&mut self.full) {
                self.make_ready(token);
            }
        }
    }
}

/// Whether it is long enough since this was told; then it is told now.
fn is_news(told_at: &mut Option<Instant>, now: Instant) -> bool {
    let is_news = told_at.is_none_or(|at| now >= at + NO_ROOM_TOLD_EVERY);
    if is_news {
        *told_at = Some(now);
    }
    is_news
}

/// The client left before it was taken in, or a signal came between: the next, please.
fn gone_already(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionReset
    )
}
