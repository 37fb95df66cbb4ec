//! Fanout: through which a service asks that things be sent, and the reactor learns to whom.
//! Owns the audiences and every outbox of one service. Knows no sockets; what a service asks of the
//! reactor itself is left as an action.

use std::collections::VecDeque;
use std::ops::Range;

use slab::Slab;

use super::ClientId;
use super::audience::{Audience, AudienceId};
use super::feeds::{FeedMessage, Published};
use super::limits::Limits;
use super::log::{Offset, SharedLog};
use super::outbox::Outbox;

mod counts;
mod driver;
mod laggards;
mod logs;
mod moving;
mod saved;
#[cfg(test)]
mod tests;

pub(crate) use saved::SavedFanout;

/// The client is already owed as much as it may be, and nothing was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxFull;

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
    /// By [`ClientId::index`].
    clients: Vec<Option<Client>>,
    /// By [`AudienceId`]; the first is always there.
    audiences: Slab<Audience>,
    /// Those with urgent clients, those with followers that may be due, and those in which laggards
    /// are to be looked for.
    urgent: VecDeque<AudienceId>,
    due: VecDeque<AudienceId>,
    to_sweep: Vec<AudienceId>,
    /// How many clients are urgent, or were when they became so.
    urgent_clients: usize,
    /// Found by a sweep and not taken yet.
    laggards: Vec<laggards::Laggard>,
    actions: VecDeque<Action>,
    limits: Limits,
    counts: counts::Counts,
    /// What was asked for since that was last taken; a short message is one.
    work: u32,
}

/// This many bytes to one client are as much work as a message.
const BYTES_PER_WORK: usize = 256;

