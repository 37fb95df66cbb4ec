//! Checks what arrives: each message's header, what each receiver was owed, the one order of all,
//! and the nick of each line.

pub(crate) mod header;
pub(crate) mod nick;
pub(crate) mod order;
pub(crate) mod tracker;
