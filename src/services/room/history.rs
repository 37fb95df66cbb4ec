//! What was said last, for those who join: where it stands in the logs, and, for a log that comes
//! into being later, as it was said. Knows no members.

use std::collections::VecDeque;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::broadcast::{Addressees, publish_in};
use super::transcript::RoomPast;
use crate::outbound::{ClientId, Fanout, Offset, Published};
use crate::protocol::{Encoder, Encoding, Event, Kind, Said, Stamp};

/// A newcomer is sent at most this many pieces of a log, the newest. A piece ends where something
/// else than the conversation stands between two lines; each takes some bytes of a client's own.
const MAX_RUNS: usize = 10_000;

/// Who has said what was said before the server began: nobody who is here.
const NOBODY: ClientId = ClientId::NOBODY;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct History {
    /// So many lines are shown to a newcomer, and kept as they were said.
    max_lines: usize,
    lines: VecDeque<Line>,
    /// The id of the newest line that is not in `lines`, or an older one than any.
    dropped: u64,
    /// What that was before anything was said; nobody knows with a past.
    #[serde(default)]
    start_id: Option<u64>,
    /// By [`Encoding::index`].
    feeds: [Feed; Encoding::ALL.len()],
}

/// A line as it was said. Kept only while some log has it too, whose size is bounded.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    stamp: Stamp,
    speaker: ClientId,
    kind: Kind,
    /// Of `text`, those that are the speaker's name.
    name_bytes: u8,
    /// The speaker's name, and what it said.
    text: Box<str>,
}

/// The lines that one log holds. For the page that comes back all of them, else those that are
/// shown to newcomers.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Feed {
    placed: VecDeque<Placed>,
    /// The id of the newest line that is not in `placed`, or an older one than any.
    forgotten: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Placed {
    id: u64,
    speaker: ClientId,
    range: Range<Offset>,
}

/// What a newcomer is shown of the conversation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// Some of what it has asked for may be gone.
    pub(super) has_gap: bool,
    /// Where the rest stands, ascending.
    pub(super) runs: Vec<Range<Offset>>,
}

impl History {
    /// Nothing has been said yet: all lines will have ids above `start_id`.
    pub(super) fn new(max_lines: usize, start_id: u64) -> Self {
        Self {
            max_lines,
            lines: VecDeque::new(),
            dropped: start_id,
            start_id: Some(start_id),
            feeds: Default::default(),
        }
    }

    /// Begins with what was said before the server did.
    pub(super) fn restore(&mut self, past: RoomPast) {
        self.dropped = past.dropped;
        self.start_id = None;
        for line in past.lines.iter().rev() {
            self.keep(NOBODY, &line.said());
        }
    }

    /// Adds the line of `speaker` that was published last, and where.
    pub(super) fn push(
        &mut self,
        speaker: ClientId,
        said: &Said<'_>,
        ranges: &Published,
        (to, out): (&Addressees, &Fanout),
    ) {
        for encoding in Encoding::ALL {
            let range = &ranges[encoding.index()];
            if !range.is_empty() {
                let max_lines = self.max_lines_of(encoding);
                let feed = &mut self.feeds[encoding.index()];
                feed.forget_before(out.log_start(to.audience(), encoding.index()));
                let placed = Placed {
                    id: said.stamp.id,
                    speaker,
                    range: range.clone(),
                };
                feed.push(placed, max_lines);
            }
        }
        self.keep(speaker, said);
        let oldest = self.feeds.iter().filter_map(Feed::oldest).min();
        while let Some(line) = self.lines.front()
            && oldest.is_some_and(|oldest| line.stamp.id < oldest)
        {
            self.drop_oldest();
        }
    }

    /// Writes what was said so far into a log that comes into being.
    pub(super) fn fill(
        &mut self,
        encoding: Encoding,
        to: &Addressees,
        encoder: &mut Encoder,
        out: &mut Fanout,
    ) {
        let mut feed = Feed {
            forgotten: self.dropped,
            ..Feed::default()
        };
        for line in &self.lines {
            let said = line.said(to.room());
            match publish_in(encoding, to, &Event::Said(said), encoder, out) {
                Some(range) => {
                    let (id, speaker) = (said.stamp.id, line.speaker);
                    feed.push(Placed { id, speaker, range }, self.max_lines);
                }
                // It fits into the others only.
                None => feed.forget_all_until(said.stamp.id),
            }
        }
        self.feeds[encoding.index()] = feed;
    }

