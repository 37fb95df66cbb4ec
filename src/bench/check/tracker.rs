//! Which messages each receiver has had, which it is still owed, and what came twice, out of
//! order or damaged. Exact, and small: one number per receiver and sender; only what deviates
//! is kept apart, up to a bound. Knows no bytes, no clock and no connection.

use std::collections::HashMap;
use std::ops::Range;

/// Gaps remembered at most. Beyond it a gap still counts as lost, but what arrives of it later
/// cannot be told from a duplicate and is counted as reordered.
const GAPS_MAX: usize = 1 << 20;

/// What an arrival turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The next one expected.
    InOrder,
    /// Later ones came first: those of the range are missing so far.
    Ahead(Range<u32>),
    /// One of those that were missing.
    Reordered,
    /// It had come before.
    Duplicate,
}

/// What all receivers together had and had not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    /// Deliveries owed: for each receiver what was sent to it while it was there.
    pub(crate) owed: u64,
    /// Those that arrived whole, each counted once.
    pub(crate) received: u64,
    /// Owed, and never arrived, not even damaged.
    pub(crate) lost: u64,
    /// Arrivals beyond the first of a message at a receiver.
    pub(crate) duplicate: u64,
    /// Arrived after one that was sent later by the same sender.
    pub(crate) reordered: u64,
    /// Arrived with a wrong checksum, in pieces, or at the wrong place.
    pub(crate) corrupt: u64,
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.owed += other.owed;
        self.received += other.received;
        self.lost += other.lost;
        self.duplicate += other.duplicate;
        self.reordered += other.reordered;
        self.corrupt += other.corrupt;
    }
}

#[cfg(test)]
impl Totals {
    /// Whether every owed message arrived once, in order and whole.
    #[must_use]
    pub(crate) fn clean(&self) -> bool {
        self.lost == 0 && self.duplicate == 0 && self.reordered == 0 && self.corrupt == 0
    }
}

/// What the receivers of one run had, and are owed.
#[derive(Debug)]
pub(crate) struct DeliveryTracker {
    columns: usize,
    /// Row by receiver, column by sender: the next sequence number expected.
    next: Vec<u32>,
    receivers: Vec<Receiver>,
    /// By receiver and sender, what was jumped over, in order of sequence.
    gaps: HashMap<(usize, usize), Vec<Range<u32>>>,
    gap_count: usize,
    gaps_max: usize,
    totals: Totals,
}

#[derive(Debug, Clone, Copy, Default)]
struct Receiver {
    missing: u64,
    corrupt: u64,
    closed: bool,
}

impl DeliveryTracker {
    /// Of `receivers`, each owed the messages of `columns` senders from sequence 0 on.
    #[must_use]
    pub(crate) fn new(receivers: usize, columns: usize) -> Self {
        Self {
            columns,
            next: vec![0; receivers * columns],
            receivers: vec![Receiver::default(); receivers],
            gaps: HashMap::new(),
            gap_count: 0,
            gaps_max: GAPS_MAX,
            totals: Totals::default(),
        }
    }

    /// Enters one whole message. `receiver` and `column` are within what `new` was told.
    #[inline]
    pub(crate) fn arrived(&mut self, receiver: usize, column: usize, sequence: u32) -> Arrival {
        let next = &mut self.next[receiver * self.columns + column];
        if *next == sequence {
            *next += 1;
            self.totals.received += 1;
            return Arrival::InOrder;
        }
        self.out_of_order(receiver, column, sequence)
    }

    #[cold]
    fn out_of_order(&mut self, receiver: usize, column: usize, sequence: u32) -> Arrival {
        let next = &mut self.next[receiver * self.columns + column];
        if sequence > *next {
            let gap = *next..sequence;
            *next = sequence + 1;
            self.receivers[receiver].missing += u64::from(sequence - gap.start);
            self.totals.received += 1;
            self.remember(receiver, column, gap.clone());
            return Arrival::Ahead(gap);
        }
        if self.fill(receiver, column, sequence) {
            self.receivers[receiver].missing -= 1;
            self.totals.received += 1;
            self.totals.reordered += 1;
            return Arrival::Reordered;
        }
        self.totals.duplicate += 1;
        Arrival::Duplicate
    }

    /// Enters an arrival whose bytes are not what anybody sent.
    pub(crate) fn corrupt(&mut self, receiver: usize) {
        self.receivers[receiver].corrupt += 1;
        self.totals.corrupt += 1;
    }

    /// The next sequence number that `receiver` expects of `column`'s sender.
    #[must_use]
    pub(crate) fn expected(&self, receiver: usize, column: usize) -> u32 {
        self.next[receiver * self.columns + column]
    }

    /// Closes a receiver's account: `sent(column)` is how many messages each sender had sent to
    /// it when it left or the run ended. A receiver is settled once; later calls do nothing.
    ///
    /// A damaged arrival cannot be told from which message it was, so each stands for one of
    /// its receiver's missing ones, and only the others are lost.
    pub(crate) fn close(&mut self, receiver: usize, sent: impl Fn(usize) -> u32) {
        if self.receivers[receiver].closed {
            return;
        }
        let row = &self.next[receiver * self.columns..][..self.columns];
        for (column, next) in row.iter().enumerate() {
            self.totals.owed += u64::from(sent(column));
            self.receivers[receiver].missing += u64::from(sent(column).saturating_sub(*next));
        }
        let account = &mut self.receivers[receiver];
        account.closed = true;
        self.totals.lost += account.missing.saturating_sub(account.corrupt);
    }

