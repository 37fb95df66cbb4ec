//! Fanout: through which a service asks that things be sent, and the reactor learns to whom.
//! Owns the log and every outbox of one service. Knows no sockets; what a service asks of the
//! reactor itself is left as an action.

use std::collections::VecDeque;
use std::ops::Range;

use super::ClientId;
use super::backpressure::Backpressure;
use super::feeds::{FeedMessage, Feeds, Published};
use super::log::Offset;
use super::outbox::{Lagged, Outbox};
use super::pacing::Pace;
use super::schedule::Schedule;

mod driver;
#[cfg(test)]
mod tests;

/// The bounds on what is kept for clients.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Memory of the shared log, in bytes, its index included. A follower that falls off its tail
    /// has lagged.
    pub log_bytes: usize,
    /// Bytes that one client may be owed outside of the log; from there on nothing is added.
    pub max_pending_bytes: usize,
    /// From this many bytes on, owed outside of the log, a client is not read from until it has
    /// taken half of them.
    pub high_water_bytes: usize,
    /// Whether rounds of large busy rooms are spaced out.
    pub pace: Pace,
}

/// The client is already owed as much as it may be, and nothing was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxFull;

/// A client that is too far behind, as a sweep finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Laggard {
    pub(crate) id: ClientId,
    pub(crate) lagged: Lagged,
    /// Part of what it is owed next is gone. If not, it soon will be: time for a last word.
    pub(crate) is_torn: bool,
}

/// What a service asks of the reactor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send what is owed, end our side, let the client finish, close.
    CloseAfterFlush(ClientId),
    /// Read again from a client that the service had [paused](Fanout::pause_reading).
    ResumeReading(ClientId),
    /// End the server in good order.
    Stop,
}

/// All that a service's clients are owed.
#[derive(Debug)]
pub struct Fanout {
    feeds: Feeds,
    /// By [`ClientId::index`].
    clients: Vec<Option<Client>>,
    /// How many of them have an entry in the schedule's ring.
    in_ring: usize,
    schedule: Schedule,
    backpressure: Backpressure,
    /// Found by a sweep and not taken yet.
    laggards: Vec<Laggard>,
    actions: VecDeque<Action>,
    max_pending_bytes: usize,
    high_water_bytes: usize,
    /// What was asked for since that was last taken; a short message is one.
    work: u32,
}

/// This many bytes to one client are as much work as a message.
const BYTES_PER_WORK: usize = 256;

/// Fewer entries of followers that have gone are not worth looking for.
const FEW_ENTRIES: usize = 64;

/// In this order in memory: a round through thousands of members touches the first half of each,
/// and finds it in no cache.
#[derive(Debug)]
#[repr(C)]
struct Client {
    generation: u32,
    /// It has an entry in the schedule's ring, and among the urgent ones.
    in_ring: bool,
    is_urgent: bool,
    /// Its socket is full.
    blocked: bool,
    /// The service does not want to hear it for the time being.
    reading_paused: bool,
    closing: bool,
    /// Whose log its outbox means.
    feed: u8,
    outbox: Outbox,
}

/// For services: asking.
impl Fanout {
    /// Owes `bytes` to one client, after all that it is owed so far. Nothing happens for a
    /// client that has gone.
    ///
    /// # Errors
    /// [`OutboxFull`] when the client is at its bound.
    pub fn send(&mut self, to: ClientId, bytes: &[u8]) -> Result<(), OutboxFull> {
        let Some(client) = lookup(&mut self.clients, to) else {
            return Ok(());
        };
        if client.outbox.held_bytes() >= self.max_pending_bytes {
            return Err(OutboxFull);
        }
        client.outbox.send(self.feeds.log(client.feed), bytes);
        let work = u32::try_from(bytes.len() / BYTES_PER_WORK).unwrap_or(u32::MAX);
        self.work = self.work.saturating_add(work).saturating_add(1);
        self.make_urgent(to);
        Ok(())
    }

