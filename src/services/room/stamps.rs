//! Stamps: which message is which, and when it was said. Is told the time; owns no clock.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::hub::EntryId;
use crate::protocol::Stamp;

/// Beyond this no clock is believed: 2^52 ids are left below what JavaScript counts to.
pub(super) const MAX_CLOCK_MICROS: u64 = 1 << 52;

/// So that an id is less than what JavaScript counts to, until 2039.
const ENTRIES_PER_MS: u64 = 1 << 12;

const MAX_ID: u64 = (1 << 53) - (1 << 32);

/// Gives each message an id that is larger than all before it, also than those of a server that
/// ended before this one began: mostly the time, in microseconds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stamps {
    last: u64,
}

impl Stamps {
    /// The first id will be larger than the time is now.
    pub(super) fn new(now: SystemTime) -> Self {
        Self { last: micros(now) }
    }

    /// The stamp of a message that is said now.
    pub(super) fn next(&mut self, now: SystemTime) -> Stamp {
        let micros = micros(now);
        self.last = micros.max(self.last + 1);
        Stamp {
            id: self.last,
            time_ms: micros / 1000,
        }
    }

    /// The stamp of a message that is an entry of a hub's stream: on every node the same.
    pub(super) fn of_entry(&mut self, entry: EntryId) -> Stamp {
        let seq = entry.seq.min(ENTRIES_PER_MS - 1);
        let id = (entry.ms.saturating_mul(ENTRIES_PER_MS)).saturating_add(seq);
        self.last = id.min(MAX_ID).max(self.last + 1);
        Stamp {
            id: self.last,
            time_ms: entry.ms,
        }
    }

    /// Ids from here on are larger than this one, too.
    pub(super) fn pass(&mut self, id: u64) {
        self.last = self.last.max(id);
    }

    /// The id of the message that was stamped last.
    pub(super) fn last(&self) -> u64 {
        self.last
    }
}

/// Unix time in milliseconds.
pub(super) fn time_ms(now: SystemTime) -> u64 {
    micros(now) / 1000
}

fn micros(now: SystemTime) -> u64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).map_or(MAX_CLOCK_MICROS, |micros| micros.min(MAX_CLOCK_MICROS))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ids_ascend_whatever_the_clock_says() {
        let at = |micros| UNIX_EPOCH + Duration::from_micros(micros);
        let mut stamps = Stamps::new(at(5000));
        let stamp = |id, time_ms| Stamp { id, time_ms };
        assert_eq!(stamps.last(), 5000);
        assert_eq!(stamps.next(at(7654)), stamp(7654, 7));
        assert_eq!(stamps.next(at(7654)), stamp(7655, 7));
        // The clock is set back, then far ahead.
        assert_eq!(stamps.next(at(3000)), stamp(7656, 3));
        let before_1970 = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(stamps.next(before_1970), stamp(7657, 0));
        let mut far = Stamps::new(at(u64::MAX >> 1));
        for _ in 0..3 {
            assert!(far.next(at(u64::MAX >> 1)).id < 1 << 53);
        }
    }
}
