//! Checks what arrives: each message's header, and what each receiver was owed.

pub(crate) mod header;
pub(crate) mod tracker;
