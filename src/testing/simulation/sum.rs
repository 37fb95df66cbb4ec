//! What became of everybody, added up over all stories: whether they are worth anything.

use std::ops::AddAssign;

use super::World;
use super::ledger::Stage;
use crate::service::Disconnect;

/// What happened, over all stories.
#[derive(Debug, Default)]
pub(super) struct Sum {
    pub(super) stories: usize,
    pub(super) guests: usize,
    pub(super) content: usize,
    pub(super) broken: usize,
    pub(super) lagged: usize,
    /// Let go for a limit, or for what it has said.
    pub(super) sent_away: usize,
    pub(super) heard_bytes: usize,
    /// Stories in which it could not be said whether all were content.
    pub(super) unsure: usize,
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.stories += other.stories;
        self.guests += other.guests;
        self.content += other.content;
        self.broken += other.broken;
        self.lagged += other.lagged;
        self.sent_away += other.sent_away;
        self.heard_bytes += other.heard_bytes;
        self.unsure += other.unsure;
    }
}

impl World {
    /// What became of the guests of this story.
    pub(super) fn sum(&self) -> Sum {
        let book = self.ledger.borrow();
        let gone = |why: fn(&Disconnect) -> bool| {
            let people = book.people.iter();
            people
                .filter(|person| matches!(&person.stage, Stage::Gone(reason) if why(reason)))
                .count()
        };
        Sum {
            stories: 1,
            unsure: usize::from(self.unsure),
            guests: self.guests.len(),
            content: gone(|why| matches!(why, Disconnect::Eof | Disconnect::Shutdown)),
            broken: gone(|why| matches!(why, Disconnect::Broken(_))),
            lagged: gone(|why| matches!(why, Disconnect::Lagged { .. })),
            sent_away: gone(|why| {
                use Disconnect::{Idle, Panicked, Silent};
                matches!(why, Idle | Silent | Panicked)
            }),
            heard_bytes: book.people.iter().map(|person| person.heard_bytes).sum(),
        }
    }
}
