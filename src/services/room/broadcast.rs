//! Telling: an event becomes one message in each log that anybody reads, or goes to one client.

use std::ops::Range;

use super::{LOBBY_CHANNEL, Room};
use crate::outbound::{AudienceId, ClientId, Fanout, Offset, Published};
use crate::protocol::{self, Encoder, Encoding, Event};

/// Tells all but `skip`. Returns where that stands, or `None` when a log is too small for it, and
/// nobody is told.
pub(super) fn publish(
    skip: Option<ClientId>,
    event: &Event<'_>,
    encoder: &mut Encoder,
    out: &mut Fanout,
) -> Option<Published> {
    let has_log = Encoding::ALL.map(|encoding| out.has_log(AudienceId::FIRST, encoding.index()));
    encoder.encode(event, LOBBY_CHANNEL, has_log, |messages| {
        out.publish(AudienceId::FIRST, skip, messages)
    })
}

/// Tells those of one encoding.
pub(super) fn publish_in(
    encoding: Encoding,
    event: &Event<'_>,
    encoder: &mut Encoder,
    out: &mut Fanout,
) -> Option<Range<Offset>> {
    let wanted = Encoding::ALL.map(|other| other == encoding);
    let published = encoder.encode(event, LOBBY_CHANNEL, wanted, |messages| {
        out.publish(AudienceId::FIRST, None, messages)
    });
    published.map(|ranges| ranges[encoding.index()].clone())
}

impl Room {
    /// Tells one client something of its own asking, or on its coming.
    pub(super) fn tell(&self, to: ClientId, event: Event<'_>, out: &mut Fanout) {
        self.tell_all(to, [event], out);
    }

    /// The same, several things in one piece.
    pub(super) fn tell_all<'a>(
        &self,
        to: ClientId,
        events: impl IntoIterator<Item = Event<'a>>,
        out: &mut Fanout,
    ) {
        let Some(encoding) = self.encoding(to) else {
            return;
        };
        let name = self.name(to);
        let mut bytes = Vec::new();
        for event in events {
            protocol::encode(encoding, &event, name, &mut bytes);
        }
        out.answer(to, &bytes);
    }

    /// Tells all but one what has happened. That is shorter than any log.
    pub(super) fn announce(
        &mut self,
        except: Option<ClientId>,
        event: Event<'_>,
        out: &mut Fanout,
    ) {
        let _ = publish(except, &event, &mut self.encoder, out);
    }
}
