//! What is said again when the hub has lost something, or a node what it was to tell.

use super::*;
use serde::Serialize;

use crate::service::Disconnect;
use crate::services::room::channels::ChannelId;

/// What was said, in the order in which it is heard there.
fn said_to(cluster: &mut Cluster, node: &str, name: &str) -> Vec<String> {
    let told = cluster.node(node).hall.told(name);
    told.into_iter()
        .filter(|line| !line.starts_with("* "))
        .collect()
}

#[test]
fn what_is_said_again_keeps_its_order() {
    let mut cluster = three();
    cluster.says("a", "ann", "first");
    cluster.sends("a");
    cluster.reads("a");
    cluster.says("a", "ann", "second");
    cluster.loses_end(usize::MAX);
    for node in ["a", "b", "c"] {
        cluster.returns(node);
    }
    cluster.settles();
    assert_eq!(
        said_to(&mut cluster, "b", "bob"),
        ["ann: first", "ann: second"]
    );
}

#[test]
fn what_came_into_a_stream_that_has_lost_its_end_is_not_doubled() {
    let mut cluster = three();
    cluster.says("a", "ann", "first");
    cluster.settles();
    cluster.says("a", "ann", "second");
    cluster.loses_its_end(1, "a");
    cluster.settles();
    for (node, name) in [("b", "bob"), ("c", "eve")] {
        assert_eq!(
            said_to(&mut cluster, node, name),
            ["ann: first", "ann: second"]
        );
    }
}

#[test]
fn what_may_have_arrived_is_not_doubled_when_presence_is_told_anew() {
    let mut cluster = three();
    cluster.says("a", "ann", "arrived");
    cluster.fails("a", 1);
    for _ in 0..5100 {
        cluster.node("a").hall.comes("x", Encoding::Lines);
        cluster.node("a").hall.is_gone("x", Disconnect::Eof);
    }
    cluster.returns("a");
    cluster.settles();
    assert_eq!(said_to(&mut cluster, "b", "bob"), ["ann: arrived"]);
}

/// More come at once than are kept one by one, while the hub only lags; and there are as many when
/// all are told of anew.
#[test]
fn presence_that_was_not_kept_is_told_anew() {
    let mut cluster = three();
    for number in 0..10_100 {
        let hall = &mut cluster.node("a").hall;
        hall.comes(&number.to_string(), Encoding::Lines);
    }
    cluster.settles();
    // A little longer than between two words of a node.
    cluster.node("a").hall.waits(Duration::from_secs(6));
    cluster.settles();
    cluster.says("b", "bob", "/rooms");
    let told = cluster.node("b").hall.told("bob").pop();
    assert_eq!(told.as_deref(), Some("* lobby: 10103 here"));
}

#[test]
fn who_comes_to_speak_once_into_a_hub_that_is_away_is_told_at_a_bound_that_it_is_not_taken() {
    let mut cluster = three();
    cluster.fails("a", 0);
    let line = "x".repeat(1000);
    let (mut taken, mut is_taken) = (0, true);
    while is_taken {
        let hall = &mut cluster.node("a").hall;
        hall.comes("once", Encoding::Json);
        hall.told("once");
        hall.says("once", &line);
        is_taken = hall.told("once").is_empty();
        hall.is_gone("once", Disconnect::Eof);
        taken += usize::from(is_taken);
        assert!(taken < 20_000, "it is taken without end");
    }
    assert!(taken > 7000, "{taken}");
}

#[test]
fn no_other_process_goes_on_while_what_it_would_have_to_know_is_under_way() {
    let mut cluster = three();
    cluster.fails("a", 0);
    let room = |cluster: &mut Cluster, node: &str| {
        let room = &mut cluster.node(node).hall.room;
        let begun = room.begin_handover();
        room.cancel_handover();
        begun
    };
    assert_eq!(room(&mut cluster, "a"), Err("the hub is away".to_owned()));
    cluster.returns("a");
    assert_eq!(room(&mut cluster, "a"), Ok(()));
    cluster.starts("d");
    let why = "the other nodes have not told yet what they know";
    assert_eq!(room(&mut cluster, "d"), Err(why.to_owned()));
    cluster.settles();
    assert_eq!(room(&mut cluster, "d"), Ok(()));
}

/// It is killed, so much is said that nothing of its own is read again, and no clock has gone on.
#[test]
fn a_node_that_starts_again_is_heard_whatever_its_clock_says() {
    let mut cluster = three();
    for line in ["one", "two", "three"] {
        cluster.says("c", "eve", line);
    }
    cluster.settles();
    cluster.starts_with("c", Vec::new());
    cluster.settles();
    cluster.comes("c", "eve");
    cluster.settles();
    cluster.clear();
    cluster.says("c", "eve", "here again");
    cluster.settles();
    cluster.hears("a", "ann", &["eve: here again"]);
}

/// An entry that anybody can write.
#[derive(Serialize)]
struct Written {
    node: &'static str,
    boot: u64,
    counter: u64,
    op: Op,
}

#[derive(Clone, Copy, Serialize)]
enum Op {
    Beat,
    Hello { wants_snapshot: bool },
}

#[test]
fn numbers_from_which_nobody_can_count_on_end_no_node() {
    let mut cluster = three();
    for (boot, counter) in [(1, u64::MAX), (1, 0), (u64::MAX, u64::MAX), (2, 1)] {
        let wants_snapshot = true;
        for op in [Op::Beat, Op::Hello { wants_snapshot }] {
            let node = "x";
            let written = Written {
                node,
                boot,
                counter,
                op,
            };
            let data = rmp_serde::to_vec_named(&written).unwrap();
            cluster.is_written(u64::MAX, data);
        }
    }
    cluster.says("a", "ann", "still here");
    cluster.settles();
    cluster.hears("b", "bob", &["ann: still here"]);
    cluster.starts("d");
    cluster.comes("d", "dan");
    cluster.settles();
    cluster.clear();
    cluster.says("d", "dan", "so is this one");
    cluster.settles();
    cluster.hears("a", "ann", &["dan: so is this one"]);
}

/// Others than nodes may write there.
#[test]
fn what_a_snapshot_tells_is_harmless() {
    let mut cluster = three();
    for node in ["a", "b", "c"] {
        let room = &mut cluster.node(node).hall.room;
        room.channels[ChannelId::LOBBY].set_topic("\u{1b}[2J");
        let ann = room.members.find("ann").unwrap();
        room.away.insert(ann, "\u{1b}[2J".into());
    }
    cluster.starts("d");
    cluster.settles();
    cluster.comes("d", "dan");
    cluster.says("d", "dan", "/msg ann psst");
    let told = cluster.node("d").hall.told("dan").join("\n");
    assert!(told.contains("* topic: \u{fffd}[2J"), "{told:?}");
    assert!(told.contains("ann is away: \u{fffd}[2J"), "{told:?}");
}
