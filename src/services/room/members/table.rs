//! The members by their clients' places: this server's own, and those of other nodes, who have no
//! client here. Their ids have the highest bit of the key set, which no client's has.

use super::Member;
use crate::outbound::ClientId;

const OF_ANOTHER_NODE: u32 = 1 << 31;

/// Whether an id is that of a member of another node: nothing that it is sent goes anywhere.
pub(in super::super) fn is_of_another_node(client: ClientId) -> bool {
    index_of(client) & OF_ANOTHER_NODE != 0
}

/// The key of a client's id.
pub(super) fn index_of(client: ClientId) -> u32 {
    u32::try_from(client.index()).unwrap_or(u32::MAX)
}

#[derive(Debug, Default)]
pub(super) struct Table {
    own: Vec<Option<Member>>,
    others: Vec<Option<Member>>,
    /// Places among `others` that are free.
    free: Vec<u32>,
    /// Of the last member of another node.
    generation: u32,
}

impl Table {
    pub(super) fn get(&self, index: u32) -> Option<&Member> {
        let member = match index & OF_ANOTHER_NODE {
            0 => self.own.get(index as usize),
            _ => self.others.get((index & !OF_ANOTHER_NODE) as usize),
        };
        member?.as_ref()
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Member> {
        self.place(index)?.as_mut()
    }

    fn place(&mut self, index: u32) -> Option<&mut Option<Member>> {
        match index & OF_ANOTHER_NODE {
            0 => self.own.get_mut(index as usize),
            _ => self.others.get_mut((index & !OF_ANOTHER_NODE) as usize),
        }
    }

    pub(super) fn put(&mut self, index: u32, member: Member) {
        let (table, at) = match index & OF_ANOTHER_NODE {
            0 => (&mut self.own, index as usize),
            _ => (&mut self.others, (index & !OF_ANOTHER_NODE) as usize),
        };
        if at >= table.len() {
            table.resize_with(at + 1, || None);
        }
        table[at] = Some(member);
    }

    pub(super) fn take(&mut self, client: ClientId) -> Option<Member> {
        let index = index_of(client);
        let place = self.place(index)?;
        let member = place.take_if(|member| member.generation == client.generation())?;
        if index & OF_ANOTHER_NODE != 0 {
            self.free.push(index & !OF_ANOTHER_NODE);
        }
        Some(member)
    }

    /// An id for a member of another node, that nobody has had.
    pub(super) fn new_id(&mut self) -> ClientId {
        self.generation = self.generation.wrapping_add(1).max(1);
        let next = u32::try_from(self.others.len()).unwrap_or(u32::MAX >> 1);
        let place = self.free.pop().unwrap_or(next);
        ClientId::new((place | OF_ANOTHER_NODE) as usize, self.generation)
    }

    pub(super) fn generation(&self) -> u32 {
        self.generation
    }

    /// All have been put in their places: goes on where another table was, whose last id had that
    /// generation.
    pub(super) fn go_on(&mut self, generation: u32) {
        self.generation = generation;
        let places = (0..).zip(&self.others);
        let free = places.filter(|(_, place)| place.is_none());
        self.free = free.map(|(at, _)| at).collect();
    }
}
