//! Who is in the room, under which nick. Knows no messages.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::nick::{self, NickError};
use crate::outbound::ClientId;

/// The members, by client and by nick. A nick is stored once, with its member: among thousands
/// of idle members it would be the largest thing that is kept of them.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// By [`ClientId::index`].
    by_index: Vec<Option<Member>>,
    by_name: Names,
    /// How many guests there have been.
    guests: u64,
}

#[derive(Debug)]
struct Member {
    client: ClientId,
    nick: Box<str>,
}

/// Indices into `by_index`, to be found by folded nick. Keyed at random, so that nobody can
/// choose nicks that collide.
#[derive(Debug, Default)]
struct Names {
    table: HashTable<u32>,
    keys: RandomState,
}

impl Names {
    fn find(&self, folded: &str, members: &[Option<Member>]) -> Option<u32> {
        let is_it = |index: &u32| folded_nick(members, *index).is_some_and(|nick| *nick == *folded);
        let hash = self.keys.hash_one(folded);
        self.table.find(hash, is_it).copied()
    }

    /// Adds a nick that nobody has; its member is in place already.
    fn add(&mut self, folded: &str, index: u32, members: &[Option<Member>]) {
        let keys = &self.keys;
        let rehash =
            |index: &u32| keys.hash_one(folded_nick(members, *index).as_deref().unwrap_or(""));
        self.table
            .insert_unique(keys.hash_one(folded), index, rehash);
    }

    fn remove(&mut self, folded: &str, index: u32) {
        let hash = self.keys.hash_one(folded);
        if let Ok(entry) = self.table.find_entry(hash, |other| *other == index) {
            entry.remove();
        }
    }
}

fn folded_nick(members: &[Option<Member>], index: u32) -> Option<Box<str>> {
    let member = members.get(index as usize)?.as_ref()?;
    Some(nick::fold(&member.nick))
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.by_name.table.len()
    }

    /// Takes a client in under the next guest's name that nobody has, and returns it.
    pub(super) fn add(&mut self, client: ClientId) -> Box<str> {
        let nick: Box<str> = loop {
            self.guests += 1;
            let name = format!("guest{}", self.guests).into_boxed_str();
            if self.by_name.find(&name, &self.by_index).is_none() {
                break name;
            }
        };
        let place = client.index();
        if place >= self.by_index.len() {
            self.by_index.resize_with(place + 1, || None);
        }
        self.by_index[place] = Some(Member {
            client,
            nick: nick.clone(),
        });
        self.by_name.add(&nick, index_of(client), &self.by_index);
        nick
    }

    /// Gives a member another nick and returns the old one.
    pub(super) fn rename(&mut self, client: ClientId, name: &str) -> Result<Box<str>, NickError> {
        nick::check(name)?;
        let folded = nick::fold(name);
        let holder = self.by_name.find(&folded, &self.by_index);
        if holder.is_some_and(|holder| holder != index_of(client)) {
            return Err(NickError::Taken(name.to_owned()));
        }
        match self.by_index.get_mut(client.index()) {
            Some(Some(member)) if member.client == client && *member.nick != *name => {
                let old = std::mem::replace(&mut member.nick, name.into());
                self.by_name.remove(&nick::fold(&old), index_of(client));
                self.by_name.add(&folded, index_of(client), &self.by_index);
                Ok(old)
            }
            _ => Err(NickError::Unchanged),
        }
    }

    /// Lets a member go; returns its nick, or `None` for who is no member.
    pub(super) fn remove(&mut self, client: ClientId) -> Option<Box<str>> {
        let place = self.by_index.get_mut(client.index())?;
        let member = place.take_if(|member| member.client == client)?;
        self.by_name
            .remove(&nick::fold(&member.nick), index_of(client));
        Some(member.nick)
    }

    pub(super) fn nick(&self, client: ClientId) -> Option<&str> {
        let member = self.by_index.get(client.index())?.as_ref()?;
        (member.client == client).then_some(&*member.nick)
    }

    pub(super) fn find(&self, name: &str) -> Option<ClientId> {
        let index = self.by_name.find(&nick::fold(name), &self.by_index)?;
        let member = self.by_index.get(index as usize)?.as_ref()?;
        Some(member.client)
    }

    /// At most so many, in the order of their clients' places. Not by a walk over the places: a
    /// crowd that has left leaves thousands of them empty.
    pub(super) fn nicks(&self, most: usize) -> Vec<&str> {
        let mut places: Vec<u32> = self.by_name.table.iter().copied().take(most).collect();
        places.sort_unstable();
        let members = places
            .into_iter()
            .filter_map(|place| self.by_index.get(place as usize)?.as_ref());
        members.map(|member| &*member.nick).collect()
    }
}

/// An index came from a `u32` in the first place.
fn index_of(client: ClientId) -> u32 {
    u32::try_from(client.index()).unwrap_or(u32::MAX)
}