    /// Tells all followers of the feeds that are given, but `skip`: mostly the one who said it.
    /// Returns where the message stands in each log, or `None` when it is larger than one of them,
    /// and nothing has changed.
    pub fn publish(
        &mut self,
        skip: Option<ClientId>,
        messages: &[FeedMessage<'_>],
    ) -> Option<Published> {
        let ranges = self.feeds.publish(messages)?;
        if let Some(client) = skip.and_then(|skip| lookup(&mut self.clients, skip)) {
            let own = &ranges[usize::from(client.feed)];
            if !own.is_empty() {
                client.outbox.skip(own);
            }
        }
        self.schedule.on_publish();
        self.work = self.work.saturating_add(1);
        Some(ranges)
    }

    /// From here on the client is owed all that is published in `feed`. If it is still owed
    /// something of another one, that is the one that it goes on to follow.
    pub fn follow(&mut self, id: ClientId, feed: usize) {
        if let Some(client) = lookup(&mut self.clients, id) {
            client.choose_feed(feed);
            self.feeds.use_feed(client.feed);
            client.outbox.follow(self.feeds.log(client.feed).end());
            self.enter_ring(id);
        }
    }

    /// What the client is owed now is still owed, what is published from here on is not.
    pub fn unfollow(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id) {
            client.outbox.unfollow(self.feeds.log(client.feed));
            self.make_urgent(id);
        }
    }

    /// Owes an older part of the log of `feed` to a client that does not follow, and is owed
    /// nothing of another one.
    pub fn replay(&mut self, to: ClientId, feed: usize, range: Range<Offset>) {
        if let Some(client) = lookup(&mut self.clients, to) {
            client.choose_feed(feed);
            if client.feed == feed_index(feed) {
                client.outbox.replay(self.feeds.log(client.feed), range);
                self.make_urgent(to);
            }
        }
    }

    /// Sends what the client is owed up to now, then ends.
    pub fn close_after_flush(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id) {
            client.closing = true;
            self.actions.push_back(Action::CloseAfterFlush(id));
        }
    }

    /// Reads nothing more from the client until [told so](Self::resume_reading).
    pub fn pause_reading(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id) {
            client.reading_paused = true;
        }
    }

    /// Reads again from a client that was paused.
    pub fn resume_reading(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id)
            && std::mem::take(&mut client.reading_paused)
        {
            self.actions.push_back(Action::ResumeReading(id));
        }
    }

    /// Ends the server in good order.
    pub fn stop(&mut self) {
        self.actions.push_back(Action::Stop);
    }

    /// Offset of the oldest byte of `feed` that can still be replayed.
    #[must_use]
    pub fn log_start(&self, feed: usize) -> Offset {
        self.feeds.log(feed_index(feed)).start()
    }

    /// Whether anything was published to `feed`, or anybody has followed it. One that nobody will
    /// ever read need not be told anything.
    #[must_use]
    pub fn has_log(&self, feed: usize) -> bool {
        self.feeds.is_in_use(feed)
    }
}

impl Fanout {
    /// What is kept for one client outside of the log.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn held_bytes(&self, id: ClientId) -> usize {
        self.get(id).map_or(0, |client| client.outbox.held_bytes())
    }

    fn get(&self, id: ClientId) -> Option<&Client> {
        let client = self.clients.get(id.index())?.as_ref()?;
        (client.generation == id.generation()).then_some(client)
    }

    fn make_urgent(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id)
            && !client.blocked
            && !std::mem::replace(&mut client.is_urgent, true)
        {
            self.schedule.add_urgent(id, self.feeds.published_bytes());
        }
    }

    fn enter_ring(&mut self, id: ClientId) {
        let Some(client) = lookup(&mut self.clients, id) else {
            return;
        };
        if std::mem::replace(&mut client.in_ring, true) {
            return;
        }
        self.in_ring += 1;
        self.schedule.join(id);
        // Clients that come and go while nobody speaks leave an entry each.
        if self.schedule.ring_len() > FEW_ENTRIES + 2 * self.in_ring {
            let clients = &self.clients;
            self.schedule.retain(|id| {
                let client = clients.get(id.index()).and_then(Option::as_ref);
                client.is_some_and(|client| client.generation == id.generation())
            });
        }
    }
}

impl Client {
    /// An outbox means one log only.
    fn choose_feed(&mut self, feed: usize) {
        if self.outbox.owed_from().is_none() {
            self.feed = feed_index(feed);
        }
    }
}

/// There are four.
fn feed_index(feed: usize) -> u8 {
    u8::try_from(feed).unwrap_or(u8::MAX)
}

fn lookup(clients: &mut [Option<Client>], id: ClientId) -> Option<&mut Client> {
    let client = clients.get_mut(id.index())?.as_mut()?;
    (client.generation == id.generation()).then_some(client)
}
