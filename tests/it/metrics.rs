//! `--metrics`: what it tells, to whom, and that whoever asks costs the clients nothing.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Launch, PATIENCE, Server, skipped, until};
use crate::member::Member;
use crate::peer::Peer;

/// A server with metrics, and where they are.
fn with_metrics(service: &str, args: &[&str]) -> (Server, String) {
    let args = [&["--metrics", "127.0.0.1:0"], args].concat();
    let server = Launch::new(service).listen(&["lines:127.0.0.1:0"]);
    let server = match service {
        "room" => server,
        _ => server.listen(&["127.0.0.1:0"]),
    };
    let server = server.args(&args).start();
    let told = server.stdout().wait_for("listening on metrics:");
    let (_, address) = told.split_once("listening on metrics:").unwrap();
    let address = address.lines().next().unwrap().to_owned();
    (server, address)
}

fn asker(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// All that is answered to a request, or to a part of one.
fn answer(address: &str, request: &str) -> String {
    let mut stream = asker(address);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn scrape(address: &str) -> String {
    let answer = answer(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())));
    body.to_owned()
}

/// Two lots of as many as may be here at once come first.
#[test]
fn who_asks_nothing_keeps_nobody_long_from_the_figures() {
    let (_server, address) = with_metrics("echo", &[]);
    let _idle: Vec<TcpStream> = (0..128).map(|_| asker(&address)).collect();
    scrape(&address);
}

/// The value of a series, in full: `chinwag_clients{protocol="irc"}`.
#[track_caller]
fn value(text: &str, series: &str) -> f64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} in\n{text}"))
        .parse()
        .unwrap()
}

/// How much a series grows while something is done.
fn growth(address: &str, before: &str, series: &str) -> f64 {
    value(&scrape(address), series) - value(before, series)
}

#[test]
fn every_delivery_of_a_room_is_counted_once() {
    let (server, address) = with_metrics("room", &["--notices", "off"]);
    let mut members: Vec<Member> = ["ann", "bob", "cy"]
        .map(|name| Member::joins(&server, name))
        .into();
    let before = scrape(&address);
    assert_eq!(value(&before, "chinwag_clients{protocol=\"lines\"}"), 3.0);
    for n in 0..50 {
        members[n % 3].says(&format!("line {n}"));
        for (at, member) in members.iter_mut().enumerate() {
            if at != n % 3 {
                let name = ["ann", "bob", "cy"][n % 3];
                member.hears(&format!("{name}: line {n}"));
            }
        }
    }
    let bytes: usize = (0..50)
        .map(|n| 2 * (["ann", "bob", "cy"][n % 3].len() + format!(": line {n}\n").len()))
        .sum();
    for (series, expected) in [
        ("chinwag_messages_total", 50.0),
        ("chinwag_deliveries_total", 100.0),
        ("chinwag_bytes_total", bytes as f64),
        ("chinwag_lagged_total", 0.0),
        ("chinwag_refused_total", 0.0),
        ("chinwag_panics_total", 0.0),
    ] {
        assert_eq!(growth(&address, &before, series), expected, "{series}");
    }
    assert!(growth(&address, &before, "chinwag_rounds_total") >= 50.0);
    assert!(growth(&address, &before, "chinwag_turn_seconds_count") >= 50.0);
    let told = value(&before, "chinwag_accepted_total");
    assert_eq!(told, 3.0, "who asks is no client");
}

