//! The outbox: what one client is owed, as ranges of the shared log and bytes of its own.
//! Stores offsets, never slices; knows neither the client nor its socket.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use std::ops::{AddAssign, Range};

use serde::{Deserialize, Serialize};

use super::log::{Offset, SharedLog};

/// What one client is still owed, in the order in which it must be sent: `queued` first, then
/// everything from `live` to the log's end. The rarely touched part stands last in memory.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[repr(C)]
pub struct Outbox {
    /// Up to where the log has been sent or queued, for a client that follows it.
    live: Option<Offset>,
    /// What comes before the live part. Shared ranges ascend.
    queued: VecDeque<Segment>,
    /// The bytes of the `Private` segments, one after another.
    private: VecDeque<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Segment {
    Shared(Range<Offset>),
    Private(usize),
}

/// The client has not taken what the log has meanwhile trimmed: there is a gap which cannot be
/// closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lagged {
    /// Bytes between the first one still owed and the log's end.
    pub behind_bytes: u64,
}

/// What has been sent to clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Messages: of the log each one whose last byte went out, once for each client; and each one
    /// that was for one client alone, from when it was owed.
    pub messages: u64,
    /// Bytes that streams took.
    pub bytes: u64,
}

impl AddAssign for Sent {
    fn add_assign(&mut self, more: Self) {
        self.messages += more.messages;
        self.bytes += more.bytes;
    }
}

/// How a flush went.
#[derive(Debug)]
pub enum Flushed {
    /// Nothing is owed any more.
    Clear,
    /// The socket took what it could; its next edge tells when it takes more.
    Blocked {
        /// Whether it took anything.
        progress: bool,
    },
    /// The client missed what the log has trimmed. Nothing was written.
    Lagged(Lagged),
    /// The write failed, and so would every other.
    Failed(io::Error),
}

/// How many pieces one write takes; the rest waits for the next.
const PIECES_PER_WRITE: usize = 64;

/// What a queued segment counts for in [`Outbox::held_bytes`].
const SEGMENT_BYTES: usize = size_of::<Segment>();

impl Outbox {
    /// Everything appended from `at` on is owed.
    pub fn follow(&mut self, at: Offset) {
        self.live = Some(at);
    }

    /// What the log holds now is still owed, what comes is not.
    pub fn unfollow(&mut self, log: &SharedLog) {
        self.queue_live_until(log.end());
        self.live = None;
    }

    /// Owes `bytes` to this client alone, after all that it is owed so far.
    pub fn send(&mut self, log: &SharedLog, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.queue_live_until(log.end());
        self.private.extend(bytes);
        match self.queued.back_mut() {
            Some(Segment::Private(length)) => *length += bytes.len(),
            _ => self.queued.push_back(Segment::Private(bytes.len())),
        }
    }

    /// Owes an older part of the log, after all that is owed so far. For a client that does not
    /// follow, and ranges that ascend: what is trimmed first must be sent first, so what comes
    /// before something that is still owed is left out.
    pub fn replay(&mut self, log: &SharedLog, range: Range<Offset>) {
        debug_assert!(self.live.is_none(), "history comes before the live part");
        let last = self.queued.iter().rev().find_map(Segment::shared);
        let owed_until = last.map_or(0, |range| range.end);
        self.queue_shared(range.start.max(log.start()).max(owed_until)..range.end);
    }

    /// Leaves out `range`, the message appended last: it is the client's own.
    pub fn skip(&mut self, range: &Range<Offset>) {
        if self.live.is_some() {
            self.queue_live_until(range.start);
            self.live = Some(range.end);
        }
    }

