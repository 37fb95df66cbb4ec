//! Which members are in which room.

use super::{Change, Members, index_of};
use crate::outbound::ClientId;
use crate::protocol::Encoding;
use crate::services::room::channels::ChannelId;

/// Those in one room: a list through the members themselves, so that nobody has to look for them
/// among all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occupants {
    first: u32,
    count: usize,
}

/// Where a list ends.
pub(super) const NOBODY: u32 = u32::MAX;

impl Occupants {
    const NONE: Self = Self {
        first: NOBODY,
        count: 0,
    };
}

impl Members {
    /// How many are in a room.
    pub(in super::super) fn len(&self, room: ChannelId) -> usize {
        self.occupants(room).count
    }

    /// Where it hears what all hear.
    pub(in super::super) fn room(&self, client: ClientId) -> Option<ChannelId> {
        self.get(client)?.room
    }

    /// A client that has a nick enters a room, and leaves the one that it is in.
    pub(in super::super) fn enter(
        &mut self,
        client: ClientId,
        encoding: Encoding,
        room: ChannelId,
    ) {
        self.exit(client);
        let (index, after) = (index_of(client), self.occupants(room).first);
        let Some(member) = self.get_mut(client) else {
            return;
        };
        member.encoding = encoding;
        member.room = Some(room);
        (member.before, member.after) = (NOBODY, after);
        if let Some(after) = self.at_mut(after) {
            after.before = index;
        }
        if room.index() >= self.rooms.len() {
            self.rooms.resize(room.index() + 1, Occupants::NONE);
        }
        let occupants = &mut self.rooms[room.index()];
        occupants.first = index;
        occupants.count += 1;
        self.note(client, Change::Moved);
    }

    /// It leaves its room, and keeps its nick. Returns which that was.
    pub(in super::super) fn exit(&mut self, client: ClientId) -> Option<ChannelId> {
        let member = self.get_mut(client)?;
        let room = member.room.take()?;
        let (before, after) = (member.before, member.after);
        if let Some(after) = self.at_mut(after) {
            after.before = before;
        }
        match self.at_mut(before) {
            Some(before) => before.after = after,
            None => self.rooms[room.index()].first = after,
        }
        self.rooms[room.index()].count -= 1;
        self.note(client, Change::Moved);
        Some(room)
    }

    /// At most `most` of those in a room, in the order of their clients' places. Not by a walk over
    /// the places: a crowd that has left leaves thousands of them empty.
    pub(in super::super) fn some(&self, room: ChannelId, most: usize) -> Vec<(ClientId, &str)> {
        let next = |index: &u32| self.at(*index).map(|member| member.after);
        let list = std::iter::successors(Some(self.occupants(room).first), next);
        self.in_order(list.take(most))
    }

    /// At most `most` of all, wherever they are.
    pub(in super::super) fn some_of_all(&self, most: usize) -> Vec<(ClientId, &str)> {
        self.in_order(self.by_folded.table.iter().copied().take(most))
    }

    /// At most `most` of those whose nicks are as they should be, wherever they are. `most_tried` are
    /// looked at.
    pub(in super::super) fn some_that(
        &self,
        most: usize,
        most_tried: usize,
        should_be: impl Fn(&str) -> bool,
    ) -> Vec<(ClientId, &str)> {
        let tried = self.by_folded.table.iter().copied().take(most_tried);
        let fits = |index: &u32| self.at(*index).is_some_and(|it| should_be(&it.nick));
        self.in_order(tried.filter(fits).take(most))
    }

    /// The nicks of [`some`](Self::some).
    pub(in super::super) fn nicks(&self, room: ChannelId, most: usize) -> Vec<&str> {
        let some = self.some(room, most).into_iter();
        some.map(|(_, nick)| nick).collect()
    }

    fn in_order(&self, indices: impl Iterator<Item = u32>) -> Vec<(ClientId, &str)> {
        let mut clients: Vec<ClientId> = indices.filter_map(|index| self.client(index)).collect();
        clients.sort_unstable();
        let with_nick = |client| Some((client, self.nick(client)?));
        clients.into_iter().filter_map(with_nick).collect()
    }

    fn occupants(&self, room: ChannelId) -> Occupants {
        let occupants = self.rooms.get(room.index());
        occupants.copied().unwrap_or(Occupants::NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOBBY: ChannelId = ChannelId::LOBBY;

    /// Whoever comes and goes, each is in the list of its own room and of no other.
    #[test]
    fn each_is_in_the_list_of_its_room() {
        let mut members = Members::new();
        let clients = [0, 1, 2, 3, 4].map(|key| ClientId::new(key, 1));
        for client in clients {
            members.add(client, Encoding::Lines, LOBBY, |_| true);
        }
        let rooms = [0, 1, 2].map(ChannelId::of_index);
        let mut state = 7_u64;
        for _ in 0..2000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let [client, room] = [state >> 33, state >> 40].map(|it| usize::try_from(it).unwrap());
            let client = clients[client % clients.len()];
            match room % 4 {
                3 => drop(members.exit(client)),
                room => members.enter(client, Encoding::Lines, rooms[room]),
            }
            for room in rooms {
                let is_there = |client: &&ClientId| members.room(**client) == Some(room);
                let expected: Vec<ClientId> = clients.iter().filter(is_there).copied().collect();
                let some = members.some(room, 9).into_iter();
                let listed: Vec<ClientId> = some.map(|(client, _)| client).collect();
                assert_eq!((&listed, members.len(room)), (&expected, expected.len()));
            }
        }
    }
}
