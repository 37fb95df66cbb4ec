//! The four services, and the one that tells how they do. Each acts only by asking the
//! [`Fanout`](crate::outbound::Fanout); none has a socket or a clock.

pub mod console;
pub mod echo;
pub mod metrics;
pub mod reply;
pub mod room;
