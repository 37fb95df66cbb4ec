//! Servers and circumstances made to have `bench` tell something better than it was.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

use crate::bench_peers::{
    bench, faulty, narrow, number, program, relayed, room_of, sequence, serve, serve_on, wide,
};
use crate::harness::{PATIENCE, until};

fn verdict(report: &Value) -> &str {
    report["verdict"].as_str().unwrap()
}

/// The server of the next test, in a process of its own.
#[test]
#[ignore = "it is the server of another test"]
fn a_thread_for_each_connection_that_works_hard() {
    let listener = wide();
    writeln!(std::io::stdout(), "{}", listener.local_addr().unwrap()).unwrap();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        thread::spawn(move || {
            let used = || {
                let time = clock_gettime(ClockId::ThreadCPUTime);
                Duration::new(
                    time.tv_sec.unsigned_abs(),
                    u32::try_from(time.tv_nsec).unwrap(),
                )
            };
            while used() < WORK {}
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = stream.read(&mut bytes) {
                let _ = stream.write_all(&bytes[..n]);
            }
        });
    }
}

/// CPU time that the server takes for a connection.
const WORK: Duration = Duration::from_millis(10);

#[test]
fn threads_that_have_ended_have_used_their_time() {
    let mut server = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--nocapture", "--exact"])
        .arg("bench_truth::misleading::a_thread_for_each_connection_that_works_hard")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = server.stdout.take().unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(stdout));
    let address = lines
        .map(Result::unwrap)
        .find(|line| line.starts_with("127."));
    let load = format!(
        "-c 1 -d 1s --warmup 0 --rate 20 --churn 30 --pid {}",
        server.id()
    );
    let (report, _) = bench("echo", &address.unwrap(), &load);
    server.kill().unwrap();
    server.wait().unwrap();
    // Some may have been served when the time was over.
    let worked_s = number(&report, "/background/served") * WORK.as_secs_f64();
    let told_s = number(&report, "/server/cpu_share") * number(&report, "/measured_s");
    assert!(worked_s > 0.1, "{report}");
    assert!(told_s > worked_s * 0.7, "{told_s} {worked_s}");
}

#[test]
fn a_generator_that_is_held_up_says_so() {
    let address = serve(|| Box::new(|line, send| send(&line)));
    let child = program()
        .args(["bench", "echo", &address.to_string(), "--json", "-c", "2"])
        .args(["-d", "1500ms", "--warmup", "0", "--rate", "1000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = Pid::from_child(&child);
    let is_over = Arc::new(Mutex::new(false));
    let over = Arc::clone(&is_over);
    // For 3 of 30 ms.
    let holding = thread::spawn(move || {
        while !*over.lock().unwrap() {
            thread::sleep(Duration::from_millis(27));
            let _ = kill_process(pid, Signal::STOP);
            thread::sleep(Duration::from_millis(3));
            let _ = kill_process(pid, Signal::CONT);
        }
    });
    let mut stdout = String::new();
    let mut child = child;
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut stdout)
        .unwrap();
    // It is not waited for yet, so its number is nobody else's.
    *is_over.lock().unwrap() = true;
    holding.join().unwrap();
    child.wait().unwrap();
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let (lag, latency) = (
        number(&report, "/generator/send_lag_us/p99"),
        number(&report, "/latency_us/p99"),
    );
    assert!(lag > 2_000.0 && latency >= lag * 0.9, "{lag} {latency}");
    let verdict = verdict(&report);
    let remark = report["remarks"][0].as_str().unwrap_or_default();
    let is_told = verdict == "ok" && remark.starts_with("the generator's own send lag is");
    assert!(
        is_told || verdict.starts_with("INVALID: the generator"),
        "{verdict}, {remark}"
    );
}

#[test]
fn what_could_not_be_sent_is_in_the_latency() {
    // It reads nothing from its 90th line, at 1.5 s, until the time is over, and answers then.
    let seen = Arc::new(Mutex::new(0));
    let address = serve_on(narrow(), move || {
        let seen = Arc::clone(&seen);
        Box::new(move |line, send| {
            let mut seen = seen.lock().unwrap();
            *seen += 1;
            if *seen == 90 {
                thread::sleep(Duration::from_millis(900));
            }
            send(&line);
        })
    });
    let load = "-c 1 -d 2s --warmup 0 --size 1m --rate 60";
    let (report, output) = bench("echo", &address.to_string(), load);
    let (unsent, measured) = (number(&report, "/unsent"), number(&report, "/measured"));
    assert!(unsent > 0.0, "{report}");
    assert_eq!(unsent + measured, 120.0);
    assert_eq!(number(&report, "/latency_us/count"), 120.0);
    assert_ne!(verdict(&report), "ok");
    // More than one of a hundred.
    assert_eq!(output.status.code(), Some(3), "{}", verdict(&report));
}

#[test]
fn few_messages_have_few_figures() {
    let address = serve(|| Box::new(|line, send| send(&line))).to_string();
    for load in ["-d 1s --rate 20", "-n 20 --rate 20", "-n 20"] {
        let (report, _) = bench("echo", &address, &format!("-c 2 --warmup 0 {load}"));
        let latency = &report["latency_us"];
        for percentile in ["p90", "p99", "p999", "p9999"] {
            assert!(
                latency[percentile].is_null(),
                "{load}: {percentile} in {latency}"
            );
        }
        assert!(number(&report, "/latency_us/p50") > 0.0);
        assert_eq!(
            (&latency["count"], &report["sent"]),
            (&20.into(), &20.into()),
            "{load}"
        );
        if load.contains("rate") {
            assert_eq!(number(&report, "/generator/sent_per_s"), 20.0, "{load}");
        }
    }
    let output = program()
        .args([
            "bench", "echo", &address, "-c", "2", "-n", "20", "--warmup", "0",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let row = text.lines().find(|line| line.starts_with("latency"));
    let cells: Vec<&str> = row.unwrap().split_whitespace().collect();
    assert_eq!(
        cells.iter().filter(|cell| **cell == "-").count(),
        4,
        "{text}"
    );
}

/// An echo that hangs up on connections from this number on when they have been silent for so long;
/// where that is no time at all, at once.
fn impatient(first: usize, silence: Duration) -> SocketAddr {
    let listener = wide();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            if number >= first && silence.is_zero() {
                continue;
            }
            if number >= first {
                stream.set_read_timeout(Some(silence)).unwrap();
            }
            thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(n @ 1..) = stream.read(&mut bytes) {
                    let _ = stream.write_all(&bytes[..n]);
                }
            });
        }
    });
    address
}

