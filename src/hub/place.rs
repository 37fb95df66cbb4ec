//! Up to where the stream was read, and how that is found again in a stream that has lost its end.

use std::collections::VecDeque;

use super::EntryId;
use super::connection::Connection;

/// Earlier ends of what was read, one for each batch. Of a stream that has lost more, what is left is
/// read again.
const MARKS: usize = 4096;
const MARKS_AT_ONCE: usize = 64;

pub(super) struct Place {
    /// The ids of entries that were read, the oldest first; the last one is where reading goes on.
    marks: VecDeque<EntryId>,
}

impl Place {
    pub(super) fn at(position: EntryId) -> Self {
        let is_at_start = position == EntryId::START;
        Self {
            marks: (!is_at_start).then_some(position).into_iter().collect(),
        }
    }

    /// What is read next comes after this one.
    pub(super) fn position(&self) -> EntryId {
        self.marks.back().copied().unwrap_or(EntryId::START)
    }

    /// What the stream must still have, or it is not the one that was read. The last but one, too:
    /// what came last may be the first entry of a stream that was emptied meanwhile.
    pub(super) fn last_two(&self) -> Vec<EntryId> {
        self.marks.iter().rev().take(2).copied().collect()
    }

    pub(super) fn advance(&mut self, to: EntryId) {
        if self.marks.len() == MARKS {
            self.marks.pop_front();
        }
        self.marks.push_back(to);
    }

    /// Goes back to the newest entry that was read and is left, or to the start; returns to where, if
    /// anything of what was read last is gone.
    pub(super) fn find_again(
        &mut self,
        hub: &mut Connection,
        key: &str,
    ) -> Result<Option<EntryId>, String> {
        let last = self.last_two();
        if hub.count_left(key, &last)? == last.len() {
            return Ok(None);
        }
        let newest_first: Vec<EntryId> = self.marks.iter().rev().copied().collect();
        let mut left = None;
        for some in newest_first.chunks(MARKS_AT_ONCE) {
            left = hub.first_left(key, some)?;
            if left.is_some() {
                break;
            }
        }
        self.marks = left.into_iter().collect();
        Ok(Some(self.position()))
    }
}
