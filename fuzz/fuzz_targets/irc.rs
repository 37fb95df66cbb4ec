//! Any lines of an IRC client.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag::testing::fuzz::run("irc", data));
