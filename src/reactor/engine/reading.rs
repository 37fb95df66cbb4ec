//! Reading: from a readable connection to messages handed to its service.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::super::Limits;
use super::super::connection::{Connection, END_QUIET, Phase, Unread};
use super::super::net::Net;
use super::super::token::SourceToken;
use super::{Engine, Life, READ_BUDGET_BYTES, ServiceSlot, connection_in, would_block};
use crate::outbound::Fanout;
use crate::service::{Disconnect, Service};
use crate::wire::Decoded;

/// What one read takes at least, where clients may speak at a rate only.
const RATED_READ_BYTES: usize = 4096;

/// What a read has left to do.
enum After {
    /// Nothing until the next event.
    Drained,
    /// There may be more.
    More,
    /// The others have first to take some of what was said.
    Outrun,
    /// The client must take something first, or has said enough for now.
    Paused,
    /// The end of the stream.
    Eof,
    /// The connection is broken, or has sent more than it may while draining.
    Gone(Disconnect),
}

impl<N: Net> Engine<N> {
    /// Reads once from a connection and hands over what it said.
    pub(super) fn read(&mut self, token: SourceToken, now: Instant) {
        let limits = self.limits;
        if self.work_left == 0 {
            return self.make_ready(token);
        }
        let Some(connection) = connection_in(&mut self.sources, token) else {
            return;
        };
        let index = connection.station;
        let station = &mut self.stations[index as usize];
        let client = connection.client;
        self.work_left -= 1;
        let after = match connection.phase {
            Phase::Dead(_) => return,
            _ if connection.eof => return,
            Phase::Flushing { .. } => return,
            Phase::Open | Phase::Mute(_) if connection.paused => return,
            // The others have first to be offered what was said so far.
            Phase::Open | Phase::Mute(_) if station.fanout.is_congested() => After::More,
            Phase::Open | Phase::Mute(_) if station.fanout.is_outrun(now) => After::Outrun,
            Phase::Open | Phase::Mute(_) if connection.is_quiet(now) => {
                return self.read_quiet(token, now);
            }
            Phase::Open | Phase::Mute(_) => {
                let (scratch, work_left) = (&mut self.scratch, &mut self.work_left);
                let call = || hear(connection, station, scratch, &limits, work_left, now);
                catch_unwind(AssertUnwindSafe(call)).unwrap_or(After::Gone(Disconnect::Panicked))
            }
            Phase::Draining { .. } => drain(connection, &mut self.scratch),
        };
        // At the end of the server nobody is waited for who sends nothing.
        if let (After::Drained, Phase::Draining { until, .. }) = (&after, &mut connection.phase)
            && self.life != Life::Running
        {
            *until = now + END_QUIET;
        }
        match after {
            After::Drained => {}
            After::More => self.make_ready(token),
            After::Outrun => {
                connection.is_kept_waiting(now);
                if !std::mem::replace(&mut connection.in_ready, true) {
                    station.held_back.push(token);
                }
            }
            After::Paused => connection.pause(now),
            After::Eof => self.on_eof(token, now),
            After::Gone(why) => self.kill(token, why),
        }
        self.carry_out(index, now);
        self.answer(index, client, now);
        self.look_for_the_broken(token, now);
        self.arm(token);
    }

    /// The deadline of a connection may have come.
    pub(super) fn on_connection_deadline(&mut self, token: SourceToken, now: Instant) {
        let limits = self.limits;
        let is_ending = self.life != Life::Running;
        let Some(connection) = self.connection(token) else {
            return;
        };
        let has_come = connection.deadline(&limits).is_some_and(|at| at <= now);
        match connection.phase {
            _ if !has_come => {}
            Phase::Open | Phase::Mute(_) => self.on_silence(token, now),
            Phase::Draining { .. } if is_ending => {
                self.kill(token, Disconnect::Shutdown);
            }
            Phase::Flushing { .. } | Phase::Draining { .. } => {
                self.kill(token, Disconnect::Unfinished);
            }
            Phase::Dead(_) => {}
        }
        self.arm(token);
    }

    /// An open connection has said nothing for as long as one of its limits, or may speak again.
    fn on_silence(&mut self, token: SourceToken, now: Instant) {
        let limits = self.limits;
        let Some(connection) = self.connection(token) else {
            return;
        };
        let is_idle = connection.is_idle(&limits, now);
        let is_quiet = connection.is_quiet(now);
        if let Some(rate_limit) = &mut connection.rate_limit {
            if rate_limit.is_overdue(&limits, now) {
                return self.kill(token, Disconnect::Silent);
            }
            if rate_limit.is_to_leave(now) {
                return self.kill(token, Disconnect::Unfinished);
            }
            rate_limit.release(now);
        }
        if is_quiet {
            // Thousands may have fallen quiet at once: that is read like what comes from a socket.
            self.make_ready(token);
        } else if is_idle {
            return self.kill(token, Disconnect::Idle);
        }
        self.resume_if_room(token, now);
    }

