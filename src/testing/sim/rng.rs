//! Where a simulation's decisions come from: a seed, or a fuzzer's bytes.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// One decision after the other; clones decide by the same source. Bytes that have run out decide
/// 0 from there on, which makes nothing fail.
#[derive(Clone)]
pub(crate) struct Rng(Rc<RefCell<Source>>);

enum Source {
    #[cfg(test)]
    Seed(fastrand::Rng),
    Bytes(VecDeque<u8>),
}

impl Rng {
    #[cfg(test)]
    pub(crate) fn with_seed(seed: u64) -> Self {
        Self::of(Source::Seed(fastrand::Rng::with_seed(seed)))
    }

    pub(crate) fn from_bytes(data: &[u8]) -> Self {
        Self::of(Source::Bytes(data.iter().copied().collect()))
    }

    fn of(source: Source) -> Self {
        Self(Rc::new(RefCell::new(source)))
    }

    /// Whether there is nothing left to decide by.
    pub(crate) fn is_exhausted(&self) -> bool {
        match &*self.0.borrow() {
            #[cfg(test)]
            Source::Seed(_) => false,
            Source::Bytes(bytes) => bytes.is_empty(),
        }
    }

    /// A number from 0 to `count` - 1.
    pub(crate) fn below(&self, count: usize) -> usize {
        match &mut *self.0.borrow_mut() {
            #[cfg(test)]
            Source::Seed(rng) => rng.usize(0..count),
            Source::Bytes(bytes) => {
                // As many bytes as the number needs, so that a short input says much.
                let width = (usize::BITS - (count - 1).leading_zeros()).div_ceil(8);
                let number = (0..width).fold(0, |number: usize, _| {
                    number << 8 | usize::from(bytes.pop_front().unwrap_or(0))
                });
                number % count
            }
        }
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    pub(crate) fn bool(&self) -> bool {
        self.below(2) == 1
    }

    /// True once in so many times.
    pub(crate) fn chance(&self, once_in: usize) -> bool {
        self.below(once_in) == once_in - 1
    }

    pub(crate) fn pick<T: Copy>(&self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// So many bytes, any.
    pub(crate) fn bytes(&self, count: usize) -> Vec<u8> {
        (0..count)
            .map(|_| u8::try_from(self.below(256)).unwrap_or(0))
            .collect()
    }

    pub(crate) fn shuffle<T>(&self, items: &mut [T]) {
        for at in 1..items.len() {
            items.swap(at, self.below(at + 1));
        }
    }
}
