//! Frames as they are written.

use serde::{Deserialize, Serialize};

use super::CloseCode;
use crate::protocol::beginning;

/// The most that a ping, a pong or a close may carry.
pub const MAX_CONTROL_BYTES: usize = 125;

const FINAL: u8 = 0x80;
pub(super) const MASKED: u8 = 0x80;
/// A length of 2 bytes follows.
pub(super) const LENGTH_16: u8 = 126;
/// A length of 8 bytes follows.
pub(super) const LENGTH_64: u8 = 127;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Opcode {
    /// A message goes on.
    Continuation = 0,
    /// A message of text.
    Text = 1,
    /// A message of bytes.
    Binary = 2,
    /// The last frame.
    Close = 8,
    /// Asks for a pong.
    Ping = 9,
    /// Answers a ping.
    Pong = 10,
}

impl Opcode {
    pub(super) fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    pub(super) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// What stands before a payload: so that one that lies elsewhere need not be copied.
#[derive(Debug, Clone, Copy)]
pub struct FrameHeader {
    bytes: [u8; 10],
    length: u8,
}

impl FrameHeader {
    /// The header of a whole message, or control frame, of `payload_bytes`, as a server sends it.
    #[must_use]
    pub fn new(opcode: Opcode, payload_bytes: usize) -> Self {
        let mut bytes = [0; 10];
        bytes[0] = FINAL | opcode as u8;
        let length = match (u8::try_from(payload_bytes), u16::try_from(payload_bytes)) {
            (Ok(short), _) if short < LENGTH_16 => {
                bytes[1] = short;
                2
            }
            (_, Ok(medium)) => {
                bytes[1] = LENGTH_16;
                bytes[2..4].copy_from_slice(&medium.to_be_bytes());
                4
            }
            _ => {
                bytes[1] = LENGTH_64;
                bytes[2..10].copy_from_slice(&(payload_bytes as u64).to_be_bytes());
                10
            }
        };
        Self { bytes, length }
    }

    /// The header's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Appends a whole message or control frame as a server sends it.
pub fn encode(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(FrameHeader::new(opcode, payload.len()).as_bytes());
    out.extend_from_slice(payload);
}

/// A whole message of text as a server sends it.
#[must_use]
pub fn text_frame(text: &[u8]) -> Vec<u8> {
    let header = FrameHeader::new(Opcode::Text, text.len());
    [header.as_bytes(), text].concat()
}

/// Appends a close frame as a server sends it. A reason over 123 bytes is cut.
pub fn encode_close(code: CloseCode, reason: &str, out: &mut Vec<u8>) {
    let reason = beginning(reason, MAX_CONTROL_BYTES - 2);
    out.extend_from_slice(FrameHeader::new(Opcode::Close, 2 + reason.len()).as_bytes());
    out.extend_from_slice(&(code as u16).to_be_bytes());
    out.extend_from_slice(reason.as_bytes());
}

/// Appends a whole message or control frame as a client sends it.
pub fn encode_masked(opcode: Opcode, payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    let header_at = out.len();
    out.extend_from_slice(FrameHeader::new(opcode, payload.len()).as_bytes());
    out[header_at + 1] |= MASKED;
    out.extend_from_slice(&mask);
    let payload_at = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[payload_at..], mask, 0);
}

/// Masks or unmasks `payload`, of which `before` bytes came earlier.
pub(super) fn apply_mask(payload: &mut [u8], mask: [u8; 4], before: usize) {
    let mut turned = mask;
    turned.rotate_left(before % 4);
    let (chunks, rest) = payload.as_chunks_mut::<4>();
    for chunk in chunks {
        *chunk = (u32::from_ne_bytes(*chunk) ^ u32::from_ne_bytes(turned)).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(turned) {
        *byte ^= key;
    }
}
