//! Nodes whose clocks are two hours apart.

use std::fs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;

use super::cluster::redis_server::is_there;
use super::cluster::{Cluster, node, sees, who};
use crate::harness::{LINES, Launch, PATIENCE, skipped, until};
use crate::member::Member;
use crate::protocols::websocket_client::WebSocket;

/// The library of Debian's `faketime`, which tells a process another time; none: not here.
fn library() -> Option<String> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten();
    let mut paths = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    Some(paths.find(|path| path.exists())?.display().to_string())
}

/// So many seconds apart from this machine's clock.
fn apart(launch: Launch, library: &str, by: &str) -> Launch {
    launch.wrap(&[
        "env",
        &format!("LD_PRELOAD={library}"),
        &format!("FAKETIME={by}"),
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
    ])
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// What a WebSocket is told of it: the id, and the time.
fn told(socket: &mut WebSocket, text: &str) -> (u64, String) {
    let said = socket.talk();
    assert_eq!(said["text"], text);
    let time = said["time"].as_str().unwrap();
    (said["id"].as_u64().unwrap(), time.to_owned())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one long conversation")]
fn clocks_that_are_hours_apart_matter_to_nobody() {
    if !is_there() {
        return;
    }
    let Some(library) = library() else {
        return skipped("clocks apart: there is no libfaketime");
    };
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    fs::write(&password, "sesame\n").unwrap();
    let args = ["--operator-password-file", password.to_str().unwrap()];
    let began = Instant::now();
    let mut cluster = Cluster::started(|at, launch| {
        let launch = launch.listen(&[LINES, "http:127.0.0.1:0"]).args(&args);
        match at {
            0 => apart(launch, &library, "+3600"),
            1 => apart(launch, &library, "-3600"),
            _ => launch,
        }
    });
    let [mut ann, mut bob, mut cid] = cluster.members(["ann", "bob", "cid"]);
    let mut sockets = [0, 1, 2].map(|at| {
        let address = cluster.nodes[at].addresses[1]
            .strip_prefix("http:")
            .unwrap();
        WebSocket::named(address, ["wa", "wb", "wc"][at])
    });
    sees(&mut ann, &["ann", "bob", "cid", "wa", "wb", "wc"]);
    // One order, one id, and one time, which is the hub's.
    let mut last_id = 0;
    for number in 0..6 {
        let (speaker, text) = (number % 3, format!("line {number}"));
        let members = [&mut ann, &mut bob, &mut cid];
        members[speaker].says(&text);
        let heard = format!("{}: {text}", members[speaker].nick);
        for (at, member) in members.into_iter().enumerate() {
            if at != speaker {
                member.hears(&heard);
            }
        }
        let [one, two, three] = sockets.each_mut().map(|socket| told(socket, &text));
        assert_eq!((&one, &one), (&two, &three));
        assert!(one.0 > last_id, "{one:?} after {last_id}");
        last_id = one.0;
        let time = one.1.parse::<jiff::Timestamp>().unwrap();
        assert!(time.as_second().abs_diff(now_s()) < 60, "{time}");
    }
    // What an operator does is over at the same time everywhere.
    ann.says("/op sesame");
    ann.is_told("operator");
    ann.says("/ban mallory 30m");
    ann.says("/ban trudy 6s");
    ann.says("/mute bob 6s");
    let ruled = Instant::now();
    cluster.all_log("muted bob for 6s", 1);
    let mut eve = Member::joins(&cluster.nodes[1], "eve");
    eve.says("/nick trudy");
    eve.is_told("that name is banned");
    bob.says("unheard");
    bob.is_told("an operator has muted you");
    for number in 0.. {
        bob.says(&format!("try {number}"));
        // Somebody speaks whatever bob may.
        ann.says("tick");
        if cid.next().starts_with("bob: try") {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(
        ruled.elapsed() > Duration::from_secs(5),
        "{:?}",
        ruled.elapsed()
    );
    eve.says("/nick trudy");
    while eve.peer.line() != "* you are now trudy" {}
    // A node that begins is told of what is left of it.
    let mut late = Vec::new();
    for (name, by) in [("d", "+3600"), ("e", "-3600")] {
        let launch = node(&cluster.redis.url(), name, &args);
        let started = apart(launch, &library, by).start();
        let mut fay = Member::joins(&started, &format!("f{name}"));
        until("it is told what the others know", PATIENCE, || {
            who(&mut fay).iter().any(|name| name == "cid")
        });
        fay.says("/nick mallory");
        fay.is_told("that name is banned");
        fay.says("/op sesame");
        fay.is_told("operator");
        fay.says("/bans");
        let left = fay.is_told("mallory: ");
        let seconds = left.split(' ').find_map(|word| word.parse::<u64>().ok());
        assert!(
            seconds.is_some_and(|s| (1500..=1800).contains(&s)),
            "{left}"
        );
        late.push((started, fay));
    }
    // A node whose clock was set back in between is believed.
    cluster.nodes[0].signal(Signal::KILL);
    let again = apart(node(&cluster.redis.url(), "a", &args), &library, "-7200").start();
    let mut gus = Member::joins(&again, "gus");
    gus.says("set back");
    until("it is heard", PATIENCE, || cid.next() == "gus: set back");
    // All others were there for longer than a dead node is.
    until(
        "a dead node would be known",
        Duration::from_secs(60),
        || began.elapsed() > Duration::from_secs(25),
    );
    for server in cluster.nodes[1..].iter_mut().chain([&mut late[0].0]) {
        assert!(server.is_running());
        let log = server.stderr().text();
        let taken = log
            .lines()
            .find(|line| line.contains("is dead") && !line.contains("node a "));
        assert_eq!(taken, None);
    }
}
