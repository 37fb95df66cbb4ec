//! The reactor's side of the fanout: clients that come and go, which is written to next, when
//! talk has to wait, and what services have asked for.

use std::io::Write;
use std::time::{Duration, Instant};

use super::super::outbox::Flushed;
use super::{
    Action, Backpressure, Client, ClientId, Fanout, Feeds, Laggard, Lagged, Limits, Outbox,
    Schedule, VecDeque, lookup,
};

/// A follower is due if it is due within this: the poll would wait for longer.
const SLACK: Duration = Duration::from_micros(500);

/// A follower is far behind from this part of the log on: it may be the next to fall off its tail.
const FAR_BEHIND_PART: u64 = 4;

/// Followers are swept whenever this part of the log has been published.
const SWEEP_PART: u64 = 16;

/// A follower has lagged, if it is to be told so, when so many of these parts will be trimmed next:
/// the next sweep could come too late.
const LAST_PARTS: u64 = 3;

/// For the reactor: clients.
impl Fanout {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            feeds: Feeds::new(limits.log_bytes),
            clients: Vec::new(),
            in_ring: 0,
            schedule: Schedule::new(limits.pace),
            backpressure: Backpressure::default(),
            laggards: Vec::new(),
            actions: VecDeque::new(),
            max_pending_bytes: limits.max_pending_bytes,
            high_water_bytes: limits.high_water_bytes.min(limits.max_pending_bytes),
            work: 0,
        }
    }

    /// Takes a client in. Nothing is owed to it yet.
    pub(crate) fn open(&mut self, id: ClientId) {
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
            feed: 0,
            outbox: Outbox::default(),
        });
    }

    /// Forgets a client whose connection is gone.
    pub(crate) fn forget(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id) {
            self.in_ring -= usize::from(client.in_ring);
            self.clients[id.index()] = None;
        }
    }

    /// Forgets what a client is owed that cannot be told any more.
    pub(crate) fn discard(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id) {
            client.outbox.clear();
            client.blocked = false;
        }
    }

    /// Of what a client is owed only the message that it has got in part is still sent, and then
    /// `last`.
    pub(crate) fn cut_short(&mut self, id: ClientId, last: &[u8]) {
        if let Some(client) = lookup(&mut self.clients, id) {
            let log = self.feeds.log(client.feed);
            client.outbox.cut_short(log);
            client.outbox.send(log, last);
            self.make_urgent(id);
        }
    }

    /// The socket takes bytes again.
    pub(crate) fn unblock(&mut self, id: ClientId) {
        let Some(client) = lookup(&mut self.clients, id) else {
            return;
        };
        if !std::mem::take(&mut client.blocked) {
            return;
        }
        let is_clear = client.outbox.is_clear(self.feeds.log(client.feed));
        if client.outbox.follows() {
            self.enter_ring(id);
        }
        if !is_clear {
            self.make_urgent(id);
        }
    }

    /// Whether the service has asked for this client to be closed, or it is gone.
    pub(crate) fn is_closing(&self, id: ClientId) -> bool {
        self.get(id).is_none_or(|client| client.closing)
    }

    /// Whether a client is owed nothing.
    pub(crate) fn is_clear(&self, id: ClientId) -> bool {
        self.get(id)
            .is_none_or(|client| client.outbox.is_clear(self.feeds.log(client.feed)))
    }

    /// Whether a client is not to be read from: it is owed the high-water mark outside of the log,
    /// or its service has paused it.
    pub(crate) fn above_high_water(&self, id: ClientId) -> bool {
        self.get(id).is_some_and(|client| {
            client.reading_paused || client.outbox.held_bytes() >= self.high_water_bytes
        })
    }

    /// Whether a client that was above the high-water mark may be read from again: it is owed half
    /// of it at most, so that reading goes on in good strides.
    pub(crate) fn below_low_water(&self, id: ClientId) -> bool {
        self.get(id).is_some_and(|client| {
            !client.reading_paused && client.outbox.held_bytes() <= self.high_water_bytes / 2
        })
    }

    /// The oldest action not yet carried out.
    pub(crate) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// How much was asked for since the last call.
    pub(crate) fn take_work(&mut self) -> u32 {
        std::mem::take(&mut self.work)
    }
}

