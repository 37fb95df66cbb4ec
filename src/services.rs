//! The four services. Each acts only by asking the [`Fanout`](crate::outbound::Fanout); none has a
//! socket, a clock or a protocol.

pub mod console;
pub mod echo;
pub mod reply;
pub mod room;
