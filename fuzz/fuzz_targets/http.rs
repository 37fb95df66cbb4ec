//! Any first bytes, and any request's head.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag::testing::fuzz::run("http", data));
