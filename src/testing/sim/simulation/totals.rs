//! What became of everybody, added up over all simulations: whether they are worth anything.

use std::ops::AddAssign;

use super::Simulation;
use super::Status;
use crate::service::Disconnect;

/// What happened, over all runs.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) runs: usize,
    pub(super) clients: usize,
    pub(super) content: usize,
    pub(super) broken: usize,
    pub(super) lagged: usize,
    /// Let go for a limit, or for what it has said.
    pub(super) sent_away: usize,
    pub(super) heard_bytes: usize,
    /// Runs in which it could not be said whether all were content.
    pub(super) unsure: usize,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.clients += other.clients;
        self.content += other.content;
        self.broken += other.broken;
        self.lagged += other.lagged;
        self.sent_away += other.sent_away;
        self.heard_bytes += other.heard_bytes;
        self.unsure += other.unsure;
    }
}

impl Simulation {
    /// What became of the clients of this run.
    pub(super) fn totals(&self) -> Totals {
        let book = self.records.borrow();
        let gone = |why: fn(&Disconnect) -> bool| {
            let clients = book.clients.iter();
            clients
                .filter(|record| matches!(&record.status, Status::Gone(reason) if why(reason)))
                .count()
        };
        Totals {
            runs: 1,
            unsure: usize::from(self.is_unsure),
            clients: self.clients.len(),
            content: gone(|why| matches!(why, Disconnect::Eof | Disconnect::Shutdown)),
            broken: gone(|why| matches!(why, Disconnect::Broken(_))),
            lagged: gone(|why| matches!(why, Disconnect::Lagged { .. })),
            sent_away: gone(|why| {
                use Disconnect::{Idle, Panicked, Silent};
                matches!(why, Idle | Silent | Panicked)
            }),
            heard_bytes: book.clients.iter().map(|record| record.heard_bytes).sum(),
        }
    }
}
