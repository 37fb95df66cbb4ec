//! Any life that a room may have.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag::testing::fuzz::run("room", data));
