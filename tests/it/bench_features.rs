//! What `bench` offers beside one plain run: a number of messages, rates that change, arrivals at
//! random, several threads, a search for the highest rate, conditions, and files for other
//! programs.

use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bench_peers::{bench, number, program, serve};
use crate::harness::PATIENCE;

fn echo() -> String {
    serve(|| Box::new(|line, send| send(&line))).to_string()
}

/// An echo that takes so long for each line of a connection.
fn slow_echo(pause: Duration) -> String {
    let address = serve(move || {
        Box::new(move |line, send| {
            thread::sleep(pause);
            send(&line);
        })
    });
    address.to_string()
}

fn verdict(report: &Value) -> &str {
    report["verdict"].as_str().unwrap()
}

fn run_bench(line: &str) -> Output {
    let words = line.split_whitespace();
    program().arg("bench").args(words).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn so_many_messages_are_measured_the_warm_up_apart() {
    let address = echo();
    for load in [
        "-n 50",
        "-n 51 --rate 200",
        "-n 50 --rate 100 --arrivals poisson",
    ] {
        for threads in [1, 2] {
            let asked = if load.contains("51") { 51 } else { 50 };
            let options = format!("-c 3 --warmup 100ms {load} --threads {threads}");
            let (report, _) = bench("echo", &address, &options);
            assert_eq!(report["measured"], asked, "{options}: {}", verdict(&report));
            assert_eq!(report["latency_us"]["count"], asked, "{options}");
            assert!(number(&report, "/sent") > f64::from(asked), "{options}");
            assert_eq!(report["lost"], 0);
        }
    }
}

#[test]
fn a_rate_may_be_under_one_a_second() {
    let (report, _) = bench("echo", &echo(), "-c 1 --rate 0.8 -n 2 --warmup 0");
    assert_eq!(
        (&report["sent"], &report["settings"]["rate_per_s"]),
        (&2.into(), &0.8.into())
    );
    assert!(number(&report, "/measured_s") > 1.2);
}

#[test]
fn a_profile_rises_over_the_measured_time() {
    let (report, _) = bench(
        "echo",
        &echo(),
        "-c 2 --profile 100..500/s -d 2s --warmup 200ms",
    );
    // 20 in the warm-up; the mean of 100 and 500 for two seconds.
    assert_eq!(
        (&report["sent"], &report["measured"]),
        (&620.into(), &600.into())
    );
    let sent = |second: usize| number(&report["seconds"][second], "/sent_per_s");
    // 200 and 400 but for what the machine held up.
    assert!(sent(1) > sent(0) * 1.3, "{} {}", sent(0), sent(1));
}

#[test]
fn threads_add_up_to_one_report() {
    for (kind, load) in [
        ("echo", "-c 7 --pipeline 3"),
        ("echo", "-c 7 --rate 500"),
        ("room", "-c 9 --senders 3 --rate 200"),
        ("room", "-c 9 --senders 9 --pipeline 2"),
    ] {
        let output = program()
            .args(["bench", kind, "-d", "500ms", "--warmup", "100ms", "--json"])
            .args(["--threads", "3", "--idle", "2", "--churn", "20"])
            .args(load.split(' '))
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let others = if kind == "echo" { 1.0 } else { 8.0 };
        assert_eq!(
            number(&report, "/owed"),
            number(&report, "/sent") * others,
            "{kind} {load}"
        );
        assert_eq!(
            report["owed"],
            report["received"],
            "{kind} {load}: {}",
            verdict(&report)
        );
        assert_eq!(report["settings"]["threads"], 3);
        for count in ["lost", "duplicate", "reordered", "corrupt", "disconnected"] {
            assert_eq!(report[count], 0, "{kind} {load}: {count}");
        }
        assert!(number(&report, "/messages_per_s") > 0.0);
        if kind == "room" {
            assert!(number(&report, "/last_receiver_us/count") > 0.0);
        }
    }
}

#[test]
fn one_thread_that_fails_ends_them_all() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let output = program()
        .args([
            "bench",
            "echo",
            &nobody.to_string(),
            "-c",
            "4",
            "--threads",
            "2",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("refused"), "{}", said(&output));
    assert_eq!(said(&output).lines().count(), 1);
}

#[test]
fn arrivals_at_random_have_no_rhythm() {
    let longest_gap = |arrivals: &str| {
        let load = format!("-c 1 --rate 50 -d 2s --warmup 0 --arrivals {arrivals}");
        let (report, _) = bench("echo", &echo(), &load);
        assert_eq!(report["settings"]["arrivals"], arrivals);
        let timeline = report["timeline"].as_array().unwrap();
        let sent: Vec<f64> = timeline.iter().map(|t| number(t, "/sent")).collect();
        let mean = sent.iter().sum::<f64>() / sent.len() as f64;
        sent.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / sent.len() as f64
    };
    // Five in each 100 ms; at random their variance is their mean.
    assert!(longest_gap("poisson") > 2.0);
    assert!(longest_gap("even") < 2.0);
}

#[test]
fn a_condition_decides_the_exit_code() {
    let slow = slow_echo(Duration::from_millis(20));
    // A closed loop: a machine that does other things too makes no lag of it.
    let load = "-c 2 -d 600ms --warmup 0";
    let (report, output) = bench("echo", &slow, &format!("{load} --fail-if p50>10ms"));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        verdict(&report).starts_with("FAILED: p50 was "),
        "{}",
        verdict(&report)
    );
    assert!(
        said(&output).contains("--fail-if 'p50>10ms'"),
        "{}",
        said(&output)
    );
    let held = format!("{load} --fail-if p50>10s --fail-if max>10s");
    let (report, output) = bench("echo", &slow, &held);
    assert_eq!(output.status.code(), Some(0), "{}", verdict(&report));
    // Where nothing was measured there is nothing to hold it against.
    let never = "-c 1 --rate 1 -d 100ms --warmup 200ms --fail-if max>1us";
    let (report, output) = bench("echo", &slow, never);
    assert_eq!(output.status.code(), Some(3), "{}", verdict(&report));
}

