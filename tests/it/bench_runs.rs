//! `bench` as it is used: its own server, the background load, the files it writes, and
//! what it says when it cannot run.

use std::net::TcpListener;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::bench_peers::{bench, number, program, serve, wide};
use super::harness::{Launch, PATIENCE, until};
use super::kernel;
use super::pty::InPty;

fn run(line: &str) -> Output {
    program()
        .arg("bench")
        .args(line.split_whitespace())
        .output()
        .unwrap()
}

fn report(line: &str) -> Value {
    let output = run(line);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn a_server_of_its_own_is_started_and_ended() {
    for kind in ["echo", "room"] {
        let report = report(&format!("{kind} -c 10 -d 300ms --warmup 50ms --json"));
        assert!(number(&report, "/received") > 0.0);
        assert_eq!(report["owed"], report["received"]);
        assert_eq!(report["schema"], 2);
        assert_eq!(report["settings"]["own_server"], true);
        assert!(number(&report, "/server/cpu_us_per_message") > 0.0);
        let pid = report["server"]["pid"].as_u64().unwrap();
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }
}

/// Whether a process is there and has not ended.
fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.as_bytes()[0]);
    state.is_some_and(|state| state != b'Z')
}

#[test]
fn its_own_server_does_not_outlive_it() {
    let mut bench = program()
        .args(["bench", "echo", "-c", "2", "-d", "60s"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let children = format!("/proc/{0}/task/{0}/children", bench.id());
    let mut server = None;
    until("a server with a socket", PATIENCE, || {
        let children = std::fs::read_to_string(&children).unwrap();
        server = children
            .split_whitespace()
            .next()
            .and_then(|pid| pid.parse().ok());
        // Two connections, the listener, the poll, …: it serves.
        server.is_some_and(|pid| kernel::descriptors(pid) > 8)
    });
    bench.kill().unwrap();
    bench.wait().unwrap();
    let server = server.unwrap();
    let deadline = Instant::now() + PATIENCE;
    while is_running(server) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(2));
    }
    if is_running(server) {
        let pid = rustix::process::Pid::from_raw(server.try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
        panic!("it outlived the run");
    }
}

#[test]
fn a_server_whose_bench_has_ended_before_it_does_not_serve() {
    // This test is its parent.
    let mut server = Launch::new("echo")
        .wrap(&["env", "CHINWAG_BENCH_PID=1"])
        .spawn();
    assert_eq!(server.exit_code(), 1);
    assert!(server.stdout().text().is_empty());
}

#[test]
fn the_background_does_not_count() {
    let load = "-c 5 -d 500ms --warmup 50ms --json --idle 7 --slow 2 --churn 100 --rate 200";
    for kind in ["echo", "room"] {
        let report = report(&format!("{kind} {load}"));
        let others = if kind == "echo" { 1.0 } else { 4.0 };
        assert_eq!(report["lost"], 0);
        assert_eq!(number(&report, "/owed"), number(&report, "/sent") * others);
        assert!(
            number(&report, "/background/served") > 10.0,
            "{}",
            report["background"]
        );
        assert_eq!(
            report["background"]["failed"], 0,
            "{}",
            report["background"]
        );
    }
}

#[test]
fn a_server_that_wants_a_name_first_gets_one() {
    let address = serve(|| {
        let mut named = false;
        Box::new(move |line, send| {
            if named {
                return send(&line);
            }
            named = line.starts_with(b"NICK\tu");
            send(b"hello and wel");
            send(b"come\n");
        })
    });
    // The blank is written as a tab, for the options are split at blanks here.
    let options = "-c 3 -d 200ms --warmup 0 --hello NICK\\tu{n} --expect welcome";
    let (report, _) = bench("echo", &address.to_string(), options);
    assert!(number(&report, "/received") > 0.0);
    assert_eq!(
        (&report["lost"], &report["corrupt"]),
        (&0.into(), &0.into())
    );
    let never = "-c 3 -d 200ms --hello x --expect never --timeout 200ms";
    let output = run(&format!("echo {address} {never}"));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("0 of 3"));
}

#[test]
fn reports_are_files_and_pages() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (a, b, page, both) = (
        path("a.json"),
        path("b.json"),
        path("a.html"),
        path("ab.html"),
    );
    run(&format!(
        "echo -c 3 -d 300ms --warmup 0 -o {a} --plot {page}"
    ));
    run(&format!("echo -c 6 -d 300ms --warmup 0 -o {b}"));
    let compared = run(&format!("compare {a} {b} --plot {both}"));
    let text = String::from_utf8(compared.stdout).unwrap();
    assert!(compared.status.success());
    assert!(text.contains("not the same: connections 3, 6"), "{text}");
    assert!(
        text.contains("latency p99") && text.contains("ratio"),
        "{text}"
    );
    for page in [page, both] {
        let html = std::fs::read_to_string(page).unwrap();
        assert!(html.contains("<svg") && html.ends_with("</html>\n"));
        assert!(!html.contains("NaN"));
    }
    let refused = run(&format!("compare {a} {}", path("none.json")));
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        said.contains("none.json") && said.lines().count() == 1,
        "{said}"
    );
}

