//! The engine for another process, which goes on with its clients where they stand. Knows what has to
//! be known of each, not how it gets there.
//!
//! A client is handed over if it is in mid conversation and its stream is all that there is to its
//! connection. The others stay and are ended in good order: whoever speaks TLS, of which the keys would
//! have to be handed over; whoever is on its way out, or was turned away.

use std::collections::HashMap;
use std::time::Instant;

use log::info;
use serde::{Deserialize, Serialize};

use super::super::connection::{Connection, PendingInput, Phase, ReadState};
use super::super::net::Net;
use super::super::rate_limit::RateLimiter;
use super::super::transport::Transport;
use super::super::{ServiceId, Token};
use super::counts::Counts;
use super::{Engine, RunState, Slot, Source, source_in};
use crate::addr::{Peer, Proto};
use crate::clock;
use crate::outbound::SavedFanout;
use crate::protocol::{Encoding, Session};
use crate::service::{Arrival, Disconnect};

/// An engine as it is between two turns. Tokens stay what they are: services name clients by them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedEngine {
    connections: Vec<SavedConnection>,
    services: Vec<SavedService>,
    /// Whom the services know, and who is not handed over.
    left: Vec<(Token, ServiceId)>,
    #[serde(default)]
    arrivals: HashMap<Token, Arrival>,
    counts: Counts,
    generation: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedService {
    #[serde(with = "serde_bytes")]
    state: Vec<u8>,
    fanout: SavedFanout,
}

/// What a stream's first events will tell anew is not in here.
#[derive(Debug, Serialize, Deserialize)]
struct SavedConnection {
    token: Token,
    service: ServiceId,
    peer: Peer,
    proto: Proto,
    encoding: Encoding,
    session: Session,
    read_state: ReadState,
    had_urgent: bool,
    eof: bool,
    is_counted: bool,
    is_told_of: bool,
    #[serde(with = "clock::instant")]
    active_at: Instant,
    rate_limit: Option<Box<RateLimiter>>,
    pending: Option<PendingInput>,
}

const PANIC: &str = "internal error (panic)";

impl SavedEngine {
    /// How many streams go with it.
    pub(crate) fn streams(&self) -> usize {
        self.connections.len()
    }
}

/// For the process that ends.
impl<N: Net> Engine<N> {
    /// What another process has to know, and whose streams it is to be given, in that order.
    ///
    /// # Errors
    /// One line: why it cannot be handed over.
    pub(crate) fn save(&mut self) -> Result<(SavedEngine, Vec<Token>), String> {
        for slot in &mut self.services {
            let begun = slot.guard(|service, _| service.begin_handover());
            begun.unwrap_or_else(|| Err(PANIC.to_owned()))?;
        }
        if self.run_state != RunState::Running {
            return Err("the server ends".to_owned());
        }
        let mut saved = SavedEngine {
            connections: Vec::new(),
            services: Vec::new(),
            left: Vec::new(),
            arrivals: self.undecided.clone(),
            counts: self.counts,
            generation: self.generation,
        };
        for (key, slot) in &self.sources {
            let Source::Connection(connection) = &slot.source else {
                continue;
            };
            let token = Token::new(key, slot.generation);
            match self.goes_along(token, connection) {
                true => saved.connections.push(save_connection(token, connection)),
                false => {
                    saved.arrivals.remove(&token);
                    if connection.is_told_of {
                        saved.left.push((token, connection.service));
                    }
                }
            }
        }
        let tokens: Vec<_> = saved.connections.iter().map(|saved| saved.token).collect();
        for slot in &self.services {
            let state = slot.service.save();
            saved.services.push(SavedService {
                state: state.ok_or("this service's clients cannot be handed over")??,
                fanout: slot.fanout.save(tokens.iter().copied()),
            });
        }
        Ok((saved, tokens))
    }

    /// No other process goes on with what was [saved](Self::save).
    pub(crate) fn cancel_handover(&mut self) {
        for slot in &mut self.services {
            slot.guard(|service, _| service.cancel_handover());
        }
    }

    fn goes_along(&self, token: Token, connection: &Connection<N::Stream>) -> bool {
        let fanout = &self.services[connection.service.index()].fanout;
        connection.phase == Phase::Open
            && connection.rejected.is_none()
            && connection.write_error.is_none()
            && connection.transport.is_plain()
            && !fanout.is_closing(token)
    }

    /// The stream of a client that is there.
    pub(crate) fn stream(&self, token: Token) -> Option<&N::Stream> {
        match &self.sources.get(token.index())?.source {
            Source::Connection(connection) => Some(connection.transport.stream()),
            Source::Listener(_) => None,
        }
    }

    /// Every listener, to which service it leads, and what is spoken there.
    pub(crate) fn listeners(&self) -> impl Iterator<Item = (&N::Listener, ServiceId, Proto)> {
        self.sources
            .iter()
            .filter_map(|(_, slot)| match &slot.source {
                Source::Listener(state) => Some((&state.listener, state.service, state.proto)),
                Source::Connection(_) => None,
            })
    }