    /// Hears what a raw client has sent before it fell quiet, and reads on in the next turn.
    fn read_quiet(&mut self, token: SourceToken, now: Instant) {
        let Some(connection) = self.connection(token) else {
            return;
        };
        let (client, index) = (connection.client, connection.station);
        // It was not idle while that waited for its turn.
        connection.active_at = now;
        self.hear_quiet(token, now);
        self.make_ready(token);
        self.answer(index, client, now);
        self.look_for_the_broken(token, now);
    }

    /// What a raw client has sent counts as a message now.
    fn hear_quiet(&mut self, token: SourceToken, now: Instant) {
        let max_message_bytes = self.limits.max_message_bytes;
        let rate = self.limits.message_rate;
        let Some(connection) = connection_in(&mut self.sources, token) else {
            return;
        };
        let index = connection.station;
        let station = &mut self.stations[index as usize];
        let client = connection.client;
        let mut heard = true;
        while let Some(message) = connection.decoder.flush_idle(max_message_bytes)
            && heard
        {
            let rate_limit = connection.rate_limit.as_mut();
            let said_enough = rate_limit.is_some_and(|rate_limit| rate_limit.note(rate, now));
            self.work_left = self.work_left.saturating_sub(1);
            let call = |service: &mut dyn Service, fanout: &mut Fanout| {
                service.on_message(now, client, message, fanout);
            };
            heard = station.guard(call).is_some();
            self.work_left = self.work_left.saturating_sub(station.fanout.take_work());
            connection.paused |= said_enough;
        }
        connection.note_leaving(now);
        if !heard {
            self.kill(token, Disconnect::Panicked);
        }
        self.carry_out(index, now);
    }

    /// A connection that has broken and is not read from would not be found gone.
    pub(super) fn look_for_the_broken(&mut self, token: SourceToken, now: Instant) {
        let Some(connection) = self.connection(token) else {
            return;
        };
        if !connection.broken || !(connection.paused || connection.eof) {
            return;
        }
        let why = io::ErrorKind::ConnectionReset;
        match connection.phase {
            Phase::Open if !connection.eof => self.go_mute(token, why, now),
            Phase::Mute(_) | Phase::Dead(_) => {}
            _ => self.kill(token, Disconnect::Broken(why)),
        }
    }

    /// Nothing can be sent to a client any more. What it had said before is still heard.
    pub(super) fn go_mute(&mut self, token: SourceToken, why: io::ErrorKind, now: Instant) {
        let Some(connection) = connection_in(&mut self.sources, token) else {
            return;
        };
        connection.phase = Phase::Mute(why);
        connection.note_leaving(now);
        let is_read_from = !connection.paused;
        let client = connection.client;
        let fanout = &mut self.stations[connection.station as usize].fanout;
        fanout.discard(client);
        if !fanout.has_room(client) {
            // Its service holds it, and nobody would let it go on.
            return self.kill(token, Disconnect::Broken(why));
        }
        match is_read_from {
            true => self.make_ready(token),
            false => self.resume_if_room(token, now),
        }
        self.arm(token);
    }

    /// Reads on from those who were held back, when somebody has taken something meanwhile, or
    /// nobody is waited for any longer.
    pub(super) fn let_go_on(&mut self, now: Instant) {
        let is_ending = self.life != Life::Running;
        for station in &mut self.stations {
            if station.may_go_on(now) || is_ending {
                self.ready.extend(station.held_back.drain(..));
            }
        }
    }

    fn on_eof(&mut self, token: SourceToken, now: Instant) {
        let Some(connection) = self.connection(token) else {
            return;
        };
        connection.eof = true;
        // It will say nothing more, so there is nothing to hold it to.
        connection.rate_limit = None;
        let (client, index, phase) = (connection.client, connection.station, connection.phase);
        match phase {
            Phase::Draining { .. } => self.kill(token, Disconnect::Eof),
            Phase::Mute(kind) => {
                self.hear_quiet(token, now);
                self.kill(token, Disconnect::Broken(kind));
            }
            Phase::Open => {
                self.hear_quiet(token, now);
                // What it said last may have been the end of it.
                let phase = self.connection(token).map(|connection| connection.phase);
                let station = &mut self.stations[index as usize];
                if phase == Some(Phase::Open) && !station.fanout.is_closing(client) {
                    let ended =
                        station.guard(|service, fanout| service.on_end(now, client, fanout));
                    if ended.is_none() {
                        self.kill(token, Disconnect::Panicked);
                    }
                }
            }
            Phase::Flushing { .. } | Phase::Dead(_) => {}
        }
    }

