//! What the model compares with: a log and queues that are too plain to be wrong, and a socket.
//! Knows nothing of how the real ones are built, but what an entry of the log's index takes.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use std::ops::{AddAssign, Range};
use std::rc::Rc;

use fastrand::Rng;

use crate::outbound::{AudienceId, ClientId, Offset};

/// What the log keeps of each message beside its bytes.
pub(super) const INDEX_ENTRY_BYTES: usize = 8;

/// No segment of an outbox takes more.
const LARGEST_SEGMENT_BYTES: usize = 32;

/// The messages that are kept, one by one.
pub(super) struct PlainLog {
    kept: VecDeque<(Offset, Rc<[u8]>)>,
    end: Offset,
    capacity_bytes: usize,
}

impl PlainLog {
    pub(super) fn new(capacity_bytes: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            end: 0,
            capacity_bytes,
        }
    }

    pub(super) fn append(&mut self, words: &Rc<[u8]>) -> Option<Range<Offset>> {
        if words.len() + INDEX_ENTRY_BYTES > self.capacity_bytes {
            return None;
        }
        let begin = self.end;
        self.end += words.len() as Offset;
        self.kept.push_back((begin, Rc::clone(words)));
        let size = |(_, words): &(Offset, Rc<[u8]>)| words.len() + INDEX_ENTRY_BYTES;
        while self.kept.iter().map(size).sum::<usize>() > self.capacity_bytes {
            self.kept.pop_front();
        }
        Some(begin..self.end)
    }

    pub(super) fn start(&self) -> Offset {
        self.kept.front().map_or(self.end, |(at, _)| *at)
    }
}

/// An audience that is told everything in two forms.
pub(super) struct PlainAudience {
    pub(super) id: AudienceId,
    pub(super) logs: [PlainLog; 2],
    /// Where the last messages stand in each, as a room's history would know it.
    pub(super) history: Vec<[Range<Offset>; 2]>,
    /// How much has been published, and how much had been when laggards were last looked for.
    pub(super) published: u64,
    pub(super) swept_at: u64,
}

impl PlainAudience {
    pub(super) fn new(id: AudienceId, log_bytes: usize) -> Self {
        Self {
            id,
            logs: [(); 2].map(|()| PlainLog::new(log_bytes)),
            history: Vec::new(),
            published: 0,
            swept_at: 0,
        }
    }

    /// If a member can never be sent all: bytes from what it is owed first of its log to the log's
    /// end.
    pub(super) fn behind_bytes(&self, member: &Member) -> Option<u64> {
        member.behind_bytes(&self.logs[member.feed])
    }
}

/// One member and all that it must still be sent, piece by piece.
pub(super) struct Member {
    pub(super) id: ClientId,
    /// Whose log it reads.
    pub(super) audience: usize,
    pub(super) feed: usize,
    pub(super) owed: VecDeque<Owed>,
    pub(super) follows: bool,
    /// It has never followed.
    pub(super) is_fresh: bool,
    pub(super) blocked: bool,
}

pub(super) struct Owed {
    words: Rc<[u8]>,
    sent: usize,
    /// Where it stands in the log; `None` for what this member alone is told.
    pub(super) at: Option<Offset>,
}

impl Member {
    pub(super) fn new(id: ClientId, feed: usize) -> Self {
        Self {
            id,
            audience: 0,
            feed,
            owed: VecDeque::new(),
            follows: false,
            is_fresh: true,
            blocked: false,
        }
    }

    pub(super) fn owe(&mut self, words: &Rc<[u8]>, at: Option<Offset>) {
        if !words.is_empty() {
            let words = Rc::clone(words);
            self.owed.push_back(Owed { words, sent: 0, at });
        }
    }

    /// Owes what is still kept of `range`; returns how many messages that is.
    pub(super) fn owe_kept(&mut self, log: &PlainLog, range: &Range<Offset>) -> usize {
        let kept = log.kept.iter().filter(|(at, _)| range.contains(at));
        kept.map(|(at, words)| self.owe(words, Some(*at))).count()
    }

    pub(super) fn owed_bytes(&self) -> usize {
        let owed = self.owed.iter();
        owed.map(|owed| owed.words.len() - owed.sent).sum()
    }

