//! IRC (RFC 1459 and 2812, as today's clients use them): lines to requests to a room, and answers
//! and the room's events to lines. Knows no room: whoever has one answers the requests.

mod answer;
mod event;
mod mask;
mod message;
mod request;
mod session;
mod tell;
#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use event::{Event, encode_event, encode_server_notice};
pub use mask::Mask;
pub use request::{Request, targets};
pub use session::{Capabilities, Registration, Session};
pub(super) use tell::tell;

pub use super::Kind;

/// The most bytes that a line may have, its end not counted: tags (4,096 with the space after
/// them) and what RFC 1459 allows.
pub const MAX_LINE_BYTES: usize = 4096 + MAX_BODY_BYTES;

/// The most bytes that a line may have without its tags and its CR LF.
const MAX_BODY_BYTES: usize = 510;

/// What the server calls itself: with a dot, by which some clients know a server.
const SERVER: &str = "irc.chinwag";

/// The host of every member: nobody is told where another one comes from.
const HOST: &str = "chinwag";

/// The most bytes of a nick, a topic and a channel's name, its `#` included, as clients are told.
const MAX_NICK_BYTES: usize = 32;
const MAX_TOPIC_BYTES: usize = 300;
const MAX_CHANNEL_BYTES: usize = 33;

/// To so many channels and members something is said at once, at most: each makes a message of its
/// own out of one.
pub const MAX_TARGETS: usize = 4;
