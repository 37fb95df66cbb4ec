//! One integration binary: a file per capability, against the real program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test that cannot go on has failed, and says where"
)]

mod child;
mod connect;
mod line_editor;
mod pty;
