//! Is the instrument true? `bench` against small servers that do one thing wrong, each of which
//! keeps its own account of it. No assertion on absolute speed: the machine may be busy.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

mod connecting;
mod endless;
mod generator;
mod misleading;
mod nodes;
mod order;
mod protocols;
mod tls;
mod told;

use super::bench_peers::{
    assert_counts, bench, faulty, narrow, number, room, serve, stalling, wide,
};

const LOAD: &str = "-c 2 -d 300ms --warmup 50ms --pipeline 16";

#[test]
fn five_milliseconds_are_five_milliseconds() {
    let held_us = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&held_us);
    let address = serve(move || {
        let notes = Arc::clone(&notes);
        Box::new(move |line, send| {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(5) {
                thread::sleep(Duration::from_micros(200));
            }
            notes.lock().unwrap().push(begun.elapsed().as_micros());
            send(&line);
        })
    });
    for pace in ["--rate 200", ""] {
        let options = format!("-c 4 -d 1s --warmup 100ms {pace}");
        let (report, _) = bench("echo", &address.to_string(), &options);
        let mut held: Vec<_> = std::mem::take(&mut *held_us.lock().unwrap());
        held.sort_unstable();
        let median = held[held.len() / 2] as f64;
        let p50 = number(&report, "/latency_us/p50");
        assert!(p50 >= 4_995.0, "{p50}");
        // What is beyond the server's own account is the way there and back.
        assert!((p50 - median).abs() < 3_000.0, "{p50} {median}");
        assert_eq!(report["lost"], 0);
    }
}

const STALL: Duration = Duration::from_millis(500);

#[test]
fn an_open_loop_shows_a_stall_and_a_closed_one_does_not() {
    let load = "-c 4 -d 1500ms --warmup 0";
    let (open, _) = bench(
        "echo",
        &stalling(wide(), STALL).to_string(),
        &format!("{load} --rate 200"),
    );
    let (closed, _) = bench("echo", &stalling(wide(), STALL).to_string(), load);
    for report in [&open, &closed] {
        assert!(number(report, "/latency_us/max") >= 490_000.0);
        assert_eq!(report["lost"], 0);
    }
    // A third of the open loop's messages fell due in the stall, one of ten in its first 150 ms.
    let (p90, service) = (number(&open, "/latency_us/p90"), &open["service_us"]);
    assert!(p90 > 250_000.0, "{p90}");
    assert!(service.is_object());
    assert_eq!(open["settings"]["loop_kind"], "open");
    // The closed loop held still meanwhile, and says what it is.
    let closed_p90 = number(&closed, "/latency_us/p90");
    assert!(closed_p90 < p90 / 4.0, "{closed_p90} {p90}");
    assert_eq!(closed["settings"]["loop_kind"], "closed");
    assert!(closed["service_us"].is_null());
}

#[test]
fn a_server_that_takes_no_more_does_not_stop_the_clock() {
    // 13 MB fall due in the stall, for which no socket has room: most goes out late, and that
    // counts as latency, and not as service time.
    let load = "-c 1 -d 2s --warmup 0 --size 64k --rate 200";
    let server = stalling(narrow(), STALL * 2);
    let (report, _) = bench("echo", &server.to_string(), load);
    let latency = number(&report, "/latency_us/mean");
    let service = number(&report, "/service_us/mean");
    assert!(latency > service + 20_000.0, "{service} {latency}");
    assert_eq!(report["lost"], 0);
}

#[test]
fn a_loss_is_a_loss() {
    let (address, faults) = faulty(1000, |_, _| {});
    let found = bench(
        "echo",
        &address.to_string(),
        "-c 2 -d 600ms --warmup 50ms --pipeline 64",
    );
    let lost = *faults.lock().unwrap();
    assert!(lost > 0);
    assert_counts(&found, [lost, 0, 0, 0]);
    let (owed, received) = (number(&found.0, "/owed"), number(&found.0, "/received"));
    assert_eq!(owed - received, lost as f64);
}

#[test]
fn two_swapped_are_one_out_of_order() {
    // The one that is held back goes out behind the next.
    let held = Arc::new(Mutex::new(0_u64));
    let swaps = Arc::clone(&held);
    let address = serve(move || {
        let (swaps, mut seen, mut kept) = (Arc::clone(&swaps), 0, None);
        Box::new(move |line, send| {
            seen += 1;
            if seen > 200 && seen % 500 == 0 {
                kept = Some(line);
                return;
            }
            send(&line);
            if let Some(kept) = kept.take() {
                *swaps.lock().unwrap() += 1;
                send(&kept);
            }
        })
    });
    let found = bench("echo", &address.to_string(), LOAD);
    let swapped = *held.lock().unwrap();
    assert!(swapped > 0);
    assert_counts(&found, [0, 0, swapped, 0]);
}

#[test]
fn one_doubled_is_a_duplicate() {
    let (address, faults) = faulty(500, |line, send| send(&line.repeat(2)));
    let found = bench("echo", &address.to_string(), LOAD);
    let doubled = *faults.lock().unwrap();
    assert!(doubled > 0);
    assert_counts(&found, [0, doubled, 0, 0]);
}

