//! What happened in all simulations of several nodes: whether they are worth anything.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use super::super::hearing::Heard;
use super::super::records::Status;
use super::Cluster;
use crate::service::Disconnect;

#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) runs: usize,
    pub(super) clients: usize,
    pub(super) heard: usize,
    pub(super) private: usize,
    pub(super) lagged: usize,
    /// Runs in which the stream lost what some nodes had read, and others not.
    pub(super) torn: usize,
    pub(super) happened: BTreeMap<&'static str, usize>,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.clients += other.clients;
        self.heard += other.heard;
        self.private += other.private;
        self.lagged += other.lagged;
        self.torn += other.torn;
        for (what, count) in other.happened {
            *self.happened.entry(what).or_default() += count;
        }
    }
}

impl Cluster {
    pub(super) fn totals(&self) -> Totals {
        let book = self.records.borrow();
        let polyglots = self.clients.iter().filter_map(|it| it.polyglot.as_ref());
        let heard: Vec<&Heard> = polyglots.flat_map(|it| &it.hearing.heard).collect();
        let count = |is_it: fn(&Heard) -> bool| heard.iter().filter(|it| is_it(it)).count();
        let is_lagged = |status| matches!(status, Status::Gone(Disconnect::Lagged { .. }));
        Totals {
            runs: 1,
            clients: self.clients.len(),
            heard: count(|it| matches!(it, Heard::Said { .. })),
            private: count(|it| matches!(it, Heard::Private { .. })),
            lagged: book
                .clients
                .iter()
                .filter(|it| is_lagged(it.status))
                .count(),
            torn: usize::from(self.story.borrow().ledger.is_torn),
            happened: self.happened.clone(),
        }
    }
}