    /// Forgets all that it is owed but what it has got in part, or will with the next
    /// `under_way_bytes`, and what it alone is told along with that, or first; returns whether that
    /// is anything.
    pub(super) fn keep_begun(&mut self, mut under_way_bytes: usize) -> bool {
        let mut kept = 0;
        let mut is_private = true;
        for owed in &self.owed {
            let is_begun = under_way_bytes > 0 || owed.sent > 0;
            let is_along = is_private && owed.at.is_none();
            if !is_begun && !is_along {
                break;
            }
            kept += 1;
            is_private = owed.at.is_none();
            under_way_bytes = under_way_bytes.saturating_sub(owed.words.len() - owed.sent);
        }
        self.owed.truncate(kept);
        // It is kept apart from the log.
        self.owed.iter_mut().for_each(|owed| owed.at = None);
        kept > 0
    }

    /// It got `bytes`, which must be what it was owed first.
    pub(super) fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let next = self.owed.front_mut().expect("it is owed so much");
            let left = &next.words[next.sent..];
            let count = left.len().min(bytes.len());
            assert_eq!(
                bytes[..count].escape_ascii().to_string(),
                left[..count].escape_ascii().to_string()
            );
            bytes = &bytes[count..];
            next.sent += count;
            if next.sent == next.words.len() {
                self.owed.pop_front();
            }
        }
    }

    /// For a member that can never be sent all: bytes from what it is owed first of the log to
    /// the log's end.
    fn behind_bytes(&self, log: &PlainLog) -> Option<u64> {
        let next = self
            .owed
            .iter()
            .find_map(|owed| Some(owed.at? + owed.sent as Offset))?;
        (next < log.start()).then(|| log.end - next)
    }

    pub(super) fn owes_shared(&self) -> bool {
        self.owed.iter().any(|owed| owed.at.is_some())
    }

    pub(super) fn private_bytes(&self) -> usize {
        let private = self.owed.iter().filter(|owed| owed.at.is_none());
        private.map(|owed| owed.words.len() - owed.sent).sum()
    }

    /// The most that its outbox may count for.
    pub(super) fn could_hold_bytes(&self) -> usize {
        self.private_bytes() + (self.owed.len() + 1) * LARGEST_SEGMENT_BYTES
    }
}

/// A socket with room for so many bytes.
pub(super) struct Sink {
    room: usize,
    pub(super) taken: Vec<u8>,
    /// A signal comes before the first write.
    signal: bool,
    pub(super) interrupted: bool,
}

impl Sink {
    pub(super) fn new(room: usize, rng: &mut Rng) -> Self {
        Self {
            room,
            taken: Vec::new(),
            signal: rng.u8(0..8) == 0,
            interrupted: false,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.room == 0
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        assert!(
            pieces.iter().all(|piece| !piece.is_empty()),
            "nothing to write"
        );
        if std::mem::take(&mut self.signal) {
            self.interrupted = true;
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let before = self.taken.len();
        for piece in pieces {
            let count = piece.len().min(self.room);
            self.taken.extend_from_slice(&piece[..count]);
            self.room -= count;
        }
        Ok(self.taken.len() - before)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What happened in a story, or in all of them: members by how they ended, then events.
#[derive(Debug, Default)]
pub(super) struct Mix {
    pub(super) drained: usize,
    pub(super) lagged: usize,
    pub(super) left_early: usize,
    pub(super) replayed: usize,
    pub(super) partial: usize,
    pub(super) skipped_while_behind: usize,
    pub(super) private_while_behind: usize,
    pub(super) outbox_full: usize,
    pub(super) paced: usize,
    pub(super) interrupted: usize,
    pub(super) cut_short: usize,
    pub(super) moved: usize,
}

impl AddAssign for Mix {
    fn add_assign(&mut self, other: Self) {
        self.drained += other.drained;
        self.lagged += other.lagged;
        self.left_early += other.left_early;
        self.replayed += other.replayed;
        self.partial += other.partial;
        self.skipped_while_behind += other.skipped_while_behind;
        self.private_while_behind += other.private_while_behind;
        self.outbox_full += other.outbox_full;
        self.paced += other.paced;
        self.interrupted += other.interrupted;
        self.cut_short += other.cut_short;
        self.moved += other.moved;
    }
}
