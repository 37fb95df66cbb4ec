//! The buffers that all TLS connections of a thread share, what fits in them, and what is kept
//! outside of them at most.

use std::cell::RefCell;
use std::io::IoSlice;

/// What one record takes of what is to be sent, at most: the protocol's own bound.
pub(super) const RECORD_PLAIN_BYTES: usize = 16 * 1024;

/// The largest record as it travels: a header, and in TLS 1.2 up to 2 KiB for the cipher.
pub(super) const RECORD_WIRE_BYTES: usize = 5 + RECORD_PLAIN_BYTES + 2048;

/// One read of the stream takes at most this much.
pub(super) const READ_BYTES: usize = 32 * 1024;

/// What is kept later of an unfinished record, and of a handshake message in several: inclusive,
/// over it the connection fails. A server's certificates may take 64 KiB.
pub(super) const SERVER_KEEPS_BYTES: usize = 2 * RECORD_WIRE_BYTES;
pub(super) const CLIENT_KEEPS_BYTES: usize = 64 * 1024 + 2 * RECORD_WIRE_BYTES;

/// What a thread's connections share; none keeps anything here between two calls.
pub(super) struct Scratch {
    /// Records as they were read.
    pub(super) incoming: Box<[u8]>,
    /// What is to be sent, where it lies in pieces.
    pub(super) plain: Vec<u8>,
    /// The record that it becomes.
    pub(super) record: Box<[u8]>,
}

thread_local! {
    pub(super) static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        incoming: vec![0; CLIENT_KEEPS_BYTES + READ_BYTES].into_boxed_slice(),
        plain: Vec::with_capacity(RECORD_PLAIN_BYTES),
        record: vec![0; 2 * RECORD_WIRE_BYTES].into_boxed_slice(),
    });
}

/// Moves what fits; returns how much that was.
pub(super) fn take_front(from: &mut Vec<u8>, into: &mut [u8]) -> usize {
    let count = from.len().min(into.len());
    into[..count].copy_from_slice(&from[..count]);
    match count == from.len() {
        true => *from = Vec::new(),
        false => drop(from.drain(..count)),
    }
    count
}

/// The first record's worth of what `pieces` hold behind their first `skip` bytes: where it lies, or
/// put together in `joined`.
pub(super) fn gather<'a>(
    pieces: &'a [IoSlice<'_>],
    mut skip: usize,
    joined: &'a mut Vec<u8>,
) -> &'a [u8] {
    let mut parts = pieces
        .iter()
        .map(|piece| {
            let from = skip.min(piece.len());
            skip -= from;
            &piece[from..]
        })
        .filter(|part| !part.is_empty())
        .peekable();
    let first = parts.next().unwrap_or_default();
    if first.len() >= RECORD_PLAIN_BYTES || parts.peek().is_none() {
        return &first[..first.len().min(RECORD_PLAIN_BYTES)];
    }
    joined.clear();
    for part in std::iter::once(first).chain(parts) {
        let room = RECORD_PLAIN_BYTES - joined.len();
        joined.extend_from_slice(&part[..part.len().min(room)]);
    }
    joined
}
