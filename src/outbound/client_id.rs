//! A client's id: a place in the reactor's slab and which of its tenants is meant.

use serde::{Deserialize, Serialize};

/// Names one client, to the poll, the engine and the service alike. Never reused: a later client in
/// the same place has another generation. That wraps after 2^32 clients, while an event is at most
/// one turn old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClientId {
    key: u32,
    generation: u32,
}

// The poll takes it as one `usize`.
const _: () = assert!(usize::BITS >= 64, "chinwag needs a 64-bit machine");

impl ClientId {
    /// No client: generations begin with 1.
    pub(crate) const NOBODY: Self = Self {
        key: u32::MAX,
        generation: 0,
    };

    pub(crate) fn new(key: usize, generation: u32) -> Self {
        // Slab keys count descriptors, which are ints.
        let key = u32::try_from(key).unwrap_or(u32::MAX);
        Self { key, generation }
    }

    /// A small number that no other present client has; for tables.
    #[must_use]
    pub fn index(self) -> usize {
        self.key as usize
    }

    pub(crate) fn generation(self) -> u32 {
        self.generation
    }

    /// The generation in the upper half, the key in the lower.
    pub(crate) fn pack(self) -> usize {
        (self.generation as usize) << 32 | self.key as usize
    }

    #[expect(clippy::cast_possible_truncation, reason = "each half holds a u32")]
    pub(crate) fn unpack(packed: usize) -> Self {
        Self {
            key: packed as u32,
            generation: (packed >> 32) as u32,
        }
    }
}
