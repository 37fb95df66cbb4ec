//! Taking clients in, and what to do when there is no room for more.

use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use log::{debug, info, warn};

use super::super::connection::{Connection, DRAIN_TIMEOUT, Phase, ReadState, Rejected};
use super::super::net::Net;
use super::super::rate_limit::RateLimiter;
use super::super::transport::Transport;
use super::super::{ServiceId, Token};
use super::{Engine, RunState, Source, connection_in, source_in, would_block};
use crate::addr::{Peer, Proto};
use crate::protocol::{Encoding, Opening, Session};
use crate::service::{Disconnect, TooMany};

/// Clients that are taken in at once before it is the others' turn: some half a millisecond.
const ACCEPT_BUDGET: usize = 64;

/// After the system had no descriptor or memory for a client, it is asked again.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// That the server has no room is logged this often at most: it has none again whenever a client
/// has left, and that is not news each time.
const NO_ROOM_LOGGED_EVERY: Duration = Duration::from_secs(60);

/// Connections that are told that they are one too many, and are kept until they have read it: that
/// may take a TLS handshake, and the tenth of a second in which a client may say what it speaks.
/// The oldest makes place for the next.
pub(super) const MAX_REJECTED: usize = 64;

impl<N: Net> Engine<N> {
    pub(super) fn accept(&mut self, token: Token, now: Instant) {
        for _ in 0..ACCEPT_BUDGET {
            if self.run_state != RunState::Running {
                return;
            }
            let is_full = self.counts.clients >= self.limits.max_clients;
            let clients = self.counts.clients;
            let Some(Source::Listener(state)) = source_in(&mut self.sources, token) else {
                return;
            };
            if state.retry_at.is_some_and(|at| at > now) {
                return;
            }
            let (service, proto) = (state.service, state.proto);
            let refusal = match is_full {
                true => match self.services[service.index()]
                    .service
                    .refusal(TooMany::Here(clients), Encoding::Lines)
                {
                    None => return self.park_listener(token, now),
                    refusal => refusal,
                },
                false => None,
            };
            match self.net.accept(&state.listener) {
                Ok((stream, peer)) => {
                    state.retry_at = None;
                    match refusal {
                        None => self.on_accepted(stream, peer, (service, proto), now),
                        Some(_) => {
                            self.log_refusal(now, format_args!("{peer}: clients here: {clients}"));
                            let why = Rejected::Full;
                            self.turn_away(stream, peer, (service, proto), why, now);
                        }
                    }
                }
                Err(error) if would_block(&error) => return,
                Err(error) if gone_already(&error) => {}
                Err(error) => {
                    let retry_at = now + ACCEPT_RETRY;
                    state.retry_at = Some(retry_at);
                    if is_news(&mut self.shortage_logged_at, now) {
                        warn!("accepting a client, with {clients} here: {error}; others wait");
                    }
                    // The edge is not given again, and nobody tells of a descriptor come free.
                    self.timers.add(retry_at, token);
                    return;
                }
            }
        }
        self.queue(token);
    }

    fn on_accepted(&mut self, stream: N::Stream, peer: Peer, to: (ServiceId, Proto), now: Instant) {
        // One behind a proxy says first where it comes from.
        let is_counted = self.limits.max_clients_per_ip.is_some() && !self.is_proxied;
        if is_counted && !self.count_in(&peer, now) {
            return self.turn_away(stream, peer, to, Rejected::AddressFull, now);
        }
        let Some(token) = self.register(stream, peer, to, now) else {
            if is_counted {
                self.per_ip.remove(&peer);
            }
            return;
        };
        if let Some(connection) = self.connection(token) {
            connection.is_counted = is_counted;
        }
        self.services[to.0.index()].fanout.open(token);
        self.counts.clients += 1;
        self.counts.accepted += 1;
        debug!("{peer} has come; {} here", self.counts.clients);
        self.begin(token, now);
        self.arm(token);
    }

    /// Counts a client among those from its address, if one more may be.
    pub(super) fn count_in(&mut self, peer: &Peer, now: Instant) -> bool {
        let most = self.limits.max_clients_per_ip.unwrap_or(usize::MAX);
        let may = self.per_ip.try_add(peer, most);
        if !may {
            self.log_refusal(
                now,
                format_args!("{peer}: already here from its address: {most}"),
            );
        }
        may
    }