#[test]
fn two_servers_take_turns() {
    let other = serve(|| Box::new(|line, send| send(&line)));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.json").to_str().unwrap().to_owned();
    let load = "-c 2 -d 100ms --warmup 0 --json --rounds 2";
    let both = report(&format!("echo {load} --compare {other} -o {file}"));
    assert_eq!(both["first"].as_array().map(Vec::len), Some(2));
    assert_eq!(both["second"].as_array().map(Vec::len), Some(2));
    let names: Vec<_> = both["ratios"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["name"])
        .collect();
    assert!(names.iter().any(|name| *name == "latency p50"), "{names:?}");
    let refused = run(&format!("compare {file} {file}"));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("--compare run"), "{said}");
}

#[test]
fn a_run_works_over_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut from, mut to) = {
                let stream = stream.unwrap();
                (stream.try_clone().unwrap(), stream)
            };
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        }
    });
    let (report, _) = bench(
        "echo",
        &format!("unix:{}", path.display()),
        "-c 3 -d 200ms --warmup 0",
    );
    assert_eq!(report["lost"], 0);
    assert!(number(&report, "/received") > 0.0);
}

#[test]
fn the_doctor_knows_the_commands() {
    let output = run("doctor");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for words in ["descriptors", "open files", "ports", "backlog", "memory"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    // Commands only for what is short, and root's.
    for line in text.lines().filter(|line| line.contains("sysctl -w")) {
        assert!(line.contains("raise it, as root: "), "{line}");
    }
}

#[test]
fn more_than_the_machine_allows_is_refused_with_the_remedy() {
    let absurd = format!("-c {0} --idle {0}", usize::MAX);
    for many in ["-c 500000000", &absurd] {
        let output = run(&format!("echo 127.0.0.1:1 {many}"));
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("ulimit -n") && said.lines().count() == 1,
            "{said}"
        );
    }
}

/// What stands in a report of a run that could not be.
fn assert_none(report: &Value, kind: &str, why: &str) {
    assert_eq!(
        (&report["schema"], &report["bench"]),
        (&2.into(), &kind.into())
    );
    assert_eq!(report["settings"]["connections"], 3);
    for count in [
        "sent",
        "received",
        "lost",
        "duplicate",
        "reordered",
        "corrupt",
    ] {
        assert_eq!(report[count], 0, "{count}");
    }
    assert!(report["latency_us"]["p99"].is_null());
    let verdict = report["verdict"].as_str().unwrap();
    assert!(
        verdict.starts_with("FAILED: ") && verdict.contains(why),
        "{verdict}"
    );
}

#[test]
fn a_run_that_cannot_be_is_an_object_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none.json");
    let nobody = wide().local_addr().unwrap();
    let mute = serve(|| Box::new(|_, _| {}));
    for (kind, address, why) in [
        ("echo", nobody.to_string(), "refused"),
        ("room", nobody.to_string(), "refused"),
        ("echo", mute.to_string(), "0 of 3"),
        ("room", format!("{nobody} --protocol redis"), "refused"),
    ] {
        let options = format!("-c 3 --timeout 300ms -o {}", file.display());
        let output = run(&format!("{kind} {address} --json {options}"));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(said.lines().count(), 1, "{said}");
        assert_none(&serde_json::from_slice(&output.stdout).unwrap(), kind, why);
        let written = std::fs::read(&file).unwrap();
        assert_eq!(written, output.stdout);
        assert!(
            run(&format!("{kind} {address} {options}"))
                .stdout
                .is_empty()
        );
        assert_eq!(std::fs::read(&file).unwrap(), written);
    }
    let both = report(&format!(
        "echo -c 3 -d 100ms --warmup 0 --json --compare {nobody}"
    ));
    let rounds = |side: &str| both[side].as_array().map(Vec::len);
    assert_eq!((rounds("first"), rounds("second")), (Some(1), Some(1)));
    assert_eq!(both["ratios"].as_array().map(Vec::len), Some(0));
    assert_none(&both["second"][0], "echo", "refused");
    assert!(both["verdict"].as_str().unwrap().contains("refused"));
}

#[test]
fn a_wrong_option_for_its_own_server_is_wrong_usage() {
    for options in ["--bogus", "--history x"] {
        let output = run(&format!("room -c 3 -d 200ms -- {options}"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_failure_drives_no_terminal() {
    let output = run("compare a\u{1b}[2J\u{9b}\u{202e}.json b.json");
    let said = String::from_utf8(output.stderr).unwrap();
    let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(
        said.contains("a\u{fffd}[2J") && !said.contains(bad),
        "{said:?}"
    );
    let output = run("echo \u{1b}[2J");
    assert_eq!(output.status.code(), Some(2));
    assert!(!output.stderr.contains(&0x1b));
}

#[test]
fn an_interrupted_run_leaves_no_progress_behind() {
    let mut command = program();
    command.args(["bench", "echo", "-c", "2", "-d", "60s", "--warmup", "0"]);
    let mut running = InPty::start(80, &mut command);
    running.pty.wait_until("progress", |rows| {
        rows.iter().any(|row| row.contains("delivered"))
    });
    // What the terminal shows of Ctrl-C stands behind the line; the signal is sent by hand.
    running.pty.press("\u{3}");
    running.pty.wait_written("^C");
    running.signal(Signal::INT);
    assert_eq!(running.wait().code(), Some(3));
    running.pty.wait_until("the report alone", |rows| {
        let has = |words: &str| rows.iter().any(|row| row.contains(words));
        has("INVALID: interrupted") && !has("delivered,") && !has("[")
    });
}

#[test]
fn nobody_there_is_one_line() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let output = program()
        .args(["bench", "echo", &port.to_string()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains(&port.to_string()) && output.stdout.is_empty(),
        "{said}"
    );
}