    /// All that is owed of the log is still owed, and no longer kept there. Returns how many messages
    /// that is.
    pub fn detach(&mut self, log: &SharedLog) -> u64 {
        self.queue_live_until(log.end());
        self.live = None;
        if self.owed_from().is_none() {
            return 0;
        }
        let (mut own, mut messages) = (VecDeque::new(), 0);
        for segment in &self.queued {
            match segment {
                Segment::Private(length) => own.extend(self.private.drain(..length)),
                Segment::Shared(range) => {
                    let (front, back) = log.slices(range.clone());
                    own.extend(front.iter().chain(back));
                    messages += log.messages_ended_in(range.clone());
                }
            }
        }
        self.queued.clear();
        if !own.is_empty() {
            self.queued.push_back(Segment::Private(own.len()));
        }
        self.private = own;
        messages
    }

    /// Forgets all that is owed but the rest of what has been sent in part, which the log need not
    /// keep any longer. The next `under_way_bytes` are as good as sent.
    pub fn cut_short(&mut self, log: &SharedLog, mut under_way_bytes: usize) {
        self.unfollow(log);
        let mut rest = VecDeque::new();
        for segment in std::mem::take(&mut self.queued) {
            let length = segment.len();
            match segment {
                Segment::Private(length) => rest.extend(self.private.drain(..length)),
                Segment::Shared(range) => {
                    let until = range.start + under_way_bytes.min(length) as Offset;
                    let until = log.rest_of_message(until).end;
                    let (front, back) = log.slices(range.start..until.min(range.end));
                    rest.extend(front.iter().chain(back));
                }
            }
            under_way_bytes = under_way_bytes.saturating_sub(length);
            if under_way_bytes == 0 {
                break;
            }
        }
        self.clear();
        if !rest.is_empty() {
            self.queued.push_back(Segment::Private(rest.len()));
            self.private = rest;
        }
    }

    /// Forgets all that is owed: there is nobody to send it to.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether nothing is owed.
    #[must_use]
    pub fn is_clear(&self, log: &SharedLog) -> bool {
        self.queued.is_empty() && self.live.is_none_or(|live| live >= log.end())
    }