    /// Takes a client in to tell it why it cannot stay, and so that it reads an end of the stream.
    fn turn_away(
        &mut self,
        stream: N::Stream,
        peer: Peer,
        to: (ServiceId, Proto),
        why: Rejected,
        now: Instant,
    ) {
        let Some(token) = self.register(stream, peer, to, now) else {
            return;
        };
        self.set_rejected(token, why);
        self.begin(token, now);
        self.arm(token);
    }

    pub(super) fn set_rejected(&mut self, token: Token, why: Rejected) {
        if let Some(connection) = self.connection(token) {
            connection.rejected = Some(why);
        }
        self.rejected.push_back(token);
        if self.rejected.len() > MAX_REJECTED
            && let Some(oldest) = self.rejected.pop_front()
        {
            self.kill(oldest, Disconnect::Unfinished);
        }
    }

    /// Tells a client why it was turned away.
    pub(super) fn tell_rejected(
        &mut self,
        token: Token,
        why: Rejected,
        encoding: Encoding,
        now: Instant,
    ) {
        let of = match why {
            Rejected::Full => TooMany::Here(self.counts.clients),
            Rejected::AddressFull => {
                TooMany::FromAddress(self.limits.max_clients_per_ip.unwrap_or_default())
            }
        };
        if let Some(connection) = connection_in(&mut self.sources, token) {
            let service = &self.services[connection.service.index()].service;
            let text = service.refusal(of, encoding).unwrap_or_default();
            self.reject(token, &text, now);
        }
    }

    /// Tells a client that is not let in its last, and closes in good order: it is to read why.
    pub(super) fn reject(&mut self, token: Token, text: &[u8], now: Instant) {
        let Some(connection) = connection_in(&mut self.sources, token) else {
            return;
        };
        connection.phase = Phase::Flushing {
            until: now + DRAIN_TIMEOUT,
        };
        // A fresh socket takes so little at once. If it does not, its client has gone.
        let told = match text {
            [] => Ok(0),
            text => connection.transport.write(text),
        };
        match told {
            Ok(_) => self.end_our_side(token, now),
            Err(error) => self.kill(token, Disconnect::Broken(error.kind())),
        }
    }

    /// Has the poll tell of a stream, and gives it its place.
    fn register(
        &mut self,
        mut stream: N::Stream,
        peer: Peer,
        (service, proto): (ServiceId, Proto),
        now: Instant,
    ) -> Option<Token> {
        let token = self.next_token();
        if let Err(error) = self.net.register(&mut stream, token.pack()) {
            self.log_refusal(now, format_args!("registering {peer}: {error}"));
            self.net.close(stream);
            return None;
        }
        let slot = &self.services[service.index()];
        let framing = slot.service.framing();
        let opening = match slot.service.speaks_protocols() {
            true => proto.opening(),
            false => Opening::Bytes,
        };
        let session = Session::new(opening, framing, self.is_proxied, now);
        self.insert(Source::Connection(Connection {
            transport: Transport::plain(stream),
            service,
            peer,
            session,
            proto,
            pending: None,
            phase: Phase::Open,
            rate_limit: RateLimiter::new(&self.limits, now),
            read_state: ReadState::Idle,
            peer_closed: false,
            had_urgent: false,
            broken: false,
            eof: false,
            rejected: None,
            is_counted: false,
            is_told_of: false,
            encoding: Encoding::Lines,
            write_error: None,
            active_at: now,
            armed: None,
        }));
        Some(token)
    }

    fn log_refusal(&mut self, now: Instant, why: fmt::Arguments<'_>) {
        self.counts.refused += 1;
        if self.refusal_log.allow(now) {
            warn!("a client is turned away: {why}");
        }
    }

    fn park_listener(&mut self, token: Token, now: Instant) {
        if !self.parked_listeners.contains(&token) {
            self.parked_listeners.push(token);
        }
        if is_news(&mut self.full_logged_at, now) {
            let clients = self.counts.clients;
            info!("clients here: {clients}, as many as may be; others wait");
        }
    }

    /// A place has come free.
    pub(super) fn wake_listeners(&mut self) {
        if self.counts.clients < self.limits.max_clients {
            for token in std::mem::take(&mut self.parked_listeners) {
                self.queue(token);
            }
        }
    }
}

/// Whether it is long enough since this was logged; then it is logged now.
fn is_news(logged_at: &mut Option<Instant>, now: Instant) -> bool {
    let is_news = logged_at.is_none_or(|at| now >= at + NO_ROOM_LOGGED_EVERY);
    if is_news {
        *logged_at = Some(now);
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
