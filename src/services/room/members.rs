//! Who has a nick, and who is in which room. Knows no messages.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::channels::ChannelId;
use super::nick::{self, NickError};
use crate::outbound::ClientId;
use crate::protocol::Encoding;

mod occupants;
mod saved;

use occupants::{NOBODY, Occupants};
pub(super) use saved::SavedMembers;

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
    /// By [`ChannelId::index`].
    rooms: Vec<Occupants>,
    /// How many guests there have been.
    guests: u64,
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
            rooms: Vec::new(),
            guests: 0,
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
        let nick: Box<str> = loop {
            self.guests += 1;
            let name = format!("guest{}", self.guests).into_boxed_str();
            if self.holders(&name).next().is_none() && may_be(&name) {
                break name;
            }
        };
        self.insert(client, encoding, nick.clone());
        self.enter(client, encoding, room);
        nick
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
            Err(NickError::Characters) => name,
            Err(_) => return nick,
        };
        let other = self.holders(spelled).find(|holder| Some(*holder) != own);
        let by = other.map(|other| nick_of(other, &self.by_index).unwrap_or_default().into());
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
                Ok((old, new))
            }
            _ => Err(NickError::Unchanged),
        }
    }

    /// Lets a member go; `None` for a client that is none.
    pub(super) fn remove(&mut self, client: ClientId) -> Option<Departed> {
        let room = self.exit(client);
        let place = self.by_index.get_mut(client.index())?;
        let member = place.take_if(|member| member.generation == client.generation())?;
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
        let place = client.index();
        if place >= self.by_index.len() {
            self.by_index.resize_with(place + 1, || None);
        }
        let [folded, look] = nick::forms(&nick);
        self.by_index[place] = Some(Member {
            generation: client.generation(),
            before: NOBODY,
            after: NOBODY,
            room: None,
            encoding,
            nick,
        });
        self.add_forms(&folded, &look, index_of(client));
    }

    fn client(&self, index: u32) -> Option<ClientId> {
        let member = self.at(index)?;
        Some(ClientId::new(index as usize, member.generation))
    }

    fn at(&self, index: u32) -> Option<&Member> {
        self.by_index.get(index as usize)?.as_ref()
    }

    fn at_mut(&mut self, index: u32) -> Option<&mut Member> {
        self.by_index.get_mut(index as usize)?.as_mut()
    }

    fn get(&self, client: ClientId) -> Option<&Member> {
        let member = self.by_index.get(client.index())?.as_ref()?;
        (member.generation == client.generation()).then_some(member)
    }

    fn get_mut(&mut self, client: ClientId) -> Option<&mut Member> {
        let member = self.by_index.get_mut(client.index())?.as_mut()?;
        (member.generation == client.generation()).then_some(member)
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
        self.add_forms(&folded, &look, index);
    }

    /// Their member is in place already.
    fn add_forms(&mut self, folded: &str, look: &str, index: u32) {
        self.by_folded.add(folded, index, &self.by_index);
        if look != folded {
            self.by_look.add(look, index, &self.by_index);
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
