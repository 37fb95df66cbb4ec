//! Reply: the tutorial's first server. Hears one message, says thank you, hangs up.

use std::time::Instant;

use log::info;

use super::{Disconnect, Service};
use crate::addr::Peer;
use crate::outbound::{ClientId, Egress};
use crate::text;
use crate::wire::{Framing, Message};

/// The reply service.
#[derive(Debug)]
pub struct Reply {
    text: Vec<u8>,
    once: bool,
    /// With `once`: the client after which the server ends.
    first: Option<ClientId>,
}

impl Reply {
    /// Answers each client's first message with `text`; with `once`, ends the server when the
    /// first client has gone.
    #[must_use]
    pub fn new(text: impl Into<Vec<u8>>, once: bool) -> Self {
        Self {
            text: text.into(),
            once,
            first: None,
        }
    }
}

impl Service for Reply {
    fn framing(&self) -> Framing {
        Framing::Chunk
    }

    fn on_open(&mut self, _now: Instant, client: ClientId, _peer: &Peer, _out: &mut Egress) {
        self.first.get_or_insert(client);
    }

    fn on_message(
        &mut self,
        _now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Egress,
    ) {
        if let Message::Whole(bytes) = message {
            info!("recv {}", text::harmless(bytes));
            // It is owed nothing yet, so there is room.
            let _ = out.send(client, &self.text);
            out.close_after_flush(client);
        }
    }

    fn on_close(&mut self, _now: Instant, client: ClientId, _why: &Disconnect, out: &mut Egress) {
        if self.once && self.first == Some(client) {
            out.stop();
        }
    }
}
