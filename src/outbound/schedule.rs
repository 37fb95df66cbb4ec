//! The schedule: which client is written to next, and when the next round may begin.
//! Knows ids and times; not what is owed to whom.

use std::collections::VecDeque;
use std::ops::AddAssign;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::ClientId;
use super::pacing::{Pace, Pacing};

/// Rounds through the followers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rounds {
    /// That have begun.
    pub all: u64,
    /// And were held back, so that several messages shared a write.
    pub paced: u64,
}

impl AddAssign for Rounds {
    fn add_assign(&mut self, more: Self) {
        self.all += more.all;
        self.paced += more.paced;
    }
}

/// Round robin over the followers, behind those that are owed something of their own.
///
/// A follower's entry goes from `idle` to the back of `due` when something is published, and back
/// to `idle` when its turn has come. So a publish costs the same whatever the number of followers
/// that are in `due` already, and a newcomer queues behind everybody else: where a crowd of
/// newcomers went first, the others would wait for ever. Entries of clients that have gone, or
/// that cannot be written to, are dropped when their turn comes.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Clients that are owed something of their own, or whose socket takes bytes again. Each with
    /// how much had been published when it was added.
    urgent: VecDeque<(ClientId, u64)>,
    /// Followers that may be owed what was published.
    due: VecDeque<ClientId>,
    /// Followers that had everything when their turn came.
    idle: VecDeque<ClientId>,
    /// Entries at the front of `due` that belong to the round that is under way.
    round_left: usize,
    pacing: Pacing,
}

