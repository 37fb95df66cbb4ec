//! What the generator itself does in the time that it measures, and what it could not do.

use std::sync::{Arc, Mutex};

use crate::bench_peers::{bench, number, program, relayed, room_of, serve};
use crate::harness::skipped;

#[test]
fn a_calibration_that_fails_is_told() {
    let named = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    let pid = named.id();
    // The process that was named ends before the measured time begins.
    let named = Arc::new(Mutex::new(named));
    let address = serve(move || {
        let named = Arc::clone(&named);
        Box::new(move |line, send| {
            let mut named = named.lock().unwrap();
            let _ = named.kill();
            let _ = named.wait();
            send(&line);
        })
    });
    let load = format!("-c 1 -d 300ms --warmup 0 --calibrate --pid {pid}");
    let (report, output) = bench("echo", &address.to_string(), &load);
    let remarks = report["remarks"].to_string();
    assert!(
        remarks.contains("--calibrate measured nothing: "),
        "{remarks}"
    );
    assert_eq!(report["verdict"], "ok");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn what_does_not_fit_into_memory_is_refused_before_it_is_begun() {
    // A table of 640 GB.
    let crowd = "400000";
    let mut command = program();
    let output = command
        .args([
            "bench",
            "room",
            "127.0.0.1:1",
            "-c",
            crowd,
            "--senders",
            crowd,
        ])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("fewer --senders need less"), "{said}");
    assert_eq!(output.status.code(), Some(1), "{said}");
}

/// Talk that comes with each message in one read, and takes the generator some time.
const TALK_BYTES: usize = 60 * 1024;

#[test]
fn what_the_generator_reads_for_is_no_latency_of_the_next_message() {
    if std::env::var_os("CHINWAG_BIN").is_some() || !cfg!(debug_assertions) {
        skipped("only a slow build reads longer than a server takes to answer");
        return;
    }
    let talk = "not a message, but words of the server's own".repeat(2) + "\n";
    let talk = talk.repeat(TALK_BYTES / talk.len());
    let address = room_of(false, move |_, from, line| relayed(from, line) + &talk);
    let load = "-c 2 --senders 1 -n 200 --warmup 0 --size 65";
    let (report, _) = bench("room", &address.to_string(), load);
    // The fastest ones: a busy machine makes many slow. With the time of reading in it none would be
    // faster than the reading took.
    let fast_us = number(&report, "/curve/0/us");
    let reading_us = number(&report, "/generator/iteration_us/p50");
    assert!(fast_us * 2.0 < reading_us, "{fast_us} {reading_us}");
}