#[test]
fn the_highest_rate_is_found() {
    // Each of two connections takes a line in 10 ms: 200 a second, and then a queue grows.
    let address = slow_echo(Duration::from_millis(10));
    let load = "-c 2 -d 500ms --warmup 100ms --rate 50 --find-rate p90<60ms";
    let (report, output) = bench("echo", &address, load);
    let trials = report["trials"].as_array().unwrap();
    let found = number(&report, "/found_rate_per_s");
    assert!((50.0..400.0).contains(&found), "{found} {trials:?}");
    assert!(trials.len() >= 4, "{trials:?}");
    assert_eq!(output.status.code(), Some(0), "{}", verdict(&report));
    // What is told beside it is of the run that has confirmed it.
    assert_eq!(trials.last().unwrap()["holds"], true);
    assert_eq!(report["settings"]["rate_per_s"], found);
    assert!(number(&report, "/latency_us/p50") < 60_000.0);
}

#[test]
fn a_rate_that_is_not_found_is_null() {
    let address = slow_echo(Duration::from_millis(10));
    let load = "-c 1 -d 200ms --warmup 0 --rate 16 --find-rate p50<1ms";
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("a.html");
    let (report, output) = bench(
        "echo",
        &address,
        &format!("{load} --plot {}", page.display()),
    );
    assert!(report.as_object().unwrap().contains_key("found_rate_per_s"));
    assert!(report["found_rate_per_s"].is_null());
    assert_eq!(output.status.code(), Some(1));
    assert!(
        verdict(&report).starts_with("FAILED: no rate held p50<1ms"),
        "{}",
        verdict(&report)
    );
    assert!(
        std::fs::read_to_string(page)
            .unwrap()
            .contains("No rate held p50&lt;1ms.")
    );
}

#[test]
fn a_run_second_by_second_is_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let (csv, hdr) = (folder.path().join("a.csv"), folder.path().join("a.hdr"));
    let files = format!("--series {} --hdr {}", csv.display(), hdr.display());
    for threads in [1, 2] {
        let load = format!("-c 4 -d 2s --warmup 100ms --rate 400 --threads {threads} {files}");
        let (report, _) = bench("echo", &echo(), &load);
        let text = std::fs::read_to_string(&csv).unwrap();
        let mut rows = text.lines();
        let header = "second,sent_per_s,received_per_s,p50_us,p99_us,max_us";
        assert_eq!(rows.next(), Some(header));
        let rows: Vec<Vec<&str>> = rows.map(|row| row.split(',').collect()).collect();
        assert_eq!(rows.len(), 2, "{text}");
        let sent: f64 = rows.iter().map(|row| row[1].parse::<f64>().unwrap()).sum();
        // Each second is one long, so its rate is its count.
        assert!(
            (sent - number(&report, "/generator/sent_per_s") * 2.0).abs() < 0.01,
            "{text}"
        );
        assert_eq!((rows[0][0], rows[1][0]), ("0", "1"));
        assert!(rows[0][3].parse::<f64>().unwrap() > 0.0);
        assert_eq!(rows[0][4], "", "p99 of 400");
        let log = std::fs::read_to_string(&hdr).unwrap();
        assert!(log.contains("#[Histogram log format version 1.3]"), "{log}");
        let lines = log
            .lines()
            .filter(|line| line.contains(",HISTFAAA"))
            .count();
        // What came after the time was over has a line of its own.
        assert!((2..=3).contains(&lines), "{log}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("none/a").display().to_string();
    for option in ["-o", "--plot"] {
        let begun = Instant::now();
        let output = run_bench(&format!("echo -c 2 -d 60s {option} {nowhere}"));
        assert!(begun.elapsed() < PATIENCE);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said.contains(&nowhere), "{said}");
        assert_eq!(
            (said.lines().count(), output.stdout.len()),
            (1, 0),
            "{said}"
        );
    }
}

#[test]
fn the_figures_are_told_though_the_disk_is_full() {
    // Opening it succeeds, each write to it says that there is no space.
    for option in ["-o", "--plot"] {
        let output = run_bench(&format!("echo -c 2 -d 100ms --warmup 0 {option} /dev/full"));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said.contains("/dev/full"), "{said}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("latency"), "{text}");
    }
}
