//! Fanout: through which a service asks that things be sent, and the reactor learns to whom.
//! Owns the log and every outbox of one service. Knows no sockets; what a service asks of the
//! reactor itself is left as a request.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::time::Instant;

use slab::Slab;

use super::log::{Offset, SharedLog};
use super::outbox::{Lagged, Outbox};
use super::rotation::{Pace, Rotation};

mod driver;
#[cfg(test)]
mod tests;

/// One client of one service. Never reused: who comes later in the same place has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId {
    index: u32,
    generation: u32,
}

impl ClientId {
    /// A small number that no other present client of this service has; for tables.
    #[must_use]
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// The bounds on what is kept for clients.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Memory of the shared log, in bytes.
    pub log_bytes: usize,
    /// What one client may be owed outside of the log, in bytes.
    pub max_pending_bytes: usize,
    /// A client that is owed so much there is not read from.
    pub high_water_bytes: usize,
    /// Whether large busy rooms are paced.
    pub pace: Pace,
}

/// The client is already owed as much as it may be, and nothing was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxFull;

/// What a service asks of the reactor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Send what is owed, end our side, let the client finish, close.
    CloseAfterFlush(ClientId),
    /// Close at once.
    CloseNow(ClientId),
    /// Read from a client again that was [held](Fanout::hold).
    Release(ClientId),
    /// End the server in good order.
    Stop,
}

/// How a flush went.
#[derive(Debug)]
pub enum Flushed {
    /// Nothing is owed any more.
    Clear,
    /// The socket took what it could; its next edge tells when it takes more.
    Blocked {
        /// Whether it took anything.
        progress: bool,
    },
    /// The client missed what the log has trimmed.
    Lagged(Lagged),
    /// The write failed, and so would every other.
    Failed(io::Error),
}

/// All that a service's clients are owed.
#[derive(Debug)]
pub struct Fanout {
    log: SharedLog,
    clients: Slab<Client>,
    /// Who is owed something that does not wait for the round.
    queue: VecDeque<ClientId>,
    rotation: Rotation,
    requests: VecDeque<Request>,
    max_pending_bytes: usize,
    high_water_bytes: usize,
    generation: u32,
    /// Log end when the queue was last empty: who waits in it has been offered all up to there.
    queue_seen: Offset,
    /// Log start at the last look for laggards.
    swept_start: Offset,
    /// What was asked for since that was last taken, for [`take_work`](Self::take_work).
    work: u32,
    /// A follower that was far behind has taken something, since that was last noted, and when.
    progress: bool,
    progress_at: Option<Instant>,
    /// Two followers who kept up when they were last looked for; or there were none, and nothing
    /// has changed that since.
    keepers: [u32; 2],
    no_two: bool,
    /// Since when there have been no two.
    outrun_since: Option<Instant>,
}

/// So many bytes to one client are as much work as a message.
const BYTES_PER_WORK: usize = 256;

/// In this order in memory: a round through thousands of members touches the first half of each,
/// and finds it in no cache.
#[derive(Debug)]
#[repr(C)]
struct Client {
    generation: u32,
    in_queue: bool,
    blocked: bool,
    held: bool,
    closing: bool,
    /// The reactor's name for the connection.
    handle: usize,
    outbox: Outbox,
}

/// A follower that is owed this much is due whatever the pace: what is merged by then is most of
/// what merging can save.
const MERGED_ENOUGH_BYTES: u64 = 4096;

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
        client.outbox.send(&self.log, bytes);
        let work = 1 + bytes.len() / BYTES_PER_WORK;
        self.work = self
            .work
            .saturating_add(u32::try_from(work).unwrap_or(u32::MAX));
        self.enqueue(to);
        Ok(())
    }

    /// Tells all followers, but the one who said it. Returns where the message stands in the
    /// log, or `None` when it is larger than the whole log.
    pub fn publish(&mut self, from: Option<ClientId>, parts: &[&[u8]]) -> Option<Range<Offset>> {
        let range = self.log.append(parts)?;
        if let Some(client) = from.and_then(|from| lookup(&mut self.clients, from)) {
            client.outbox.skip(&range);
        }
        self.rotation.news();
        self.work = self.work.saturating_add(1);
        Some(range)
    }

    /// From here on the client is owed all that is published.
    pub fn follow(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id) {
            client.outbox.follow(self.log.end());
            self.no_two = false;
            self.rotation.join(id.index);
        }
    }

    /// Owes an older part of the log to a client that does not follow yet.
    pub fn replay(&mut self, to: ClientId, range: Range<Offset>) {
        if let Some(client) = lookup(&mut self.clients, to) {
            client.outbox.replay(&self.log, range);
            self.enqueue(to);
        }
    }

    /// Sends what the client is owed up to now, then ends.
    pub fn close_after_flush(&mut self, id: ClientId) {
        self.mark_closing(id);
        self.requests.push_back(Request::CloseAfterFlush(id));
    }

    /// Closes at once, whatever is owed.
    pub fn close_now(&mut self, id: ClientId) {
        self.mark_closing(id);
        self.requests.push_back(Request::CloseNow(id));
    }

    /// Reads nothing more from the client until it is [released](Self::release).
    pub fn hold(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id) {
            client.held = true;
        }
    }

    /// Reads again from a client that was held.
    pub fn release(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id)
            && std::mem::take(&mut client.held)
        {
            self.requests.push_back(Request::Release(id));
        }
    }

    /// Ends the server in good order.
    pub fn stop(&mut self) {
        self.requests.push_back(Request::Stop);
    }

    /// Offset of the oldest byte that can still be replayed.
    #[must_use]
    pub fn log_start(&self) -> Offset {
        self.log.start()
    }
}

impl Fanout {
    /// What is kept for one client outside of the log.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn held_bytes(&self, id: ClientId) -> usize {
        let client = self.clients.get(id.index());
        client.map_or(0, |client| client.outbox.held_bytes())
    }

    fn mark_closing(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id) {
            client.closing = true;
        }
    }

    fn enqueue(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id)
            && !client.blocked
            && !std::mem::replace(&mut client.in_queue, true)
        {
            self.queue.push_back(id);
        }
    }
}

fn lookup(clients: &mut Slab<Client>, id: ClientId) -> Option<&mut Client> {
    let client = clients.get_mut(id.index())?;
    (client.generation == id.generation).then_some(client)
}
