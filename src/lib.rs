//! chinwag: a chat server on one hand-written, single-threaded reactor, with its client and its
//! load engine.
//!
//! # Code map
//!
//! ```text
//!   main        arguments -> run -> exit code
//!   cli         raw arguments -> typed configurations
//!   serve       puts a service on a reactor; logs, the operator's terminal, privilege, systemd
//!   reactor     sockets and readiness; the one server module that names mio
//!   service     the seam between the reactor and the services
//!   services    echo, reply, console, room; metrics beside them. No socket, no clock
//!   outbound    what each client is still owed: a log for each encoding, outboxes, whose turn it is
//!   wire        bytes -> messages, without a protocol: lines, chunks, raw clients, telnet
//!   protocol    a client's session: what it speaks (lines, HTTP, WebSocket, IRC), what it says;
//!               and a room's events in each encoding. No socket, no clock
//!   tls         certificates, and one connection's records; what `reactor` puts under a client
//!   hub         many machines: the room's log through a Redis stream, on two threads of its own
//!   client      connect: a person in a terminal, or a script in a pipe
//!   terminal    a line edited at the bottom, lines printed above it
//!   bench       many clients at once, each delivery checked; a loop of its own over mio
//!   addr, failure, log_limit, sanitize, signals, units: small things that several modules need
//!   testing     in tests and fuzzing builds only: scenes, a simulated network, fuzz checks, seeds
//! ```
//!
//! A message's way: `reactor` reads it into its one scratch buffer, through `tls` if need be; the
//! client's session in `protocol` cuts it out; a `service` is told, asks `outbound` that others be
//! sent something, each in its encoding; and at the end of the turn the `reactor` writes to each
//! what `outbound` says that it is owed.
//!
//! # What holds everywhere
//!
//! 1. One thread owns every socket. Others only wait where readiness cannot: for the operator's
//!    lines, for a log that nobody reads, for the transcript's disk, for the hub.
//! 2. One slab holds every source. Its key and a generation make the mio `Token`, so an event
//!    for a slot's former tenant is recognised and dropped; and that is the client's id everywhere.
//!    What is served beside the clients (`--metrics`) has a slab of its own on the same poll.
//! 3. A service has no socket and no clock; all of it runs in a test without either.
//! 4. A connection's end is data ([`service::Disconnect`]), never an error that travels up: no
//!    client can end the loop.
//! 5. Nothing is taken away while events of the same turn may still name it.
//! 6. Whatever a client can make grow has a bound, and docs/REFERENCE.md names it.
//!
//! # What is deliberately absent
//!
//! No async runtime: the loop is what there is to read here. No threads for clients, no locks
//! around rooms. No accounts: a room has one password at most, and names are free to take.

#![forbid(unsafe_code)]

pub mod addr;
#[cfg(feature = "bench")]
pub mod bench;
pub mod cli;
#[cfg(feature = "client")]
pub mod client;
mod clock;
pub mod failure;
#[cfg_attr(
    not(feature = "hub"),
    allow(dead_code, unused_imports, reason = "who joins a hub is not built")
)]
mod hub;
mod log_limit;
pub mod outbound;
pub mod protocol;
pub mod reactor;
pub mod sanitize;
pub mod serve;
pub mod service;
pub mod services;
mod signals;
pub mod terminal;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod testing;
pub mod tls;
pub mod units;
pub mod wire;
