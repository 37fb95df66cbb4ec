//! TLS handshakes: their start, their share of a turn, and what comes of them. No service knows of
//! a client before its handshake is over.

use std::fmt;
use std::io::{self, ErrorKind, Read as _};
use std::time::Instant;

use log::info;

use super::super::Token;
use super::super::connection::{DRAIN_BYTES, DRAIN_TIMEOUT, PendingInput, Phase};
use super::super::net::Net;
use super::read::{Outcome, after_error};
use super::{Engine, connection_in};
use crate::service::Disconnect;
use crate::tls::ServerConfigs;

/// What a step of a handshake takes of a turn's work: signing and agreeing on a key take some 200
/// microseconds.
const HANDSHAKE_WORK: u32 = 256;

impl<N: Net> Engine<N> {
    /// What TLS handshakes are made from, from now on.
    pub(crate) fn set_tls(&mut self, configs: ServerConfigs) {
        self.tls = Some(configs);
        self.setup.has_tls = true;
    }

    /// What comes from a client is TLS; `already_read` of it has been read.
    pub(super) fn start_tls(&mut self, token: Token, already_read: &[u8], now: Instant) {
        let Some(connection) = connection_in(&mut self.sources, token) else {
            return;
        };
        connection.active_at = now;
        let started = match &self.tls {
            Some(configs) => {
                let config = configs.of(connection.proto.opening());
                connection.transport.start_tls(config.clone(), already_read)
            }
            None => Err(io::Error::other("there is no certificate")),
        };
        match started {
            Ok(()) if already_read.is_empty() => {}
            Ok(()) => self.queue(token),
            Err(error) => {
                let peer = connection.peer;
                self.log_handshake(now, format_args!("{peer}: {error}"));
                self.kill(token, Disconnect::Broken(error.kind()));
            }
        }
    }

    /// Does the next step of a handshake, if what has come is enough for it.
    pub(super) fn shake_hands(
        &mut self,
        token: Token,
        scratch: &mut [u8],
        now: Instant,
    ) -> Outcome {
        self.read_budget = self.read_budget.saturating_sub(HANDSHAKE_WORK);
        let Some(connection) = self.connection(token) else {
            return Outcome::Drained;
        };
        let read = connection.transport.read(scratch);
        if !connection.transport.is_handshaking() {
            connection.active_at = now;
            let alpn = connection.transport.alpn();
            connection.session.over_tls(alpn, now);
            // Before it is heard.
            self.begin_session(token, now);
            // What was said along with the last step; an end, or an error, will be read again.
            if let Ok(count @ 1..) = read
                && let Some(connection) = self.connection(token)
            {
                connection.session.on_read(&scratch[..count], now);
                connection.pending = Some(PendingInput::new(&scratch[..count]));
            }
            return Outcome::More;
        }
        match read {
            Ok(0) => Outcome::Gone(Disconnect::Eof),
            Ok(_) => Outcome::More,
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                self.fail_handshake(token, &error, now);
                Outcome::More
            }
            Err(error) => after_error(connection, &error),
        }
    }

    /// Ends a client whose handshake cannot succeed, so that it can read the alert that says why.
    fn fail_handshake(&mut self, token: Token, why: &io::Error, now: Instant) {
        let Some(connection) = connection_in(&mut self.sources, token) else {
            return;
        };
        connection.phase = Phase::Draining {
            until: now + DRAIN_TIMEOUT,
            left_bytes: DRAIN_BYTES,
        };
        let peer = connection.peer;
        if let Err(error) = self.net.shutdown_write(connection.transport.stream()) {
            self.kill(token, Disconnect::Broken(error.kind()));
        }
        self.log_handshake(now, format_args!("{peer}: {why}"));
    }

    fn log_handshake(&mut self, now: Instant, why: fmt::Arguments<'_>) {
        if self.handshake_log.allow(now) {
            info!("a TLS handshake failed: {why}");
        }
    }
}
