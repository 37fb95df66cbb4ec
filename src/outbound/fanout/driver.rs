//! The reactor's side of the fanout: who comes and goes, whose turn it is to be written to, and
//! what services have asked for.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use slab::Slab;

use super::super::log::{Offset, SharedLog};
use super::super::outbox::{Lagged, Outbox, Wrote};
use super::super::rotation::Rotation;
use super::{Client, ClientId, Fanout, Flushed, Limits, MERGED_ENOUGH_BYTES, Request, lookup};

/// So long talk waits for a room of which all are behind.
pub(super) const OUTRUN_PATIENCE: Duration = Duration::from_secs(5);

/// So long after one of those has taken something: who takes nothing is not waited for.
const STONE_PATIENCE: Duration = Duration::from_secs(1);

/// For the reactor: driver out.
impl Fanout {
    /// Nobody there, nothing said. `epoch` is the first reading of the clock.
    #[must_use]
    pub fn new(limits: Limits, epoch: Instant) -> Self {
        Self {
            log: SharedLog::new(limits.log_bytes),
            clients: Slab::new(),
            queue: VecDeque::new(),
            rotation: Rotation::new(limits.pace, epoch),
            requests: VecDeque::new(),
            max_pending_bytes: limits.max_pending_bytes,
            high_water_bytes: limits.high_water_bytes.min(limits.max_pending_bytes),
            generation: 0,
            queue_seen: 0,
            swept_start: 0,
            work: 0,
            progress: false,
            progress_at: None,
            keepers: [0; 2],
            no_two: false,
            outrun_since: None,
        }
    }

    /// Takes a client in; `handle` is what [`handle`](Self::handle) will answer.
    pub fn open(&mut self, handle: usize) -> ClientId {
        self.generation = self.generation.wrapping_add(1);
        let index = self.clients.insert(Client {
            outbox: Outbox::default(),
            generation: self.generation,
            handle,
            in_queue: false,
            blocked: false,
            held: false,
            closing: false,
        });
        ClientId {
            // Descriptors are ints: there are never 2^32 of them.
            index: u32::try_from(index).unwrap_or(u32::MAX),
            generation: self.generation,
        }
    }

    /// Forgets a client whose connection is gone.
    pub fn forget(&mut self, id: ClientId) {
        if lookup(&mut self.clients, id).is_some() {
            self.rotation.leave(id.index);
            self.clients.remove(id.index());
        }
    }

    /// The reactor's own name for a client that is still here.
    #[must_use]
    pub fn handle(&self, id: ClientId) -> Option<usize> {
        let client = self.clients.get(id.index())?;
        (client.generation == id.generation).then_some(client.handle)
    }

