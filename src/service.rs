//! The seam between the reactor and the services: the trait through which it calls them, and why a
//! client is gone.
//!
//! A service has no socket and no clock. It is told the time, who speaks and what was said, and
//! acts only by asking [`Fanout`]. So all of it runs in a test without a socket.

use std::fmt;
use std::io;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::addr::Peer;
use crate::hub::HubEvent;
use crate::outbound::{ClientId, Fanout, Offset};
use crate::protocol::Encoding;
use crate::wire::{Framing, Message};

mod figures;

pub use figures::{Figures, TURN_BOUNDS_US, Turns};

/// What the server does with what its clients say.
///
/// The reactor calls `on_open` once for each client, then any number of `on_message`, then
/// `on_end` if the client ends its stream in good order, and last, always, `on_close`.
pub trait Service {
    /// Whether it knows all that it has to before the first client comes.
    fn is_ready(&self) -> bool {
        true
    }

    /// How this service's clients are read.
    fn framing(&self) -> Framing;

    /// A client has come.
    fn on_open(
        &mut self,
        _now: Instant,
        _client: ClientId,
        _newcomer: &Newcomer<'_>,
        _out: &mut Fanout,
    ) {
    }

    /// A client has said something.
    fn on_message(
        &mut self,
        now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Fanout,
    );

    /// A client will say nothing more, but may still be listening.
    fn on_end(&mut self, _now: Instant, client: ClientId, out: &mut Fanout) {
        out.close_after_flush(client);
    }

    /// A client is gone.
    fn on_close(&mut self, _now: Instant, _client: ClientId, _why: &Disconnect, _out: &mut Fanout) {
    }

    /// What a client of that encoding is told that is one too many. It is closed after it. `None`:
    /// where too many are [here](TooMany::Here), further ones wait unaccepted until a place is free;
    /// where too many are from its address, it is closed without a word.
    fn refusal(&self, _of: TooMany, _encoding: Encoding) -> Option<Vec<u8>> {
        None
    }

    /// What a client is sent last of all when the server ends it, if its protocol has a word for
    /// that. A client that has lagged is sent it behind a whole message.
    fn farewell(&self, _client: ClientId, _why: &Disconnect) -> Option<Vec<u8>> {
        None
    }

    /// Whether clients may speak other protocols than plain bytes: their first ones then tell.
    fn speaks_protocols(&self) -> bool {
        false
    }

    /// Of how many more clients the first log of its first audience tells that they have come than
    /// that they have gone, since its beginning.
    fn told_here(&self) -> i64 {
        0
    }

    /// Something came from another thread.
    fn on_input(&mut self, _now: Instant, _input: Input, _out: &mut Fanout) {}

    /// Whether [`on_input`](Self::on_input) may be called now; what is not wanted yet waits.
    fn wants_input(&self) -> bool {
        false
    }

    /// Another process is about to go on with its clients: lets go of what only one can have.
    ///
    /// # Errors
    /// Why it cannot; [`cancel_handover`](Self::cancel_handover) is called then, too.
    fn begin_handover(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// The other process does not go on; this one does.
    fn cancel_handover(&mut self) {}

    /// What it knows, for a service of another process that goes on with its clients; `None`: no
    /// other process can.
    ///
    /// # Errors
    /// Why it cannot be written down.
    fn save(&self) -> Option<Result<Vec<u8>, String>> {
        None
    }

    /// Goes on where another one was [saved](Self::save). Called before all else.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn restore(&mut self, _saved: &[u8]) -> Result<(), String> {
        Ok(())
    }

    /// What came from files is to be read anew; returns whether anything does.
    fn on_reload(&mut self) -> bool {
        false
    }

    /// When [`on_deadline`](Self::on_deadline) should be called.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// The deadline has come.
    fn on_deadline(&mut self, _now: Instant, _out: &mut Fanout) {}
}

/// As many clients as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooMany {
    /// So many are here.
    Here(usize),
    /// So many are here from one address.
    FromAddress(usize),
}

/// A client that has come.
#[derive(Debug, Clone, Copy)]
pub struct Newcomer<'a> {
    /// From where.
    pub peer: &'a Peer,
    /// How it is told things.
    pub encoding: Encoding,
    /// It has been here before, and knows all up to the message of this id.
    pub since: Option<u64>,
    /// It came a while ago, and it was not known at once what it speaks.
    pub came_at: Option<Arrival>,
}

/// How it stood with a service when a client came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Where the first log of its first audience ended.
    pub log_end: Offset,
    /// What [`Service::told_here`] was.
    pub told_here: i64,
}

/// What comes to a service from another thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A line of the operator's, the person at the server, without its newline.
    Line(String),
    /// The operator will say nothing more.
    End,
    /// Something happened at the hub.
    #[doc(hidden)]
    Hub(HubEvent),
}

/// Why a client is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disconnect {
    /// It ended its stream and has been sent all that it was owed.
    Eof,
    /// The connection broke.
    Broken(io::ErrorKind),
    /// It fell off the tail of the room's log.
    Lagged {
        /// Bytes that it was behind.
        behind_bytes: u64,
    },
    /// It sent nothing for longer than the idle timeout.
    Idle,
    /// It did not take what it was owed, or did not end, in the time it was given.
    Unfinished,
    /// It said nothing in the time in which a client has to say something first.
    Silent,
    /// A panic in the service: a bug of the server's, which ends this client only.
    Panicked,
    /// The server ended.
    Shutdown,
    /// Another process took over, to which it could not be handed.
    Restarted,
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eof => f.write_str("it has ended"),
            Self::Broken(kind) => write!(f, "{kind}"),
            Self::Lagged { behind_bytes } => {
                write!(
                    f,
                    "it was {behind_bytes} bytes behind, more than the log holds"
                )
            }
            Self::Idle => f.write_str("it was idle"),
            Self::Unfinished => f.write_str("it did not finish in time"),
            Self::Silent => f.write_str("it never said anything"),
            Self::Panicked => f.write_str("internal error (panic)"),
            Self::Shutdown => f.write_str("the server ends"),
            Self::Restarted => f.write_str("the server restarts"),
        }
    }
}
