//! How joins, leaves and new nicks are announced: one by one in a small room, summed up in a large
//! one, so that filling a room of N costs O(N) and not O(N²). Counts only; knows no names.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::clock;

/// How joins, leaves and new nicks are announced to the members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notices {
    /// One by one in a room of at most 50 members; in a larger one, and until a sum that is due has
    /// been announced, summed up in one line a second.
    Auto,
    /// One by one, whatever the size.
    On,
    /// Not at all; nor is a newcomer greeted.
    Off,
}

/// The largest room in which each join is a line to all, in members, inclusive.
const SMALL_ROOM: usize = 50;

/// From the first event that is not announced to the line that sums it up.
const SUMMARY_AFTER: Duration = Duration::from_secs(1);

/// What has happened and is not announced yet.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PendingNotices {
    mode: Notices,
    joined: usize,
    left: usize,
    renamed: usize,
    #[serde(with = "clock::optional_instant")]
    due: Option<Instant>,
}

impl PendingNotices {
    pub(super) fn new(mode: Notices) -> Self {
        Self {
            mode,
            joined: 0,
            left: 0,
            renamed: 0,
            due: None,
        }
    }

    /// A join makes the room one of `members`; whether to announce it now.
    pub(super) fn joined(&mut self, now: Instant, members: usize) -> bool {
        self.announce_now(now, members, |pending| &mut pending.joined)
    }

    /// A member leaves a room of `members`; whether to announce it now.
    pub(super) fn left(&mut self, now: Instant, members: usize) -> bool {
        self.announce_now(now, members, |pending| &mut pending.left)
    }

    /// A member of a room of `members` has another nick; whether to announce it now.
    pub(super) fn renamed(&mut self, now: Instant, members: usize) -> bool {
        self.announce_now(now, members, |pending| &mut pending.renamed)
    }

    /// When the sum is to be announced.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Says what has been counted since the last sum, if anything, and starts anew.
    pub(super) fn sum_up(&mut self, members: usize) -> Option<String> {
        let counts = [
            (self.joined, "joined"),
            (self.left, "left"),
            (self.renamed, "took another nick"),
        ];
        *self = Self::new(self.mode);
        let told: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        (!told.is_empty()).then(|| format!("{}; {members} are here", told.join(", ")))
    }

    fn announce_now(
        &mut self,
        now: Instant,
        members: usize,
        count: fn(&mut Self) -> &mut usize,
    ) -> bool {
        match self.mode {
            Notices::On => true,
            Notices::Off => false,
            // A sum that is due is about what came before this, and must not come after it.
            Notices::Auto if members <= SMALL_ROOM && self.due.is_none() => true,
            Notices::Auto => {
                *count(self) += 1;
                self.due.get_or_insert(now + SUMMARY_AFTER);
                false
            }
        }
    }
}