/// For the reactor: writing.
impl Fanout {
    /// How many clients wait for a flush outside of the round.
    pub(crate) fn urgent_len(&self) -> usize {
        self.schedule.urgent_len()
    }

    /// Next client that is owed something of its own, or whose socket takes bytes again.
    pub(crate) fn next_urgent(&mut self) -> Option<ClientId> {
        while let Some(id) = self.schedule.pop_urgent() {
            if let Some(client) = lookup(&mut self.clients, id) {
                client.is_urgent = false;
                if !client.blocked {
                    return Some(id);
                }
            }
        }
        None
    }

    /// Takes `id` out of the urgent ones if it was added last; returns whether it can be written
    /// to now.
    pub(crate) fn take_if_last_urgent(&mut self, id: ClientId) -> bool {
        if !self.schedule.pop_if_last_urgent(id) {
            return false;
        }
        lookup(&mut self.clients, id).is_some_and(|client| {
            client.is_urgent = false;
            !client.blocked
        })
    }

    /// Next follower in the round that is owed something and is due.
    pub(crate) fn next_due(&mut self, now: Instant) -> Option<ClientId> {
        let (id, _, due_at) = self.front_of_round(now)?;
        if due_at.is_some_and(|at| at > now + SLACK) {
            return None;
        }
        self.schedule.visit_front(now);
        Some(id)
    }

    /// When [`next_due`](Self::next_due) will have a follower; `None`: when something has been
    /// published.
    pub(crate) fn round_due(&mut self, now: Instant) -> Option<Instant> {
        let (_, _, due_at) = self.front_of_round(now)?;
        Some(due_at.unwrap_or(now))
    }

    /// Visits of the round took so long.
    pub(crate) fn add_busy(&mut self, elapsed: Duration) {
        self.schedule.add_busy(elapsed);
    }

    /// From here on every follower is due at once.
    pub(crate) fn stop_pacing(&mut self) {
        self.schedule.stop_pacing();
    }

    /// Writes to one client until it is owed nothing or its socket is full. One that has lagged is
    /// written nothing.
    pub(crate) fn flush(&mut self, id: ClientId, to: &mut impl Write, now: Instant) -> Flushed {
        let far_behind_bytes = self.far_behind_bytes();
        let Some(client) = lookup(&mut self.clients, id) else {
            return Flushed::Clear;
        };
        let was_far_behind = gap(client, &self.feeds).is_some_and(|gap| gap > far_behind_bytes);
        let flushed = client.outbox.flush(self.feeds.log(client.feed), to);
        let progress = match flushed {
            Flushed::Clear => true,
            Flushed::Blocked { progress } => {
                client.blocked = true;
                progress
            }
            Flushed::Lagged(_) | Flushed::Failed(_) => false,
        };
        if was_far_behind && progress {
            self.backpressure.on_progress(now);
        }
        flushed
    }

    /// The follower in front of the round that is owed something and can take it, how many bytes it
    /// is behind, and when it is due; `None`: at once. An urgent one is written to from there.
    fn front_of_round(&mut self, now: Instant) -> Option<(ClientId, u64, Option<Instant>)> {
        let far_behind_bytes = self.far_behind_bytes();
        loop {
            let id = self.schedule.front()?;
            match lookup(&mut self.clients, id) {
                None => {
                    self.schedule.drop_front();
                }
                Some(client) if client.blocked || !client.outbox.follows() => {
                    client.in_ring = false;
                    self.in_ring -= 1;
                    self.schedule.drop_front();
                }
                Some(client)
                    if client.is_urgent || client.outbox.is_clear(self.feeds.log(client.feed)) =>
                {
                    self.schedule.pass_front();
                }
                Some(client) => {
                    let owed_bytes = gap(client, &self.feeds).unwrap_or(0);
                    // Reading waits for one that is far behind, so that one does not wait.
                    let due_at = match owed_bytes > far_behind_bytes {
                        true => None,
                        false => self.schedule.front_due_at(owed_bytes, now),
                    };
                    return Some((id, owed_bytes, due_at));
                }
            }
        }
    }
}

