//! Who has to be looked at when, at the latest. One heap; knows no reasons.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::token::SourceToken;

/// Pending deadlines. One that is moved later stays where it is: when it comes up, its source
/// is asked again. So a deadline that every message moves costs nothing to move.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, SourceToken)>>,
}

impl Deadlines {
    pub(super) fn add(&mut self, at: Instant, source: SourceToken) {
        self.heap.push(Reverse((at, source)));
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Forgets all but these, the ones that still count.
    pub(super) fn replace_with(&mut self, those: impl Iterator<Item = (Instant, SourceToken)>) {
        self.heap.clear();
        self.heap.extend(those.map(Reverse));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// One that has come; it stays until it is [taken out](Self::pop).
    pub(super) fn due(&self, now: Instant) -> Option<(Instant, SourceToken)> {
        let Reverse(entry) = self.heap.peek()?;
        Some(*entry).filter(|(at, _)| *at <= now)
    }

    /// Takes out the next.
    pub(super) fn pop(&mut self) {
        self.heap.pop();
    }
}