    /// The sums so far; `owed` and `lost` cover the receivers that are settled.
    #[must_use]
    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    fn remember(&mut self, receiver: usize, column: usize, gap: Range<u32>) {
        if self.gap_count < self.gaps_max {
            self.gap_count += 1;
            self.gaps.entry((receiver, column)).or_default().push(gap);
        }
    }

    /// Takes `sequence` out of the gaps; false if it was in none.
    fn fill(&mut self, receiver: usize, column: usize, sequence: u32) -> bool {
        let full = self.gap_count >= self.gaps_max;
        let Some(gaps) = self.gaps.get_mut(&(receiver, column)) else {
            return full && self.receivers[receiver].missing > 0;
        };
        let at = gaps.partition_point(|gap| gap.end <= sequence);
        let Some(gap) = gaps.get_mut(at).filter(|gap| gap.contains(&sequence)) else {
            return full && self.receivers[receiver].missing > 0;
        };
        let behind = sequence + 1..gap.end;
        gap.end = sequence;
        match (gap.start == gap.end, behind.start == behind.end) {
            (true, true) => {
                gaps.remove(at);
                self.gap_count -= 1;
            }
            (true, false) => gaps[at] = behind,
            (false, true) => {}
            (false, false) => {
                gaps.insert(at + 1, behind);
                self.gap_count += 1;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(tracker: &mut DeliveryTracker, sequences: &[u32]) {
        for sequence in sequences {
            tracker.arrived(0, 0, *sequence);
        }
    }

    fn totals(sequences: &[u32], corrupt: u64, sent: u32) -> Totals {
        let mut tracker = DeliveryTracker::new(1, 1);
        enter(&mut tracker, sequences);
        for _ in 0..corrupt {
            tracker.corrupt(0);
        }
        tracker.close(0, |_| sent);
        tracker.totals()
    }

    #[test]
    fn all_in_order_is_clean() {
        let totals = totals(&[0, 1, 2, 3], 0, 4);
        assert!(totals.clean());
        assert_eq!((totals.owed, totals.received), (4, 4));
    }

    #[test]
    fn a_gap_and_a_tail_are_lost() {
        let totals = totals(&[0, 2, 3], 0, 6);
        assert_eq!((totals.lost, totals.received, totals.owed), (3, 3, 6));
        assert_eq!((totals.duplicate, totals.reordered), (0, 0));
    }

    #[test]
    fn two_swapped_are_one_reordered() {
        let totals = totals(&[0, 2, 1, 3], 0, 4);
        assert_eq!(
            totals,
            Totals {
                owed: 4,
                received: 4,
                reordered: 1,
                ..Totals::default()
            }
        );
    }

    #[test]
    fn one_doubled_is_one_duplicate() {
        let totals = totals(&[0, 1, 1, 2, 0], 0, 3);
        assert_eq!((totals.duplicate, totals.lost, totals.reordered), (2, 0, 0));
    }

    #[test]
    fn a_late_one_comes_twice() {
        let totals = totals(&[0, 5, 3, 3], 0, 6);
        assert_eq!((totals.reordered, totals.duplicate, totals.lost), (1, 1, 3));
    }

    #[test]
    fn a_damaged_one_is_not_lost_as_well() {
        let totals = totals(&[0, 1, 3], 1, 4);
        assert_eq!((totals.corrupt, totals.lost), (1, 0));
    }

    #[test]
    fn damage_at_one_does_not_excuse_another() {
        let mut tracker = DeliveryTracker::new(2, 1);
        tracker.corrupt(0);
        tracker.close(0, |_| 1);
        tracker.close(1, |_| 1);
        tracker.close(1, |_| 9);
        assert_eq!((tracker.totals().corrupt, tracker.totals().lost), (1, 1));
    }

    #[test]
    fn receivers_and_senders_are_kept_apart() {
        let mut tracker = DeliveryTracker::new(2, 2);
        assert_eq!(tracker.arrived(0, 1, 0), Arrival::InOrder);
        assert_eq!(tracker.arrived(1, 1, 0), Arrival::InOrder);
        assert_eq!(tracker.arrived(1, 0, 2), Arrival::Ahead(0..2));
        assert_eq!(tracker.arrived(1, 0, 1), Arrival::Reordered);
        assert_eq!((tracker.expected(0, 0), tracker.expected(1, 0)), (0, 3));
    }

    #[test]
    fn every_order_of_six_is_understood() {
        // All 6^6 arrivals of sequences 0..6, against plain sets.
        for code in 0..6u32.pow(6) {
            let arrivals: Vec<u32> = (0..6).map(|i| code / 6u32.pow(i) % 6).collect();
            let (mut seen, mut highest) = (Vec::new(), None);
            let mut expected = Totals {
                owed: 6,
                ..Totals::default()
            };
            for sequence in &arrivals {
                if seen.contains(sequence) {
                    expected.duplicate += 1;
                } else if highest.is_some_and(|h| h > *sequence) {
                    expected.reordered += 1;
                }
                seen.push(*sequence);
                highest = highest.max(Some(*sequence));
            }
            seen.sort_unstable();
            seen.dedup();
            expected.received = seen.len() as u64;
            expected.lost = 6 - expected.received;
            assert_eq!(totals(&arrivals, 0, 6), expected, "{arrivals:?}");
        }
    }

    #[test]
    fn beyond_the_bound_it_still_counts() {
        let mut tracker = DeliveryTracker::new(1, 1);
        tracker.gaps_max = 2;
        enter(&mut tracker, &[1, 3, 5, 7]);
        enter(&mut tracker, &[4]);
        tracker.close(0, |_| 8);
        let totals = tracker.totals();
        assert_eq!((totals.lost, totals.reordered, totals.received), (3, 1, 5));
    }
}
