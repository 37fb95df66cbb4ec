//! Whatever arrives at, and is typed by, a person who reads a room.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag::testing::fuzz::run("display", data));
