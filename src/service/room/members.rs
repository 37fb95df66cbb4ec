//! Who is in the room, under which nick. Knows no messages.

use std::collections::HashMap;

use super::nick::{self, Refused};
use crate::outbound::ClientId;

/// The members, by client and by nick.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// By [`ClientId::index`].
    by_index: Vec<Option<Member>>,
    by_name: HashMap<Box<str>, ClientId>,
    /// How many guests there have been.
    guests: u64,
}

#[derive(Debug)]
struct Member {
    client: ClientId,
    nick: Box<str>,
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Takes a client in under the next guest's name that nobody has, and returns it.
    pub(super) fn add(&mut self, client: ClientId) -> Box<str> {
        let nick: Box<str> = loop {
            self.guests += 1;
            let name = format!("guest{}", self.guests).into_boxed_str();
            if !self.by_name.contains_key(&name) {
                break name;
            }
        };
        self.by_name.insert(nick.clone(), client);
        if client.index() >= self.by_index.len() {
            self.by_index.resize_with(client.index() + 1, || None);
        }
        self.by_index[client.index()] = Some(Member {
            client,
            nick: nick.clone(),
        });
        nick
    }

    /// Gives a member another nick and returns the old one.
    pub(super) fn rename(&mut self, client: ClientId, name: &str) -> Result<Box<str>, Refused> {
        nick::check(name)?;
        let folded = nick::fold(name);
        if self
            .by_name
            .get(&folded)
            .is_some_and(|holder| *holder != client)
        {
            return Err(Refused::Taken(name.to_owned()));
        }
        match self.by_index.get_mut(client.index()) {
            Some(Some(member)) if member.client == client => {
                if *member.nick == *name {
                    return Err(Refused::Unchanged);
                }
                let old = std::mem::replace(&mut member.nick, name.into());
                self.by_name.remove(&nick::fold(&old));
                self.by_name.insert(folded, client);
                Ok(old)
            }
            _ => Err(Refused::Unchanged),
        }
    }

    /// Lets a member go; returns its nick, or `None` for who is no member.
    pub(super) fn remove(&mut self, client: ClientId) -> Option<Box<str>> {
        let place = self.by_index.get_mut(client.index())?;
        let member = place.take_if(|member| member.client == client)?;
        self.by_name.remove(&nick::fold(&member.nick));
        Some(member.nick)
    }

    pub(super) fn nick(&self, client: ClientId) -> Option<&str> {
        let member = self.by_index.get(client.index())?.as_ref()?;
        (member.client == client).then_some(&*member.nick)
    }

    pub(super) fn find(&self, name: &str) -> Option<ClientId> {
        self.by_name.get(&nick::fold(name)).copied()
    }

    pub(super) fn nicks(&self) -> impl Iterator<Item = &str> {
        self.by_index.iter().flatten().map(|member| &*member.nick)
    }
}
