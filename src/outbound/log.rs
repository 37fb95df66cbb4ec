//! The shared log: what everybody is told, stored once, bounded.
//! Knows bytes and where messages start; not who reads them.

use std::collections::VecDeque;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A place in a log: bytes since its beginning. Never reused, so it stays right when the ring
/// wraps and when old messages are trimmed.
pub type Offset = u64;

/// So many messages are counted one by one.
const FEW_MESSAGES: usize = 16;

/// A bounded ring of messages.
///
/// Appending trims the oldest messages, whole ones only, when room is needed. Memory grows with
/// use up to the capacity and never beyond.
#[derive(Debug)]
pub struct SharedLog {
    /// The bytes of `start..end`.
    bytes: VecDeque<u8>,
    /// Where each stored message begins, ascending.
    message_starts: VecDeque<Offset>,
    /// Offset of the first stored byte; always a message's first.
    start: Offset,
    /// What `bytes` and `message_starts` may take together, in bytes.
    capacity_bytes: usize,
}

/// What a log holds, for another process.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SavedLog {
    start: Offset,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
    message_starts: VecDeque<Offset>,
}

impl SharedLog {
    pub(super) fn save(&self) -> SavedLog {
        let (front, back) = self.bytes.as_slices();
        SavedLog {
            start: self.start,
            bytes: [front, back].concat(),
            message_starts: self.message_starts.clone(),
        }
    }

    /// A log as it was, but for its bound, which may be another.
    pub(super) fn restore(capacity_bytes: usize, saved: SavedLog) -> Self {
        let mut log = Self {
            bytes: saved.bytes.into(),
            message_starts: saved.message_starts,
            start: saved.start,
            capacity_bytes,
        };
        while log.used_bytes() > log.capacity_bytes {
            log.trim_oldest();
        }
        log
    }

