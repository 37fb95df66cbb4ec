//! The feeds: one shared log for each way in which clients are told the same things. What is
//! published stands in all of them or in none, in one order.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::log::{Offset, SavedLog, SharedLog};

/// As many ways as a service may tell the same things.
pub const MAX_FEEDS: usize = 4;

/// One message as one feed's followers read it, in parts.
pub type FeedMessage<'a> = (usize, &'a [&'a [u8]]);

/// Where a message stands, by feed; empty where it was not published.
pub type Published = [Range<Offset>; MAX_FEEDS];

/// A follower is far behind from this part of the log on.
const FAR_BEHIND_PART: u64 = 4;

/// Followers are swept whenever this part of the log has been published.
const SWEEP_PART: u64 = 16;

/// Nothing was published.
const NOWHERE: Published = [const { 0..0 }; MAX_FEEDS];

#[derive(Debug)]
pub(super) struct Feeds {
    /// A log that nothing was published to takes no memory.
    logs: [SharedLog; MAX_FEEDS],
    in_use: [bool; MAX_FEEDS],
    /// How many bytes have been published: of each message those of its longest form.
    published_bytes: u64,
}

/// What feeds hold, for another process.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SavedFeeds {
    logs: [SavedLog; MAX_FEEDS],
    in_use: [bool; MAX_FEEDS],
    published_bytes: u64,
}

impl Feeds {
    pub(super) fn save(&self) -> SavedFeeds {
        SavedFeeds {
            logs: self.logs.each_ref().map(SharedLog::save),
            in_use: self.in_use,
            published_bytes: self.published_bytes,
        }
    }

    pub(super) fn restore(log_bytes: usize, saved: SavedFeeds) -> Self {
        Self {
            logs: saved.logs.map(|log| SharedLog::restore(log_bytes, log)),
            in_use: saved.in_use,
            published_bytes: saved.published_bytes,
        }
    }

    /// `log_bytes` for each of them.
    pub(super) fn new(log_bytes: usize) -> Self {
        Self {
            logs: std::array::from_fn(|_| SharedLog::new(log_bytes)),
            in_use: [false; MAX_FEEDS],
            published_bytes: 0,
        }
    }

    pub(super) fn log(&self, feed: u8) -> &SharedLog {
        &self.logs[usize::from(feed)]
    }

    pub(super) fn is_in_use(&self, feed: usize) -> bool {
        self.in_use[feed]
    }

    pub(super) fn use_feed(&mut self, feed: u8) {
        self.in_use[usize::from(feed)] = true;
    }

    pub(super) fn published_bytes(&self) -> u64 {
        self.published_bytes
    }

    /// What each of the logs may take, in bytes.
    fn capacity_bytes(&self) -> usize {
        self.logs[0].capacity_bytes()
    }

    /// Followers are swept whenever so much has been published.
    pub(super) fn sweep_bytes(&self) -> u64 {
        (self.capacity_bytes() as u64 / SWEEP_PART).max(1)
    }

    /// A follower that is behind by more may be the next to fall off its log's tail.
    pub(super) fn far_behind_bytes(&self) -> u64 {
        self.capacity_bytes() as u64 / FAR_BEHIND_PART
    }

    /// `None`: one of the messages is larger than its whole log, and nothing has changed.
    pub(super) fn publish(&mut self, messages: &[FeedMessage<'_>]) -> Option<Published> {
        if let [(feed, parts)] = messages {
            let mut ranges = NOWHERE;
            ranges[*feed] = self.append(*feed, parts)?;
            self.published_bytes += length(&ranges[*feed]);
            return Some(ranges);
        }
        let fits = |(feed, parts): &FeedMessage<'_>| self.logs[*feed].fits(parts);
        if !messages.iter().all(fits) {
            return None;
        }
        let mut ranges = NOWHERE;
        for (feed, parts) in messages {
            ranges[*feed] = self.append(*feed, parts)?;
        }
        self.published_bytes += ranges.iter().map(length).max().unwrap_or(0);
        Some(ranges)
    }

    fn append(&mut self, feed: usize, parts: &[&[u8]]) -> Option<Range<Offset>> {
        self.in_use[feed] = true;
        self.logs[feed].append(parts)
    }
}

fn length(range: &Range<Offset>) -> u64 {
    range.end - range.start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_feeds_take_a_message_or_none() {
        let mut feeds = Feeds::new(30);
        let ranges = feeds.publish(&[(0, &[b"hi\n"]), (2, &[b"say ", b"hi\n"])]);
        assert_eq!(ranges, Some([0..3, 0..0, 0..7, 0..0]));
        assert_eq!(feeds.published_bytes(), 7);
        assert_eq!(feeds.publish(&[(0, &[b"ho\n"]), (2, &[&[b'x'; 23]])]), None);
        assert_eq!((feeds.log(0).end(), feeds.log(2).end()), (3, 7));
        assert_eq!(feeds.published_bytes(), 7);
        assert!(feeds.is_in_use(2) && !feeds.is_in_use(1));
    }
}
