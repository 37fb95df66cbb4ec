//! An echo that will not hear everybody out at once: it holds a client now and then, and lets all
//! of them on a moment later; and it takes a moment to let one go that has ended.

use std::time::{Duration, Instant};

use crate::outbound::{ClientId, Fanout};
use crate::service::Service;
use crate::wire::{Framing, Message};

const MOMENT: Duration = Duration::from_millis(5);

#[derive(Default)]
pub(super) struct HoldingEcho {
    messages: u32,
    held: Vec<ClientId>,
    ended: Vec<ClientId>,
    until: Option<Instant>,
}

impl Service for HoldingEcho {
    fn framing(&self) -> Framing {
        Framing::Chunk
    }

    fn on_message(
        &mut self,
        now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Fanout,
    ) {
        if let Message::Whole(bytes) = message {
            out.send(client, bytes).expect("it was not clogged");
        }
        self.messages += 1;
        if self.messages.is_multiple_of(3) {
            out.pause_reading(client);
            self.held.push(client);
            self.until.get_or_insert(now + MOMENT);
        }
    }

    fn on_end(&mut self, now: Instant, client: ClientId, _out: &mut Fanout) {
        self.ended.push(client);
        self.until.get_or_insert(now + MOMENT);
    }

    fn deadline(&self) -> Option<Instant> {
        self.until
    }

    fn on_deadline(&mut self, _now: Instant, out: &mut Fanout) {
        self.until = None;
        for client in self.held.drain(..) {
            out.resume_reading(client);
        }
        for client in self.ended.drain(..) {
            out.close_after_flush(client);
        }
    }
}
