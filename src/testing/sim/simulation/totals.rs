//! What became of everybody, added up over all simulations: whether they are worth anything.

use std::ops::AddAssign;

use super::super::hearing::Heard;
use super::super::speech::Tongue;
use super::{Client, Record, Simulation, Status};
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
    /// Who spoke a protocol of its own and was content: lines, WebSocket, IRC; and of them inside TLS.
    pub(super) by_tongue: [usize; 3],
    pub(super) in_tls: usize,
    /// Who was told that it lags, who was not, who came back, and who then found a gap.
    pub(super) told_of_lag: usize,
    pub(super) not_told_of_lag: usize,
    pub(super) resumed: usize,
    pub(super) with_gap: usize,
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
        for (sum, count) in self.by_tongue.iter_mut().zip(other.by_tongue) {
            *sum += count;
        }
        self.in_tls += other.in_tls;
        self.told_of_lag += other.told_of_lag;
        self.not_told_of_lag += other.not_told_of_lag;
        self.resumed += other.resumed;
        self.with_gap += other.with_gap;
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
        let mut totals = Totals {
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
            ..Totals::default()
        };
        for client in &self.clients {
            totals.add_polyglot(client, &book.clients[client.id]);
        }
        totals
    }
}

impl Totals {
    fn add_polyglot(&mut self, client: &Client, record: &Record) {
        let (Some(polyglot), Some(membership)) = (&client.polyglot, &record.membership) else {
            return;
        };
        let tongue = polyglot.speech.tongue;
        match record.status {
            Status::Gone(Disconnect::Eof | Disconnect::Shutdown) if client.got_all(record) => {
                self.by_tongue[tongue as usize] += 1;
                self.in_tls += usize::from(client.link.is_tls());
                self.resumed += usize::from(membership.since.is_some());
                self.with_gap += usize::from(polyglot.hearing.heard.contains(&Heard::Gap));
            }
            Status::Gone(Disconnect::Lagged { .. }) if tongue == Tongue::WebSocket => {
                let is_told = polyglot.hearing.closed() == Some(1013);
                let has_read = client.has_read_all();
                self.told_of_lag += usize::from(is_told);
                self.not_told_of_lag += usize::from(!is_told && has_read);
            }
            _ => {}
        }
    }
}
