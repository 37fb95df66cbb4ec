//! Telling: an event becomes one message in each log that anybody reads, or goes to one client.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Room;
use super::channels::ChannelId;
use crate::outbound::{AudienceId, ClientId, Fanout, Offset, Published};
use crate::protocol::{self, Encoder, Encoding, Event};

/// All who are in one room.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Addressees {
    audience: AudienceId,
    /// As IRC calls it.
    channel: Box<str>,
}

impl Addressees {
    pub(super) fn new(audience: AudienceId, room: &str) -> Self {
        Self {
            audience,
            channel: format!("#{room}").into(),
        }
    }

    pub(super) fn audience(&self) -> AudienceId {
        self.audience
    }

    pub(super) fn channel(&self) -> &str {
        &self.channel
    }

    pub(super) fn room(&self) -> &str {
        &self.channel[1..]
    }
}

/// Tells all but those to `skip`. Returns where that stands, or `None` when a log is too small for
/// it, and nobody is told.
pub(super) fn publish(
    to: &Addressees,
    skip: impl IntoIterator<Item = ClientId>,
    event: &Event<'_>,
    encoder: &mut Encoder,
    out: &mut Fanout,
) -> Option<Published> {
    let has_log = Encoding::ALL.map(|encoding| out.has_log(to.audience, encoding.index()));
    encoder.encode(event, &to.channel, has_log, |messages| {
        out.publish(to.audience, skip, messages)
    })
}

/// Tells those of one encoding.
pub(super) fn publish_in(
    encoding: Encoding,
    to: &Addressees,
    event: &Event<'_>,
    encoder: &mut Encoder,
    out: &mut Fanout,
) -> Option<Range<Offset>> {
    let wanted = Encoding::ALL.map(|other| other == encoding);
    let published = encoder.encode(event, &to.channel, wanted, |messages| {
        out.publish(to.audience, None, messages)
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

    /// Tells all in a room but one what has happened. That is shorter than any log.
    pub(super) fn announce(
        &mut self,
        room: ChannelId,
        except: Option<ClientId>,
        event: Event<'_>,
        out: &mut Fanout,
    ) {
        let to = &self.channels[room].addressees;
        let _ = publish(to, except, &event, &mut self.encoder, out);
    }
}
