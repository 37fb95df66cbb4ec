//! Redis full, emptied, without its end, while all talk: what was said is heard on every node, once
//! and in one order.

use std::fs;
use std::path::Path;

use super::cluster::redis_server::is_there;
use super::cluster::{Cluster, QUIET, Talk};

/// Some talk on, while it happens.
const SOME: usize = 30;

fn copy(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// All talk, and have heard it.
fn talking() -> (Cluster, Talk) {
    let cluster = Cluster::start(&QUIET);
    let mut talk = Talk::start(&cluster);
    talk.says(SOME);
    talk.is_heard();
    (cluster, talk)
}

#[test]
fn what_is_said_to_a_full_redis_is_heard_when_it_has_room() {
    if !is_there() {
        return;
    }
    let (cluster, mut talk) = talking();
    for round in 1..=2 {
        talk.says(SOME);
        cluster.redis.say("CONFIG SET maxmemory 1");
        talk.says(SOME);
        cluster.all_log("is away: OOM ", round);
        talk.says(SOME);
        cluster.redis.say("CONFIG SET maxmemory 0");
        talk.says(SOME);
        talk.is_heard();
    }
    talk.was_in_one_order();
}

#[test]
fn an_emptied_redis_loses_and_doubles_nothing_that_is_said() {
    if !is_there() {
        return;
    }
    let (mut cluster, mut talk) = talking();
    let lost = "the hub is back, and has lost what it had last";
    talk.says(SOME);
    cluster.redis.kill();
    fs::remove_dir_all(cluster.redis.append_only_folder()).unwrap();
    talk.says(SOME);
    cluster.redis.start_again();
    talk.says(SOME);
    cluster.all_log(lost, 1);
    talk.is_heard();
    talk.was_in_one_order();
}

#[test]
fn a_redis_without_its_end_loses_and_doubles_nothing_that_is_said() {
    if !is_there() {
        return;
    }
    let (mut cluster, mut talk) = talking();
    let kept = tempfile::tempdir().unwrap();
    let folder = cluster.redis.append_only_folder();
    for round in 1..=2 {
        // Redis writes its file before it answers.
        copy(&folder, kept.path());
        talk.says(SOME);
        talk.is_heard();
        talk.says(SOME);
        cluster.redis.kill();
        copy(kept.path(), &folder);
        talk.says(SOME);
        cluster.redis.start_again();
        talk.says(SOME);
        cluster.all_log("the hub is back, and has lost", round);
        talk.is_heard();
    }
    // The last ones are taken away from a Redis that goes on.
    let newest = cluster.redis.say("XREVRANGE chinwag + - COUNT 10");
    let is_id = |line: &&str| {
        let id = line.split_once('-');
        id.is_some_and(|(ms, seq)| ms.parse::<u64>().and(seq.parse::<u64>()).is_ok())
    };
    let ids: Vec<&str> = newest.lines().filter(is_id).collect();
    assert_eq!(ids.len(), 10, "{newest}");
    cluster
        .redis
        .say(&format!("XDEL chinwag {}", ids.join(" ")));
    talk.says(SOME);
    cluster.all_log("the hub is back, and has lost", 3);
    talk.is_heard();
    talk.was_in_one_order();
}

#[test]
fn what_only_some_nodes_have_heard_of_a_lost_end_is_heard_by_all_in_their_order() {
    if !is_there() {
        return;
    }
    let (mut cluster, mut talk) = talking();
    let kept = tempfile::tempdir().unwrap();
    let folder = cluster.redis.append_only_folder();
    copy(&folder, kept.path());
    talk.says(SOME);
    talk.is_heard();
    // The third node hears no more of what is lost then.
    cluster.nodes[2].pause();
    talk.says_on(&[0, 1], SOME);
    talk.is_heard_on(0);
    talk.is_heard_on(1);
    cluster.redis.kill();
    copy(kept.path(), &folder);
    cluster.redis.start_again();
    // It has less to say again, and more time for it.
    cluster.nodes[2].resume();
    for node in [0, 1] {
        cluster.nodes[node].pause();
    }
    talk.says_on(&[2], SOME);
    cluster.nodes[2]
        .stderr()
        .wait_for("the hub is back, and has lost");
    for node in [0, 1] {
        cluster.nodes[node].resume();
    }
    cluster.all_log("the hub is back, and has lost", 1);
    talk.is_heard();
    talk.was_in_one_order();
}
