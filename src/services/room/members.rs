//! Who has a nick, and who is in which room. Knows no messages.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::channels::ChannelId;
use super::nick::{self, NickError};
use crate::outbound::ClientId;
use crate::protocol::Encoding;

mod occupants;
mod others;
mod saved;
mod table;

use occupants::{NOBODY, Occupants};
pub(super) use saved::SavedMembers;
pub(super) use table::is_of_another_node;
use table::{Table, index_of};

/// The members, by client and by nick. A nick is stored once, with its member, and what it is found
/// by is computed: among thousands of idle members it would be the largest thing that is kept of
/// them.
#[derive(Debug)]
pub(super) struct Members {
    table: Table,
    by_folded: Names,
    /// Only those whose look is not how they are folded.
    by_look: Names,
    /// By [`ChannelId::index`].
    rooms: Vec<Occupants>,
    /// The number of the last guest, and how much more the next one has.
    guests: u64,
    guest_step: u64,
    /// What has changed of this server's own members, where anybody wants to know it.
    changes: Option<Vec<(ClientId, Change)>>,
}

/// Something has changed of a member of this server's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It has a nick for the first time.
    Came,
    /// It is in another room, or in none.
    Moved,
    Renamed,
    Left,
}

/// Small, for there may be a great many: the key of its client's id is its place.
#[derive(Debug)]
struct Member {
    generation: u32,
    /// Who stand before and after it in its room's list.
    before: u32,
    after: u32,
    /// Where it hears what all hear; else it has come by IRC, and is in no channel.
    room: Option<ChannelId>,
    encoding: Encoding,
    nick: Box<str>,
}

/// A member that has left.
#[derive(Debug)]
pub(super) struct Departed {
    pub(super) nick: Box<str>,
    /// Where it was.
    pub(super) room: Option<ChannelId>,
}

/// Indices into the table, to be found by a form of the nick. Keyed at random, so that nobody can
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

    fn find(&self, form: &str, members: &Table) -> Option<u32> {
        let is_it = |index: &u32| self.form_of(*index, members).is_some_and(|it| *it == *form);
        self.table.find(self.keys.hash_one(form), is_it).copied()
    }

    /// Adds a nick that nobody has; its member is in place already.
    fn add(&mut self, form: &str, index: u32, members: &Table) {
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

    fn form_of(&self, index: u32, members: &Table) -> Option<Box<str>> {
        nick_of(index, members).map(self.form)
    }
}

fn nick_of(index: u32, members: &Table) -> Option<&str> {
    members.get(index).map(|member| &*member.nick)
}

impl Members {
    pub(super) fn new() -> Self {
        Self {
            table: Table::default(),
            by_folded: Names::new(nick::folded),
            by_look: Names::new(nick::look),
            rooms: Vec::new(),
            guests: 0,
            guest_step: 1,
            changes: None,
        }
    }

    /// How many have a nick.
    pub(super) fn nicks_taken(&self) -> usize {
        self.by_folded.table.len()
    }

    /// Takes a client into a room under the next guest's name that nobody has and that may be had,
    /// and returns it.
    pub(super) fn add(
        &mut self,
        client: ClientId,
        encoding: Encoding,
        room: ChannelId,
        may_be: impl Fn(&str) -> bool,
    ) -> Box<str> {
        let nick = self.next_guest(may_be);
        self.insert(client, encoding, nick.clone());
        self.enter(client, encoding, room);
        nick
    }

    /// The next guest's name that nobody has and that may be had.
    pub(super) fn next_guest(&mut self, may_be: impl Fn(&str) -> bool) -> Box<str> {
        loop {
            self.guests += self.guest_step;
            let name = format!("guest{}", self.guests).into_boxed_str();
            if self.holders(&name).next().is_none() && may_be(&name) {
                return name;
            }
        }
    }

    /// Gives a client that is in no room yet the nick that `name` spells.
    ///
    /// # Errors
    /// Why it cannot have it.
    pub(super) fn claim(
        &mut self,
        client: ClientId,
        encoding: Encoding,
        name: &str,
    ) -> Result<Box<str>, NickError> {
        let nick = self.free_nick(name, None)?;
        self.insert(client, encoding, nick.clone());
        Ok(nick)
    }