    /// An empty log that will take at most `capacity_bytes` of memory, its index included.
    #[must_use]
    pub fn new(capacity_bytes: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            message_starts: VecDeque::new(),
            start: 0,
            capacity_bytes,
        }
    }

    /// Offset of the oldest stored byte.
    #[must_use]
    pub fn start(&self) -> Offset {
        self.start
    }

    /// Offset after the newest byte: where the next message will begin.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.start + self.bytes.len() as Offset
    }

    /// The bound given to [`new`](Self::new).
    #[must_use]
    pub fn capacity_bytes(&self) -> usize {
        self.capacity_bytes
    }

    /// Appends one message, given in parts, and tells where it stands. Old messages make room.
    /// `None`: the message is larger than the whole log, and nothing has changed.
    pub fn append(&mut self, parts: &[&[u8]]) -> Option<Range<Offset>> {
        let message_bytes = total(parts);
        let needed = message_bytes + INDEX_ENTRY_BYTES;
        if needed > self.capacity_bytes {
            return None;
        }
        while self.used_bytes() + needed > self.capacity_bytes {
            self.trim_oldest();
        }
        let begin = self.end();
        self.reserve(message_bytes);
        self.message_starts.push_back(begin);
        for part in parts {
            self.bytes.extend(*part);
        }
        Some(begin..self.end())
    }

    /// Whether a message, given in parts, is not larger than the whole log.
    #[must_use]
    pub fn fits(&self, parts: &[&[u8]]) -> bool {
        total(parts) + INDEX_ENTRY_BYTES <= self.capacity_bytes
    }

    /// The bytes of `range`, in at most two pieces since a ring wraps. What of it has been
    /// trimmed, or has not been written yet, is not there.
    #[must_use]
    pub fn slices(&self, range: Range<Offset>) -> (&[u8], &[u8]) {
        let from = self.index(range.start);
        let to = self.index(range.end).max(from);
        let (front, back) = self.bytes.as_slices();
        let split = front.len();
        (
            &front[from.min(split)..to.min(split)],
            &back[from.saturating_sub(split)..to.saturating_sub(split)],
        )
    }

    /// Whether `offset` will be trimmed before as much as `margin_bytes` more is appended.
    #[must_use]
    pub(super) fn is_soon_trimmed(&self, offset: Offset, margin_bytes: u64) -> bool {
        let is_nearly_full = self.used_bytes() as u64 + margin_bytes > self.capacity_bytes as u64;
        is_nearly_full && offset < self.start + margin_bytes
    }

    /// Offset of the oldest message that will still be there when a quarter of the capacity has been
    /// appended anew.
    pub(super) fn replay_start(&self) -> Offset {
        let lasting_bytes = self.capacity_bytes - self.capacity_bytes / 4;
        let trimmed_bytes = self.used_bytes().saturating_sub(lasting_bytes) as u64;
        let (mut kept, mut all) = (0, self.message_starts.len());
        while kept < all {
            let middle = kept.midpoint(all);
            let older_bytes = self.message_starts[middle] - self.start;
            match older_bytes + (middle * INDEX_ENTRY_BYTES) as u64 >= trimmed_bytes {
                true => all = middle,
                false => kept = middle + 1,
            }
        }
        self.message_starts.get(kept).copied().unwrap_or(self.end())
    }

    /// What of the message in whose midst `offset` lies comes from there on; empty where one begins.
    pub(super) fn rest_of_message(&self, offset: Offset) -> Range<Offset> {
        let next = self.message_starts.partition_point(|start| *start < offset);
        offset..self.message_starts.get(next).copied().unwrap_or(self.end())
    }

    /// How many messages end in `range`: who has been sent it has got so many more of them. Of a
    /// `range` that is not trimmed.
    pub(super) fn messages_ended_in(&self, range: Range<Offset>) -> u64 {
        let is_at_end = range.end >= self.end();
        let until = if is_at_end {
            0
        } else {
            self.begun_after(range.end)
        };
        let ended = self.begun_after(range.start) + usize::from(is_at_end) - until;
        match range.start < range.end {
            true => ended as u64,
            false => 0,
        }
    }

    /// How many messages begin after `offset`. Mostly there are few, and those that were appended
    /// last are in the cache.
    fn begun_after(&self, offset: Offset) -> usize {
        let newest = self.message_starts.iter().rev().take(FEW_MESSAGES);
        match newest.take_while(|start| **start > offset).count() {
            FEW_MESSAGES => {
                let starts = &self.message_starts;
                starts.len() - starts.partition_point(|start| *start <= offset)
            }
            few => few,
        }
    }

    fn index(&self, offset: Offset) -> usize {
        let distance = offset.saturating_sub(self.start);
        usize::try_from(distance).map_or(self.bytes.len(), |at| at.min(self.bytes.len()))
    }

    fn used_bytes(&self) -> usize {
        self.bytes.len() + self.message_starts.len() * INDEX_ENTRY_BYTES
    }

    fn trim_oldest(&mut self) {
        self.message_starts.pop_front();
        let new_start = self.message_starts.front().copied().unwrap_or(self.end());
        self.bytes.drain(..self.index(new_start));
        self.start = new_start;
    }

    /// Doubles like any vector does, but never beyond the capacity.
    fn reserve(&mut self, more: usize) {
        let wanted = self.bytes.len() + more;
        if wanted > self.bytes.capacity() {
            let target = wanted
                .next_power_of_two()
                .clamp(wanted, self.capacity_bytes.max(wanted));
            self.bytes.reserve_exact(target - self.bytes.len());
        }
    }
}

fn total(parts: &[&[u8]]) -> usize {
    parts.iter().map(|part| part.len()).sum()
}

/// What the index keeps of each message.
const INDEX_ENTRY_BYTES: usize = size_of::<Offset>();

#[cfg(test)]
mod tests {
    use super::*;

    fn text(log: &SharedLog, range: Range<Offset>) -> String {
        let (a, b) = log.slices(range);
        String::from_utf8([a, b].concat()).unwrap()
    }

