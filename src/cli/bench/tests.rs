//! What `bench` takes, and what it refuses.

use crate::bench::config::{Scenario, load_of as load};
use crate::bench::load::schedule::Arrivals;
use crate::cli::parse;

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
    let room = load("room").settings;
    assert_eq!(
        (room.connections, room.senders, room.size_bytes),
        (100, 10, 100)
    );
    assert_eq!(
        (room.in_flight, room.rate_per_s, room.threads),
        (Some(1), None, 1)
    );
    assert_eq!(
        (room.duration_s, room.warmup_s, room.timeout_s),
        (Some(10.0), 1.0, 5.0)
    );
    assert_eq!(load("room -c 4").settings.senders, 4);
    assert_eq!(load("echo").settings.senders, 100);
    assert!(load("echo").target.addresses.is_empty());
}

#[test]
fn everything_is_taken_over() {
    let load = load(
        "room 7000 -c 20 -d 2s --warmup 0 --size 1k --rate 50 --senders 3 --connect-rate 9 \
         --source 127.0.0.2 --source 127.0.0.3 --idle 1 --slow 2 --churn 3 --hello NICK\\r\\nx \
         --expect hi --pid 1 --calibrate --json -o a.json --plot a.html --timeout 3s -n 7 \
         --threads 2 --arrivals poisson --fail-if p99>20ms --hdr a.hdr --series a.csv",
    );
    let settings = &load.settings;
    assert_eq!(
        (settings.rate_per_s, settings.in_flight),
        (Some(50.0), None)
    );
    assert_eq!(
        (settings.idle, settings.slow, settings.churn_per_s),
        (1, 2, 3)
    );
    assert_eq!(settings.hello.as_deref(), Some("NICK\r\nx"));
    assert_eq!((settings.size_bytes, settings.text_bytes()), (1024, 1023));
    assert_eq!((load.sources.len(), &load.target.pids[..]), (2, &[1][..]));
    assert_eq!((settings.messages, settings.threads), (Some(7), 2));
    assert_eq!(settings.arrivals, Some(Arrivals::Poisson));
    assert_eq!(load.fail_if.len(), 1);
    let output = &load.output;
    assert!(output.json && output.plot.is_some() && load.calibrate);
    assert!(output.hdr.is_some() && output.series.is_some());
    assert_eq!(
        (load.scenario, settings.senders, settings.own),
        (Scenario::Room, 3, false)
    );
}

#[test]
fn rates_and_profiles() {
    assert_eq!(load("echo --rate 0.5").settings.rate_per_s, Some(0.5));
    let profile = load("echo --profile 100..5000/s").settings;
    assert_eq!(profile.profile_per_s, Some([100.0, 5_000.0]));
    assert_eq!(
        (profile.loop_kind.as_str(), profile.in_flight),
        ("open", None)
    );
    let search = load("echo --find-rate p99<20ms");
    assert!(search.find_rate.is_some() && search.settings.in_flight.is_none());
    // As many messages as are asked for, however long that takes.
    assert_eq!(load("echo -n 20").settings.duration_s, None);
    assert_eq!(load("echo -n 20 -d 1s").settings.duration_s, Some(1.0));
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
fn a_server_may_have_several_nodes() {
    let load = load(
        "room 7000 7001 unix:x --pid 5 --pid 6 --pid 5 --compare 1 --compare 2 --compare-pid 7",
    );
    assert_eq!(load.target.name(), "127.0.0.1:7000 127.0.0.1:7001 unix:x");
    assert_eq!(load.target.pids, [5, 6]);
    let baseline = load.baseline.unwrap();
    assert_eq!(baseline.name(), "127.0.0.1:1 127.0.0.1:2");
    assert_eq!(baseline.pids, [7]);
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
        ("echo --rate 1e9", "at most"),
        ("echo --rate x", "'x' is not a number"),
        ("echo --profile 5", "FROM..TO/s"),
        ("echo --profile 1..2/s --rate 3", "--rate"),
        ("echo --profile 1..2/s -n 5", "--messages"),
        ("echo --arrivals poisson", "open loop"),
        ("echo -n 0", "--messages"),
        ("echo -c 2 --threads 3", "--threads"),
        ("echo --threads 0", "at least 1"),
        ("room --threads 2 --rate 5 --size 69", "70 or more"),
        ("echo --find-rate p99>5ms", "upper bound"),
        ("echo --find-rate p98<5ms", "'p98' is none of"),
        ("echo --fail-if p99", "comparison"),
        ("echo --fail-if p99>5ms --compare 7000", "--compare"),
        ("echo --rounds 3", "--compare"),
        ("echo --compare 7000 --plot x.html", "--plot"),
        ("echo --hello \\x", "backslash"),
        ("room -c 1", "at least 2"),
        ("room 1 2 3 -c 2", "more addresses than --connections"),
        ("echo 1 --compare 2 --compare 3 -c 1", "more addresses"),
        ("room 1 2 -- --pace off", "ADDR"),
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
