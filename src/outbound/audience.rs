//! An audience: clients that are told the same things. Its logs, whose turn is next, and whether
//! talk outruns it. Knows ids; what each of them is owed stands elsewhere.

use serde::{Deserialize, Serialize};

use super::backpressure::Backpressure;
use super::feeds::Feeds;
use super::pacing::Pace;
use super::schedule::Schedule;

/// Names one audience of a fanout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AudienceId(u32);

impl AudienceId {
    /// The one that is always there.
    pub const FIRST: Self = Self(0);

    pub(super) fn new(key: usize) -> Self {
        // A service has some hundred of them.
        Self(u32::try_from(key).unwrap_or(u32::MAX))
    }

    pub(super) fn key(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug)]
pub(super) struct Audience {
    pub(super) feeds: Feeds,
    pub(super) schedule: Schedule,
    pub(super) backpressure: Backpressure,
    /// How many clients have an entry in the schedule's ring.
    pub(super) in_ring: usize,
    /// How many clients' outboxes mean its logs.
    pub(super) clients: usize,
    /// Its service has done with it: it goes with the last of these clients.
    pub(super) is_closed: bool,
    /// It stands among those with urgent clients, and those with followers that may be due.
    pub(super) is_urgent: bool,
    pub(super) is_due: bool,
}

impl Audience {
    pub(super) fn new(log_bytes: usize, pace: Pace) -> Self {
        Self {
            feeds: Feeds::new(log_bytes),
            schedule: Schedule::new(pace),
            backpressure: Backpressure::default(),
            in_ring: 0,
            clients: 0,
            is_closed: false,
            is_urgent: false,
            is_due: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There may be thousands, of which nobody has said anything in most.
    #[test]
    fn an_audience_that_was_told_nothing_takes_less_than_a_kibibyte() {
        assert!(size_of::<Audience>() < 1000, "{}", size_of::<Audience>());
    }
}