    /// Reads on from a connection that was paused, once it has room.
    pub(super) fn resume_if_room(&mut self, token: SourceToken, now: Instant) {
        let Some(connection) = self.connection(token) else {
            return;
        };
        let (client, station) = (connection.client, connection.station);
        if connection.is_rationed(now) {
            return;
        }
        if connection.paused && self.stations[station as usize].fanout.has_room(client) {
            if let Some(connection) = self.connection(token) {
                connection.paused = false;
            }
            self.make_ready(token);
        }
    }
}

/// Reads once, or takes up what was left from before, and hands over message by message.
fn hear<S: Read>(
    connection: &mut Connection<S>,
    station: &mut ServiceSlot,
    scratch: &mut [u8],
    limits: &Limits,
    work_left: &mut u32,
    now: Instant,
) -> After {
    if let Some(unread) = connection.unread.take() {
        // It was not idle: what it had said waited for us.
        connection.active_at = now;
        let mut input = unread.rest();
        let after = hand_over(connection, station, &mut input, limits, work_left, now);
        let left = input.len();
        connection.unread = unread.with_left(left);
        return match after {
            // The stream was not looked at, so nobody knows whether it is drained.
            After::Drained => After::More,
            after => after,
        };
    }
    let most = most_at_once(limits);
    match connection.stream.read(&mut scratch[..most]) {
        Ok(0) => After::Eof,
        Ok(count) => {
            connection.active_at = now;
            let drained = count < most && !connection.may_have_ended();
            let mut input = &scratch[..count];
            connection.decoder.on_read(input);
            let after = hand_over(connection, station, &mut input, limits, work_left, now);
            if !input.is_empty() {
                connection.unread = Some(Unread::new(input));
            }
            match after {
                After::Drained if !drained => After::More,
                after => after,
            }
        }
        Err(error) => after_error(connection, &error),
    }
}

/// What one read takes. Where clients are let speak at a rate, what is read waits here, and may
/// as well wait in the kernel.
fn most_at_once(limits: &Limits) -> usize {
    match limits.message_rate {
        Some(_) => limits
            .max_message_bytes
            .clamp(RATED_READ_BYTES, READ_BUDGET_BYTES),
        None => READ_BUDGET_BYTES,
    }
}

/// Hands over the messages of `input` until the client is closed or clogged by one of them, or
/// it is the others' turn; what is left of `input` waits for the next time.
fn hand_over<S>(
    connection: &mut Connection<S>,
    station: &mut ServiceSlot,
    input: &mut &[u8],
    limits: &Limits,
    work_left: &mut u32,
    now: Instant,
) -> After {
    let client = connection.client;
    let fanout = &mut station.fanout;
    let mut looked_at = fanout.log_end();
    // What others have caused is not this one's work.
    fanout.take_work();
    while let Some(decoded) = connection.decoder.next(input, limits.max_message_bytes) {
        let is_message = matches!(decoded, Decoded::Message(_));
        match decoded {
            Decoded::Message(message) => station.service.on_message(now, client, message, fanout),
            Decoded::Reply(reply) => drop(fanout.send(client, &reply)),
        }
        *work_left = work_left.saturating_sub(1 + fanout.take_work());
        if fanout.is_closing(client) {
            *input = &[];
            return After::Drained;
        }
        let rate_limit = connection.rate_limit.as_mut();
        let said_enough = is_message
            && rate_limit.is_some_and(|rate_limit| rate_limit.note(limits.message_rate, now));
        if said_enough || fanout.is_clogged(client) {
            return After::Paused;
        }
        // One read of short lines can be more than a small log, and everybody would have lagged.
        if *work_left == 0 || fanout.has_become_congested(&mut looked_at) {
            return After::More;
        }
    }
    After::Drained
}

/// Reads once and forgets it.
fn drain<S: Read>(connection: &mut Connection<S>, scratch: &mut [u8]) -> After {
    connection.unread = None;
    match connection.stream.read(scratch) {
        Ok(0) => After::Eof,
        Ok(count) => match &mut connection.phase {
            Phase::Draining { left_bytes, .. } if *left_bytes >= count => {
                *left_bytes -= count;
                After::More
            }
            _ => After::Gone(Disconnect::Unfinished),
        },
        Err(error) => after_error(connection, &error),
    }
}

fn after_error<S>(connection: &Connection<S>, error: &io::Error) -> After {
    match (error.kind(), connection.phase) {
        (io::ErrorKind::Interrupted, _) => After::More,
        (_, Phase::Mute(kind)) if would_block(error) => After::Gone(Disconnect::Broken(kind)),
        _ if would_block(error) => After::Drained,
        (kind, _) => After::Gone(Disconnect::Broken(kind)),
    }
}
