//! Both threads against a real Redis: what a tiny room, which knows no more than who said what, gets
//! to hear, whatever happens to Redis and to the way there.

mod faults;
mod measure;
mod names;
mod node;
mod proxy;
mod redis_server;

use node::Node;
use redis_server::{RedisServer, is_there};

#[test]
fn what_is_appended_comes_back_in_order_to_all() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let mut nodes = [Node::join(&redis.url(), "a"), Node::join(&redis.url(), "b")];
    for _ in 0..2000 {
        for node in &mut nodes {
            node.say();
        }
    }
    let heard = nodes.each_mut().map(|node| node.hear(4000));
    assert_eq!(heard[0], heard[1]);
    assert_eq!(nodes[0].unread(), 0);
}

#[test]
fn a_later_node_reads_the_newest_entries_and_goes_on_from_there() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let mut first = Node::join(&redis.url(), "a");
    for _ in 0..1200 {
        first.say();
    }
    let heard = first.hear(1200);
    let mut second = Node::join(&redis.url(), "b");
    assert_eq!(second.hear(1200), heard);
    first.say();
    assert_eq!(second.hear(1201), first.hear(1201));
}

#[test]
fn a_snapshot_comes_to_whom_it_is_for_and_once() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let mut nodes = [Node::join(&redis.url(), "a"), Node::join(&redis.url(), "b")];
    nodes[1].port.want_snapshot("b");
    nodes[0].port.offer_snapshot("b", b"state".to_vec());
    nodes[1].until("the snapshot", |node| node.snapshot.is_some());
    assert_eq!(nodes[1].snapshot.take().as_deref(), Some(&b"state"[..]));
    let left = redis.say("EXISTS chinwag:snapshot:b");
    assert_eq!(left, ":0\r\n");
}

#[test]
fn a_name_is_free_when_its_node_has_ended() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let mut node = Node::join(&redis.url(), "a");
    node.say();
    drop(node);
    assert_eq!(redis.say("EXISTS chinwag:node:a"), ":0\r\n");
    // What it said last was sent before.
    let mut next = Node::join(&redis.url(), "a");
    next.hear(1);
}
