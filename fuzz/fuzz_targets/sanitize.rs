//! Any bytes that are to be shown.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag::testing::fuzz::run("sanitize", data));
