//! The console's clients, and the messages of theirs that wait for an answer. Knows no lines.

use std::collections::VecDeque;

use crate::addr::Peer;
use crate::outbound::ClientId;

#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: ClientId,
    /// What the operator calls it: the first is 1, none is used again.
    pub(super) number: u64,
    pub(super) peer: Peer,
    /// Whether its last message ended with a newline; so will what it is sent.
    pub(super) ends_lines: bool,
    /// Whether it has ended its side.
    pub(super) has_ended: bool,
    /// Its messages that have no answer yet.
    pub(super) unanswered: usize,
}

/// The clients, by [`ClientId::index`].
#[derive(Debug, Default)]
pub(super) struct Clients {
    by_index: Vec<Option<Client>>,
    last_number: u64,
}

impl Clients {
    pub(super) fn add(&mut self, id: ClientId, peer: &Peer) {
        if id.index() >= self.by_index.len() {
            self.by_index.resize_with(id.index() + 1, || None);
        }
        self.last_number += 1;
        self.by_index[id.index()] = Some(Client {
            id,
            number: self.last_number,
            peer: *peer,
            ends_lines: false,
            has_ended: false,
            unanswered: 0,
        });
    }

    pub(super) fn remove(&mut self, id: ClientId) -> Option<Client> {
        let place = self.by_index.get_mut(id.index())?;
        place.take_if(|client| client.id == id)
    }

    pub(super) fn get(&self, id: ClientId) -> Option<&Client> {
        let client = self.by_index.get(id.index())?.as_ref()?;
        (client.id == id).then_some(client)
    }

    pub(super) fn get_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        let client = self.by_index.get_mut(id.index())?.as_mut()?;
        (client.id == id).then_some(client)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Client> {
        self.by_index.iter().flatten()
    }
}

/// A client for each message that has no answer yet, the oldest first. Messages of a client that
/// is gone are passed over when their turn comes, and removed when they may be half of it.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queue: VecDeque<ClientId>,
    /// At this length the gone are removed.
    purge_at: usize,
}

/// Below this length, in messages, removing the gone early saves too little.
const LEAST_PURGED: usize = 1024;

impl Waiting {
    pub(super) fn push(&mut self, client: ClientId, clients: &Clients) {
        if self.queue.len() >= self.purge_at {
            self.queue.retain(|client| clients.get(*client).is_some());
            self.purge_at = LEAST_PURGED.max(2 * self.queue.len());
        }
        self.queue.push_back(client);
    }

    /// The client that has waited longest.
    pub(super) fn next<'a>(&mut self, clients: &'a Clients) -> Option<&'a Client> {
        loop {
            match clients.get(*self.queue.front()?) {
                Some(client) => return Some(client),
                None => drop(self.queue.pop_front()),
            }
        }
    }

    /// Takes its oldest message out.
    pub(super) fn pop(&mut self, clients: &Clients) -> Option<ClientId> {
        self.next(clients)?;
        self.queue.pop_front()
    }
}