/// For the reactor: when talk has to wait.
impl Fanout {
    /// Whether the log runs away from writing itself: reading on would trim what clients that keep
    /// up have not been offered yet.
    pub(crate) fn is_congested(&mut self, now: Instant) -> bool {
        let far_behind_bytes = self.far_behind_bytes();
        let published = self.feeds.published_bytes();
        if self
            .schedule
            .urgent_since()
            .is_some_and(|since| published - since > far_behind_bytes)
        {
            return true;
        }
        self.front_of_round(now)
            .is_some_and(|(_, owed_bytes, _)| owed_bytes > far_behind_bytes)
    }

    /// Whether talk outruns the whole room: all followers but one, which may be the talker, are far
    /// behind. They are waited for while they take something, but not for long.
    pub(crate) fn is_outrun(&mut self, now: Instant) -> bool {
        self.sweep_if_wanted(now);
        self.throttled_until().is_some_and(|until| now < until)
    }

    /// When a room that is outrun is waited for no longer.
    pub(crate) fn throttled_until(&self) -> Option<Instant> {
        self.backpressure.throttled_until()
    }

    /// Clients that missed what has been trimmed, or soon will. A stalled one never becomes
    /// writable, so they have to be looked for.
    pub(crate) fn take_laggards(&mut self, now: Instant) -> Vec<Laggard> {
        self.sweep_if_wanted(now);
        std::mem::take(&mut self.laggards)
    }

    fn sweep_bytes(&self) -> u64 {
        (self.feeds.capacity_bytes() as u64 / SWEEP_PART).max(1)
    }

    fn sweep_if_wanted(&mut self, now: Instant) {
        let step_bytes = self.sweep_bytes();
        if self
            .backpressure
            .wants_sweep(self.feeds.published_bytes(), step_bytes)
        {
            self.sweep(now);
        }
    }

    /// Looks at every client: which have lagged, and whether all followers but one are far behind.
    fn sweep(&mut self, now: Instant) {
        let far_behind_bytes = self.far_behind_bytes();
        let last_bytes = LAST_PARTS * self.sweep_bytes();
        let (mut followers, mut near) = (0, 0);
        self.laggards.clear();
        for (index, client) in self.clients.iter().enumerate() {
            let Some(client) = client else { continue };
            let log = self.feeds.log(client.feed);
            let next = client.outbox.owed_from().unwrap_or(log.end());
            let is_torn = next < log.start();
            if is_torn || log.is_soon_trimmed(next, last_bytes) {
                self.laggards.push(Laggard {
                    id: ClientId::new(index, client.generation),
                    lagged: Lagged {
                        behind_bytes: log.end() - next,
                    },
                    is_torn,
                });
            }
            if client.outbox.follows() && !is_torn {
                followers += 1;
                let is_near = gap(client, &self.feeds).is_none_or(|gap| gap <= far_behind_bytes);
                near += usize::from(is_near);
            }
        }
        let is_outrun = followers >= 2 && near < 2;
        self.backpressure
            .on_sweep(self.feeds.published_bytes(), is_outrun, now);
    }

    fn far_behind_bytes(&self) -> u64 {
        self.feeds.capacity_bytes() as u64 / FAR_BEHIND_PART
    }
}

/// How much has been published since what a client is owed next.
fn gap(client: &Client, feeds: &Feeds) -> Option<u64> {
    let end = feeds.log(client.feed).end();
    client.outbox.owed_from().map(|from| end - from)
}
