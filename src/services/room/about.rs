//! What rooms there are, who is there, and what each is about.

use std::cmp::Reverse;

use super::channels::ChannelId;
use super::{Room, WHO_NAMES};
use crate::outbound::{ClientId, Fanout};
use crate::protocol::{Event, RoomEntry};

/// `/rooms` tells of at most this many rooms and counts the rest: an answer has a bound too.
const ROOMS_TOLD: usize = 100;

impl Room {
    /// Who is in the client's room.
    pub(super) fn tell_names(&self, client: ClientId, out: &mut Fanout) {
        let Some(room) = self.members.room(client) else {
            return;
        };
        let names = Event::Names {
            room: self.channels[room].name(),
            total: self.members.len(room),
            names: &self.members.nicks(room, WHO_NAMES),
        };
        self.tell(client, names, out);
    }

    /// The lobby, and the rooms in which the most are.
    pub(super) fn tell_rooms(&self, client: ClientId, out: &mut Fanout) {
        self.tell_some_rooms(client, |_| true, out);
    }

    /// Those whose names are as they should be.
    pub(super) fn tell_some_rooms(
        &self,
        client: ClientId,
        should_be: impl Fn(&str) -> bool,
        out: &mut Fanout,
    ) {
        let mut rooms: Vec<(bool, Reverse<usize>, &str, &str)> = (self.channels.iter())
            .filter(|(_, room)| should_be(room.name()))
            .map(|(id, room)| {
                let members = Reverse(self.members.len(id));
                (id != ChannelId::LOBBY, members, room.name(), room.topic())
            })
            .collect();
        rooms.sort_unstable();
        let first = rooms.iter().take(ROOMS_TOLD);
        let first: Vec<RoomEntry<'_>> = first
            .map(|(_, Reverse(members), name, topic)| RoomEntry {
                name,
                members: *members,
                topic,
            })
            .collect();
        let (total, rooms) = (rooms.len(), &*first);
        self.tell(client, Event::Rooms { total, rooms }, out);
    }

    /// What the client's room is about.
    pub(super) fn tell_topic(&self, client: ClientId, out: &mut Fanout) {
        if let Some(room) = self.members.room(client) {
            self.tell(client, self.topic_of(room), out);
        }
    }

    pub(super) fn topic_of(&self, room: ChannelId) -> Event<'_> {
        let channel = &self.channels[room];
        Event::Topic {
            room: channel.name(),
            by: None,
            text: channel.topic(),
        }
    }

    /// What a room is about, to who comes there, unless it is about nothing.
    pub(super) fn known_topic_of(&self, room: ChannelId) -> Option<Event<'_>> {
        let has_topic = !self.channels[room].topic().is_empty();
        has_topic.then(|| self.topic_of(room))
    }

    /// Gives the client's room another topic, sanitized, and tells all there.
    pub(super) fn set_topic(&mut self, client: ClientId, text: &str, out: &mut Fanout) {
        if self.topic_by_hub(client, text, out) {
            return;
        }
        if let Some(room) = self.members.room(client) {
            let name = self.name(client).to_owned();
            self.topic_is(room, &name, text, out);
        }
    }
}