    /// Whether all that is published is owed.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.live.is_some()
    }

    /// Where the log is owed from: that must not be trimmed yet. For who has said something itself
    /// since it was last sent anything, that is not where the live part begins.
    #[must_use]
    pub fn owed_from(&self) -> Option<Offset> {
        let first = self.queued.iter().find_map(Segment::shared);
        first.map(|range| range.start).or(self.live)
    }

    /// Memory that this outbox holds for the client, in bytes; the log is not counted.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.private.len() + self.gap_bytes()
    }

    /// The part of that which says what of the log is owed and what is not.
    #[must_use]
    pub(super) fn gap_bytes(&self) -> usize {
        self.queued.len() * SEGMENT_BYTES
    }

    /// Whether what is owed next has been trimmed from the log.
    ///
    /// # Errors
    /// [`Lagged`] if so; nothing true can be sent any more.
    pub fn check(&self, log: &SharedLog) -> Result<(), Lagged> {
        match self.owed_from() {
            Some(next) if next < log.start() => Err(Lagged {
                behind_bytes: log.end() - next,
            }),
            _ => Ok(()),
        }
    }

    /// Writes until nothing is owed or the socket is full. A write that takes less than it was
    /// offered means that it is full: asking once more would only say so.
    pub fn flush(&mut self, log: &SharedLog, to: &mut impl Write, sent: &mut Sent) -> Flushed {
        let mut progress = false;
        while !self.is_clear(log) {
            if let Err(lagged) = self.check(log) {
                return Flushed::Lagged(lagged);
            }
            match self.write_once(log, to, sent) {
                Ok(true) => progress = true,
                Ok(false) => return Flushed::Blocked { progress: true },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Flushed::Blocked { progress };
                }
                Err(error) => return Flushed::Failed(error),
            }
        }
        Flushed::Clear
    }

    /// Writes what is owed, or as much of it as one write can name; returns whether all of that
    /// was taken.
    fn write_once(
        &mut self,
        log: &SharedLog,
        to: &mut impl Write,
        sent: &mut Sent,
    ) -> io::Result<bool> {
        let mut pieces = [IoSlice::new(&[]); PIECES_PER_WRITE];
        let count = self.gather(log, &mut pieces);
        let offered: usize = pieces[..count].iter().map(|piece| piece.len()).sum();
        let written = match &pieces[..count] {
            [piece] => to.write(piece)?,
            pieces => to.write_vectored(pieces)?,
        };
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        sent.bytes += written as u64;
        sent.messages += self.advance(log, written);
        Ok(written == offered)
    }

    /// Lays out what is owed as slices; returns how many there are.
    fn gather<'a>(&'a self, log: &'a SharedLog, pieces: &mut [IoSlice<'a>]) -> usize {
        let mut room = pieces.iter_mut();
        let mut count = 0;
        let mut put = |(front, back): (&'a [u8], &'a [u8])| {
            for part in [front, back] {
                if !part.is_empty()
                    && let Some(slot) = room.next()
                {
                    *slot = IoSlice::new(part);
                    count += 1;
                }
            }
        };
        let mut private_from = 0;
        // A segment gives two pieces at most, so no more of them are looked at than fit.
        for segment in self.queued.iter().take(PIECES_PER_WRITE) {
            match segment {
                Segment::Shared(range) => put(log.slices(range.clone())),
                Segment::Private(length) => {
                    let to = private_from + length;
                    put(ring_slices(&self.private, private_from..to));
                    private_from = to;
                }
            }
        }
        if let Some(live) = self.live
            && self.queued.len() < PIECES_PER_WRITE
        {
            put(log.slices(live..log.end()));
        }
        count
    }

    /// Takes `written` bytes off the front; returns how many messages of the log ended there.
    fn advance(&mut self, log: &SharedLog, mut written: usize) -> u64 {
        let mut messages = 0;
        if !self.queued.is_empty() {
            (written, messages) = self.advance_queued(log, written);
        }
        if written > 0
            && let Some(live) = &mut self.live
        {
            let before = *live;
            *live = (before + written as Offset).min(log.end());
            messages += log.messages_ended_in(before..*live);
        }
        messages
    }

    /// Takes `written` bytes off the segments; returns how many were more than they hold, and how
    /// many messages of the log ended there.
    fn advance_queued(&mut self, log: &SharedLog, mut written: usize) -> (usize, u64) {
        let mut messages = 0;
        while written > 0
            && let Some(segment) = self.queued.front_mut()
        {
            let length = segment.len();
            let taken = written.min(length);
            match segment {
                Segment::Shared(range) => {
                    let before = range.start;
                    range.start += taken as Offset;
                    messages += log.messages_ended_in(before..range.start);
                }
                Segment::Private(left) => {
                    *left -= taken;
                    self.private.drain(..taken);
                }
            }
            written -= taken;
            if taken == length {
                self.queued.pop_front();
            }
        }
        // A client that is owed nothing of its own keeps no buffer.
        if self.queued.is_empty() {
            self.queued = VecDeque::new();
            self.private = VecDeque::new();
        }
        (written, messages)
    }

    fn queue_live_until(&mut self, end: Offset) {
        if let Some(live) = self.live {
            self.queue_shared(live..end);
            self.live = Some(end);
        }
    }

    fn queue_shared(&mut self, range: Range<Offset>) {
        match self.queued.back_mut() {
            _ if range.start >= range.end => {}
            Some(Segment::Shared(last)) if last.end == range.start => last.end = range.end,
            _ => self.queued.push_back(Segment::Shared(range)),
        }
    }
}

impl Segment {
    fn shared(&self) -> Option<&Range<Offset>> {
        match self {
            Self::Shared(range) => Some(range),
            Self::Private(_) => None,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Shared(range) => usize::try_from(range.end - range.start).unwrap_or(usize::MAX),
            Self::Private(length) => *length,
        }
    }
}

fn ring_slices(ring: &VecDeque<u8>, range: Range<usize>) -> (&[u8], &[u8]) {
    let (front, back) = ring.as_slices();
    let split = front.len();
    (
        &front[range.start.min(split)..range.end.min(split)],
        &back[range.start.saturating_sub(split)..range.end.saturating_sub(split)],
    )
}
