//! What members of this node do, to be done on every node when it comes back.

use super::super::Room;
use super::super::broadcast::publish;
use super::super::channels::ChannelId;
use super::super::remark::Remark;
use super::{Hub, MOST_PENDING_BYTES, Op};
use crate::outbound::{ClientId, Fanout};
use crate::protocol::{Event, Kind};

impl Room {
    /// Has something said on every node; `false`: there is no hub.
    pub(in super::super) fn say_by_hub(
        &mut self,
        client: ClientId,
        kind: Kind,
        text: &str,
        out: &mut Fanout,
    ) -> bool {
        if self.hub.is_none() {
            return false;
        }
        if let (Some(from), Some(room)) = (self.members.nick(client), self.members.room(client)) {
            let said = Op::Said {
                member: Hub::member(client),
                from: from.into(),
                room: self.channels[room].name().into(),
                kind,
                text: text.into(),
            };
            self.submit_of(client, said, out);
        }
        true
    }

    /// Has one member of another node told.
    pub(in super::super) fn tell_by_hub(
        &mut self,
        client: ClientId,
        target: ClientId,
        (kind, text): (Kind, &str),
        out: &mut Fanout,
    ) {
        let others = self.hub.iter().flat_map(|hub| &hub.state.others);
        let found = others
            .filter(|(_, other)| **other == target)
            .map(|(key, _)| key.clone())
            .next();
        if let Some((node, to)) = found {
            let told = Op::Told {
                member: Hub::member(client),
                from: self.name(client).into(),
                node,
                to,
                kind,
                text: text.into(),
            };
            self.submit_of(client, told, out);
        }
    }

    /// Has the room of a client be about something, on every node; `false`: there is no hub.
    pub(in super::super) fn topic_by_hub(
        &mut self,
        client: ClientId,
        text: &str,
        out: &mut Fanout,
    ) -> bool {
        if self.hub.is_none() {
            return false;
        }
        if let (Some(from), Some(room)) = (self.members.nick(client), self.members.room(client)) {
            let topic = Op::Topic {
                member: Hub::member(client),
                from: from.into(),
                room: self.channels[room].name().into(),
                text: text.into(),
            };
            self.submit_of(client, topic, out);
        }
        true
    }

    /// Appends what a member has done, who is not read from while too much waits.
    pub(super) fn submit_of(&mut self, client: ClientId, op: Op, out: &mut Fanout) {
        let Some(hub) = &mut self.hub else { return };
        let is_taken = hub.state.pending_bytes < MOST_PENDING_BYTES;
        if is_taken {
            hub.submit(op);
        }
        if hub.is_full() && hub.state.paused.insert(client) {
            out.pause_reading(client);
        }
        if !is_taken {
            self.remark(client, &Remark::TooMuchWaits, out);
        }
    }

    pub(in super::super) fn away_by_hub(&mut self, client: ClientId, why: &str) {
        if let Some(hub) = &mut self.hub {
            let member = Hub::member(client);
            let why = why.into();
            hub.submit(Op::Away { member, why });
        }
    }

    pub(in super::super) fn topic_is(
        &mut self,
        room: ChannelId,
        by: &str,
        text: &str,
        out: &mut Fanout,
    ) {
        let channel = &mut self.channels[room];
        channel.set_topic(text);
        let topic = Event::Topic {
            room: channel.name(),
            by: Some(by),
            text: channel.topic(),
        };
        let _ = publish(&channel.addressees, None, &topic, &mut self.encoder, out);
    }
}
