//! What a node's two threads do, which read and write the stream; and that all of it is noted.

use std::time::{Duration, Instant};

use super::super::rng::Rng;
use super::Cluster;
use crate::service::Input;

impl Cluster {
    /// What has come into the stream is known.
    pub(super) fn keep_ledger(&mut self) {
        for entry in self.hub.take_news() {
            self.trace_line(|| format!("{}: {}", entry.id, entry.data.escape_ascii()));
            self.story.borrow_mut().ledger.append(&entry);
        }
        for at in 0..self.nodes.len() {
            self.plan_hub(at);
        }
    }

    /// The node's two threads do what they have to.
    pub(super) fn move_hub(&mut self, at: usize) {
        let (now, has_faults) = (self.now, self.has_faults);
        let few = |rng: &Rng| match has_faults && rng.chance(3) {
            true => rng.between(1, 3),
            false => usize::MAX,
        };
        let (writes, reads) = (few(&self.rng), few(&self.rng));
        let node = &mut self.nodes[at];
        let Some(server) = &mut node.server else {
            return;
        };
        let is_due = |at: &mut Instant| *at <= now;
        let mut told = Vec::new();
        if node.write_at.take_if(is_due).is_some() {
            self.hub.lands(node.link, writes);
        }
        if node.read_at.take_if(is_due).is_some() {
            told.extend(self.hub.reads(node.link, reads));
        }
        if node.mend_at.take_if(is_due).is_some() {
            told.extend(self.hub.mend(node.link));
        }
        server.input.extend(told.into_iter().map(Input::Hub));
    }

    /// When they do so next.
    pub(super) fn plan_hub(&mut self, at: usize) {
        let (hub, rng, now) = (&self.hub, &self.rng, self.now);
        let has_faults = self.has_faults;
        let soon = || {
            let micros = match has_faults && rng.chance(30) {
                true => rng.below(3_000_000),
                false => rng.below(3000),
            };
            now + Duration::from_micros(micros as u64)
        };
        let node = &mut self.nodes[at];
        if node.server.is_none() {
            return;
        }
        if hub.is_linked(node.link) {
            if hub.under_way(node.link) > 0 {
                node.write_at.get_or_insert_with(soon);
            }
            if hub.has_news(node.link) {
                node.read_at.get_or_insert_with(soon);
            }
        } else {
            let after = node.is_away_until.unwrap_or(now);
            node.mend_at.get_or_insert_with(|| soon().max(after));
        }
    }
}
