//! Nodes that begin while others know less, or more, than they will be told.

use super::*;

#[test]
fn a_node_that_nobody_told_what_the_others_know_asks_again() {
    let mut cluster = three();
    cluster.says("a", "ann", "/op master");
    cluster.says("a", "ann", "/ban mallory");
    cluster.settles();
    cluster.starts("d");
    for name in ["d", "a", "b", "c"] {
        cluster.sends(name);
        cluster.reads(name);
    }
    cluster.loses_snapshots();
    cluster.waits(&["d", "a"], 2);
    cluster.settles();
    cluster.comes("d", "dan");
    cluster.settles();
    let told = cluster.node("d").hall.told("dan");
    assert!(told[0].contains("; others here: 3; "), "{told:?}");
    cluster.says("d", "dan", "/nick mallory");
    cluster.hears("d", "dan", &["* that name is banned"]);
}

#[test]
fn what_was_said_just_before_a_node_began_is_heard_there() {
    let mut cluster = three();
    cluster.starts("d");
    cluster.comes("d", "dan");
    cluster.clear();
    cluster.says("a", "ann", "just before");
    for name in ["a", "d"] {
        cluster.sends(name);
    }
    // It is told what a knows before it has read anything itself.
    cluster.reads("a");
    cluster.settles();
    let told = cluster.node("d").hall.told("dan");
    assert!(told.contains(&"ann: just before".to_owned()), "{told:?}");
}

#[test]
fn one_that_was_taken_for_dead_before_it_began_anew_says_nothing_twice() {
    let mut cluster = three();
    cluster.loses_end(usize::MAX);
    cluster.says("c", "eve", "once");
    cluster.returns("a");
    cluster.returns("b");
    cluster.waits(&["a", "b"], 8);
    cluster.returns("c");
    cluster.settles();
    let told = cluster.node("a").hall.told("ann");
    let said = told.iter().filter(|line| *line == "eve: once");
    assert_eq!(said.count(), 1, "{told:?}");
}
