//! What each connection is still owed. Knows `std::io::Write` and the clock's readings that it is
//! given; no sockets, no rooms.
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
//!   Fanout      all outboxes of one service, and whose turn it is to be written to
//! ```

mod fanout;
mod log;
#[cfg(test)]
mod model;
mod outbox;
mod rotation;

pub use fanout::{ClientId, Fanout, Flushed, Limits, OutboxFull, Request};
pub use log::{Offset, SharedLog};
pub use outbox::{Lagged, Outbox, Wrote};
pub use rotation::Pace;