#[test]
fn a_flipped_bit_is_corruption_and_nothing_else() {
    let mut at = 0;
    let (address, faults) = faulty(500, move |mut line, send| {
        // Anywhere but in the newline, which would make two messages one.
        at = (at + 37) % ((line.len() - 1) * 7);
        line[at / 7] ^= 1 << (at % 7);
        if line[at / 7] == b'\n' {
            line[at / 7] ^= 0x80;
        }
        send(&line);
    });
    let found = bench("echo", &address.to_string(), LOAD);
    let flipped = *faults.lock().unwrap();
    assert!(flipped > 0);
    assert_counts(&found, [0, 0, 0, flipped]);
}

#[test]
fn a_torn_message_is_corruption() {
    let (address, faults) = faulty(500, |mut line, send| {
        line.truncate(40);
        line.push(b'\n');
        send(&line);
    });
    let found = bench("echo", &address.to_string(), LOAD);
    let torn = *faults.lock().unwrap();
    assert!(torn > 0);
    assert_counts(&found, [0, 0, 0, torn]);
}

/// Something that is added to a line that is sent back.
type Addition = fn(Vec<u8>) -> Vec<u8>;

const ADDITIONS: [(&str, Addition); 6] = [
    ("a CR", |line| [&line[..line.len() - 1], b"\r\n"].concat()),
    ("an empty line", |line| [&line[..], b"\n"].concat()),
    ("a line before", |line| {
        [b"garbage line\n", &line[..]].concat()
    }),
    ("a long line", |line| {
        [&line[..], &b"x".repeat(300), b"\n"].concat()
    }),
    ("a notice", |line| [&line[..], b"* a notice\n"].concat()),
    ("a prefix", |line| [b"you: ", &line[..]].concat()),
];

#[test]
fn what_an_echo_adds_is_corruption() {
    for (what, add) in ADDITIONS {
        let (address, faults) = faulty(500, move |line, send| send(&add(line)));
        let found = bench("echo", &address.to_string(), LOAD);
        let added = *faults.lock().unwrap();
        assert!(added > 0, "{what}");
        assert_counts(&found, [0, 0, 0, added]);
    }
}

#[test]
fn an_echo_that_always_adds_something_is_not_taken_for_one() {
    for (what, add) in ADDITIONS {
        let address = serve(move || Box::new(move |line, send| send(&add(line))));
        let (report, output) = bench("echo", &address.to_string(), LOAD);
        assert_eq!(output.status.code(), Some(1), "{what}");
        assert!(number(&report, "/corrupt") > 0.0, "{what}: {report}");
    }
}

#[test]
fn what_is_left_over_at_the_end_is_corruption() {
    let address = serve(|| {
        Box::new(|line, send| {
            send(&line);
            // The last of three, by the number that it bears: nothing comes after it that would
            // make a line of this.
            if line[27..].starts_with(b"00000002") {
                send(b"more");
            }
        })
    });
    let options = "-c 1 -d 300ms --warmup 0 --rate 10";
    let found = bench("echo", &address.to_string(), options);
    assert_counts(&found, [0, 0, 0, 1]);
}

const ROOM_LOAD: &str = "-c 5 --senders 2 -d 300ms --warmup 50ms --pipeline 4";

#[test]
fn a_good_room_is_found_good() {
    let found = bench("room", &room(|_| 1).to_string(), ROOM_LOAD);
    assert_counts(&found, [0; 4]);
    let report = &found.0;
    assert!(number(report, "/received") > 0.0);
    assert_eq!(number(report, "/owed"), number(report, "/sent") * 4.0);
    for figure in [
        "/last_receiver_us/p50",
        "/spread_us/p50",
        "/deliveries_per_s",
    ] {
        assert!(number(report, figure) > 0.0, "{figure}");
    }
}

#[test]
fn one_member_that_misses_one_message_is_noticed() {
    let address = room(|nth| usize::from(nth != 777));
    let found = bench("room", &address.to_string(), ROOM_LOAD);
    assert_counts(&found, [1, 0, 0, 0]);
    let address = room(|nth| if nth == 777 { 2 } else { 1 });
    let found = bench("room", &address.to_string(), ROOM_LOAD);
    assert_counts(&found, [0, 1, 0, 0]);
}

#[test]
fn a_server_that_hangs_up_has_failed() {
    let address = serve(|| {
        let mut seen = 0;
        Box::new(move |line, send| {
            seen += 1;
            if seen == 300 {
                // Ends the thread and its connection, without a word, while clients wait.
                std::panic::resume_unwind(Box::new(()));
            }
            send(&line);
        })
    });
    let (report, output) = bench("echo", &address.to_string(), LOAD);
    assert_eq!(report["disconnected"], 2);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_rate_that_cannot_be_is_not_claimed() {
    let address = serve(|| Box::new(|line, send| send(&line)));
    let options = "-c 1 -d 300ms --warmup 0 --rate 100000000";
    let (report, output) = bench("echo", &address.to_string(), options);
    let verdict = report["verdict"].as_str().unwrap();
    assert!(verdict.starts_with("INVALID: "), "{verdict}");
    assert_eq!(output.status.code(), Some(3));
    assert!(number(&report, "/generator/sent_per_s") < 1e8);
}
