//! Clients that mean harm, or break: what they cost, and whom.
//! `limits`: the options that bound them. `protocol`: crashes, floods, and who never reads.

mod limits;
mod protocol;
