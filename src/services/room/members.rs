//! Who is in the room, under which nick. Knows no messages.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::nick::{self, NickError};
use crate::outbound::ClientId;

/// The members, by client and by nick. A nick is stored once, with its member, and what it is found
/// by is computed: among thousands of idle members it would be the largest thing that is kept of
/// them.
#[derive(Debug)]
pub(super) struct Members {
    /// By [`ClientId::index`].
    by_index: Vec<Option<Member>>,
    by_folded: Names,
    /// Only those whose look is not how they are folded.
    by_look: Names,
    /// How many guests there have been.
    guests: u64,
}

#[derive(Debug)]
struct Member {
    client: ClientId,
    nick: Box<str>,
}

/// Indices into `by_index`, to be found by a form of the nick. Keyed at random, so that nobody can
/// choose nicks that collide.
#[derive(Debug)]
struct Names {
    table: HashTable<u32>,
    keys: RandomState,
    form: fn(&str) -> Box<str>,
}

impl Names {
    fn new(form: fn(&str) -> Box<str>) -> Self {
        Self {
            table: HashTable::new(),
            keys: RandomState::new(),
            form,
        }
    }

    fn find(&self, form: &str, members: &[Option<Member>]) -> Option<u32> {
        let is_it = |index: &u32| self.form_of(*index, members).is_some_and(|it| *it == *form);
        self.table.find(self.keys.hash_one(form), is_it).copied()
    }

    /// Adds a nick that nobody has; its member is in place already.
    fn add(&mut self, form: &str, index: u32, members: &[Option<Member>]) {
        let (keys, form_of) = (&self.keys, self.form);
        let rehash = |index: &u32| {
            let nick = nick_of(*index, members).map(form_of);
            keys.hash_one(nick.as_deref().unwrap_or(""))
        };
        self.table.insert_unique(keys.hash_one(form), index, rehash);
    }

    fn remove(&mut self, form: &str, index: u32) {
        let hash = self.keys.hash_one(form);
        if let Ok(entry) = self.table.find_entry(hash, |other| *other == index) {
            entry.remove();
        }
    }

    fn form_of(&self, index: u32, members: &[Option<Member>]) -> Option<Box<str>> {
        nick_of(index, members).map(self.form)
    }
}

fn nick_of(index: u32, members: &[Option<Member>]) -> Option<&str> {
    let member = members.get(index as usize)?.as_ref()?;
    Some(&member.nick)
}

impl Members {
    pub(super) fn new() -> Self {
        Self {
            by_index: Vec::new(),
            by_folded: Names::new(nick::folded),
            by_look: Names::new(nick::look),
            guests: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_folded.table.len()
    }

    /// Takes a client in under the next guest's name that nobody has, and returns it.
    pub(super) fn add(&mut self, client: ClientId) -> Box<str> {
        let nick: Box<str> = loop {
            self.guests += 1;
            let name = format!("guest{}", self.guests).into_boxed_str();
            if self.holders(&name).next().is_none() {
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
        self.add_name(&nick, index_of(client));
        nick
    }

    /// Gives a member the nick that `name` spells; returns the old one and the new one.
    ///
    /// # Errors
    /// Why it cannot have it.
    pub(super) fn rename(
        &mut self,
        client: ClientId,
        name: &str,
    ) -> Result<(Box<str>, Box<str>), NickError> {
        let new = nick::parse(name)?;
        let index = index_of(client);
        let other = self.holders(&new).find(|holder| *holder != index);
        if let Some(other) = other {
            return Err(NickError::Taken {
                by: nick_of(other, &self.by_index).unwrap_or_default().into(),
                name: new.into(),
            });
        }
        match self.by_index.get_mut(client.index()) {
            Some(Some(member)) if member.client == client && member.nick != new => {
                let old = std::mem::replace(&mut member.nick, new.clone());
                self.remove_name(&old, index);
                self.add_name(&new, index);
                Ok((old, new))
            }
            _ => Err(NickError::Unchanged),
        }
    }

    /// Lets a member go; returns its nick, or `None` for a client that is no member.
    pub(super) fn remove(&mut self, client: ClientId) -> Option<Box<str>> {
        let place = self.by_index.get_mut(client.index())?;
        let member = place.take_if(|member| member.client == client)?;
        self.remove_name(&member.nick, index_of(client));
        Some(member.nick)
    }

    pub(super) fn nick(&self, client: ClientId) -> Option<&str> {
        let member = self.by_index.get(client.index())?.as_ref()?;
        (member.client == client).then_some(&*member.nick)
    }

    /// The member whose nick is one with `name`.
    pub(super) fn find(&self, name: &str) -> Option<ClientId> {
        if name.len() > nick::MAX_SPELLED_BYTES {
            return None;
        }
        let index = self.holders(name).next()?;
        let member = self.by_index.get(index as usize)?.as_ref()?;
        Some(member.client)
    }

    /// The nicks of at most `most` members, in the order of their clients' places. Not by a walk
    /// over the places: a crowd that has left leaves thousands of them empty.
    pub(super) fn nicks(&self, most: usize) -> Vec<&str> {
        let mut places: Vec<u32> = self.by_folded.table.iter().copied().take(most).collect();
        places.sort_unstable();
        let nick = |place: u32| nick_of(place, &self.by_index);
        places.into_iter().filter_map(nick).collect()
    }

    /// Whose nick is one with `name`: with some names two members, or one of them twice.
    fn holders(&self, name: &str) -> impl Iterator<Item = u32> {
        let forms = nick::forms(name).into_iter();
        let tables = [&self.by_folded, &self.by_look].into_iter();
        forms.flat_map(move |form| {
            let found = tables
                .clone()
                .map(move |names| names.find(&form, &self.by_index));
            found.flatten()
        })
    }

    fn add_name(&mut self, nick: &str, index: u32) {
        let [folded, look] = nick::forms(nick);
        self.by_folded.add(&folded, index, &self.by_index);
        if look != folded {
            self.by_look.add(&look, index, &self.by_index);
        }
    }

    fn remove_name(&mut self, nick: &str, index: u32) {
        let [folded, look] = nick::forms(nick);
        self.by_folded.remove(&folded, index);
        if look != folded {
            self.by_look.remove(&look, index);
        }
    }
}

/// An index came from a `u32` in the first place.
fn index_of(client: ClientId) -> u32 {
    u32::try_from(client.index()).unwrap_or(u32::MAX)
}
