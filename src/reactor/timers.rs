//! Timers: when a source has to be looked at, at the latest. One heap; knows no reasons.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::Token;

/// Pending deadlines. One that is moved later stays where it is: when it comes up, its source
/// is asked again. So a deadline that every message moves costs nothing to move.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Token)>>,
}

impl Timers {
    pub(super) fn add(&mut self, at: Instant, source: Token) {
        self.heap.push(Reverse((at, source)));
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Forgets all but these, which still count.
    pub(super) fn replace_with(&mut self, those: impl Iterator<Item = (Instant, Token)>) {
        self.heap.clear();
        self.heap.extend(those.map(Reverse));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out one that has come.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(Instant, Token)> {
        self.next().filter(|at| *at <= now)?;
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}
