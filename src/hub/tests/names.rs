//! Who may be a node, under which name, and how it ends; upgrades among it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::super::*;
use super::node::{Node, agree, config};
use super::proxy::{Mode, Proxy};
use super::redis_server::{RedisServer, is_there};

/// Why it cannot be joined.
#[track_caller]
fn refusal(url: &str) -> String {
    let refused = connect(config(url, "a")).err().expect("refused");
    assert_eq!(refused.exit_code(), 1);
    let told = refused.to_string();
    assert!(told.starts_with("join the hub at 127.0.0.1:"), "{told}");
    assert!(!told.contains("secret") && !told.contains('\n'), "{told}");
    told
}

#[test]
fn a_name_is_refused_as_long_as_its_node_lives() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let mut node = Node::join(&redis.url(), "a");
    assert!(refusal(&redis.url()).ends_with(": node a is running already"));
    Node::join(&redis.url(), "b");
    node.say();
    node.hear(1);
}

#[test]
fn the_name_of_a_dead_node_is_taken_over() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    // As after a kill: nothing says so.
    std::mem::forget(connect(config(&redis.url(), "a")).unwrap());
    let began = Instant::now();
    Node::join(&redis.url(), "a");
    let took = began.elapsed();
    assert!(
        took > Duration::from_secs(5) && took < Duration::from_secs(9),
        "{took:?}"
    );
}

#[test]
fn a_node_whose_name_was_taken_is_told_so_and_does_not_take_it_back() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let mut node = Node::join(&redis.url(), "a");
    redis.say("SET chinwag:node:a other");
    node.until("the name is taken", |node| node.is_name_taken);
    assert!(redis.say("GET chinwag:node:a").ends_with("other\r\n"));
    drop(node);
    assert!(redis.say("GET chinwag:node:a").ends_with("other\r\n"));
}

#[test]
fn what_cannot_be_a_hub_is_refused_in_one_line() {
    if !is_there() {
        return;
    }
    let locked = RedisServer::start(&["--requirepass", "right"]);
    let port = locked.port;
    connect(config(&format!("redis://:right@127.0.0.1:{port}"), "a")).unwrap();
    let told = refusal(&format!("redis://:secret@127.0.0.1:{port}"));
    assert!(
        told.contains("it refuses the user, or the password"),
        "{told}"
    );
    let told = refusal(&format!("redis://127.0.0.1:{port}"));
    assert!(told.contains("NOAUTH"), "{told}");
    let told = refusal(&format!("redis://:right@127.0.0.1:{port}/99"));
    assert!(told.contains("DB index is out of range"), "{told}");
    locked.say("AUTH right");
    let old = RedisServer::start(&["--rename-command", "XREVRANGE", ""]);
    let told = refusal(&old.url());
    assert!(
        told.ends_with("it has no streams: Redis 5 or newer is needed"),
        "{told}"
    );
    let held = RedisServer::start(&[]);
    held.say("SET chinwag 1");
    assert!(refusal(&held.url()).contains("WRONGTYPE"));
    // Nobody is there; one that never says anything.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let told = refusal(&format!("redis://127.0.0.1:{port}"));
    assert!(told.ends_with("it says nothing for 1500 ms"), "{told}");
    drop(silent);
    assert!(refusal(&format!("redis://127.0.0.1:{port}")).contains("refused"));
}

#[test]
fn a_failed_start_leaves_the_name_free() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    drop(connect(config(&redis.url(), "a")).unwrap());
    assert_eq!(redis.say("EXISTS chinwag:node:a"), ":0\r\n");
}

#[test]
fn the_end_waits_for_no_hub_that_is_gone_and_not_long_for_a_stalled_one() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let proxy = Proxy::start(redis.port);
    let mut node = Node::join(&proxy.url(), "a");
    proxy.set(Mode::Stall);
    node.say();
    let began = Instant::now();
    drop(node);
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    proxy.set(Mode::Pass);
    let mut gone = Node::join(&proxy.url(), "b");
    proxy.set(Mode::Refuse);
    gone.until("away", |node| !node.away.is_empty());
    let began = Instant::now();
    drop(gone);
    assert!(
        began.elapsed() < Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn another_process_goes_on_with_name_and_place() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let mut nodes = [Node::join(&redis.url(), "a"), Node::join(&redis.url(), "b")];
    for _ in 0..100 {
        nodes.iter_mut().for_each(Node::say);
    }
    nodes[0].hear(200);
    for _ in 0..100 {
        nodes.iter_mut().for_each(Node::say);
    }
    // In the middle of it.
    nodes[0].turn(Duration::from_millis(5));
    let [first, other] = nodes;
    let mut nodes = [first.upgrade(&redis.url(), "a"), other];
    for _ in 0..100 {
        nodes.iter_mut().for_each(Node::say);
    }
    agree(&mut nodes);
    assert_eq!(nodes[0].heard.len(), 600);
    assert!(refusal(&redis.url()).contains("running already"));
}

#[test]
fn who_cannot_hand_over_goes_on() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let mut nodes = [Node::join(&redis.url(), "a"), Node::join(&redis.url(), "b")];
    // Sooner than the threads notice, and later.
    for (round, pause) in [0, 700].into_iter().enumerate() {
        nodes[0].port.hand_over();
        nodes[0].say();
        let until = Instant::now() + Duration::from_millis(pause);
        while Instant::now() < until {
            nodes[1].turn(Duration::from_millis(10));
        }
        nodes[0].port.take_back();
        nodes[0].until("back", |node| node.back.len() == round + 1);
        agree(&mut nodes);
        assert_eq!(nodes[1].heard.len(), round + 1);
    }
    // The new process of a failed upgrade must not free the name as it ends.
    let position = nodes[0].position;
    let boot = nodes[0].boot.clone();
    drop(Connected::resume(config(&redis.url(), "a"), boot, position).unwrap());
    assert_eq!(redis.say("EXISTS chinwag:node:a"), ":1\r\n");
}
