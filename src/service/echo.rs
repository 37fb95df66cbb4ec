//! Echo: the same bytes back, every one, in order.

use std::time::Instant;

use super::Service;
use crate::outbound::{ClientId, Egress};
use crate::wire::{Framing, Message};

/// The echo service. It has no state: what is owed is all there is to know.
#[derive(Debug, Default)]
pub struct Echo;

impl Service for Echo {
    fn framing(&self) -> Framing {
        Framing::Chunk
    }

    fn on_message(
        &mut self,
        _now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Egress,
    ) {
        if let Message::Whole(bytes) = message {
            // A clogged client is not read from, so there is always room.
            let _ = out.send(client, bytes);
        }
    }
}
