//! Any line that a member or the person at the server may type.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag::testing::fuzz::run("commands", data));
