//! From a stream to a conversation: what a client's session asks of the engine on the way.

use std::net::SocketAddr;
use std::time::Instant;

use log::{debug, info};

use super::super::Token;
use super::super::connection::{PendingInput, Rejected};
use super::super::net::Net;
use super::{Engine, connection_in};
use crate::addr::Proto;
use crate::outbound::AudienceId;
use crate::protocol::{Encoding, Output};
use crate::service::{Arrival, Disconnect, Newcomer, Service};

impl<N: Net> Engine<N> {
    /// Pages of these origins, beside the server's own, may use the WebSocket.
    pub(crate) fn allow_origins(&mut self, origins: Vec<String>) {
        self.setup.allowed_origins = origins;
    }

    /// From now on each client has to say first where it comes from.
    pub(crate) fn expect_proxy(&mut self) {
        self.is_proxied = true;
    }

    /// A client has been accepted.
    pub(super) fn begin(&mut self, token: Token, now: Instant) {
        let is_proxied = self.is_proxied;
        let Some(connection) = self.connection(token) else {
            return;
        };
        match connection.proto.is_tls() && !is_proxied {
            true => self.start_tls(token, &[], now),
            false => self.begin_session(token, now),
        }
    }

    /// The transport stands. Where nothing needs to be known of the client first, it is in.
    pub(super) fn begin_session(&mut self, token: Token, now: Instant) {
        let Some(connection) = connection_in(&mut self.sources, token) else {
            return;
        };
        match connection.session.joins_at_once() {
            Some(encoding) => self.let_in(token, encoding, None, now),
            None if connection.proto == Proto::Auto && connection.rejected.is_none() => {
                let slot = &self.services[connection.service.index()];
                let lines = Encoding::Lines.index();
                let arrival = Arrival {
                    log_end: slot.fanout.log_end(AudienceId::FIRST, lines),
                    told_here: slot.service.told_here(),
                };
                self.undecided.entry(token).or_insert(arrival);
            }
            None => {}
        }
    }

    /// Does what a session asks for; returns whether that goes on with `rest`, what has been read.
    pub(super) fn take_step(
        &mut self,
        token: Token,
        step: Output<'static>,
        rest: &mut &[u8],
        now: Instant,
    ) -> bool {
        match step {
            Output::Joined { encoding, since } => {
                self.let_in(token, encoding, since, now);
                return true;
            }
            Output::Again(bytes) => {
                if let Some(connection) = self.connection(token) {
                    connection.pending = Some(PendingInput::new(bytes));
                }
            }
            Output::StartTls(bytes) => self.start_tls(token, &bytes, now),
            Output::ProxiedFrom(address) => return self.on_proxied(token, address, rest, now),
            Output::Last { reply, refused } => {
                if let Some(why) = refused {
                    self.log_opening(token, why, now);
                }
                self.end(token, &reply, now);
            }
            Output::End(reply) => self.end(token, &reply, now),
            Output::Message(_) | Output::Reply(_) => {}
        }
        false
    }

    /// A client can be talked with: its service hears of it, or it hears that there is no room.
    fn let_in(&mut self, token: Token, encoding: Encoding, since: Option<u64>, now: Instant) {
        let Some(connection) = self.connection(token) else {
            return;
        };
        if let Some(why) = connection.rejected {
            return self.tell_rejected(token, why, encoding, now);
        }
        let (service, peer) = (connection.service, connection.peer);
        self.count_known(token, encoding);
        let newcomer = Newcomer {
            peer: &peer,
            encoding,
            since,
            came_at: self.undecided.remove(&token),
        };
        let open = |service: &mut dyn Service, out: &mut _| {
            service.on_open(now, token, &newcomer, out);
        };
        if self.call_service(service, now, open).is_none() {
            self.kill(token, Disconnect::Panicked);
        }
    }

    /// A proxy has said where its client comes from: that is what counts. The rest is the client's.
    fn on_proxied(
        &mut self,
        token: Token,
        address: Option<SocketAddr>,
        rest: &mut &[u8],
        now: Instant,
    ) -> bool {
        let is_limited = self.limits.max_clients_per_ip.is_some();
        let Some(connection) = self.connection(token) else {
            return false;
        };
        if let Some(address) = address {
            let proxy = std::mem::replace(&mut connection.peer, address.into());
            debug!("{proxy} is a proxy, of {address}");
        }
        let (peer, is_client) = (connection.peer, connection.rejected.is_none());
        let is_counted = is_limited && is_client && self.count_in(&peer, now);
        let is_one_too_many = is_limited && is_client && !is_counted;
        let Some(connection) = self.connection(token) else {
            return false;
        };
        connection.is_counted = is_counted;
        let is_tls = connection.proto.is_tls();
        if is_tls {
            self.start_tls(token, std::mem::take(rest), now);
        }
        if is_one_too_many {
            // It was one of them so far.
            self.counts.clients -= 1;
            self.set_rejected(token, Rejected::AddressFull);
            self.wake_listeners();
        }
        !is_tls
    }

    /// Nothing that the client may still say counts: tells it the last, and ends our side.
    fn end(&mut self, token: Token, reply: &[u8], now: Instant) {
        let Some(connection) = connection_in(&mut self.sources, token) else {
            return;
        };
        if connection.rejected.is_some() {
            return self.reject(token, reply, now);
        }
        let service = connection.service;
        if !reply.is_empty() {
            // It is read from, so there is room.
            let _ = self.services[service.index()].fanout.send(token, reply);
        }
        if !connection.is_told_of {
            return self.close_after_flush(token, now);
        }
        let on_end = |service: &mut dyn Service, out: &mut _| service.on_end(now, token, out);
        if self.call_service(service, now, on_end).is_none() {
            self.kill(token, Disconnect::Panicked);
        }
    }

    fn log_opening(&mut self, token: Token, why: &str, now: Instant) {
        let Some(peer) = self.connection(token).map(|connection| connection.peer) else {
            return;
        };
        if self.opening_log.allow(now) {
            info!("{peer} is closed: {why}");
        }
    }
}
