//! One room on three nodes, with a real Redis between them, and a proxy before each that fails.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{Launch, PATIENCE, skipped, until};
use crate::member::Member;
use crate::peer::Peer;
use crate::succession::Succession;

mod away;
mod clocks;
mod cluster;
mod loss;
mod stopped;

use cluster::proxy::{Mode, Way};
use cluster::redis_server::{RedisServer, is_there};
use cluster::{Cluster, QUIET, Talk, sees};

#[test]
fn members_of_all_nodes_are_in_one_room() {
    if !is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let [mut ann, mut bob, mut cid] = cluster.members(["ann", "bob", "cid"]);
    ann.says("hello");
    bob.hears("ann: hello");
    cid.hears("ann: hello");
    cid.says("/msg ann psst");
    ann.hears("[cid] psst");
    // A name is one member's on all of them.
    bob.says("/nick ann");
    bob.is_told("ann");
    let mut dee = Member::joins(&cluster.nodes[0], "dee");
    sees(&mut dee, &["ann", "bob", "cid", "dee"]);
    drop(cid);
    sees(&mut dee, &["ann", "bob", "dee"]);
}

#[test]
fn each_message_comes_once_and_in_one_order_whatever_happens_to_the_way() {
    if !is_there() {
        return;
    }
    let mut cluster = Cluster::start(&QUIET);
    let mut talk = Talk::start(&cluster);
    for round in 0..12 {
        match round % 6 {
            1 => cluster.proxies[0].cut(),
            2 => cluster.proxies[1].cut_after(Way::ToServer, 1500),
            3 => cluster.proxies[2].cut_after(Way::ToClient, 1500),
            4 => cluster.proxies[round % 3].set(Mode::Delay(Duration::from_millis(20))),
            5 => {
                cluster.redis.kill();
                cluster.redis.start_again();
            }
            _ => {}
        }
        talk.says(50);
        talk.is_heard();
        cluster
            .proxies
            .iter()
            .for_each(|proxy| proxy.set(Mode::Pass));
    }
    talk.was_in_one_order();
}

#[test]
fn the_members_of_a_killed_node_leave_and_its_name_is_free() {
    if !is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let [mut ann, _bob, _cid] = cluster.members(["ann", "bob", "cid"]);
    cluster.nodes[2].signal(Signal::KILL);
    let began = Instant::now();
    let again = cluster::node(&cluster.redis.url(), "c", &[]).start();
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    sees(&mut ann, &["ann", "bob"]);
    let mut eve = Member::joins(&again, "eve");
    sees(&mut eve, &["ann", "bob", "eve"]);
}

#[test]
fn a_node_starts_at_a_hub_that_is_there_and_under_a_name_of_its_own() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let first = cluster::node(&redis.url(), "a", &[]).start();
    let mut second = cluster::node(&redis.url(), "a", &[]).spawn();
    assert_eq!(second.exit_code(), 1);
    let why = second.stderr().settled();
    assert!(why.contains("node a is running already"), "{why}");
    // When it has ended in good order the name is free at once.
    first.signal(Signal::TERM);
    let url = redis.url();
    until("the name is free", PATIENCE, || {
        redis.say("EXISTS chinwag:node:a") == ":0\r\n"
    });
    drop(redis);
    let mut third = cluster::node(&url, "a", &[]).spawn();
    assert_eq!(third.exit_code(), 1);
    let why = third.stderr().settled();
    assert!(why.contains("chinwag: join the hub at 127.0.0.1:"), "{why}");
}

/// Whoever comes first of all after a restart is told of all, and ruled by what was ordered before.
#[test]
fn a_node_that_starts_knows_all_before_its_first_client_comes() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "master\n").unwrap();
    let args = ["--operator-password-file", file.path().to_str().unwrap()];
    let first = cluster::node(&redis.url(), "a", &args).start();
    let mut ann = Member::joins(&first, "ann");
    ann.says("/op master");
    ann.says("/ban evil");
    ann.says("/topic chess");
    ann.is_told("set the topic: chess");
    for _ in 0..3 {
        let second = cluster::node(&redis.url(), "b", &[]).start();
        let mut peer = Peer::connect(&second);
        peer.send(b"/nick evil\n/nick ann\n");
        let mut told = String::new();
        while !told.contains("ann is taken") {
            told.push_str(&peer.line());
            told.push('\n');
        }
        assert!(told.contains("others here: 1;"), "{told}");
        assert!(told.contains("* topic: chess"), "{told}");
        assert!(told.contains("* that name is banned"), "{told}");
        assert!(!told.contains("ann joined"), "{told}");
    }
}

#[test]
fn a_node_whose_name_was_taken_tells_so_and_fails() {
    if !is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let mut ann = Member::joins(&cluster.nodes[0], "ann");
    cluster.proxies[0].set(Mode::Stall);
    ann.is_told("the hub is away");
    let _other = cluster::node(&cluster.redis.url(), "a", &[]).start();
    cluster.proxies[0].set(Mode::Pass);
    ann.is_told("another server has taken this one's place; it ends");
    let [mut first, ..] = cluster.nodes;
    assert_eq!(first.exit_code(), 1);
    let why = first.stderr().text();
    assert!(why.contains("another node has the name a now"), "{why}");
}

#[test]
fn no_signal_breaks_off_what_waits_for_the_hub() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let node = cluster::node(&redis.url(), "a", &[]).start();
    if !std::path::Path::new("/proc/self/task").exists() {
        return skipped("masks of threads: there is no /proc");
    }
    until("both threads take no signal", PATIENCE, || {
        let threads = std::fs::read_dir(format!("/proc/{}/task", node.id())).unwrap();
        let blocking = threads.filter(|thread| blocks_sighup(thread.as_ref().unwrap().path()));
        blocking.count() == 2
    });
}

/// Whether this thread of `/proc` is one of the hub's, and keeps SIGHUP from itself.
fn blocks_sighup(thread: PathBuf) -> bool {
    let status = std::fs::read_to_string(thread.join("status")).unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let mask = field("SigBlk:").and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let blocks = mask.is_some_and(|mask| mask & 1 << (Signal::HUP.as_raw() - 1) != 0);
    blocks && field("Name:").is_some_and(|name| name.contains("hub-"))
}

#[test]
fn in_the_sandbox_an_upgraded_node_reaches_the_hub() {
    if !is_there() {
        return;
    }
    let mut probe = Launch::new("echo").args(&["--sandbox"]).spawn();
    until("it starts or gives up", PATIENCE, || {
        probe.stdout().text().contains('\n') || !probe.is_running()
    });
    if !probe.is_running() {
        return skipped("--sandbox: this kernel has no Landlock");
    }
    let redis = RedisServer::start(&[]);
    let url = redis.url();
    let other = cluster::node(&url, "b", &[]).start();
    let mut upgraded = Succession::of(cluster::node(&url, "a", &["--sandbox"]).start());
    let mut ann = Member::joins(&upgraded.server, "ann");
    let mut bob = Member::joins(&other, "bob");
    sees(&mut ann, &["ann", "bob"]);
    upgraded.upgrades();
    ann.says("still here");
    bob.hears("ann: still here");
    bob.says("so am I");
    ann.hears("bob: so am I");
}