    /// The oldest request not yet carried out.
    pub fn next_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// What is owed now is still owed, what is published from here on is not.
    pub fn unfollow(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id) {
            client.outbox.unfollow(&self.log);
            self.rotation.leave(id.index);
            self.enqueue(id);
        }
    }

    /// Forgets what a client is owed that cannot be told any more.
    pub fn discard(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id) {
            client.outbox.clear();
            client.blocked = false;
            self.rotation.leave(id.index);
        }
    }

    /// Whether the service has asked for this client to be closed.
    #[must_use]
    pub fn is_closing(&self, id: ClientId) -> bool {
        self.clients
            .get(id.index())
            .is_none_or(|client| client.closing)
    }

    /// Whether no more should be read from a client now: it is owed too much, or held.
    #[must_use]
    pub fn is_clogged(&self, id: ClientId) -> bool {
        self.clients.get(id.index()).is_some_and(|client| {
            client.held || client.outbox.held_bytes() >= self.high_water_bytes
        })
    }

    /// Whether a client that was clogged has room again. It is asked for half, so that reading
    /// goes on in good strides.
    #[must_use]
    pub fn has_room(&self, id: ClientId) -> bool {
        self.clients.get(id.index()).is_some_and(|client| {
            !client.held && client.outbox.held_bytes() <= self.high_water_bytes / 2
        })
    }

    /// Whether a client is owed nothing.
    #[must_use]
    pub fn is_clear(&self, id: ClientId) -> bool {
        self.clients
            .get(id.index())
            .is_none_or(|client| client.outbox.is_clear(&self.log))
    }

    /// The socket takes bytes again.
    pub fn unblock(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id)
            && std::mem::take(&mut client.blocked)
            && !client.outbox.is_clear(&self.log)
        {
            self.enqueue(id);
        }
    }

    /// How many clients wait for a flush outside of the round.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.queue.len()
    }

    /// Takes `id` out of the queue if it is the one that joined it last; returns whether it was.
    pub fn take_if_last(&mut self, id: ClientId) -> bool {
        if self.queue.back() != Some(&id) {
            return false;
        }
        self.queue.pop_back();
        match lookup(&mut self.clients, id) {
            Some(client) => {
                client.in_queue = false;
                !client.blocked
            }
            None => false,
        }
    }

    /// Next client that is owed something of its own, or whose socket takes bytes again.
    pub fn next_queued(&mut self) -> Option<ClientId> {
        while let Some(id) = self.queue.pop_front() {
            if let Some(client) = lookup(&mut self.clients, id) {
                client.in_queue = false;
                if !client.blocked {
                    return Some(id);
                }
            }
        }
        None
    }

    /// Next follower in the round that is owed something and is due.
    pub fn next_in_round(&mut self, now: Instant) -> Option<ClientId> {
        self.rotation.note_arrivals(now);
        let (index, owed_bytes) = self.head_of_round()?;
        let early = self.rotation.is_early(now);
        if early && owed_bytes < MERGED_ENOUGH_BYTES {
            return None;
        }
        self.rotation.visit(now);
        let generation = self.clients.get(index as usize)?.generation;
        Some(ClientId { index, generation })
    }

    /// When [`next_in_round`](Self::next_in_round) will have somebody again; `None`: when
    /// something has been said.
    pub fn round_due(&mut self, now: Instant) -> Option<Instant> {
        self.rotation.note_arrivals(now);
        self.head_of_round()?;
        Some(self.rotation.head_due().unwrap_or(now))
    }

    /// Notes what a number of flushes took together.
    pub fn note_cost(&mut self, elapsed: Duration, flushes: u32) {
        self.rotation.note_cost(elapsed, flushes);
    }

    /// From here on everybody is due at once.
    pub fn stop_pacing(&mut self) {
        self.rotation.stop_pacing();
    }

    /// The queue has been gone through, as far as it went.
    pub fn note_queue(&mut self) {
        if self.queue.is_empty() {
            self.queue_seen = self.log.end();
        }
    }

    /// Whether the log runs away from the round, or from the queue: reading on would trim what
    /// clients that keep up have not been offered yet.
    pub fn is_congested(&mut self) -> bool {
        let quarter = self.log.capacity_bytes() as u64 / 4;
        if !self.queue.is_empty() && self.log.end() - self.queue_seen > quarter {
            return true;
        }
        self.head_of_round().is_some_and(|(_, owed)| owed > quarter)
    }

    /// Offset after all that has been said.
    #[must_use]
    pub fn log_end(&self) -> Offset {
        self.log.end()
    }

    /// Whether it [is congested](Self::is_congested); looks only when a sixteenth of the log has
    /// been said since `looked_at`, which moves then.
    pub fn has_become_congested(&mut self, looked_at: &mut Offset) -> bool {
        let step = self.log.capacity_bytes() as u64 / 16;
        if self.log.end() - *looked_at < step.max(1) {
            return false;
        }
        *looked_at = self.log.end();
        self.is_congested() || !self.two_keep_up()
    }

    /// Whether what is said runs away from everybody: all followers but one, who may be the one
    /// that talks, are a quarter of the log behind. That is waited for while they take something,
    /// but not for long: nobody waits for one who is slow for ever.
    pub fn is_outrun(&mut self, now: Instant) -> bool {
        if self.two_keep_up() {
            self.outrun_since = None;
            return false;
        }
        self.outrun_since.get_or_insert(now);
        self.outrun_until().is_some_and(|until| now < until)
    }

    /// When nobody is waited for any longer.
    #[must_use]
    pub fn outrun_until(&self) -> Option<Instant> {
        let until = self.outrun_since? + OUTRUN_PATIENCE;
        Some(until.min(self.progress_at? + STONE_PATIENCE))
    }

    /// Whether any follower that is behind has taken something since the last call.
    pub fn note_progress(&mut self, now: Instant) -> bool {
        let progress = std::mem::take(&mut self.progress);
        if progress {
            self.progress_at = Some(now);
        }
        progress
    }

    /// How much was asked for since the last call; a short message is one.
    pub fn take_work(&mut self) -> u32 {
        std::mem::take(&mut self.work)
    }

    /// Whether talk is not too fast for everybody: two followers are near the log's end, of whom one
    /// may be the talker. Looked for among all only when somebody may have come near it.
    fn two_keep_up(&mut self) -> bool {
        if self.rotation.followers() < 2 {
            return true;
        }
        if self.no_two {
            return false;
        }
        let (log, clients) = (&self.log, &self.clients);
        let keeps_up = |client: &Client| client.outbox.follows() && !is_far_behind(client, log);
        let [first, second] = self.keepers;
        let still = |index: u32| clients.get(index as usize).is_some_and(keeps_up);
        if first != second && still(first) && still(second) {
            return true;
        }
        let mut found = clients.iter().filter(|(_, client)| keeps_up(client));
        let mut next = || u32::try_from(found.next()?.0).ok();
        let (Some(first), Some(second)) = (next(), next()) else {
            self.no_two = true;
            return false;
        };
        self.keepers = [first, second];
        true
    }

    /// Writes to one client what it is owed.
    pub fn flush(&mut self, id: ClientId, to: &mut impl Write) -> Flushed {
        let Some(client) = lookup(&mut self.clients, id) else {
            return Flushed::Clear;
        };
        let was_far_behind = is_far_behind(client, &self.log);
        let mut progress = false;
        loop {
            if let Err(lagged) = client.outbox.check(&self.log) {
                return Flushed::Lagged(lagged);
            }
            match client.outbox.flush(&self.log, to) {
                // Full: asking it once more would only be told so.
                Ok(Wrote::Part) => {
                    progress = true;
                    break;
                }
                Ok(Wrote::All) if client.outbox.is_clear(&self.log) => {
                    self.progress |= was_far_behind;
                    self.no_two &= !was_far_behind;
                    return Flushed::Clear;
                }
                Ok(Wrote::All) => progress = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Flushed::Failed(error),
            }
        }
        client.blocked = true;
        self.progress |= progress && was_far_behind;
        self.no_two &= !(progress && was_far_behind);
        Flushed::Blocked { progress }
    }

    /// Clients that missed what has been trimmed since the last call. A stalled one never
    /// becomes writable, so they have to be looked for; once in a sixteenth of the log is often
    /// enough.
    pub fn laggards(&mut self) -> Vec<(ClientId, Lagged)> {
        let step = self.log.capacity_bytes() as u64 / 16;
        if self.log.start() < self.swept_start + step.max(1) {
            return Vec::new();
        }
        self.swept_start = self.log.start();
        let clients = self.clients.iter();
        clients
            .filter_map(|(index, client)| {
                let lagged = client.outbox.check(&self.log).err()?;
                let index = u32::try_from(index).ok()?;
                let generation = client.generation;
                Some((ClientId { index, generation }, lagged))
            })
            .collect()
    }

    /// Goes on to the first follower in the round that is owed something and can take it. Who
    /// waits in the queue is written to from there; a slow reader that has just taken some may
    /// be far behind, and is no reason to think that the round is.
    fn head_of_round(&mut self) -> Option<(u32, u64)> {
        loop {
            let index = self.rotation.head()?;
            match self.clients.get(index as usize) {
                Some(client)
                    if !client.blocked
                        && !client.in_queue
                        && !client.outbox.is_clear(&self.log) =>
                {
                    let from = client.outbox.owed_from().unwrap_or(self.log.end());
                    return Some((index, self.log.end() - from));
                }
                _ => self.rotation.pass(),
            }
        }
    }
}

/// Whether a quarter of the log has been said since what a client is owed next.
fn is_far_behind(client: &Client, log: &SharedLog) -> bool {
    let from = client.outbox.owed_from();
    from.is_some_and(|from| log.end() - from > log.capacity_bytes() as u64 / 4)
}
