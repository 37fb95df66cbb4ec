//! One client's connection: its transport, its session, whether it is read from, its phase
//! of life. What it is owed stands in its service's fanout.

use std::io;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::addr::{Peer, Proto};
use crate::protocol::{Encoding, Session};
use crate::service::Disconnect;

use super::rate_limit::RateLimiter;
use super::transport::Transport;
use super::{Limits, ServiceId};

/// A client that is to be closed may take this long over what it is owed, without taking any of
/// it, before it is given up.
pub(super) const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);

/// After our side has ended, a client may go on sending for this long and this much.
pub(super) const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const DRAIN_BYTES: usize = 64 << 20;

/// A TLS handshake may take this long. It strikes as every limit on silence does: when nothing is
/// there to be read.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// At the server's end it is closed when it has sent nothing for this long. Bytes that are still on
/// their way to a closed socket would reset it, and what it is owed would be lost with it.
pub(super) const END_QUIET: Duration = Duration::from_millis(200);

/// A client's connection. In this order in memory: a round through thousands of members touches
/// the first half of each, and finds it in no cache.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Connection<S> {
    pub(super) transport: Transport<S>,
    pub(super) service: ServiceId,
    pub(super) phase: Phase,
    pub(super) read_state: ReadState,
    /// What events have said once and for all: the peer has closed, has sent something out of band,
    /// or is gone.
    pub(super) peer_closed: bool,
    pub(super) had_urgent: bool,
    pub(super) broken: bool,
    /// The end of its stream has been read.
    pub(super) eof: bool,
    /// It was turned away at the door: no service knows it, and it is not counted.
    pub(super) rejected: Option<Rejected>,
    /// It counts among those from its address.
    pub(super) is_counted: bool,
    /// What is spoken where it came in.
    pub(super) proto: Proto,
    /// Its service has been told of it.
    pub(super) is_told_of: bool,
    /// How it is told things.
    pub(super) encoding: Encoding,
    /// Writing failed; what the peer had sent before is still read.
    pub(super) write_error: Option<io::ErrorKind>,
    /// When it last sent something, or the server began to read from it again.
    pub(super) active_at: Instant,
    /// The entry in the timers that counts; others are old.
    pub(super) armed: Option<Instant>,
    /// How often it speaks, where that is limited.
    pub(super) rate_limit: Option<Box<RateLimiter>>,
    /// Input that was read and not handed over, since it may not be heard for the time being.
    pub(super) pending: Option<PendingInput>,
    pub(super) session: Session,
    pub(super) peer: Peer,
}

/// Why a client was turned away: there are as many as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejected {
    /// Of all clients.
    Full,
    /// Of those from its address.
    AddressFull,
}

/// What has been read from a client and not been handed over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PendingInput {
    bytes: Box<[u8]>,
    /// How many of them have been.
    handed_over: usize,
}

impl PendingInput {
    pub(super) fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self {
            bytes: bytes.into(),
            handed_over: 0,
        }
    }

    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.handed_over..]
    }

    /// With so many bytes left, if any.
    pub(super) fn with_left(mut self, left: usize) -> Option<Self> {
        self.handed_over = self.bytes.len() - left;
        (left > 0).then_some(self)
    }
}

/// Whether a connection will be read from, and what makes it so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ReadState {
    /// An event, or a deadline, will tell that there is something to read.
    Idle,
    /// It is on the ready list.
    Queued,
    /// Not until it has taken some of what it is owed, or its service lets it go on.
    Backlogged,
    /// Not before its rate allows more.
    RateLimited,
    /// Not until the room has caught up with the talk. It is on its service's list.
    Throttled,
}

/// A connection's phase; it only ever moves down this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Both sides may speak.
    Open,
    /// Sending what is owed, then our side ends.
    Flushing { until: Instant },
    /// Our side has ended; reading and forgetting what still comes, so that closing does not
    /// reset the peer while it reads. (nginx calls it lingering close.)
    Draining { until: Instant, left_bytes: usize },
    /// To be taken away at the end of the turn.
    Dead(Disconnect),
}

/// Why an open connection's deadline is where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// It tells its session something: that what it has sent is a message, or which protocol it
    /// speaks.
    Quiet,
    /// It never said anything.
    First,
    /// It sent nothing for longer than it may.
    Idle,
    /// It has not finished its handshake.
    Handshake,
}

impl<S> Connection<S> {
    /// Whether its rate allows nothing more now.
    pub(super) fn is_rate_limited(&self, now: Instant) -> bool {
        let limiter = self.rate_limit.as_deref();
        limiter.is_some_and(|limiter| limiter.is_limited(now))
    }

    /// The server did not read from it until now: that was no silence of its own.
    pub(super) fn restart_silence(&mut self, now: Instant) {
        self.active_at = now;
        if let Some(limiter) = &mut self.rate_limit {
            limiter.restart_silence(now);
        }
    }

    /// One that has ended while its rate holds it back is not heard for ever.
    pub(super) fn start_linger_if_ended(&mut self, now: Instant) {
        let has_ended = self.peer_closed || self.write_error.is_some();
        if has_ended
            && self.read_state == ReadState::RateLimited
            && let Some(limiter) = &mut self.rate_limit
        {
            limiter.start_linger(now);
        }
    }

    /// Whether a short read need not be the last: no further event may come.
    pub(super) fn may_have_ended(&self) -> bool {
        let may_have_ended = self.peer_closed || self.had_urgent || self.write_error.is_some();
        may_have_ended || self.transport.may_have_more()
    }

    /// The limit on its silence that comes first, and when. It is asked when nothing was there to
    /// be read.
    pub(super) fn silence(&self, limits: &Limits) -> Option<(Instant, Silence)> {
        if self.eof {
            return None;
        }
        if self.transport.is_handshaking() {
            return Some((self.active_at + HANDSHAKE_TIMEOUT, Silence::Handshake));
        }
        let quiet = self.session.due(self.active_at);
        let limiter = self.rate_limit.as_deref();
        let first = limiter.and_then(|limiter| limiter.first_message_due(limits));
        let idle = limits.idle_timeout.map(|timeout| self.active_at + timeout);
        let limits = [
            (quiet, Silence::Quiet),
            (first, Silence::First),
            (idle, Silence::Idle),
        ];
        let set = limits.into_iter().filter_map(|(at, why)| Some((at?, why)));
        set.min_by_key(|(at, _)| *at)
    }

    /// When it has to be looked at if nothing happens before.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        match (self.phase, self.read_state) {
            (Phase::Open, ReadState::Idle) => self.silence(limits).map(|(at, _)| at),
            (Phase::Open, ReadState::RateLimited) => {
                let limiter = self.rate_limit.as_deref()?;
                let at = [limiter.limited_until(), limiter.linger_until()];
                at.into_iter().flatten().min()
            }
            // No limit runs while the server itself does not read.
            (Phase::Open, _) | (Phase::Draining { .. }, ReadState::Queued) => None,
            (Phase::Flushing { until } | Phase::Draining { until, .. }, _) => Some(until),
            (Phase::Dead(_), _) => None,
        }
    }
}
