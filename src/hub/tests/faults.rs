//! Redis stopped, killed, emptied, full, without its end; and the way to it cut, stalled, slow.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::node::{Node, agree};
use super::proxy::{Mode, Proxy, Way};
use super::redis_server::{RedisServer, is_there};

/// Both say so many, and both hear all.
#[track_caller]
fn talk(nodes: &mut [Node; 2], messages: usize) {
    for _ in 0..messages {
        for node in nodes.iter_mut() {
            node.say();
            node.turn(Duration::ZERO);
        }
    }
    agree(nodes);
}

#[test]
fn a_way_that_is_cut_anywhere_loses_nothing_and_doubles_nothing() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let proxies = [Proxy::start(redis.port), Proxy::start(redis.port)];
    let mut nodes = [
        Node::join(&proxies[0].url(), "a"),
        Node::join(&proxies[1].url(), "b"),
    ];
    let mut rng = fastrand::Rng::with_seed(7);
    for round in 0..40 {
        for proxy in &proxies {
            match rng.u8(..4) {
                0 => proxy.cut(),
                1 => proxy.cut_after(Way::ToServer, rng.usize(..40_000)),
                2 => proxy.cut_after(Way::ToClient, rng.usize(..40_000)),
                _ => proxy.set(Mode::Delay(Duration::from_millis(rng.u64(..20)))),
            }
        }
        for _ in 0..100 {
            for node in &mut nodes {
                node.say();
                node.turn(Duration::ZERO);
            }
        }
        for proxy in &proxies {
            proxy.set(Mode::Pass);
        }
        if round % 8 == 7 {
            agree(&mut nodes);
        }
    }
    agree(&mut nodes);
    assert!(nodes.iter().all(|node| node.heard.len() == 8000));
    let backs: Vec<bool> = nodes.iter().flat_map(|node| node.back.clone()).collect();
    assert!(backs.len() > 10 && !backs.contains(&true), "{backs:?}");
}

#[test]
fn what_a_stalled_way_delivers_late_is_no_second_time() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let (slow, direct) = (Proxy::start(redis.port), redis.url());
    let mut nodes = [Node::join(&slow.url(), "a"), Node::join(&direct, "b")];
    talk(&mut nodes, 10);
    slow.set(Mode::Stall);
    let began = Instant::now();
    nodes[0].say();
    nodes[0].until("away", |node| !node.away.is_empty());
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    for _ in 0..499 {
        nodes[0].say();
    }
    slow.set(Mode::Pass);
    nodes[0].until("back", |node| node.back == [false]);
    agree(&mut nodes);
    assert_eq!(nodes[1].heard.len(), 520);
    // Here those of the broken connection came, too.
    nodes[1].until("the late ones", |node| node.dropped > 0);
}

#[test]
fn a_redis_that_stops_for_three_seconds_is_waited_for() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let mut nodes = [Node::join(&redis.url(), "a"), Node::join(&redis.url(), "b")];
    talk(&mut nodes, 10);
    redis.pause();
    let began = Instant::now();
    // Also one that has nothing to say notices.
    nodes[0].say();
    for node in &mut nodes {
        node.until("away", |node| node.away.len() == 1);
        assert!(
            node.away[0].contains("says nothing for 1500 ms"),
            "{:?}",
            node.away
        );
    }
    let noticed = began.elapsed();
    assert!(noticed < Duration::from_secs(3), "{noticed:?}");
    while began.elapsed() < Duration::from_secs(3) {
        for node in &mut nodes {
            node.say();
            node.turn(Duration::from_millis(20));
        }
    }
    redis.go_on();
    for node in &mut nodes {
        node.until("back", |node| !node.back.is_empty());
        assert_eq!(node.back, [false]);
    }
    talk(&mut nodes, 10);
}

#[test]
fn a_redis_that_is_killed_and_started_again_has_all() {
    if !is_there() {
        return;
    }
    let mut redis = RedisServer::start(&[]);
    let mut nodes = [Node::join(&redis.url(), "a"), Node::join(&redis.url(), "b")];
    talk(&mut nodes, 100);
    for _ in 0..500 {
        nodes.iter_mut().for_each(Node::say);
    }
    redis.kill();
    for _ in 0..50 {
        nodes.iter_mut().for_each(Node::say);
    }
    for node in &mut nodes {
        node.until("away", |node| !node.away.is_empty());
    }
    redis.start_again();
    for node in &mut nodes {
        node.until("back", |node| !node.back.is_empty());
        assert_eq!(node.back, [false]);
    }
    agree(&mut nodes);
    assert_eq!(nodes[0].heard.len(), 2 * 650);
}

