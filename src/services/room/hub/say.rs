//! What members of this node do, to be done on every node when it comes back.

use super::super::Room;
use super::super::broadcast::publish;
use super::super::channels::ChannelId;
use super::{Hub, Op};
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
        let Some(hub) = &mut self.hub else {
            return false;
        };
        let (Some(from), Some(room)) = (self.members.nick(client), self.members.room(client))
        else {
            return true;
        };
        let said = Op::Said {
            member: Hub::member(client),
            from: from.into(),
            room: self.channels[room].name().into(),
            kind,
            text: text.into(),
        };
        hub.submit_for(client, said, out);
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
        let from = self.name(client).into();
        let Some(hub) = &mut self.hub else { return };
        let mut others = hub.state.others.iter();
        let found = others.find(|(_, other)| **other == target);
        if let Some(((node, to), _)) = found.map(|(key, client)| (key.clone(), client)) {
            let told = Op::Told {
                member: Hub::member(client),
                from,
                node,
                to,
                kind,
                text: text.into(),
            };
            hub.submit_for(client, told, out);
        }
    }

    /// Has the room of a client be about something, on every node; `false`: there is no hub.
    pub(in super::super) fn topic_by_hub(
        &mut self,
        client: ClientId,
        text: &str,
        out: &mut Fanout,
    ) -> bool {
        let Some(hub) = &mut self.hub else {
            return false;
        };
        if let (Some(from), Some(room)) = (self.members.nick(client), self.members.room(client)) {
            let topic = Op::Topic {
                member: Hub::member(client),
                from: from.into(),
                room: self.channels[room].name().into(),
                text: text.into(),
            };
            hub.submit_for(client, topic, out);
        }
        true
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

impl Hub {
    /// Appends what a member of this node asks for. It is not read from while too much waits.
    pub(super) fn submit_for(&mut self, speaker: ClientId, op: Op, out: &mut Fanout) {
        self.submit(op);
        if self.is_full() && self.state.paused.insert(speaker) {
            out.pause_reading(speaker);
        }
    }
}
