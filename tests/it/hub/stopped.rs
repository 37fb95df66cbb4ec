//! A node that stands still for so long that the others take it for dead, and goes on.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::cluster::redis_server::is_there;
use super::cluster::{Cluster, sees, who};
use crate::harness::{PATIENCE, until};
use crate::member::Member;

/// It stands for so long, or until the others have seen its members leave.
pub(crate) fn goes_on_after(at_least: Duration) {
    if !is_there() {
        return;
    }
    let cluster = Cluster::start(&["--history", "0", "--notices", "on"]);
    let [mut ann, mut bob, mut cid] = cluster.members(["ann", "bob", "cid"]);
    let mut dan = Member::joins(&cluster.nodes[2], "dan");
    sees(&mut ann, &["ann", "bob", "cid", "dan"]);
    cid.says("before");
    ann.hears("cid: before");
    bob.hears("cid: before");
    dan.hears("cid: before");
    let began = Instant::now();
    cluster.nodes[2].pause();
    cid.says("into a node that stands");
    ann.says("to whom?");
    bob.hears("ann: to whom?");
    sees(&mut ann, &["ann", "bob"]);
    bob.says("/nick dan");
    sees(&mut ann, &["ann", "dan"]);
    until("it has stood for so long", at_least + PATIENCE, || {
        began.elapsed() >= at_least
    });
    cluster.nodes[2].signal(Signal::CONT);
    cluster.nodes[2]
        .stderr()
        .wait_for("the other nodes took this one for dead");
    // What was said there goes on where it was, once; who cannot be called so any more is told.
    cid.hears("ann: to whom?");
    ann.hears("cid: into a node that stands");
    bob.hears("cid: into a node that stands");
    let awaited = [
        "ann: to whom?",
        "cid: into a node that stands",
        "* dan is taken, on another node",
    ];
    let mut told = Vec::new();
    while !awaited.iter().all(|line| told.iter().any(|it| it == line)) {
        told.push(dan.peer.line());
    }
    let said: Vec<_> = told.iter().filter(|line| !line.starts_with("* ")).collect();
    assert_eq!(said, awaited[..2], "{told:?}");
    let here = who(&mut dan);
    let [renamed] = here
        .iter()
        .filter(|name| name.starts_with("guest"))
        .collect::<Vec<_>>()[..]
    else {
        panic!("{here:?}")
    };
    let names = ["ann", "cid", "dan", renamed];
    for member in [&mut ann, &mut bob, &mut cid] {
        sees(member, &names);
    }
    // Each hears each, and each once.
    let said = [
        (0, "ann: one".to_owned()),
        (1, "dan: two".to_owned()),
        (2, "cid: three".to_owned()),
        (3, format!("{renamed}: four")),
    ];
    let mut members = [ann, bob, cid, dan];
    for (speaker, line) in &said {
        members[*speaker].says(line.split_once(": ").unwrap().1);
        for (at, member) in members.iter_mut().enumerate() {
            if at != *speaker {
                member.hears(line);
            }
        }
    }
}

#[test]
fn a_node_that_was_taken_for_dead_finds_out_and_tells_of_its_members_anew() {
    goes_on_after(Duration::ZERO);
}