impl Schedule {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            urgent: VecDeque::new(),
            due: VecDeque::new(),
            idle: VecDeque::new(),
            round_left: 0,
            pacing: Pacing::new(pace),
        }
    }

    pub(super) fn add_urgent(&mut self, client: ClientId, published_bytes: u64) {
        self.urgent.push_back((client, published_bytes));
    }

    pub(super) fn urgent_len(&self) -> usize {
        self.urgent.len()
    }

    pub(super) fn pop_urgent(&mut self) -> Option<ClientId> {
        self.urgent.pop_front().map(|(client, _)| client)
    }

    /// Takes `client` out of the urgent ones if it was added last; returns whether it was.
    pub(super) fn pop_if_last_urgent(&mut self, client: ClientId) -> bool {
        let is_last = self.urgent.back().is_some_and(|(last, _)| *last == client);
        is_last && self.urgent.pop_back().is_some()
    }

    /// How much had been published when the client that has waited longest became urgent.
    pub(super) fn urgent_since(&self) -> Option<u64> {
        self.urgent
            .front()
            .map(|(_, published_bytes)| *published_bytes)
    }

    /// Drops all entries of a client; returns how many of them were urgent.
    pub(super) fn forget(&mut self, client: ClientId) -> usize {
        let urgent_before = self.urgent.len();
        self.urgent.retain(|(other, _)| *other != client);
        self.retain(|other| other != client);
        urgent_before - self.urgent.len()
    }

    /// Takes a follower in. One that is owed nothing yet has its turn after the next publish.
    pub(super) fn join(&mut self, client: ClientId) {
        self.idle.push_back(client);
    }

    /// Something was published: every follower may be owed it.
    pub(super) fn on_publish(&mut self) {
        match self.due.is_empty() {
            true => std::mem::swap(&mut self.due, &mut self.idle),
            false => self.due.append(&mut self.idle),
        }
        self.pacing.on_publish();
    }

    /// The follower whose turn is next.
    pub(super) fn front(&self) -> Option<ClientId> {
        self.due.front().copied()
    }

    /// The follower in front has nothing to be given, or is about to be given it.
    pub(super) fn pass_front(&mut self) {
        if let Some(client) = self.drop_front() {
            self.idle.push_back(client);
        }
    }

    /// The follower in front has gone, or takes nothing for the time being.
    pub(super) fn drop_front(&mut self) -> Option<ClientId> {
        self.round_left = self.round_left.saturating_sub(1);
        self.due.pop_front()
    }

    /// Entries of followers, of which some may be gone.
    pub(super) fn ring_len(&self) -> usize {
        self.due.len() + self.idle.len()
    }

    /// Drops all entries of followers but those that `keep` names.
    pub(super) fn retain(&mut self, keep: impl Fn(ClientId) -> bool) {
        let mut round_left = 0;
        let mut at = 0;
        self.due.retain(|client| {
            let keeps = keep(*client);
            round_left += usize::from(keeps && at < self.round_left);
            at += 1;
            keeps
        });
        self.round_left = round_left;
        self.idle.retain(|client| keep(*client));
    }

    /// When the follower in front, which is owed `owed_bytes`, may be written to; `None`: at once.
    pub(super) fn front_due_at(&mut self, owed_bytes: u64, now: Instant) -> Option<Instant> {
        if self.round_left > 0 {
            return None;
        }
        self.pacing.next_round_at(owed_bytes, now)
    }

    /// The follower in front is about to be written to. Returns what begins by that.
    pub(super) fn visit_front(&mut self, now: Instant) -> Rounds {
        let mut begun = Rounds::default();
        if self.round_left == 0 {
            begun.all = 1;
            begun.paced = u64::from(self.pacing.is_paced());
            self.round_left = self.due.len();
            self.pacing.begin_round(now);
        }
        self.pass_front();
        begun
    }

    /// Visits of the round took so long.
    pub(super) fn add_busy(&mut self, elapsed: Duration) {
        self.pacing.add_busy(elapsed);
    }

    pub(super) fn stop_pacing(&mut self) {
        self.pacing = Pacing::new(Pace::Off);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(key: usize) -> ClientId {
        ClientId::new(key, 1)
    }

    fn joined(n: usize) -> Schedule {
        let mut schedule = Schedule::new(Pace::Off);
        (0..n).for_each(|key| schedule.join(id(key)));
        schedule
    }

    fn go_round(schedule: &mut Schedule) -> Vec<usize> {
        let mut seen = Vec::new();
        while let Some(client) = schedule.front() {
            seen.push(client.index());
            schedule.visit_front(Instant::now());
        }
        seen
    }

    #[test]
    fn a_publish_reaches_every_follower_once() {
        let mut schedule = joined(3);
        assert_eq!(schedule.front(), None);
        schedule.on_publish();
        assert_eq!(go_round(&mut schedule), [0, 1, 2]);
        schedule.on_publish();
        schedule.visit_front(Instant::now());
        schedule.on_publish();
        assert_eq!(go_round(&mut schedule), [1, 2, 0]);
    }

    #[test]
    fn a_publish_costs_nothing_for_followers_that_were_dropped() {
        let mut schedule = joined(3);
        schedule.on_publish();
        while schedule.drop_front().is_some() {}
        schedule.on_publish();
        assert_eq!(schedule.ring_len(), 0);
        schedule.join(id(1));
        schedule.on_publish();
        assert_eq!(go_round(&mut schedule), [1]);
    }

    #[test]
    fn entries_of_the_gone_are_let_go() {
        let mut schedule = joined(6);
        schedule.on_publish();
        schedule.visit_front(Instant::now());
        schedule.visit_front(Instant::now());
        schedule.retain(|client| client.index() % 2 == 1);
        assert_eq!((schedule.round_left, schedule.ring_len()), (2, 3));
        assert_eq!(go_round(&mut schedule), [3, 5]);
        schedule.on_publish();
        assert_eq!(go_round(&mut schedule), [1, 3, 5]);
    }

    /// As many come in each turn as are visited in one.
    #[test]
    fn a_crowd_that_comes_keeps_no_follower_from_its_turn() {
        let mut schedule = joined(2);
        let mut visits = 0;
        for turn in 0..200 {
            (0..64).for_each(|n| schedule.join(id(2 + turn * 64 + n)));
            schedule.on_publish();
            for _ in 0..64 {
                visits += usize::from(schedule.front().is_some_and(|client| client.index() < 2));
                schedule.visit_front(Instant::now());
            }
            // The eldest of the crowd go.
            schedule.retain(|client| {
                client.index() < 2 || client.index() > turn * 64 - turn.min(8) * 64
            });
        }
        assert!(visits > 20, "{visits}");
    }
}
