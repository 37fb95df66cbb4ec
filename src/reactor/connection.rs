//! One client's connection: its stream, its place in decoding, its phase of life.
//! What it is owed stands in its service's fanout.

use std::time::{Duration, Instant};

use crate::addr::Peer;
use crate::outbound::ClientId;
use crate::service::Disconnect;
use crate::wire::Decoder;

use super::Limits;
use super::rate_limit::RateLimiter;

/// A client that has ended while its rate held it back is heard out for so long.
const LEAVING_PATIENCE: Duration = Duration::from_secs(30);

/// A client that is to be closed may take this long over what it is owed, without taking any of
/// it, before it is given up.
pub(super) const FLUSH_PATIENCE: Duration = Duration::from_secs(30);

/// After our side has ended, a client may go on sending for this long and this much.
pub(super) const DRAIN_PATIENCE: Duration = Duration::from_secs(5);
pub(super) const DRAIN_BYTES: usize = 64 << 20;

/// At the server's end it is closed when it has sent nothing for so long. Bytes that are still on
/// their way to a closed socket would reset it, and what it is owed would be lost with it.
pub(super) const END_QUIET: Duration = Duration::from_millis(200);

/// A client's connection. In this order in memory: a round through thousands of members touches
/// the first half of each, and finds it in no cache.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Connection<S> {
    pub(super) stream: S,
    pub(super) client: ClientId,
    /// Index of its service.
    pub(super) station: u32,
    /// It is not read from until it has taken some of what it is owed, its rate allows more, or its
    /// service lets it go on.
    pub(super) paused: bool,
    /// It is on the ready list, or held back from it.
    pub(super) in_ready: bool,
    /// What events have said once and for all: the peer has closed, has sent something out of band,
    /// or is gone.
    pub(super) peer_closed: bool,
    pub(super) had_urgent: bool,
    pub(super) broken: bool,
    /// Its end of stream has been read.
    pub(super) eof: bool,
    pub(super) phase: Phase,
    /// When it last sent something, or took something that it had been slow to take.
    pub(super) active_at: Instant,
    /// The entry in the deadlines that counts; others are old.
    pub(super) armed: Option<Instant>,
    /// How often it speaks, where that is limited.
    pub(super) rate_limit: Option<Box<RateLimiter>>,
    /// OperatorInput read but not yet handed over, since it had said enough for the time being; and it was
    /// not read on since.
    pub(super) unread: Option<Unread>,
    pub(super) decoder: Decoder,
    pub(super) peer: Peer,
}

/// What has been read from a client and not been handed over.
#[derive(Debug)]
pub(super) struct Unread {
    bytes: Box<[u8]>,
    /// So many of them have been.
    handed_over: usize,
}

impl Unread {
    pub(super) fn new(bytes: &[u8]) -> Self {
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

/// A connection's phase; it only ever moves down this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Both sides may speak.
    Open,
    /// Writing failed; what the peer had sent before is still read.
    Mute(std::io::ErrorKind),
    /// Sending what is owed, then our side ends.
    Flushing { until: Instant },
    /// Our side has ended; reading and forgetting what still comes, so that closing does not
    /// reset the peer while it reads.
    Draining { until: Instant, left_bytes: usize },
    /// To be taken away at the end of the turn.
    Dead(Disconnect),
}

impl<S> Connection<S> {
    /// Whether it has sent nothing for longer than it may.
    pub(super) fn is_idle(&self, limits: &Limits, now: Instant) -> bool {
        let timeout = limits.idle_timeout;
        timeout.is_some_and(|timeout| self.active_at + timeout <= now)
    }

    /// Reads nothing more for the time being.
    pub(super) fn pause(&mut self, now: Instant) {
        self.paused = true;
        self.note_leaving(now);
    }

    /// One that has ended while its rate holds it back is not heard out for ever.
    pub(super) fn note_leaving(&mut self, now: Instant) {
        let is_leaving = self.peer_closed || matches!(self.phase, Phase::Mute(_));
        if is_leaving
            && self.is_rationed(now)
            && let Some(rate_limit) = &mut self.rate_limit
        {
            rate_limit.hear_out_until(now + LEAVING_PATIENCE);
        }
    }

    /// Whether its rate allows nothing more now.
    pub(super) fn is_rationed(&self, now: Instant) -> bool {
        self.rate_limit
            .as_deref()
            .is_some_and(|rate_limit| rate_limit.holds(now))
    }

    /// What it may have said was not looked at: that is no silence of its own.
    pub(super) fn is_kept_waiting(&mut self, now: Instant) {
        self.active_at = now;
        if let Some(rate_limit) = &mut self.rate_limit {
            rate_limit.put_off(now);
        }
    }

    /// Whether a short read need not be the last: no further event may come.
    pub(super) fn may_have_ended(&self) -> bool {
        self.peer_closed || self.had_urgent || matches!(self.phase, Phase::Mute(_))
    }

    /// Whether what a raw client has sent counts as a message.
    pub(super) fn is_quiet(&self, now: Instant) -> bool {
        self.quiet_at().is_some_and(|at| at <= now)
    }

    /// When what a raw client has sent will count as a message, if it sends nothing more. Not while
    /// there is more to be handed over, or it is not to be heard.
    fn quiet_at(&self) -> Option<Instant> {
        let is_heard_out = self.unread.is_none() && !self.paused;
        let after = self.decoder.flush_after().filter(|_| is_heard_out);
        after.map(|after| self.active_at + after)
    }

    /// When something must be done if nothing happens before.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        match self.phase {
            // What it says waits for us, and then it is looked at.
            Phase::Open | Phase::Mute(_) if self.in_ready => None,
            Phase::Open | Phase::Mute(_) => {
                let idle = limits.idle_timeout.map(|timeout| self.active_at + timeout);
                let rate_limit = self
                    .rate_limit
                    .as_ref()
                    .and_then(|rate_limit| rate_limit.deadline(limits));
                [idle, self.quiet_at(), rate_limit]
                    .into_iter()
                    .flatten()
                    .min()
            }
            Phase::Flushing { until } | Phase::Draining { until, .. } => Some(until),
            Phase::Dead(_) => None,
        }
    }
}