/// A client that is owed what takes so much memory only to say what of the log is left out has
/// lagged; who does not hear itself is not read from long before.
const MAX_GAP_BYTES: usize = 1 << 20;

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
    /// What it is owed is in more pieces than there may be: it has lagged.
    is_full_of_gaps: bool,
    /// Which log of which audience its outbox means.
    feed: u8,
    audience: AudienceId,
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
        let held_bytes = self.get(to).map_or(0, |client| client.outbox.held_bytes());
        if held_bytes >= self.limits.max_pending_bytes {
            return Err(OutboxFull);
        }
        self.answer(to, bytes);
        Ok(())
    }

    /// Owes a client what it has asked for itself, whatever it is owed already: above the
    /// high-water mark it is not read from, and asks for nothing more.
    pub fn answer(&mut self, to: ClientId, bytes: &[u8]) {
        let Some(client) = lookup(&mut self.clients, to) else {
            return;
        };
        if bytes.is_empty() {
            return;
        }
        client.outbox.send(log_of(&self.audiences, client), bytes);
        self.counts.sent.messages += 1;
        let work = u32::try_from(bytes.len() / BYTES_PER_WORK).unwrap_or(u32::MAX);
        self.work = self.work.saturating_add(work).saturating_add(1);
        self.make_urgent(to);
    }

    /// Tells all followers of the feeds that are given, but those to `skip`: mostly the one who said
    /// it, and those who do not want to hear that one. Each of them costs a look-up, and a gap in
    /// what it is owed, unless it is owed nothing; with too many of them it has lagged. Returns
    /// where the message stands in each log, or `None` when it is larger than one of them, and
    /// nothing has changed.
    pub fn publish(
        &mut self,
        to: AudienceId,
        skip: impl IntoIterator<Item = ClientId>,
        messages: &[FeedMessage<'_>],
    ) -> Option<Published> {
        let audience = &mut self.audiences[to.key()];
        let ranges = audience.feeds.publish(messages)?;
        for id in skip {
            let Some(client) = lookup(&mut self.clients, id).filter(|it| it.audience == to) else {
                continue;
            };
            let own = &ranges[usize::from(client.feed)];
            if own.is_empty() || client.is_full_of_gaps {
                continue;
            }
            client.outbox.skip(own);
            if client.outbox.gap_bytes() >= MAX_GAP_BYTES {
                client.is_full_of_gaps = true;
                let end = audience.feeds.log(client.feed).end();
                let owed_from = client.outbox.owed_from().unwrap_or(end);
                self.laggards.push(laggards::Laggard {
                    id,
                    audience: to,
                    behind_bytes: end - owed_from,
                    is_torn: true,
                });
            }
        }
        audience.schedule.on_publish();
        if !std::mem::replace(&mut audience.is_due, true) {
            self.due.push_back(to);
        }
        self.work = self.work.saturating_add(1);
        self.note_sweep(to);
        Some(ranges)
    }

    /// From here on the client is owed all that is published in `feed`.
    pub fn follow(&mut self, id: ClientId, to: AudienceId, feed: usize) {
        self.follow_from(id, to, feed, Offset::MAX);
    }

    /// The same from an earlier place on; what of it is [not worth replaying](Self::replay_start) is
    /// passed over.
    pub fn follow_from(&mut self, id: ClientId, to: AudienceId, feed: usize, from: Offset) {
        self.choose_log(id, to, feed);
        if let Some(client) = lookup(&mut self.clients, id) {
            let feeds = &mut self.audiences[to.key()].feeds;
            feeds.use_feed(client.feed);
            let log = feeds.log(client.feed);
            client
                .outbox
                .follow(from.clamp(log.replay_start(), log.end()));
            let is_clear = client.outbox.is_clear(log);
            self.enter_ring(id);
            if !is_clear {
                self.make_urgent(id);
            }
        }
    }

    /// What the client is owed now is still owed, what is published from here on is not.
    pub fn unfollow(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id) {
            client.outbox.unfollow(log_of(&self.audiences, client));
            self.make_urgent(id);
        }
    }

    /// Owes an older part of the log of `feed` to a client that does not follow.
    pub fn replay(&mut self, to: ClientId, of: AudienceId, feed: usize, range: Range<Offset>) {
        self.choose_log(to, of, feed);
        if let Some(client) = lookup(&mut self.clients, to) {
            client.outbox.replay(log_of(&self.audiences, client), range);
            self.make_urgent(to);
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

    /// The service has done as much as for so many short messages, and asked for nothing.
    pub fn add_work(&mut self, messages: usize) {
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        self.work = self.work.saturating_add(messages);
    }

    /// Ends the server in good order.
    pub fn stop(&mut self) {
        self.actions.push_back(Action::Stop);
    }
}

impl Fanout {
    /// What is kept for one client outside of the log.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn held_bytes(&self, id: ClientId) -> usize {
        self.get(id).map_or(0, |client| client.outbox.held_bytes())
    }

    #[cfg(test)]
    pub(crate) fn audiences(&self) -> usize {
        self.audiences.len()
    }

    fn get(&self, id: ClientId) -> Option<&Client> {
        let client = self.clients.get(id.index())?.as_ref()?;
        (client.generation == id.generation()).then_some(client)
    }

    /// Gives a client its place in the table, and in its audience.
    fn place(&mut self, id: ClientId, audience: AudienceId, feed: u8, outbox: Outbox) {
        if id.index() >= self.clients.len() {
            self.clients.resize_with(id.index() + 1, || None);
        }
        self.clients[id.index()] = Some(Client {
            generation: id.generation(),
            in_ring: false,
            is_urgent: false,
            blocked: false,
            reading_paused: false,
            closing: false,
            is_full_of_gaps: false,
            feed,
            audience,
            outbox,
        });
        self.audiences[audience.key()].clients += 1;
    }

    fn make_urgent(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id)
            && !client.blocked
            && !std::mem::replace(&mut client.is_urgent, true)
        {
            let audience = &mut self.audiences[client.audience.key()];
            let published = audience.feeds.published_bytes();
            audience.schedule.add_urgent(id, published);
            self.urgent_clients += 1;
            if !std::mem::replace(&mut audience.is_urgent, true) {
                self.urgent.push_back(client.audience);
            }
        }
    }

    fn enter_ring(&mut self, id: ClientId) {
        let Some(client) = lookup(&mut self.clients, id) else {
            return;
        };
        if std::mem::replace(&mut client.in_ring, true) {
            return;
        }
        let audience = &mut self.audiences[client.audience.key()];
        audience.in_ring += 1;
        audience.schedule.join(id);
        // Clients that come and go while nobody speaks leave an entry each.
        if audience.schedule.ring_len() > FEW_ENTRIES + 2 * audience.in_ring {
            let clients = &self.clients;
            audience.schedule.retain(|id| {
                let client = clients.get(id.index()).and_then(Option::as_ref);
                client.is_some_and(|client| client.generation == id.generation())
            });
        }
    }

    fn note_sweep(&mut self, id: AudienceId) {
        if self.wants_sweep(id) && !self.to_sweep.contains(&id) {
            self.to_sweep.push(id);
        }
    }

    fn wants_sweep(&self, id: AudienceId) -> bool {
        let audience = &self.audiences[id.key()];
        let published_bytes = audience.feeds.published_bytes();
        let step_bytes = audience.feeds.sweep_bytes();
        audience
            .backpressure
            .wants_sweep(published_bytes, step_bytes)
    }
}

/// There are four.
fn feed_index(feed: usize) -> u8 {
    u8::try_from(feed).unwrap_or(u8::MAX)
}

/// The log that a client's outbox means.
fn log_of<'a>(audiences: &'a Slab<Audience>, client: &Client) -> &'a SharedLog {
    audiences[client.audience.key()].feeds.log(client.feed)
}

/// How much has been published since what a client is owed next.
fn gap(client: &Client, audiences: &Slab<Audience>) -> Option<u64> {
    let end = log_of(audiences, client).end();
    client.outbox.owed_from().map(|from| end - from)
}

fn lookup(clients: &mut [Option<Client>], id: ClientId) -> Option<&mut Client> {
    let client = clients.get_mut(id.index())?.as_mut()?;
    (client.generation == id.generation()).then_some(client)
}
