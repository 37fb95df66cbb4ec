//! Any frames.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag::testing::fuzz::run("websocket", data));
