//! Any client, on any listener, in any rhythm.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag::testing::fuzz::run("session", data));
