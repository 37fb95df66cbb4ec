//! Tokens: a place in the slab and which of its tenants is meant, in one number.

/// A source, as the poll names it: the slab's key below, the tenant's generation above, so that
/// an event for a slot's former tenant is recognised. Wraps after 2^32 tenants of all slots,
/// while an event is at most one turn old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SourceToken {
    pub(super) key: u32,
    pub(super) generation: u32,
}

// A token is the poll's `usize`, and both numbers have to fit.
const _: () = assert!(usize::BITS >= 64, "chinwag needs a 64-bit machine");

impl SourceToken {
    pub(super) fn pack(self) -> usize {
        (self.generation as usize) << 32 | self.key as usize
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "that is how it is unpacked"
    )]
    pub(super) fn unpack(packed: usize) -> Self {
        Self {
            key: packed as u32,
            generation: (packed >> 32) as u32,
        }
    }
}
