//! What goes wrong in a simulation of several nodes.

use std::time::{Duration, Instant};

use super::{Cluster, Node};
use crate::hub::EntryId;
use crate::service::Input;

impl Cluster {
    /// Clients come and act, and something may fail.
    pub(super) fn inject_faults(&mut self) {
        if self.clients.len() < self.most_clients && self.rng.bool() {
            for _ in 0..self.rng.between(1, 3) {
                self.connect_client();
            }
        }
        for _ in 0..self.rng.below(8) {
            if !self.clients.is_empty() {
                let at = self.rng.below(self.clients.len());
                self.with_client(at, |client, network, record| {
                    client.act(network, record, true)
                });
            }
        }
        let at = self.rng.below(self.nodes.len());
        match self.rng.below(100) {
            0..8 => self.cut_one(at, 4000),
            8..10 => self.cut_one(at, 40_000),
            10..13 => self.cut_all(),
            13..15 => self.hub.late_arrives(),
            15..17 => self.hub.loses_snapshots(),
            17..20 => self.freeze(at),
            20..25 => self.upgrade_now(at),
            25..27 => self.end_node(at, true),
            27 => self.end_node(at, false),
            28..31 if self.may_lose => self.lose(),
            _ => {}
        }
        self.keep_ledger();
    }

    fn is_up(&self, at: usize) -> bool {
        self.nodes[at].server.is_some() && self.nodes[at].frozen_until.is_none()
    }

    /// A node's connections break, and are made anew within that time.
    fn cut_one(&mut self, at: usize, within_ms: usize) {
        let back_at = self.now + Duration::from_millis(self.rng.below(within_ms) as u64);
        self.cut(at, self.rng.below(4), self.rng.chance(3), back_at);
        self.note("cut");
    }

    fn cut(&mut self, at: usize, arrive: usize, is_late: bool, back_at: Instant) {
        let told = self.hub.cut(self.nodes[at].link, arrive, is_late);
        let node = &mut self.nodes[at];
        let Some(server) = &mut node.server else {
            return;
        };
        node.is_away_until = Some(back_at);
        server.input.extend(told.map(Input::Hub));
    }

    /// The hub itself is away, for some time.
    fn cut_all(&mut self) {
        let back_at = self.now + Duration::from_millis(self.rng.below(10_000) as u64);
        for at in 0..self.nodes.len() {
            let back_at = back_at + Duration::from_millis(self.rng.below(2000) as u64);
            self.cut(at, self.rng.below(3), false, back_at);
        }
        self.note("all cut");
    }

    /// The process stands still.
    fn freeze(&mut self, at: usize) {
        if self.is_up(at) {
            let ms = match self.rng.bool() {
                true => self.rng.below(10_000),
                false => self.rng.between(17_000, 70_000),
            };
            self.nodes[at].frozen_until = Some(self.now + Duration::from_millis(ms as u64));
            if self.rng.chance(3) {
                self.cut_one(at, ms);
            }
            self.note("frozen");
            // The others see that, if it lasts.
            let share = self.rng.between(1, 10) as u64;
            self.pass(Duration::from_millis(ms as u64 * share / 8));
        }
    }

    fn upgrade_now(&mut self, at: usize) {
        if self.is_up(at) {
            self.upgrade(at, !self.rng.chance(4));
        }
    }

    fn end_node(&mut self, at: usize, is_killed: bool) {
        let is_frozen = self.nodes[at].frozen_until.is_some();
        let others = self
            .nodes
            .iter()
            .filter(|node| node.server.is_some())
            .count();
        if self.nodes[at].server.is_none() || others < 2 {
            return;
        }
        let for_ms = self.rng.between(7000, 30_000) as u64;
        if is_killed || is_frozen {
            self.kill(at, for_ms);
        } else {
            self.stop(at);
            self.nodes[at].starts_at = Some(self.now + Duration::from_millis(for_ms / 10));
            self.note("stopped");
        }
    }

    /// The hub begins anew with less than it had, or with nothing.
    fn lose(&mut self) {
        self.keep_ledger();
        let count = match self.rng.chance(4) {
            true => usize::MAX,
            false => self.rng.between(1, 12),
        };
        let count = count.min(self.hub.len());
        let lost = self.hub.loses_tail(count);
        let read = |node: &Node| node.view.borrow().read;
        let up = self.nodes.iter().filter(|node| node.server.is_some());
        let least = up.map(read).min().unwrap_or(EntryId::START);
        let most = self.nodes.iter().map(read).max().unwrap_or(EntryId::START);
        self.story.borrow_mut().ledger.lose(&lost, least, most);
        // All connections break then.
        for at in 0..self.nodes.len() {
            let back_at = self.now + Duration::from_millis(self.rng.below(3000) as u64);
            self.cut(at, 0, false, back_at);
        }
        self.hub.loses_late();
        self.note("lost");
    }
}
