//! Where the logs of a fanout stand, for services.

use super::super::log::Offset;
use super::{AudienceId, Fanout, feed_index};

/// For services: what can still be read.
impl Fanout {
    /// Offset of the oldest byte of `feed` that is kept.
    #[must_use]
    pub fn log_start(&self, audience: AudienceId, feed: usize) -> Offset {
        self.audiences[audience.key()]
            .feeds
            .log(feed_index(feed))
            .start()
    }

    /// Offset of the oldest byte of `feed` that is worth replaying: it is still kept when a quarter
    /// of a log more has been published. A client that is owed what is older could lag before it is written to.
    #[must_use]
    pub fn replay_start(&self, audience: AudienceId, feed: usize) -> Offset {
        let feeds = &self.audiences[audience.key()].feeds;
        feeds.log(feed_index(feed)).replay_start()
    }

    /// Offset after the newest byte of `feed`.
    #[must_use]
    pub fn log_end(&self, audience: AudienceId, feed: usize) -> Offset {
        self.audiences[audience.key()]
            .feeds
            .log(feed_index(feed))
            .end()
    }

    /// Whether anything was published to `feed`, or anybody has followed it. One that nobody will
    /// ever read need not be told anything.
    #[must_use]
    pub fn has_log(&self, audience: AudienceId, feed: usize) -> bool {
        self.audiences[audience.key()].feeds.is_in_use(feed)
    }
}