#[test]
fn clients_are_counted_by_what_they_speak_until_they_go() {
    let server = Launch::new("room").args(&["--metrics", "127.0.0.1:0", "--max-clients", "5"]);
    let server = server.start();
    let told = server.stdout().wait_for("listening on metrics:");
    let address = told.rsplit("metrics:").next().unwrap().trim();
    let clients = |protocol: &str| {
        value(
            &scrape(address),
            &format!("chinwag_clients{{protocol=\"{protocol}\"}}"),
        )
    };
    let mut irc = Peer::connect(&server);
    irc.send("NICK ann\r\nUSER ann 0 * :ann\r\n");
    let mut page = Peer::connect(&server);
    page.send(
        "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    let mut lines = [(); 2].map(|()| Peer::connect(&server));
    for line in &mut lines {
        line.send("hello\n");
    }
    let mut undecided = Peer::connect(&server);
    undecided.send("GET / HTTP");
    let expected = [
        ("irc", 1.0),
        ("websocket", 1.0),
        ("lines", 2.0),
        ("none", 1.0),
    ];
    until("all are known", PATIENCE, || {
        expected
            .iter()
            .all(|(protocol, count)| clients(protocol) == *count)
    });
    assert_eq!(value(&scrape(address), "chinwag_clients_max"), 5.0);
    let mut refused = Peer::connect(&server);
    refused.send("hello\n");
    refused.until_gone();
    assert_eq!(value(&scrape(address), "chinwag_refused_total"), 1.0);
    drop((irc, page, lines, undecided));
    until("all are gone", PATIENCE, || {
        expected
            .iter()
            .all(|(protocol, _)| clients(protocol) == 0.0)
    });
}

#[test]
fn a_laggard_and_how_far_it_is_behind_are_told() {
    let (server, address) = with_metrics("room", &["--log-size", "64k", "--notices", "off"]);
    let slow = Peer::with_receive_buffer(&server, 2048);
    let mut ann = Member::joins(&server, "ann");
    let line = "x".repeat(1000);
    let mut most = 0.0;
    until("it has lagged", PATIENCE, || {
        ann.says(&line);
        let text = scrape(&address);
        most = value(&text, "chinwag_lag_bytes").max(most);
        value(&text, "chinwag_lagged_total") == 1.0
    });
    assert!(most > 1000.0, "it was {most} bytes behind at most");
    drop(slow);
}

#[test]
fn services_that_echo_count_too() {
    let (server, address) = with_metrics("echo", &[]);
    let mut peer = Peer::connect(&server);
    for _ in 0..10 {
        peer.echoes("12345");
    }
    let text = scrape(&address);
    assert_eq!(value(&text, "chinwag_messages_total"), 10.0);
    assert_eq!(value(&text, "chinwag_deliveries_total"), 10.0);
    assert_eq!(value(&text, "chinwag_bytes_total"), 50.0);
    assert_eq!(value(&text, "chinwag_received_bytes_total"), 50.0);
    let version = format!(
        "chinwag_build_info{{version=\"{}\"}}",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(value(&text, &version), 1.0);
}

#[test]
fn there_is_one_page_and_two_ways_to_ask_for_it() {
    let (_server, address) = with_metrics("echo", &[]);
    for (request, status) in [
        ("GET /metrics HTTP/1.0\r\n\r\n", "200 OK"),
        ("GET /metrics?a=b HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK"),
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found"),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found"),
        (
            "POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
            "405 Method Not Allowed",
        ),
        ("GET /metrics HTTP/1.1\r\n\r\n", "400 Bad Request"),
        ("what is this\r\n\r\n", "400 Bad Request"),
    ] {
        let answer = answer(&address, request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{request}: {answer}"
        );
    }
    let huge = format!(
        "GET /metrics HTTP/1.1\r\nHost: x\r\nA: {}",
        "x".repeat(9000)
    );
    assert!(answer(&address, &huge).starts_with("HTTP/1.1 431 "));
    let head = answer(&address, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
}

/// A hundred that ask and do not read, that dribble, that hang up: clients are served, and others
/// are answered when those have had their time.
#[test]
fn a_hostile_scraper_holds_nobody_up() {
    let (server, address) = with_metrics("echo", &["--max-clients", "2"]);
    let mut peer = Peer::connect(&server);
    peer.echoes("before");
    let mut crowd = Vec::new();
    for n in 0..100 {
        let mut stream = asker(&address);
        let request: &[u8] = match n % 3 {
            0 => b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
            1 => b"GET /met",
            _ => b"",
        };
        stream.write_all(request).unwrap();
        if n % 5 == 0 {
            stream.shutdown(Shutdown::Both).unwrap();
        }
        crowd.push(stream);
    }
    let start = Instant::now();
    for _ in 0..100 {
        peer.echoes("meanwhile");
    }
    assert!(start.elapsed() < Duration::from_secs(5));
    // Its own time is the limit's, whatever it dribbles.
    let mut dribbler = asker(&address);
    dribbler
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
        .unwrap();
    dribbler
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let mut told = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(40);
    while !told.starts_with(b"HTTP/1.1 408 ") {
        assert!(Instant::now() < deadline, "never told: {told:?}");
        let _ = dribbler.write_all(b"A: b\r\n");
        let mut chunk = [0; 512];
        if let Ok(length) = dribbler.read(&mut chunk) {
            told.extend_from_slice(&chunk[..length]);
        }
    }
    drop(crowd);
    scrape(&address);
    peer.echoes("after");
    let mut second = Peer::connect(&server);
    second.echoes("there is room for two");
}

#[test]
fn promtool_finds_nothing() {
    let (server, address) = with_metrics("room", &[]);
    let _ann = Member::joins(&server, "ann");
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped());
    let child = promtool
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        return skipped("what promtool says of the metrics: it is not installed");
    };
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(scrape(&address).as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}

/// The dashboard asks for what there is.
#[test]
fn the_dashboard_shows_series_that_are_told() {
    let (_server, address) = with_metrics("room", &[]);
    let text = scrape(&address);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/grafana/chinwag.json");
    let board = std::fs::read_to_string(path).unwrap();
    let board: serde_json::Value = serde_json::from_str(&board).unwrap();
    let mut asked = Vec::new();
    for panel in board["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let words = expression.split(|c| !is_part(c));
            asked.extend(
                words
                    .filter(|w| w.starts_with("chinwag_"))
                    .map(str::to_owned),
            );
        }
    }
    for name in &asked {
        assert!(text.contains(name), "{name} is not told");
    }
    // And all that is told is shown.
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap();
        let is_shown = asked.iter().any(|asked| asked.starts_with(name));
        assert!(
            is_shown || name == "chinwag_build_info",
            "{name} is not shown"
        );
    }
}

#[test]
fn where_it_cannot_listen_it_says_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let launch = Launch::new("echo")
        .args(&["--metrics", &address])
        .log("off");
    let mut server = launch.spawn();
    assert_eq!(server.exit_code(), 1);
    let said = server.stderr().settled();
    let expected = format!("chinwag: listen on {address} for --metrics: ");
    assert!(
        said.starts_with(&expected) && said.lines().count() == 1,
        "{said}"
    );
}
