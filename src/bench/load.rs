//! Puts the load: when each message is due, the connections, and the loop that serves them.

pub(crate) mod background;
pub(crate) mod clock;
mod connection;
mod dial;
pub(crate) mod driver;
pub(crate) mod engine;
mod handshake;
pub(crate) mod in_flight;
pub(crate) mod own_server;
pub(crate) mod ready_senders;
pub(crate) mod schedule;
pub(crate) mod shared;
mod timer;