#[test]
fn what_is_said_before_a_failure_is_known_does_not_come_first() {
    if !is_there() {
        return;
    }
    let mut redis = RedisServer::start(&[]);
    let mut nodes = [Node::join(&redis.url(), "a"), Node::join(&redis.url(), "b")];
    talk(&mut nodes, 10);
    // What is on its way is lost.
    redis.pause();
    for _ in 0..5 {
        nodes[0].say();
    }
    std::thread::sleep(Duration::from_millis(50));
    redis.kill();
    redis.start_again();
    let deadline = Instant::now() + Duration::from_secs(10);
    // Two connections of each node, and this one.
    while redis.say("CLIENT LIST").matches("id=").count() < 5 {
        assert!(Instant::now() < deadline, "the nodes never come back");
        std::thread::sleep(Duration::from_millis(10));
    }
    for _ in 0..5 {
        nodes[0].say();
    }
    std::thread::sleep(Duration::from_millis(50));
    agree(&mut nodes);
    assert_eq!(nodes[1].dropped, 0);
}

#[test]
fn a_redis_that_comes_back_empty_is_told_of() {
    if !is_there() {
        return;
    }
    let mut redis = RedisServer::start(&[]);
    let mut nodes = [Node::join(&redis.url(), "a"), Node::join(&redis.url(), "b")];
    talk(&mut nodes, 100);
    redis.kill();
    fs::remove_dir_all(redis.append_only_folder()).unwrap();
    nodes.iter_mut().for_each(Node::say);
    redis.start_again();
    for node in &mut nodes {
        node.until("back", |node| !node.back.is_empty());
        assert_eq!(node.back, [true]);
    }
    talk(&mut nodes, 100);
    assert_eq!(nodes[0].heard.len(), 402);
}

#[test]
fn a_stream_that_is_emptied_or_taken_away_meanwhile_is_told_of() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let mut nodes = [Node::join(&redis.url(), "a"), Node::join(&redis.url(), "b")];
    let losses = ["FLUSHALL", "DEL chinwag", "XTRIM chinwag MAXLEN 0"];
    for (at, loss) in losses.into_iter().enumerate() {
        talk(&mut nodes, 5);
        redis.say(loss);
        // A first one in the new stream must not hide it, for whom it wakes.
        nodes[0].say();
        for node in &mut nodes {
            node.until(loss, |node| node.back.len() == at + 1);
            assert!(node.back[at], "{loss}");
        }
    }
    talk(&mut nodes, 5);
}

#[test]
fn a_full_redis_is_away_until_it_has_room() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let mut nodes = [Node::join(&redis.url(), "a"), Node::join(&redis.url(), "b")];
    talk(&mut nodes, 10);
    redis.say("CONFIG SET maxmemory 1");
    for _ in 0..300 {
        nodes.iter_mut().for_each(Node::say);
    }
    for node in &mut nodes {
        node.until("away", |node| !node.away.is_empty());
        assert!(node.away[0].starts_with("OOM "), "{:?}", node.away);
    }
    redis.say("CONFIG SET maxmemory 0");
    agree(&mut nodes);
    assert_eq!(nodes[0].heard.len(), 620);
    redis.say("REPLICAOF 127.0.0.1 1");
    nodes.iter_mut().for_each(Node::say);
    nodes[0].until("away again", |node| node.away.len() == 2);
    redis.say("REPLICAOF NO ONE");
    agree(&mut nodes);
}

#[test]
fn what_is_new_after_a_lost_end_is_heard_by_all() {
    if !is_there() {
        return;
    }
    let mut redis = RedisServer::start(&[]);
    let mut nodes = [Node::join(&redis.url(), "a"), Node::join(&redis.url(), "b")];
    talk(&mut nodes, 50);
    let kept = tempfile::tempdir().unwrap();
    let folder = redis.append_only_folder();
    copy(&folder, kept.path());
    talk(&mut nodes, 50);
    redis.kill();
    copy(kept.path(), &folder);
    redis.start_again();
    for node in &mut nodes {
        node.until("back", |node| !node.back.is_empty());
        assert_eq!(node.back, [true]);
    }
    talk(&mut nodes, 50);
    assert_eq!(nodes[0].heard.len(), 300);
    // What was kept was found again, not read again.
    assert!(nodes[0].dropped < 100, "{}", nodes[0].dropped);
}

fn copy(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
