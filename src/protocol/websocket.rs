//! WebSocket (RFC 6455): frames to messages and back, for the server's side and, in tests and the
//! load engine, the client's. No extensions, so no compression; text alone.

mod frame;
mod reader;
#[cfg(test)]
mod tests;

pub use frame::{
    FrameHeader, MAX_CONTROL_BYTES, Opcode, encode, encode_close, encode_masked, text_frame,
};
pub use reader::{Event, Reader, Role};

/// Why a connection is closed, as its close frame says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseCode {
    /// Done.
    Normal = 1000,
    /// The server ends.
    GoingAway = 1001,
    /// The peer broke the protocol.
    Protocol = 1002,
    /// A binary message, which nobody here could read.
    Unsupported = 1003,
    /// A text that is not UTF-8.
    NotText = 1007,
    /// Against the rules of the room: a wrong password, a ban.
    Policy = 1008,
    /// A fault of the server's.
    Internal = 1011,
    /// The client fell behind, or the room is full: try again later.
    TryAgainLater = 1013,
}
