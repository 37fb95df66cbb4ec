//! While the hub is away a node lives on: its own members come, go and are answered, speakers wait at
//! a bound, nothing spins, and signals do what they always do.

use std::fs;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::cluster::redis_server::{RedisServer, is_there};
use super::cluster::{Cluster, node, sees};
use crate::harness::{PATIENCE, until};
use crate::member::Member;
use crate::succession::Succession;

#[test]
fn while_the_hub_is_away_the_node_lives_and_what_is_said_waits() {
    if !is_there() {
        return;
    }
    let cluster = Cluster::start(&["--history", "0"]);
    let [mut ann, mut bob, mut cid] = cluster.members(["ann", "bob", "cid"]);
    cluster.redis.pause();
    ann.is_told("the hub is away");
    ann.says("first");
    ann.says("second");
    sees(&mut ann, &["ann", "bob", "cid"]);
    ann.says("/help");
    ann.is_told("/nick NAME");
    let mut dee = Member::joins(&cluster.nodes[0], "dee");
    ann.is_told("dee");
    sees(&mut dee, &["ann", "bob", "cid", "dee"]);
    dee.renames("deedee");
    ann.is_told("dee is now deedee");
    sees(&mut ann, &["ann", "bob", "cid", "deedee"]);
    let eve = Member::joins(&cluster.nodes[0], "eve");
    ann.is_told("eve");
    drop(eve);
    ann.is_told("eve left");
    for node in &cluster.nodes {
        node.does_not_spin();
    }
    cluster.redis.go_on();
    ann.is_told("the hub is back");
    for member in [&mut bob, &mut cid, &mut dee] {
        member.hears("ann: first");
        member.hears("ann: second");
    }
    for member in [&mut bob, &mut cid] {
        sees(member, &["ann", "bob", "cid", "deedee"]);
    }
}

#[test]
fn speakers_wait_for_the_hub_at_a_bound() {
    const LINES: usize = 20_000;
    /// What waits, and what the kernel holds for a connection, generously.
    const MAY_TAKE: usize = 12 << 20;
    if !is_there() {
        return;
    }
    let cluster = Cluster::start(&["--history", "0", "--log-size", "64m"]);
    let [mut ann, mut bob, cid] = cluster.members(["ann", "bob", "cid"]);
    let mut mouth = Member::joins(&cluster.nodes[0], "mouth");
    ann.is_told("mouth");
    cluster.redis.pause();
    mouth.is_told("the hub is away");
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let mut stream = mouth.peer.stream.try_clone().unwrap();
    let text = "x".repeat(990);
    let talking = thread::spawn(move || {
        for number in 0..LINES {
            let line = format!("{number} {text}\n");
            stream.write_all(line.as_bytes()).expect("it is waited for");
            counted.fetch_add(line.len(), Ordering::Relaxed);
        }
    });
    let (mut before, mut since) = (0, Instant::now());
    until("it is not read from", PATIENCE, || {
        let now = sent.load(Ordering::Relaxed);
        if now != before {
            (before, since) = (now, Instant::now());
        }
        since.elapsed() > Duration::from_secs(1)
    });
    assert!(before > 1 << 20 && before < MAY_TAKE, "{before} bytes");
    // Others are served, and waiting costs nothing.
    sees(&mut ann, &["ann", "bob", "cid", "mouth"]);
    cluster.nodes[0].does_not_spin();
    cluster.redis.go_on();
    for number in 0..LINES {
        for member in [&mut ann, &mut bob] {
            let heard = member.next();
            let heard = heard
                .strip_prefix("mouth: ")
                .and_then(|it| it.split_once(' '));
            let (heard, _) = heard.expect("what was said");
            assert_eq!(heard.parse(), Ok(number));
        }
    }
    talking.join().unwrap();
    drop(cid);
}

#[test]
fn signals_do_what_they_do_while_the_hub_is_away() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let url = redis.url();
    let folder = tempfile::tempdir().unwrap();
    let motd = folder.path().join("motd");
    fs::write(&motd, "the first day\n").unwrap();
    let motd_arg = format!("@{}", motd.display());
    let args = ["--history", "0", "--motd", &motd_arg];
    let mut upgraded = Succession::of(node(&url, "a", &args).start());
    let mut other = node(&url, "b", &args).start();
    let mut ann = Member::joins(&upgraded.server, "ann");
    let mut bob = Member::joins(&other, "bob");
    sees(&mut ann, &["ann", "bob"]);
    sees(&mut bob, &["ann", "bob"]);
    redis.pause();
    ann.is_told("the hub is away");
    ann.says("before");
    // SIGHUP.
    fs::write(&motd, "the second day\n").unwrap();
    upgraded.server.signal(Signal::HUP);
    upgraded.server.stderr().wait_for("is read anew");
    // SIGUSR2: another process could not join the hub, so this one goes on.
    upgraded.server.signal(Signal::USR2);
    let told = upgraded.server.stderr().wait_for("this process goes on");
    assert!(told.contains("the hub is away; "), "{told}");
    ann.says("between");
    sees(&mut ann, &["ann", "bob"]);
    // SIGTERM: nobody waits for long.
    let began = Instant::now();
    other.signal(Signal::TERM);
    assert_eq!(other.exit_code(), 0);
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    redis.go_on();
    let again = node(&url, "b", &args).start();
    let mut eve = Member::joins(&again, "eve");
    ann.is_told("the hub is back");
    sees(&mut eve, &["ann", "eve"]);
    ann.says("after");
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last| last != "ann: after") {
        heard.push(eve.next());
    }
    // It may have come before the others were heard, or behind.
    let expected = ["ann: before", "ann: between", "ann: after"];
    assert!(
        expected.ends_with(&heard.iter().map(|line| &**line).collect::<Vec<_>>()),
        "{heard:?}"
    );
    upgraded.upgrades();
    ann.says("upgraded");
    eve.hears("ann: upgraded");
}