    #[test]
    fn what_is_appended_can_be_read_at_its_offsets() {
        let mut log = SharedLog::new(1000);
        assert_eq!((log.start(), log.end()), (0, 0));
        let a = log.append(&[b"ann: ", b"hi", b"\n"]).unwrap();
        let b = log.append(&[b"bob: yo\n"]).unwrap();
        assert_eq!((a.clone(), b.clone()), (0..8, 8..16));
        assert_eq!(text(&log, a), "ann: hi\n");
        assert_eq!(text(&log, 5..16), "hi\nbob: yo\n");
        assert_eq!(text(&log, 8..99), "bob: yo\n");
        assert_eq!(text(&log, b.end..b.end), "");
    }

    #[test]
    fn old_messages_go_whole_and_memory_stays_bounded() {
        let mut log = SharedLog::new(100);
        for n in 0..1000u32 {
            let line = format!("{n:0width$}\n", width = 1 + (n as usize * 7) % 23);
            let range = log.append(&[line.as_bytes()]).unwrap();
            assert_eq!(text(&log, range.clone()), line);
            assert!(log.used_bytes() <= 100);
            assert!(log.bytes.capacity() <= 100);
            let whole = text(&log, log.start()..log.end());
            assert!(whole.ends_with('\n') && whole.lines().all(|l| l.parse::<u32>().is_ok()));
            let oldest: u32 = whole.lines().next().unwrap().parse().unwrap();
            assert_eq!(oldest as usize + whole.lines().count(), n as usize + 1);
        }
    }

    #[test]
    fn the_rest_of_a_message_ends_with_it() {
        let mut log = SharedLog::new(1000);
        for message in ["one", "two", "three"] {
            log.append(&[message.as_bytes()]);
        }
        for (offset, rest) in [(0, ""), (1, "ne"), (3, ""), (5, "o"), (7, "hree"), (11, "")] {
            assert_eq!(text(&log, log.rest_of_message(offset)), rest, "{offset}");
        }
    }

    #[test]
    fn messages_are_counted_where_they_end() {
        let mut log = SharedLog::new(2000);
        // Offsets of the ends of messages.
        let mut ends = Vec::new();
        for n in 0..300usize {
            log.append(&[&vec![b'x'; 1 + n % 7]]).unwrap();
            ends.push(log.end());
        }
        assert!(log.start() > 0);
        for from in log.start()..=log.end() {
            for to in [from, from + 1, from + 9, from + 300, log.end()] {
                let range = from..to.min(log.end());
                let expected = ends
                    .iter()
                    .filter(|e| **e > range.start && **e <= range.end);
                let expected = expected.count() as u64;
                assert_eq!(log.messages_ended_in(range.clone()), expected, "{range:?}");
            }
        }
        assert_eq!(SharedLog::new(9).messages_ended_in(0..0), 0);
    }

    #[test]
    fn what_will_be_trimmed_is_known_before() {
        let mut log = SharedLog::new(100);
        for _ in 0..6 {
            assert!(!log.is_soon_trimmed(0, 20));
            log.append(&[b"1234"]);
        }
        for _ in 0..100 {
            // Two more messages are less than the margin.
            let last = (0..log.end())
                .rfind(|at| log.is_soon_trimmed(*at, 30))
                .unwrap();
            log.append(&[b"1234"]);
            log.append(&[b"5678"]);
            assert!(log.start() <= last + 1, "{} {last}", log.start());
        }
    }

    #[test]
    fn what_is_replayed_outlives_a_quarter_of_a_log() {
        let mut log = SharedLog::new(100);
        for n in 0..50 {
            let (from, was_full) = (log.replay_start(), log.start() > 0);
            // Of twelve bytes each.
            for _ in 0..2 {
                log.append(&[b"1234"]);
            }
            assert!(log.start() <= from, "{n}: {} {from}", log.start());
            assert!(!was_full || from < log.end() - 24, "{n}: {from} is late");
        }
    }

    #[test]
    fn a_message_larger_than_the_log_is_refused_and_changes_nothing() {
        let mut log = SharedLog::new(20);
        log.append(&[b"kept\n"]).unwrap();
        assert_eq!(log.append(&[&[b'x'; 13]]), None);
        assert_eq!(text(&log, 0..5), "kept\n");
        assert_eq!(log.append(&[&[b'x'; 12]]), Some(5..17));
        assert_eq!(log.start(), 5);
    }
}
