//! What the engine counts: plain numbers, since there is one thread.

use serde::{Deserialize, Serialize};

use super::super::Token;
use super::super::net::Net;
use super::Engine;
use crate::protocol::Encoding;
use crate::service::Figures;

/// What has happened since the start.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Counts {
    /// Present clients.
    pub(super) clients: usize,
    /// Those that a service knows, by how they are told things.
    pub(super) by_encoding: [usize; Encoding::ALL.len()],
    pub(super) accepted: u64,
    /// Turned away: the server was full, too many were here from their address, or the poll had no
    /// room.
    pub(super) refused: u64,
    pub(super) lagged: u64,
    pub(super) panicked: u64,
    /// What clients have sent.
    pub(super) messages: u64,
    pub(super) received_bytes: u64,
}

impl<N: Net> Engine<N> {
    /// A service is about to hear of a client.
    pub(super) fn count_known(&mut self, token: Token, encoding: Encoding) {
        if let Some(connection) = self.connection(token) {
            connection.is_told_of = true;
            connection.encoding = encoding;
            self.counts.by_encoding[encoding.index()] += 1;
        }
    }

    /// A service is about to hear that a client is gone; returns whether it knows it.
    pub(super) fn count_unknown(&mut self, token: Token) -> bool {
        let Some(connection) = self.connection(token) else {
            return false;
        };
        let encoding = connection.encoding;
        let was_known = std::mem::take(&mut connection.is_told_of);
        self.counts.by_encoding[encoding.index()] -= usize::from(was_known);
        was_known
    }

    /// What was counted, but for [how far clients are behind](Self::lag_bytes) and the turns.
    pub(crate) fn figures(&self) -> Figures {
        let counts = &self.counts;
        let mut figures = Figures {
            clients: counts.clients,
            max_clients: self.limits.max_clients,
            clients_by_encoding: counts.by_encoding,
            accepted: counts.accepted,
            refused: counts.refused,
            lagged: counts.lagged,
            panicked: counts.panicked,
            messages: counts.messages,
            received_bytes: counts.received_bytes,
            ..Figures::default()
        };
        for slot in &self.services {
            let counts = slot.fanout.counts();
            figures.sent += counts.sent;
            figures.rounds += counts.rounds;
        }
        figures
    }

    /// How many bytes the client that is farthest behind is owed. Looks at every client.
    pub(crate) fn lag_bytes(&self) -> u64 {
        let services = self.services.iter();
        let lags = services.map(|slot| slot.fanout.lag_bytes());
        lags.max().unwrap_or(0)
    }
}
