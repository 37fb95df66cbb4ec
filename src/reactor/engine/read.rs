//! Reading: whether a connection may be read from, and the one way from what is read to its
//! service.

use std::io::{self, Read as _};
use std::time::Instant;

use super::super::Token;
use super::super::connection::{Connection, END_QUIET, PendingInput, Phase, ReadState, Silence};
use super::super::net::Net;
use super::{Engine, READ_BUDGET_BYTES, RunState, connection_in, would_block};
use crate::protocol::Output;
use crate::service::Disconnect;

/// What one read takes at least, where clients may speak at a rate only.
const RATE_LIMITED_READ_BYTES: usize = 4096;

/// How often a connection whose time is over is read from once more, to find its end.
const LAST_READS: usize = 4;

/// Why a connection may not be read from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing that it says counts any more.
    Ended,
    /// It is the others' turn: the budget is used up, or they have first to be offered what was
    /// said so far.
    OthersTurn,
    /// It is owed the high-water mark, or its service has paused it.
    Backlog,
    /// Its rate allows no more for the time being.
    Rate,
    /// Talk outruns the room.
    Outrun,
}

/// What a read has left to do.
pub(super) enum Outcome {
    /// Nothing until the next event.
    Drained,
    /// There may be more.
    More,
    /// Nothing was there.
    Nothing,
    Refused(Refusal),
    /// The end of the stream.
    Eof,
    /// The connection is broken, or has sent more than it may while draining.
    Gone(Disconnect),
}

/// What completes the next message.
enum Input<'a, 'input> {
    /// More of the bytes of a read.
    Bytes(&'a mut &'input [u8]),
    /// Quiet, which completes what a raw client has sent.
    Quiet,
    /// The end of the stream.
    End,
}

impl<N: Net> Engine<N> {
    /// Whether an open connection may be read from, and its messages handed over. The one place
    /// that decides it: before each read and before each message.
    fn may_read(&mut self, token: Token, now: Instant) -> Result<(), Refusal> {
        let Some(connection) = connection_in(&mut self.sources, token) else {
            return Err(Refusal::Ended);
        };
        let slot = &mut self.services[connection.service.index()];
        // One that is turned away is owed nothing, and may still finish its handshake.
        let is_closing = slot.fanout.is_closing(token) && connection.rejected.is_none();
        if connection.phase != Phase::Open || connection.eof || is_closing {
            Err(Refusal::Ended)
        } else if connection.is_rate_limited(now) {
            Err(Refusal::Rate)
        } else if slot.fanout.above_high_water(token) {
            Err(Refusal::Backlog)
        } else if self.read_budget == 0 || slot.fanout.is_congested(token, now) {
            Err(Refusal::OthersTurn)
        } else if slot.fanout.is_outrun(token, now) {
            Err(Refusal::Outrun)
        } else if slot.fanout.has_laggards() {
            // What else is said in this turn could trim what they have got in part.
            Err(Refusal::OthersTurn)
        } else {
            Ok(())
        }
    }

