//! What `bench` takes, and what it refuses.

use crate::bench::config::{Config, Load, Scenario};
use crate::bench::load::schedule::Pace;
use crate::cli::{Command, parse};

fn load(line: &str) -> Load {
    let words = ["chinwag", "bench"].into_iter().chain(line.split(' '));
    match parse(words) {
        Ok(Command::Bench(Config::Load(load))) => *load,
        other => panic!("{line}: {other:?}"),
    }
}

fn refusal(line: &str) -> String {
    let words = ["chinwag", "bench"].into_iter().chain(line.split(' '));
    let failure = parse(words).expect_err(line);
    assert_eq!(failure.exit_code(), 2, "{line}");
    let text = failure.to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

#[test]
fn defaults() {
    let room = load("room");
    assert_eq!(
        (room.connections, room.senders(), room.size_bytes),
        (100, 10, 100)
    );
    assert_eq!(room.pace, Pace::Closed { in_flight: 1 });
    assert_eq!(load("room -c 4").senders(), 4);
    assert_eq!(load("echo").senders(), 100);
    assert!(load("echo").target.address.is_none());
}

#[test]
fn everything_is_taken_over() {
    let load = load(
        "room 7000 -c 20 -d 2s --warmup 0 --size 1k --rate 50 --senders 3 --connect-rate 9 \
         --source 127.0.0.2 --source 127.0.0.3 --idle 1 --slow 2 --churn 3 --hello NICK\\r\\nx \
         --expect hi --pid 1 --calibrate --json -o a.json --plot a.html --timeout 3s",
    );
    assert_eq!(load.pace, Pace::Open { per_s: 50 });
    assert_eq!((load.idle, load.slow, load.churn_per_s), (1, 2, 3));
    assert_eq!(load.hello.as_deref(), Some("NICK\r\nx"));
    assert_eq!((load.size_bytes, load.text_bytes()), (1024, 1023));
    assert_eq!((load.sources.len(), load.target.pid), (2, Some(1)));
    assert!(load.output.json && load.output.plot.is_some() && load.calibrate);
    assert!(matches!(
        load.scenario,
        Scenario::Room {
            senders: 3,
            own: false,
            ..
        }
    ));
}

#[test]
fn options_for_the_own_server() {
    let load = load("room -c 5 -- --pace off");
    assert_eq!(load.server_options, ["--pace", "off"]);
}

#[test]
fn options_that_the_own_server_would_refuse() {
    for (line, words) in [
        ("room -c 3 -- --bogus", "--bogus"),
        ("room -c 3 -- --history x", "--history"),
        ("room -- --log-size 1k", "--log-size"),
        ("echo -- --history 5", "serve echo"),
        ("echo -- room", "room"),
        ("echo -- --help", "chinwag serve --help"),
    ] {
        let refusal = refusal(line);
        assert!(refusal.contains(words), "{line}: {refusal}");
    }
    // Its largest message goes with --size, unless it is told.
    load("room --size 1m");
    load("room --size 1m -- --max-message 2m --log-size 32m");
}

#[test]
fn several_processes_are_not_one() {
    let words = ["chinwag", "bench", "echo", "7000", "--pid", "14528 14494"];
    let refusal = parse(words).expect_err("two of them").to_string();
    assert!(
        refusal.contains("'14528 14494' is not one process id"),
        "{refusal}"
    );
}

#[test]
fn what_contradicts_itself_is_refused() {
    for (line, words) in [
        ("echo --size 52", "53"),
        ("echo --size 2g", "largest"),
        ("echo --rate 5 --pipeline 2", "--pipeline"),
        ("echo --rate 0", "--rate"),
        ("echo --senders 3", "--senders"),
        ("echo --protocol nats 4222", "--protocol"),
        ("echo -c 0", "at least 1"),
        ("echo -d 0", "--duration"),
        ("echo --pid 3", "ADDR"),
        ("echo 7000 --calibrate", "--pid"),
        ("echo 7000 --pid x", "'x' is not one process id"),
        ("echo 7000 --pid 0", "'0' is not one process id"),
        (
            "echo 7000 --compare 7001 --compare-pid 1x",
            "not one process id",
        ),
        ("echo 7000 -- --pace off", "ADDR"),
        ("echo --rounds 3", "--compare"),
        ("echo --compare 7000 --plot x.html", "--plot"),
        ("echo --hello \\x", "backslash"),
        ("room -c 1", "at least 2"),
        ("room -c 5 --senders 6", "--senders"),
        ("room --protocol redis", "ADDR"),
        ("room 6379 --protocol redis --hello x", "--hello"),
        ("room 4222 --protocol nats --own", "--own"),
        ("compare a.json", "FILE"),
        ("doctor 7000", "7000"),
    ] {
        let refusal = refusal(line);
        assert!(refusal.contains(words), "{line}: {refusal}");
    }
}
