//! The reactor's side of the fanout: clients that come and go, which is written to next, when
//! talk has to wait, and what services have asked for.

use std::io::Write;
use std::time::{Duration, Instant};

use super::super::outbox::Flushed;
use super::laggards::Laggard;
use super::{Action, AudienceId, ClientId, Fanout, Limits, Outbox, Slab, VecDeque, log_of, lookup};

/// A follower is due if it is due within this: the poll would wait for longer.
const SLACK: Duration = Duration::from_micros(500);

/// A follower has lagged, if it is to be told so, when as much as this many sweeps' will be trimmed
/// next: the next sweep could come too late.
const LAST_SWEEPS: u64 = 3;

/// For the reactor: clients.
impl Fanout {
    pub(crate) fn new(limits: Limits) -> Self {
        let mut fanout = Self {
            clients: Vec::new(),
            audiences: Slab::new(),
            urgent: VecDeque::new(),
            due: VecDeque::new(),
            to_sweep: Vec::new(),
            urgent_clients: 0,
            laggards: Vec::new(),
            actions: VecDeque::new(),
            limits: Limits {
                high_water_bytes: limits.high_water_bytes.min(limits.max_pending_bytes),
                ..limits
            },
            counts: Default::default(),
            work: 0,
        };
        fanout.add_audience();
        fanout
    }

    /// Takes a client in. Nothing is owed to it yet.
    pub(crate) fn open(&mut self, id: ClientId) {
        self.place(id, AudienceId::FIRST, 0, Outbox::default());
    }