    /// Reads once from a connection and hands over what it said, or leaves it in the state in which
    /// it will be read from again.
    pub(super) fn read(&mut self, token: Token, now: Instant) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let connection = self.connection(token);
        let state = connection.map(|c| (c.phase, c.transport.is_handshaking()));
        let outcome = match state {
            None | Some((Phase::Dead(_) | Phase::Flushing { .. }, _)) => Outcome::Drained,
            Some((Phase::Draining { .. }, _)) => self.drain(token, &mut scratch, now),
            Some((Phase::Open, is_handshaking)) => match self.may_read(token, now) {
                Ok(()) if is_handshaking => self.shake_hands(token, &mut scratch, now),
                Ok(()) => self.read_once(token, &mut scratch, now),
                Err(refusal) => Outcome::Refused(refusal),
            },
        };
        self.scratch = scratch;
        match outcome {
            Outcome::Drained => {}
            Outcome::More => self.queue(token),
            Outcome::Nothing => self.on_nothing(token, now),
            Outcome::Refused(refusal) => self.wait_for(token, refusal, now),
            Outcome::Eof => self.on_eof(token, now),
            Outcome::Gone(why) => self.kill(token, why),
        }
        self.flush_now(token, now);
    }

    /// Reads, or takes up what was left from before, and hands over message by message.
    fn read_once(&mut self, token: Token, scratch: &mut [u8], now: Instant) -> Outcome {
        let most_bytes = most_at_once(
            self.limits.message_rate.is_some(),
            self.limits.max_message_bytes,
        );
        let Some(connection) = self.connection(token) else {
            return Outcome::Drained;
        };
        if let Some(pending) = connection.pending.take() {
            let mut input = pending.rest();
            let refused = self.hand_over(token, &mut input, now).err();
            let left = input.len();
            if let Some(connection) = self.connection(token)
                && connection.pending.is_none()
            {
                connection.pending = pending.with_left(left);
            }
            // The stream was not looked at, so nobody knows whether it is drained.
            return refused.map_or(Outcome::More, Outcome::Refused);
        }
        let count = match connection.transport.read(&mut scratch[..most_bytes]) {
            Ok(0) => return Outcome::Eof,
            Ok(count) => count,
            Err(error) => return after_error(connection, &error),
        };
        let is_drained = count < most_bytes && !connection.may_have_ended();
        connection.active_at = now;
        connection.session.on_read(&scratch[..count], now);
        self.counts.received_bytes += count as u64;
        self.read_budget -= 1;
        let mut input = &scratch[..count];
        let refused = self.hand_over(token, &mut input, now).err();
        let mut has_pending = false;
        if let Some(connection) = self.connection(token) {
            if !input.is_empty() {
                connection.pending = Some(PendingInput::new(input));
            }
            has_pending = connection.pending.is_some();
        }
        match refused {
            Some(refusal) => Outcome::Refused(refusal),
            None if is_drained && !has_pending => Outcome::Drained,
            None => Outcome::More,
        }
    }

    /// Reads once and forgets it. When the time for that is over, the end of the stream may still
    /// lie behind some of it.
    fn drain(&mut self, token: Token, scratch: &mut [u8], now: Instant) -> Outcome {
        let Some(connection) = self.connection(token) else {
            return Outcome::Drained;
        };
        connection.pending = None;
        for _ in 0..LAST_READS {
            let count = match connection.transport.read_to_forget(scratch) {
                Ok(0) => return Outcome::Eof,
                Ok(count) => count,
                Err(error) => return after_error(connection, &error),
            };
            match &mut connection.phase {
                Phase::Draining { left_bytes, .. } if *left_bytes < count => break,
                Phase::Draining { until, left_bytes } => {
                    *left_bytes -= count;
                    if *until > now {
                        return Outcome::More;
                    }
                }
                _ => break,
            }
        }
        Outcome::Gone(Disconnect::Unfinished)
    }

    /// Hands over the messages of `input` while they may be heard; what is left of it waits.
    fn hand_over(&mut self, token: Token, input: &mut &[u8], now: Instant) -> Result<(), Refusal> {
        while self.deliver(token, Input::Bytes(&mut *input), now) {
            if let Err(refusal) = self.may_read(token, now) {
                if refusal == Refusal::Ended {
                    *input = &[];
                }
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// The one way from a message to its service: takes the next one, counts it, calls the service.
    /// Returns whether there was one.
    fn deliver(&mut self, token: Token, mut input: Input<'_, '_>, now: Instant) -> bool {
        let Some(connection) = connection_in(&mut self.sources, token) else {
            return false;
        };
        let (session, is_full) = (&mut connection.session, connection.rejected.is_some());
        let output = match &mut input {
            Input::Bytes(bytes) => session.next(bytes, &self.setup, is_full),
            Input::Quiet => session.on_quiet(&self.setup, now),
            Input::End => session.finish(&self.setup),
        };
        let slot = &mut self.services[connection.service.index()];
        let heard = match output {
            None => return false,
            // A client above the high-water mark is not read from, so there is room.
            Some(Output::Reply(bytes)) => slot.fanout.send(token, &bytes).ok(),
            Some(Output::Message(message)) => {
                self.counts.messages += 1;
                if let Some(limiter) = &mut connection.rate_limit {
                    limiter.consume(self.limits.message_rate, now);
                }
                slot.guard(|service, out| service.on_message(now, token, message, out))
            }
            Some(step) => {
                let Some(step) = step.into_step() else {
                    return true;
                };
                let rest = match input {
                    Input::Bytes(bytes) => bytes,
                    Input::Quiet | Input::End => &mut &[][..],
                };
                return self.take_step(token, step, rest, now);
            }
        };
        let work = slot.fanout.take_work().saturating_add(1);
        self.read_budget = self.read_budget.saturating_sub(work);
        let service = connection.service;
        if heard.is_none() {
            self.kill(token, Disconnect::Panicked);
        }
        self.carry_out(service, now);
        true
    }

    /// Leaves a connection in the state in which it will be read from again.
    fn wait_for(&mut self, token: Token, refusal: Refusal, now: Instant) {
        if refusal == Refusal::OthersTurn {
            return self.queue(token);
        }
        let Some(connection) = connection_in(&mut self.sources, token) else {
            return;
        };
        // It has ended and is to be drained, or cannot be written to: what it waits for is its turn.
        if connection.read_state == ReadState::Queued {
            return;
        }
        connection.read_state = match refusal {
            Refusal::Ended | Refusal::OthersTurn => ReadState::Idle,
            Refusal::Backlog => ReadState::Backlogged,
            Refusal::Rate => ReadState::RateLimited,
            Refusal::Outrun => {
                self.services[connection.service.index()]
                    .throttled
                    .push(token);
                ReadState::Throttled
            }
        };
        connection.start_linger_if_ended(now);
    }

    /// A connection that had to wait is read from in its turn.
    pub(super) fn resume(&mut self, token: Token, now: Instant) {
        if let Some(connection) = self.connection(token) {
            connection.restart_silence(now);
            self.queue(token);
        }
    }

    /// Resumes a connection that waited for that.
    pub(super) fn resume_if_below_low_water(&mut self, token: Token, now: Instant) {
        let Some(connection) = connection_in(&mut self.sources, token) else {
            return;
        };
        let fanout = &self.services[connection.service.index()].fanout;
        if connection.read_state == ReadState::Backlogged && fanout.below_low_water(token) {
            self.resume(token, now);
        }
    }

    /// Resumes connections whose talk outran their room, once it has caught up, or is waited for no
    /// longer.
    pub(super) fn resume_throttled(&mut self, now: Instant) {
        let is_ending = self.run_state != RunState::Running;
        for index in 0..self.services.len() {
            let slot = &mut self.services[index];
            let (kept, free): (Vec<_>, Vec<_>) = std::mem::take(&mut slot.throttled)
                .into_iter()
                .partition(|token| !is_ending && slot.fanout.is_outrun(*token, now));
            slot.throttled = kept;
            for token in free {
                if let Some(connection) = self.connection(token) {
                    connection.read_state = ReadState::Idle;
                    self.resume(token, now);
                }
            }
        }
    }

    /// A read has found nothing: what the client has sent so far was heard, and its silence is its
    /// own.
    fn on_nothing(&mut self, token: Token, now: Instant) {
        let limits = self.limits;
        let is_ending = self.run_state != RunState::Running;
        let Some(connection) = self.connection(token) else {
            return;
        };
        match &mut connection.phase {
            Phase::Draining { until, .. } if *until <= now => self.kill(
                token,
                match is_ending {
                    true => Disconnect::Shutdown,
                    false => Disconnect::Unfinished,
                },
            ),
            // At the end of the server a client that sends nothing is not waited for.
            Phase::Draining { until, .. } if is_ending => *until = now + END_QUIET,
            Phase::Open => {
                let due = connection.silence(&limits).filter(|(at, _)| *at <= now);
                match due.map(|(_, why)| why) {
                    None => {}
                    Some(Silence::First) => self.dismiss(token, Disconnect::Silent, now),
                    Some(Silence::Idle) => self.dismiss(token, Disconnect::Idle, now),
                    Some(Silence::Handshake) => self.kill(token, Disconnect::Unfinished),
                    Some(Silence::Quiet) => {
                        // The second call finds nothing, and frees what held the message.
                        while self.deliver(token, Input::Quiet, now) {}
                        // The next limit may be due as well.
                        self.queue(token);
                    }
                }
            }
            _ => {}
        }
    }

    fn on_eof(&mut self, token: Token, now: Instant) {
        let Some(connection) = self.connection(token) else {
            return;
        };
        if let Phase::Draining { .. } = connection.phase {
            connection.eof = true;
            return self.kill(token, Disconnect::Eof);
        }
        while self.deliver(token, Input::End, now) {}
        let Some(connection) = self.connection(token) else {
            return;
        };
        connection.eof = true;
        let service = connection.service;
        match (connection.phase, connection.write_error) {
            (Phase::Open, Some(kind)) => self.kill(token, Disconnect::Broken(kind)),
            (Phase::Open, None) if !connection.is_told_of => self.kill(token, Disconnect::Eof),
            // What it said last may have been the end of it.
            (Phase::Open, None) if !self.services[service.index()].fanout.is_closing(token) => {
                let end = |service: &mut dyn crate::service::Service, out: &mut _| {
                    service.on_end(now, token, out);
                };
                if self.call_service(service, now, end).is_none() {
                    self.kill(token, Disconnect::Panicked);
                }
            }
            _ => {}
        }
    }
}

/// What one read takes. Where clients may speak at a rate only, what is read waits here, and may
/// as well wait in the kernel.
fn most_at_once(is_rate_limited: bool, max_message_bytes: usize) -> usize {
    match is_rate_limited {
        true => max_message_bytes.clamp(RATE_LIMITED_READ_BYTES, READ_BUDGET_BYTES),
        false => READ_BUDGET_BYTES,
    }
}

pub(super) fn after_error<S>(connection: &Connection<S>, error: &io::Error) -> Outcome {
    match (error.kind(), connection.write_error) {
        (io::ErrorKind::Interrupted, _) => Outcome::More,
        (_, Some(kind)) if would_block(error) => Outcome::Gone(Disconnect::Broken(kind)),
        _ if would_block(error) => Outcome::Nothing,
        (kind, _) => Outcome::Gone(Disconnect::Broken(kind)),
    }
}
