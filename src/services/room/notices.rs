//! How comings and goings are told: one by one among few, summed up among many, so that filling
//! a room of N costs O(N) and not O(N²). Counts only; knows no names.

use std::time::{Duration, Instant};

/// How joins, leaves and new nicks are told to the members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notices {
    /// One by one up to 50 members, above that one line a second; what has not been told when a
    /// room shrinks is summed up too.
    Auto,
    /// Always one by one.
    On,
    /// Not at all; nor is a newcomer greeted.
    Off,
}

/// The largest room in which everybody's coming is worth a line to everybody.
const SMALL_ROOM: usize = 50;

const SUMMARY_EVERY: Duration = Duration::from_secs(1);

/// What has not been told yet.
#[derive(Debug)]
pub(super) struct PendingNotices {
    mode: Notices,
    joined: usize,
    left: usize,
    renamed: usize,
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

    /// Somebody makes the room one of `members`; whether to tell it now.
    pub(super) fn joined(&mut self, now: Instant, members: usize) -> bool {
        self.tell_now(now, members, |pending| &mut pending.joined)
    }

    /// Somebody leaves a room of `members`; whether to tell it now.
    pub(super) fn left(&mut self, now: Instant, members: usize) -> bool {
        self.tell_now(now, members, |pending| &mut pending.left)
    }

    /// Somebody in a room of `members` has another nick; whether to tell it now.
    pub(super) fn renamed(&mut self, now: Instant, members: usize) -> bool {
        self.tell_now(now, members, |pending| &mut pending.renamed)
    }

    /// When the summary should be told.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What has been counted since the last summary.
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

    fn tell_now(
        &mut self,
        now: Instant,
        members: usize,
        count: fn(&mut Self) -> &mut usize,
    ) -> bool {
        match self.mode {
            Notices::On => true,
            Notices::Off => false,
            // While a sum is due it is older than this, and should not be told after it.
            Notices::Auto if members <= SMALL_ROOM && self.due.is_none() => true,
            Notices::Auto => {
                *count(self) += 1;
                self.due.get_or_insert(now + SUMMARY_EVERY);
                false
            }
        }
    }
}