    /// Another process has these clients, and every listener, from here on. The others are told that
    /// the server restarts, and the engine ends when they are gone.
    pub(crate) fn let_go(&mut self, handed_over: &[Token], now: Instant) {
        for token in handed_over {
            let Some(Source::Connection(_)) = source_in(&mut self.sources, *token) else {
                continue;
            };
            let Source::Connection(connection) = self.sources.remove(token.index()).source else {
                continue;
            };
            self.counts.clients -= 1;
            let slot = &mut self.services[connection.service.index()];
            slot.fanout.forget(*token);
            self.net.release(connection.transport.into_stream());
        }
        let sources = &mut self.sources;
        for slot in &mut self.services {
            (slot.throttled).retain(|token| source_in(sources, *token).is_some());
        }
        self.end_all(Disconnect::Restarted, now);
    }
}

fn save_connection<S>(token: Token, connection: &Connection<S>) -> SavedConnection {
    SavedConnection {
        token,
        service: connection.service,
        peer: connection.peer,
        proto: connection.proto,
        encoding: connection.encoding,
        session: connection.session.clone(),
        read_state: connection.read_state,
        had_urgent: connection.had_urgent,
        eof: connection.eof,
        is_counted: connection.is_counted,
        is_told_of: connection.is_told_of,
        active_at: connection.active_at,
        rate_limit: connection.rate_limit.clone(),
        pending: connection.pending.clone(),
    }
}

/// For the process that begins.
impl<N: Net> Engine<N> {
    /// Goes on where another engine was [saved](Self::save), with the streams of its clients in the
    /// same order. This one has the same services, and nobody in it yet.
    ///
    /// # Errors
    /// One line: why that cannot be. The other process has to go on then.
    pub(crate) fn restore(
        &mut self,
        saved: SavedEngine,
        streams: Vec<N::Stream>,
        now: Instant,
    ) -> Result<(), String> {
        if (streams.len(), self.services.len()) != (saved.streams(), saved.services.len()) {
            return Err("the state is of another server".to_owned());
        }
        self.generation = saved.generation;
        self.counts = Counts {
            clients: 0,
            by_encoding: Default::default(),
            ..saved.counts
        };
        self.undecided = saved.arrivals;
        for (slot, saved) in self.services.iter_mut().zip(saved.services) {
            slot.fanout.restore(saved.fanout);
            let restored = slot.guard(|service, _| service.restore(&saved.state));
            restored.unwrap_or_else(|| Err(PANIC.to_owned()))?;
        }
        let mut sources = Vec::new();
        for (saved, mut stream) in saved.connections.into_iter().zip(streams) {
            let registered = self.net.register(&mut stream, saved.token.pack());
            registered.map_err(|error| format!("register {}: {error}", saved.peer))?;
            sources.push(self.take_in(saved, stream));
        }
        let tokens: Vec<_> = sources
            .iter()
            .map(|(key, slot)| Token::new(*key, slot.generation))
            .collect();
        self.sources = sources.into_iter().collect();
        for token in tokens {
            self.arm(token);
        }
        for (token, service) in saved.left {
            self.call_service(service, now, |service, out| {
                service.on_close(now, token, &Disconnect::Restarted, out);
            });
        }
        let clients = self.counts.clients;
        info!("clients taken over from the process before: {clients}");
        Ok(())
    }

    fn take_in(&mut self, saved: SavedConnection, stream: N::Stream) -> (usize, Slot<N>) {
        let SavedConnection { token, service, .. } = saved;
        self.counts.clients += 1;
        if saved.is_told_of {
            self.counts.by_encoding[saved.encoding.index()] += 1;
        }
        if saved.is_counted {
            self.per_ip.try_add(&saved.peer, usize::MAX);
        }
        match saved.read_state {
            ReadState::Queued => self.ready.push_back(token),
            ReadState::Throttled => self.services[service.index()].throttled.push(token),
            ReadState::Idle | ReadState::Backlogged | ReadState::RateLimited => {}
        }
        let connection = Connection {
            transport: Transport::plain(stream),
            service,
            phase: Phase::Open,
            read_state: saved.read_state,
            peer_closed: false,
            had_urgent: saved.had_urgent,
            broken: false,
            eof: saved.eof,
            rejected: None,
            is_counted: saved.is_counted,
            proto: saved.proto,
            is_told_of: saved.is_told_of,
            encoding: saved.encoding,
            write_error: None,
            active_at: saved.active_at,
            armed: None,
            rate_limit: saved.rate_limit,
            pending: saved.pending,
            session: saved.session,
            peer: saved.peer,
        };
        let slot = Slot {
            generation: token.generation(),
            source: Source::Connection(connection),
        };
        (token.index(), slot)
    }
}
