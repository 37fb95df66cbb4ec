//! What each connection is still owed. Knows `std::io::Write` and the clock's readings that it is
//! given; no sockets, no services.
//!
//! ```text
//!   SharedLog   one bounded ring of bytes; every broadcast is encoded and stored once
//!      ───────────────────────────────────────────────────▶ offsets
//!      start            │ live of a slow client    │ end = live of the others
//!
//!   Outbox      one client's place in it, and what is said to that client alone
//!      queued: [Shared(a..b)] [Private(12)] [Shared(b..c)]   sent first, in order
//!      live:   everything from here to the log's end         then this
//!
//!   Schedule    which client is written to next; Pacing: when the next round may begin
//!
//!   Feeds       one shared log for each way in which clients are told the same things
//!
//!   Audience    clients that are told the same: their feeds and their schedule
//!
//!   Fanout      all outboxes of one service, for the service and for the reactor
//! ```

mod audience;
mod backpressure;
mod client_id;
mod fanout;
mod feeds;
mod limits;
mod log;
#[cfg(test)]
mod model;
mod outbox;
mod pacing;
mod schedule;

pub use audience::AudienceId;
pub use client_id::ClientId;
pub(crate) use fanout::{Action, SavedFanout};
pub use fanout::{Fanout, OutboxFull};
pub use feeds::{FeedMessage, MAX_FEEDS, Published};
pub use limits::Limits;
pub use log::{Offset, SharedLog};
pub use outbox::{Flushed, Lagged, Outbox, Sent};
pub use pacing::Pace;
pub use schedule::Rounds;