    /// The nick that `name` spells, if nobody has it but, perhaps, the member of that index.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub(super) fn free_nick(&self, name: &str, own: Option<u32>) -> Result<Box<str>, NickError> {
        let nick = nick::parse(name);
        let spelled = match &nick {
            Ok(nick) => nick,
            // That it is taken is the better reason: a client of IRC then tries another name.
            Err(NickError::Letter(_)) => name,
            Err(_) => return nick,
        };
        let other = self.holders(spelled).find(|holder| Some(*holder) != own);
        let by = other.map(|other| nick_of(other, &self.table).unwrap_or_default().into());
        let name = spelled.to_owned();
        match by {
            None => nick,
            Some(by) => Err(NickError::Taken { name, by }),
        }
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
        let index = index_of(client);
        let new = self.free_nick(name, Some(index))?;
        match self.get_mut(client) {
            Some(member) if member.nick != new => {
                let old = std::mem::replace(&mut member.nick, new.clone());
                self.remove_name(&old, index);
                self.add_name(&new, index);
                self.note(client, Change::Renamed);
                Ok((old, new))
            }
            _ => Err(NickError::Unchanged),
        }
    }

    /// Lets a member go; `None` for a client that is none.
    pub(super) fn remove(&mut self, client: ClientId) -> Option<Departed> {
        let room = self.exit(client);
        let member = self.table.take(client)?;
        self.note(client, Change::Left);
        self.remove_name(&member.nick, index_of(client));
        Some(Departed {
            nick: member.nick,
            room,
        })
    }

    pub(super) fn nick(&self, client: ClientId) -> Option<&str> {
        self.get(client).map(|member| &*member.nick)
    }

    /// How it is told things; `None` for a client that has no nick.
    pub(super) fn encoding(&self, client: ClientId) -> Option<Encoding> {
        self.get(client).map(|member| member.encoding)
    }

    /// It is told things in another way from here on.
    pub(super) fn set_encoding(&mut self, client: ClientId, encoding: Encoding) {
        if let Some(member) = self.get_mut(client) {
            member.encoding = encoding;
        }
    }

    /// The member whose nick is one with `name`.
    pub(super) fn find(&self, name: &str) -> Option<ClientId> {
        if name.len() > nick::MAX_SPELLED_BYTES {
            return None;
        }
        self.holders(name)
            .next()
            .and_then(|index| self.client(index))
    }

    fn insert(&mut self, client: ClientId, encoding: Encoding, nick: Box<str>) {
        let [folded, look] = nick::forms(&nick);
        let member = Member {
            generation: client.generation(),
            before: NOBODY,
            after: NOBODY,
            room: None,
            encoding,
            nick,
        };
        self.table.put(index_of(client), member);
        self.add_forms(&folded, &look, index_of(client));
        self.note(client, Change::Came);
    }

    fn note(&mut self, client: ClientId, change: Change) {
        if let Some(changes) = &mut self.changes
            && !is_of_another_node(client)
        {
            changes.push((client, change));
        }
    }

    fn client(&self, index: u32) -> Option<ClientId> {
        let member = self.at(index)?;
        Some(ClientId::new(index as usize, member.generation))
    }

    fn at(&self, index: u32) -> Option<&Member> {
        self.table.get(index)
    }

    fn at_mut(&mut self, index: u32) -> Option<&mut Member> {
        self.table.get_mut(index)
    }

    fn get(&self, client: ClientId) -> Option<&Member> {
        let member = self.table.get(index_of(client))?;
        (member.generation == client.generation()).then_some(member)
    }

    fn get_mut(&mut self, client: ClientId) -> Option<&mut Member> {
        let member = self.table.get_mut(index_of(client))?;
        (member.generation == client.generation()).then_some(member)
    }

    /// Whose nick is one with `name`: with some names two members, or one of them twice.
    fn holders(&self, name: &str) -> impl Iterator<Item = u32> {
        let forms = nick::forms(name).into_iter();
        let tables = [&self.by_folded, &self.by_look].into_iter();
        forms.flat_map(move |form| {
            let found = tables
                .clone()
                .map(move |names| names.find(&form, &self.table));
            found.flatten()
        })
    }

    fn add_name(&mut self, nick: &str, index: u32) {
        let [folded, look] = nick::forms(nick);
        self.add_forms(&folded, &look, index);
    }

    /// Their member is in place already.
    fn add_forms(&mut self, folded: &str, look: &str, index: u32) {
        self.by_folded.add(folded, index, &self.table);
        if look != folded {
            self.by_look.add(look, index, &self.table);
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

#[cfg(test)]
mod tests {
    use super::*;

    const LOBBY: ChannelId = ChannelId::LOBBY;

    #[test]
    fn a_member_takes_little() {
        assert_eq!(size_of::<Option<Member>>(), 32);
    }

    #[test]
    fn who_has_a_nick_need_not_be_in_the_room() {
        let mut members = Members::new();
        let [ann, bob] = [1, 2].map(|key| ClientId::new(key, 7));
        members.add(ann, Encoding::Lines, LOBBY, |_| true);
        assert_eq!(
            members.claim(bob, Encoding::Irc, "bob").as_deref(),
            Ok("bob")
        );
        assert!(members.claim(ann, Encoding::Irc, "BOB").is_err());
        assert_eq!((members.len(LOBBY), members.nicks_taken()), (1, 2));
        assert_eq!(members.find("Bob"), Some(bob));
        assert_eq!(members.nicks(LOBBY, 9), ["guest1"]);
        for _ in 0..2 {
            members.enter(bob, Encoding::IrcTime, LOBBY);
            assert_eq!(members.len(LOBBY), 2);
        }
        assert_eq!(members.nicks(LOBBY, 9), ["guest1", "bob"]);
        assert_eq!(members.encoding(bob), Some(Encoding::IrcTime));
        for left in [Some(LOBBY), None] {
            assert_eq!(members.exit(bob), left);
            assert_eq!(members.len(LOBBY), 1);
        }
        let later = ClientId::new(2, 8);
        assert!(members.remove(later).is_none() && members.nick(later).is_none());
        assert!(members.remove(bob).is_some_and(|bob| bob.room.is_none()));
        assert!(
            members
                .remove(ann)
                .is_some_and(|ann| ann.room == Some(LOBBY))
        );
        assert_eq!((members.len(LOBBY), members.nicks_taken()), (0, 0));
    }
}
