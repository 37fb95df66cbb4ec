//! Behind the scene: does with the fanout what the reactor's engine does, without a socket.
//! Knows no concrete service, and asserts nothing but what would be the reactor's own fault.

use std::time::Instant;

use super::{Actor, Scene};
use crate::outbound::{Flushed, Lagged, Request};
use crate::service::Disconnect;
use crate::wire::Decoded;

impl Scene {
    /// Turns of the loop until there is nothing left to do at this time.
    pub(super) fn settle(&mut self) {
        loop {
            self.carry_out();
            if let Some(at) = self.ready.pop_front() {
                self.read(at);
            } else if self.service.wants_input()
                && let Some(input) = self.typed.pop_front()
            {
                self.service.on_input(self.now, input, &mut self.out);
            } else if !(self.flush() || self.sweep() || self.bury()) {
                break;
            }
        }
    }

    fn read(&mut self, at: usize) {
        let actor = &mut self.actors[at];
        if actor.fate.is_some() || actor.paused || self.out.is_closing(actor.id) {
            return;
        }
        let sent = std::mem::take(&mut actor.unread);
        let mut input = &sent[..];
        if !sent.is_empty() {
            actor.spoke_at = self.now;
            actor.decoder.on_read(input);
        }
        while let Some(decoded) = actor.decoder.next(&mut input, self.max_message_bytes) {
            match decoded {
                Decoded::Message(message) => {
                    self.service
                        .on_message(self.now, actor.id, message, &mut self.out);
                }
                Decoded::Reply(reply) => drop(self.out.send(actor.id, &reply)),
            }
            if self.out.is_closing(actor.id) {
                return;
            }
            if self.out.is_clogged(actor.id) {
                actor.paused = true;
                actor.unread = input.to_vec();
                return;
            }
        }
        if actor.has_ended && !std::mem::replace(&mut actor.eof_was_read, true) {
            self.hear_quiet(at);
            let id = self.actors[at].id;
            if !self.out.is_closing(id) {
                self.service.on_end(self.now, id, &mut self.out);
            }
        }
    }

    fn hear_quiet(&mut self, at: usize) {
        let actor = &mut self.actors[at];
        while let Some(message) = actor.decoder.flush_idle(self.max_message_bytes) {
            self.service
                .on_message(self.now, actor.id, message, &mut self.out);
        }
    }

    pub(super) fn run_deadlines(&mut self) {
        for at in 0..self.actors.len() {
            if self.actors[at]
                .quiet_at()
                .is_some_and(|due| due <= self.now)
            {
                self.hear_quiet(at);
            }
        }
        if self.service.deadline().is_some_and(|due| due <= self.now) {
            self.service.on_deadline(self.now, &mut self.out);
        }
    }

    pub(super) fn next_deadline(&mut self) -> Option<Instant> {
        let quiet = self.actors.iter().filter_map(Actor::quiet_at).min();
        let others = [self.service.deadline(), self.out.round_due(self.now)];
        others.into_iter().flatten().chain(quiet).min()
    }

    fn flush(&mut self) -> bool {
        let next = self.out.next_queued();
        let Some(id) = next.or_else(|| self.out.next_in_round(self.now)) else {
            return false;
        };
        let at = self.out.handle(id).expect("only who is here is written to");
        let actor = &mut self.actors[at];
        if actor.fate.is_some() {
            return true;
        }
        match self.out.flush(id, &mut actor.socket) {
            Flushed::Clear if self.out.is_closing(id) => self.kill(at, Disconnect::Eof),
            Flushed::Clear | Flushed::Blocked { .. } => {}
            Flushed::Lagged(lagged) => self.drop_laggard(at, lagged),
            Flushed::Failed(error) => panic!("{error}"),
        }
        self.resume(at);
        true
    }

    fn sweep(&mut self) -> bool {
        let laggards = self.out.laggards();
        for (id, lagged) in &laggards {
            if let Some(at) = self.out.handle(*id) {
                self.drop_laggard(at, *lagged);
            }
        }
        !laggards.is_empty()
    }

    fn drop_laggard(&mut self, at: usize, Lagged { behind_bytes }: Lagged) {
        self.kill(at, Disconnect::Lagged { behind_bytes });
    }

    fn carry_out(&mut self) {
        while let Some(request) = self.out.next_request() {
            match request {
                Request::CloseAfterFlush(id) => self.out.unfollow(id),
                Request::CloseNow(id) => {
                    if let Some(at) = self.out.handle(id) {
                        self.kill(at, Disconnect::Closed);
                    }
                }
                Request::Release(id) => {
                    if let Some(at) = self.out.handle(id) {
                        self.resume(at);
                    }
                }
                Request::Stop => self.stopped = true,
            }
        }
    }

    fn resume(&mut self, at: usize) {
        let actor = &mut self.actors[at];
        if actor.paused && self.out.has_room(actor.id) {
            actor.paused = false;
            self.ready.push_back(at);
        }
    }

    pub(super) fn kill(&mut self, at: usize, why: Disconnect) {
        if self.actors[at].fate.is_none() {
            self.actors[at].fate = Some(why);
            self.dying.push_back(at);
        }
    }

    /// The service hears of who is gone when the turn is over.
    fn bury(&mut self) -> bool {
        let Some(at) = self.dying.pop_front() else {
            return false;
        };
        let actor = &self.actors[at];
        if let Some(why) = &actor.fate {
            self.service
                .on_close(self.now, actor.id, why, &mut self.out);
        }
        self.out.forget(actor.id);
        true
    }
}

impl Actor {
    fn quiet_at(&self) -> Option<Instant> {
        let after = self.decoder.flush_after();
        let after = after.filter(|_| self.fate.is_none());
        after.map(|after| self.spoke_at + after)
    }
}