    /// Forgets a client whose connection is gone.
    pub(crate) fn forget(&mut self, id: ClientId) {
        if let Some(client) = lookup(&mut self.clients, id) {
            let audience = client.audience;
            self.audiences[audience.key()].in_ring -= usize::from(client.in_ring);
            self.clients[id.index()] = None;
            self.leave_audience(audience);
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
    /// `last`. The next `under_way_bytes` that it is owed are on their way to it, and cannot be
    /// called back.
    pub(crate) fn cut_short(&mut self, id: ClientId, under_way_bytes: usize, last: &[u8]) {
        if let Some(client) = lookup(&mut self.clients, id) {
            let log = log_of(&self.audiences, client);
            client.outbox.cut_short(log, under_way_bytes);
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
        let is_clear = client.outbox.is_clear(log_of(&self.audiences, client));
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
            .is_none_or(|client| client.outbox.is_clear(log_of(&self.audiences, client)))
    }

    /// Whether a client is not to be read from: it is owed the high-water mark outside of the log,
    /// or its service has paused it.
    pub(crate) fn above_high_water(&self, id: ClientId) -> bool {
        self.get(id).is_some_and(|client| {
            client.reading_paused || client.outbox.held_bytes() >= self.limits.high_water_bytes
        })
    }

    /// Whether a client that was above the high-water mark may be read from again: it is owed half
    /// of it at most, so that reading goes on in good strides.
    pub(crate) fn below_low_water(&self, id: ClientId) -> bool {
        self.get(id).is_some_and(|client| {
            !client.reading_paused && client.outbox.held_bytes() <= self.limits.high_water_bytes / 2
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
        self.urgent_clients
    }

    /// Next client that is owed something of its own, or whose socket takes bytes again. The
    /// audiences take turns.
    pub(crate) fn next_urgent(&mut self) -> Option<ClientId> {
        while let Some(id) = self.urgent.pop_front() {
            let audience = &mut self.audiences[id.key()];
            let Some(client) = audience.schedule.pop_urgent() else {
                audience.is_urgent = false;
                continue;
            };
            self.urgent.push_back(id);
            self.urgent_clients -= 1;
            if self.take_urgent(client) {
                return Some(client);
            }
        }
        None
    }

    /// Takes `id` out of the urgent ones if it was added last; returns whether it can be written
    /// to now.
    pub(crate) fn take_if_last_urgent(&mut self, id: ClientId) -> bool {
        let Some(client) = lookup(&mut self.clients, id) else {
            return false;
        };
        let schedule = &mut self.audiences[client.audience.key()].schedule;
        if !schedule.pop_if_last_urgent(id) {
            return false;
        }
        self.urgent_clients -= 1;
        self.take_urgent(id)
    }

    fn take_urgent(&mut self, id: ClientId) -> bool {
        lookup(&mut self.clients, id).is_some_and(|client| {
            client.is_urgent = false;
            !client.blocked
        })
    }

    /// An audience with a follower that is owed something and is due. They take turns.
    pub(crate) fn next_round(&mut self, now: Instant) -> Option<AudienceId> {
        for _ in 0..self.due.len() {
            let id = self.due.pop_front()?;
            match self.front_of_round(id, now) {
                None => self.audiences[id.key()].is_due = false,
                Some((_, _, due_at)) => {
                    self.due.push_back(id);
                    if due_at.is_none_or(|at| at <= now + SLACK) {
                        return Some(id);
                    }
                }
            }
        }
        None
    }

    /// Next follower in the round of an audience that is owed something and is due.
    pub(crate) fn next_due(&mut self, audience: AudienceId, now: Instant) -> Option<ClientId> {
        let (id, _, due_at) = self.front_of_round(audience, now)?;
        if due_at.is_some_and(|at| at > now + SLACK) {
            return None;
        }
        self.counts.rounds += self.audiences[audience.key()].schedule.visit_front(now);
        Some(id)
    }

    /// When [`next_round`](Self::next_round) will have an audience; `None`: when something has been
    /// published.
    pub(crate) fn round_due(&mut self, now: Instant) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        for at in 0..self.due.len() {
            let Some((_, _, due_at)) = self.front_of_round(self.due[at], now) else {
                continue;
            };
            let due_at = due_at.unwrap_or(now);
            if due_at <= now {
                return Some(now);
            }
            next = Some(next.map_or(due_at, |next| next.min(due_at)));
        }
        next
    }

    /// Visits of an audience's round took so long.
    pub(crate) fn add_busy(&mut self, audience: AudienceId, elapsed: Duration) {
        self.audiences[audience.key()].schedule.add_busy(elapsed);
    }

    /// From here on every follower is due at once.
    pub(crate) fn stop_pacing(&mut self) {
        for (_, audience) in &mut self.audiences {
            audience.schedule.stop_pacing();
        }
    }

    /// Writes to one client until it is owed nothing or its socket is full. One that has lagged is
    /// written nothing.
    pub(crate) fn flush(&mut self, id: ClientId, to: &mut impl Write, now: Instant) -> Flushed {
        let Some(client) = lookup(&mut self.clients, id) else {
            return Flushed::Clear;
        };
        let audience_id = client.audience;
        let audience = &mut self.audiences[audience_id.key()];
        let log = audience.feeds.log(client.feed);
        let owed_from = client.outbox.owed_from();
        let far_behind_bytes = audience.feeds.far_behind_bytes();
        let was_far_behind = owed_from.is_some_and(|from| log.end() - from > far_behind_bytes);
        let flushed = client.outbox.flush(log, to, &mut self.counts.sent);
        let progress = match flushed {
            Flushed::Clear => true,
            Flushed::Blocked { progress } => {
                client.blocked = true;
                progress
            }
            Flushed::Lagged(_) | Flushed::Failed(_) => false,
        };
        if was_far_behind && progress {
            audience.backpressure.on_progress(now);
            self.note_sweep(audience_id);
        }
        flushed
    }

    /// The follower in front of an audience's round that is owed something and can take it, how many
    /// bytes it is behind, and when it is due; `None`: at once. An urgent one is written to from
    /// there.
    fn front_of_round(
        &mut self,
        audience: AudienceId,
        now: Instant,
    ) -> Option<(ClientId, u64, Option<Instant>)> {
        let audience = &mut self.audiences[audience.key()];
        loop {
            let id = audience.schedule.front()?;
            let Some(client) = lookup(&mut self.clients, id) else {
                audience.schedule.drop_front();
                continue;
            };
            let log = audience.feeds.log(client.feed);
            if client.blocked || !client.outbox.follows() {
                client.in_ring = false;
                audience.in_ring -= 1;
                audience.schedule.drop_front();
            } else if client.is_urgent || client.outbox.is_clear(log) {
                audience.schedule.pass_front();
            } else {
                let owed_from = client.outbox.owed_from().unwrap_or(log.end());
                let owed_bytes = log.end() - owed_from;
                // Reading waits for one that is far behind, so that one does not wait.
                let due_at = match owed_bytes > audience.feeds.far_behind_bytes() {
                    true => None,
                    false => audience.schedule.front_due_at(owed_bytes, now),
                };
                return Some((id, owed_bytes, due_at));
            }
        }
    }
}

/// For the reactor: when talk has to wait.
impl Fanout {
    /// Whether the log that a client speaks into runs away from writing itself: reading on would
    /// trim what clients that keep up have not been offered yet.
    pub(crate) fn is_congested(&mut self, speaker: ClientId, now: Instant) -> bool {
        let id = self.audience_of(speaker);
        self.is_audience_congested(id, now)
    }

    /// The same of any audience: for who speaks into all of them.
    pub(crate) fn is_any_congested(&mut self, now: Instant) -> bool {
        (0..self.due.len()).any(|at| self.is_audience_congested(self.due[at], now))
            || (0..self.urgent.len()).any(|at| self.is_audience_congested(self.urgent[at], now))
    }

    fn is_audience_congested(&mut self, id: AudienceId, now: Instant) -> bool {
        let audience = &self.audiences[id.key()];
        let published_bytes = audience.feeds.published_bytes();
        let far_behind_bytes = audience.feeds.far_behind_bytes();
        let since = audience.schedule.urgent_since();
        if since.is_some_and(|since| published_bytes - since > far_behind_bytes) {
            return true;
        }
        self.front_of_round(id, now)
            .is_some_and(|(_, owed_bytes, _)| owed_bytes > far_behind_bytes)
    }

    /// Whether talk outruns the whole audience of a client: all followers but one, which may be the
    /// talker, are far behind. They are waited for while they take something, but not for long.
    pub(crate) fn is_outrun(&mut self, speaker: ClientId, now: Instant) -> bool {
        let id = self.audience_of(speaker);
        if self.wants_sweep(id) {
            self.sweep(id, now);
        }
        let until = self.audiences[id.key()].backpressure.throttled_until();
        until.is_some_and(|until| now < until)
    }

    /// When the first audience that is outrun is waited for no longer.
    pub(crate) fn throttled_until(&self) -> Option<Instant> {
        let audiences = self.audiences.iter();
        audiences
            .filter_map(|(_, audience)| audience.backpressure.throttled_until())
            .min()
    }

    fn audience_of(&self, id: ClientId) -> AudienceId {
        self.get(id)
            .map_or(AudienceId::FIRST, |client| client.audience)
    }

    /// Looks at every client of an audience: which have lagged, and whether all followers but one
    /// are far behind.
    pub(super) fn sweep(&mut self, id: AudienceId, now: Instant) {
        let audience = &mut self.audiences[id.key()];
        let far_behind_bytes = audience.feeds.far_behind_bytes();
        let last_bytes = LAST_SWEEPS * audience.feeds.sweep_bytes();
        let (mut followers, mut near) = (0, 0);
        self.laggards.retain(|laggard| laggard.audience != id);
        for (index, client) in self.clients.iter().enumerate() {
            let Some(client) = client.as_ref().filter(|client| client.audience == id) else {
                continue;
            };
            let log = audience.feeds.log(client.feed);
            let next = client.outbox.owed_from().unwrap_or(log.end());
            let behind_bytes = log.end() - next;
            let is_torn = next < log.start() || client.is_full_of_gaps;
            if is_torn || log.is_soon_trimmed(next, last_bytes) {
                self.laggards.push(Laggard {
                    id: ClientId::new(index, client.generation),
                    audience: id,
                    behind_bytes,
                    is_torn,
                });
            }
            if client.outbox.follows() && !is_torn {
                followers += 1;
                near += usize::from(behind_bytes <= far_behind_bytes);
            }
        }
        let is_outrun = followers >= 2 && near < 2;
        let published_bytes = audience.feeds.published_bytes();
        audience
            .backpressure
            .on_sweep(published_bytes, is_outrun, now);
    }
}