    /// What to show to a newcomer of that encoding, which does not want to hear some speakers. It may
    /// know all up to `since` already, given with the id that was last given to any message. What
    /// stands from `until` on in the log, it is sent in any case.
    pub(super) fn shown(
        &mut self,
        encoding: Encoding,
        (since, until): (Option<(u64, u64)>, Offset),
        is_ignored: impl Fn(ClientId) -> bool,
        (to, out): (&Addressees, &Fanout),
    ) -> Shown {
        let feed = &mut self.feeds[encoding.index()];
        feed.forget_before(out.replay_start(to.audience(), encoding.index()));
        let end = (feed.placed).partition_point(|line| line.range.start < until);
        let last_lines = end.saturating_sub(self.max_lines);
        let (has_gap, first) = match since {
            None => (false, last_lines),
            // Of another server's life.
            Some((since, newest)) if since > newest => (true, last_lines),
            // All that was said here is there.
            Some((0, _)) if self.start_id == Some(feed.forgotten) => (false, 0),
            Some((since, _)) => {
                let first = feed.placed.partition_point(|line| line.id <= since);
                (since < feed.forgotten, first)
            }
        };
        let (runs, is_cut) = feed.runs(first.min(end)..end, is_ignored);
        let has_gap = has_gap || is_cut && since.is_some();
        Shown { has_gap, runs }
    }

    #[cfg(test)]
    pub(super) fn kept_bytes(&self) -> usize {
        self.lines.iter().map(|line| line.text.len()).sum()
    }

    /// Only of JSON's clients are there some that come back.
    fn max_lines_of(&self, encoding: Encoding) -> usize {
        match encoding {
            Encoding::Json => usize::MAX,
            _ => self.max_lines,
        }
    }

    fn keep(&mut self, speaker: ClientId, said: &Said<'_>) {
        if self.lines.len() >= self.max_lines {
            self.drop_oldest();
        }
        match self.max_lines {
            0 => self.dropped = said.stamp.id,
            _ => self.lines.push_back(Line::new(speaker, said)),
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(line) = self.lines.pop_front() {
            self.dropped = self.dropped.max(line.stamp.id);
        }
    }
}

impl Line {
    fn new(speaker: ClientId, said: &Said<'_>) -> Self {
        Self {
            stamp: said.stamp,
            speaker,
            kind: said.kind,
            // Names are shorter than that.
            name_bytes: u8::try_from(said.from.len()).unwrap_or(u8::MAX),
            text: [said.from, said.text].concat().into(),
        }
    }

    fn said<'a>(&'a self, room: &'a str) -> Said<'a> {
        let (from, text) = self.text.split_at(usize::from(self.name_bytes));
        Said {
            stamp: self.stamp,
            kind: self.kind,
            room,
            from,
            text,
        }
    }
}

impl Feed {
    fn push(&mut self, placed: Placed, max_lines: usize) {
        if max_lines == 0 {
            self.forgotten = placed.id;
            return;
        }
        if self.placed.len() >= max_lines {
            self.forget_oldest();
        }
        self.placed.push_back(placed);
    }

    /// Forgets the lines of which the log has begun to drop something.
    fn forget_before(&mut self, log_start: Offset) {
        while let Some(oldest) = self.placed.front()
            && oldest.range.start < log_start
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.placed.pop_front() {
            self.forgotten = self.forgotten.max(oldest.id);
        }
    }

    fn forget_all_until(&mut self, id: u64) {
        self.placed.clear();
        self.forgotten = id;
    }

    fn oldest(&self) -> Option<u64> {
        self.placed.front().map(|line| line.id)
    }

    /// Where these lines stand, but those of ignored speakers: those that stand together are one
    /// range. And whether that would have been too many, and only the newest are there.
    fn runs(
        &self,
        lines: Range<usize>,
        is_ignored: impl Fn(ClientId) -> bool,
    ) -> (Vec<Range<Offset>>, bool) {
        let mut runs: Vec<Range<Offset>> = Vec::new();
        let mut is_cut = false;
        let lines = self.placed.range(lines).rev();
        for Placed { range, .. } in lines.filter(|line| !is_ignored(line.speaker)) {
            let count = runs.len();
            match runs.last_mut() {
                Some(run) if run.start == range.end => run.start = range.start,
                _ if count < MAX_RUNS => runs.push(range.clone()),
                _ => {
                    is_cut = true;
                    break;
                }
            }
        }
        runs.reverse();
        (runs, is_cut)
    }
}