#[test]
fn idle_clients_that_are_hung_up_on_are_a_fault() {
    let address = impatient(2, Duration::from_millis(100)).to_string();
    let load = "-c 2 -d 600ms --warmup 0 --rate 50 --idle 3";
    let (report, output) = bench("echo", &address, load);
    assert_eq!(report["background"]["idle_closed"], 3);
    assert_eq!(verdict(&report), "FAILED: 3 of 3 idle connections closed");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn transient_clients_that_are_hung_up_on_are_a_fault() {
    let address = impatient(2, Duration::ZERO).to_string();
    let (echo, output) = bench(
        "echo",
        &address,
        "-c 2 -d 400ms --warmup 0 --rate 50 --churn 40",
    );
    // In a room they are to stay for a while.
    let listener = wide();
    let room = listener.local_addr().unwrap().to_string();
    let members = room_of(false, |_, from, line| relayed(from, line));
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let (stream, inside) = (
                stream.unwrap(),
                std::net::TcpStream::connect(members).unwrap(),
            );
            if number < 3 {
                let ends = [
                    (stream.try_clone(), inside.try_clone()),
                    (Ok(inside), Ok(stream)),
                ];
                for (from, to) in ends {
                    let (mut from, mut to) = (from.unwrap(), to.unwrap());
                    thread::spawn(move || std::io::copy(&mut from, &mut to));
                }
            }
        }
    });
    let (room, _) = bench(
        "room",
        &room,
        "-c 3 -d 400ms --warmup 0 --rate 50 --churn 40",
    );
    for report in [&echo, &room] {
        assert!(number(report, "/background/failed") > 0.0, "{report}");
        assert!(
            verdict(report).contains("transient clients"),
            "{}",
            verdict(report)
        );
    }
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn an_interruption_hides_no_fault() {
    let (address, faults) = faulty(100, |line, send| send(&line.repeat(2)));
    let child = program()
        .args([
            "bench",
            "echo",
            &address.to_string(),
            "--json",
            "-c",
            "2",
            "-d",
            "60s",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("a fault", PATIENCE, || *faults.lock().unwrap() > 3);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        verdict(&report).starts_with("FAILED: "),
        "{}",
        verdict(&report)
    );
    assert!(verdict(&report).contains("duplicate"));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn one_fault_hides_no_other() {
    let address = room_of(true, |to, from, line| {
        let is_bad = to == 2 && sequence(line).is_some_and(|n| n % 10 == 3);
        let line = if is_bad {
            line.replace('.', "!")
        } else {
            line.to_owned()
        };
        relayed(from, &line)
    });
    let (report, _) = bench(
        "room",
        &address.to_string(),
        "-c 4 --senders 2 -d 300ms --warmup 0",
    );
    let verdict = verdict(&report);
    assert!(number(&report, "/corrupt") > 0.0);
    assert!(
        verdict.contains("corrupt") && verdict.contains("--own"),
        "{verdict}"
    );
}

#[test]
fn neither_of_two_servers_always_goes_first() {
    let order = Arc::new(Mutex::new(String::new()));
    let server = |name: char| {
        let order = Arc::clone(&order);
        let address = serve(move || {
            order.lock().unwrap().push(name);
            Box::new(|line, send| send(&line))
        });
        address.to_string()
    };
    let (a, b) = (server('A'), server('B'));
    let options = format!("-c 1 -d 50ms --warmup 0 --rounds 4 --compare {b}");
    let (report, _) = bench("echo", &a, &options);
    assert_eq!(order.lock().unwrap().as_str(), "ABBAABBA");
    assert_eq!(report["order"], "ABBAABBA");
    // Four rounds have 87.5 % at most, which is not enough to say that there is a difference.
    for ratio in report["ratios"].as_array().unwrap() {
        assert!(number(ratio, "/confidence") <= 0.875, "{ratio}");
        assert_eq!(ratio["is_different"], false);
    }
}

#[test]
fn messages_of_a_number_are_not_awaited_for_ever() {
    let address = serve(|| {
        let mut answered = 0;
        Box::new(move |line, send| {
            answered += 1;
            if answered < 5 {
                send(&line);
            }
        })
    });
    let begun = Instant::now();
    let (report, output) = bench("echo", &address.to_string(), "-c 1 -n 50 --warmup 0");
    assert!(begun.elapsed() < PATIENCE);
    assert!(number(&report, "/lost") > 0.0);
    assert_eq!(output.status.code(), Some(1));
}
