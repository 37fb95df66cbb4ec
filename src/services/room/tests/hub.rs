//! One room on several nodes, with a hub that the test plays: a stream of entries, which each node
//! reads on when it is told to, and which fails as real ones do.

use super::*;
use crate::protocol::Encoding;

mod beginnings;
mod cluster;
mod losses;
mod random;

use cluster::{Cluster, three};

#[test]
fn all_nodes_tell_the_same_in_one_order() {
    let mut cluster = three();
    cluster.node("c").hall.comes("page", Encoding::Json);
    cluster.settles();
    cluster.clear();
    cluster.says("a", "ann", "one");
    cluster.says("b", "bob", "two");
    // Nothing is heard before it has come back, and what is in the stream first comes first.
    cluster.hears("a", "ann", &[]);
    cluster.sends("b");
    cluster.settles();
    cluster.hears("a", "ann", &["bob: two"]);
    cluster.hears("b", "bob", &["ann: one"]);
    cluster.hears("c", "eve", &["bob: two", "ann: one"]);
    let told = cluster.node("c").hall.told("page").join("\n");
    assert!(told.contains(r#""from":"bob","text":"two""#), "{told}");
    cluster.says("c", "eve", "/me waves");
    cluster.settles();
    cluster.hears("a", "ann", &["** eve waves"]);
}

#[test]
fn who_is_where_is_known_on_all_nodes() {
    let mut cluster = three();
    cluster.says("a", "ann", "/who");
    cluster.hears("a", "ann", &["* 3 here: ann, bob, eve"]);
    cluster.says("b", "bob", "/nick rob");
    cluster.says("c", "eve", "/join games");
    cluster.settles();
    cluster.hears("a", "ann", &["* bob is now rob", "* eve left"]);
    cluster.says("b", "bob", "/join games");
    cluster.settles();
    cluster.hears(
        "c",
        "eve",
        &["* you are in games; others here: 0", "* rob joined"],
    );
    cluster.says("a", "ann", "/rooms");
    let told = cluster.node("a").hall.told("ann");
    assert!(told.last().unwrap().contains("games: 2 here"), "{told:?}");
}

#[test]
fn private_messages_topics_and_absence_cross_nodes() {
    let mut cluster = three();
    cluster.says("b", "bob", "/away for tea");
    cluster.says("a", "ann", "/topic chess");
    cluster.settles();
    cluster.clear();
    cluster.says("a", "ann", "/msg bob psst");
    cluster.settles();
    cluster.hears("a", "ann", &["* bob is away: for tea"]);
    cluster.hears("b", "bob", &["[ann] psst"]);
    cluster.hears("c", "eve", &[]);
    cluster.says("c", "eve", "/topic");
    cluster.hears("c", "eve", &["* topic: chess"]);
    cluster.says("b", "bob", "/ignore ann");
    cluster.says("a", "ann", "/msg bob unheard");
    cluster.says("a", "ann", "unheard");
    cluster.settles();
    cluster.hears("b", "bob", &["* you hear no more of ann"]);
}

#[test]
fn a_name_is_whose_entry_comes_first() {
    let mut cluster = three();
    cluster.says("a", "ann", "/nick zoe");
    cluster.says("b", "bob", "/nick zoe");
    cluster.clear();
    cluster.sends("b");
    cluster.settles();
    let told = cluster.node("a").hall.told("ann");
    assert!(
        told.iter()
            .any(|line| line == "* zoe is taken, on another node"),
        "{told:?}"
    );
    for (node, name) in [("a", "ann"), ("b", "bob"), ("c", "eve")] {
        cluster.clear();
        cluster.says(node, name, "/who");
        let told = cluster.node(node).hall.told(name).remove(0);
        assert!(told.starts_with("* 3 here: "), "{told}");
        assert_eq!(told.matches("zoe").count(), 1, "{told}");
        assert!(told.contains("eve") && told.contains("guest"), "{told}");
    }
    cluster.says("c", "eve", "/nick Zoe");
    cluster.hears("c", "eve", &["* Zoe is taken"]);
}

#[test]
fn a_failing_hub_loses_and_doubles_nothing() {
    let mut cluster = three();
    for line in ["1", "2", "3"] {
        cluster.says("a", "ann", line);
    }
    cluster.fails("a", 2);
    cluster.says("a", "ann", "4");
    cluster.hears(
        "a",
        "ann",
        &["* the hub is away; what is said waits for it"],
    );
    cluster.says("a", "ann", "/who");
    cluster.hears("a", "ann", &["* 3 here: ann, bob, eve"]);
    cluster.returns("a");
    cluster.settles();
    cluster.hears("a", "ann", &["* the hub is back"]);
    cluster.hears("b", "bob", &["ann: 1", "ann: 2", "ann: 3", "ann: 4"]);
    cluster.hears("c", "eve", &["ann: 1", "ann: 2", "ann: 3", "ann: 4"]);
}

#[test]
fn a_hub_that_begins_empty_doubles_nothing_and_who_is_there_is_known_again() {
    let mut cluster = three();
    cluster.says("a", "ann", "heard");
    cluster.settles();
    cluster.says("a", "ann", "not heard yet");
    cluster.loses_end(usize::MAX);
    for node in ["a", "b", "c"] {
        cluster.returns(node);
    }
    cluster.settles();
    let told = cluster.node("b").hall.told("bob");
    let said: Vec<&String> = told.iter().filter(|line| !line.starts_with("* ")).collect();
    assert_eq!(said, ["ann: heard", "ann: not heard yet"], "{told:?}");
    assert!(told.iter().all(|line| !line.ends_with(" left")), "{told:?}");
    cluster.says("b", "bob", "/who");
    cluster.hears("b", "bob", &["* 3 here: bob, ann, eve"]);
    // What was said again is the history of who comes.
    cluster.starts("d");
    cluster.settles();
    cluster.comes("d", "dan");
    let told = cluster.node("d").hall.told("dan");
    let said: Vec<&String> = told.iter().filter(|line| !line.starts_with("* ")).collect();
    assert_eq!(said, ["ann: heard", "ann: not heard yet"], "{told:?}");
}

#[test]
fn a_node_that_begins_knows_what_the_others_do() {
    let mut cluster = three();
    cluster.says("a", "ann", "/op master");
    cluster.says("a", "ann", "/topic chess");
    cluster.says("a", "ann", "/ban mallory");
    cluster.says("b", "bob", "before");
    cluster.settles();
    cluster.starts("d");
    cluster.says("a", "ann", "meanwhile");
    cluster.settles();
    cluster.comes("d", "dan");
    cluster.settles();
    let told = cluster.node("d").hall.told("dan");
    assert!(told[0].contains("; others here: 3; "), "{told:?}");
    let rest = [
        "* topic: chess",
        "bob: before",
        "ann: meanwhile",
        "* you are now dan",
    ];
    assert_eq!(told[1..], rest);
    cluster.says("d", "dan", "/nick mallory");
    cluster.hears("d", "dan", &["* that name is banned"]);
    // Who came before it knew of the ban does not stay.
    cluster.starts("f");
    cluster.comes("f", "mallory");
    cluster.settles();
    assert!(cluster.node("f").hall.is_closed("mallory"));
}

#[test]
fn what_waits_is_said_once_also_where_too_many_have_come_and_left_meanwhile() {
    let mut cluster = three();
    for line in ["1", "2", "3"] {
        cluster.says("a", "ann", line);
    }
    // Two of them have arrived, and nobody knows which.
    cluster.fails("a", 2);
    for _ in 0..=super::super::hub::MAX_PENDING / 2 {
        cluster.says("a", "ann", "/away for tea");
        cluster.says("a", "ann", "/away");
    }
    cluster.returns("a");
    cluster.settles();
    cluster.hears("b", "bob", &["ann: 1", "ann: 2", "ann: 3"]);
    cluster.says("b", "bob", "/who");
    cluster.hears("b", "bob", &["* 3 here: bob, ann, eve"]);
}

#[test]
fn entries_that_are_taken_out_of_a_stream_that_goes_on_are_said_again() {
    let mut cluster = three();
    cluster.says("a", "ann", "1");
    cluster.sends("a");
    cluster.reads("b");
    // Before its own node has read it.
    cluster.takes_out_last();
    cluster.says("a", "ann", "2");
    cluster.says("b", "bob", "3");
    cluster.settles();
    cluster.hears("b", "bob", &["ann: 1", "ann: 2"]);
    let told = cluster.node("c").hall.told("eve");
    let said: Vec<&String> = told.iter().filter(|line| !line.starts_with("* ")).collect();
    let [one, two] = ["ann: 1", "ann: 2"].map(|it| said.iter().position(|line| *line == it));
    assert!(one.is_some() && one < two, "{told:?}");
    assert_eq!(said.len(), 3, "{told:?}");
}

#[test]
fn a_mute_that_is_over_is_over_on_a_node_that_begins() {
    let mut cluster = three();
    cluster.says("a", "ann", "/op master");
    cluster.says("a", "ann", "/mute bob 1s");
    cluster.settles();
    for node in ["a", "b", "c"] {
        cluster.node(node).hall.waits(Duration::from_millis(1500));
    }
    cluster.starts("d");
    cluster.settles();
    cluster.comes("d", "dan");
    cluster.says("d", "dan", "/op master");
    cluster.settles();
    cluster.clear();
    cluster.says("d", "dan", "/unmute bob");
    cluster.settles();
    cluster.hears("d", "dan", &["* bob is not muted"]);
}

#[test]
fn operators_rule_on_all_nodes() {
    let mut cluster = three();
    cluster.says("a", "ann", "/op master");
    cluster.says("a", "ann", "/mute bob");
    cluster.settles();
    cluster.clear();
    cluster.says("b", "bob", "muted");
    cluster.settles();
    cluster.hears("b", "bob", &["* an operator has muted you; not relayed"]);
    cluster.hears("c", "eve", &[]);
    cluster.says("a", "ann", "/kick eve enough");
    cluster.settles();
    assert!(cluster.node("c").hall.is_closed("eve"));
    assert!(!cluster.node("b").hall.is_closed("bob"));
    cluster.says("a", "ann", "/who");
    let told = cluster.node("a").hall.told("ann");
    assert_eq!(told.last().unwrap(), "* 2 here: ann, bob");
    cluster.says("a", "ann", "/ban bob");
    cluster.settles();
    assert!(cluster.node("b").hall.is_closed("bob"));
}

#[test]
fn the_members_of_a_dead_node_leave_and_come_again_if_it_lives() {
    let mut cluster = three();
    cluster.waits(&["a", "b"], 7);
    cluster.hears("a", "ann", &["* eve left"]);
    cluster.says("b", "bob", "/who");
    cluster.hears("b", "bob", &["* eve left", "* 2 here: bob, ann"]);
    cluster.says("c", "eve", "is anybody there?");
    cluster.settles();
    let told = cluster.node("a").hall.told("ann");
    assert_eq!(told, ["* eve joined", "eve: is anybody there?"]);
    cluster.says("b", "bob", "yes");
    cluster.settles();
    assert!(
        cluster
            .node("c")
            .hall
            .told("eve")
            .contains(&"bob: yes".to_owned())
    );
}

/// Its words come when the name under which they were said is another one's.
#[test]
fn nobody_is_heard_under_the_name_of_another() {
    let mut cluster = three();
    cluster.fails("c", 0);
    for words in ["words", "/msg ann psst", "/topic chess"] {
        cluster.says("c", "eve", words);
    }
    cluster.waits(&["a", "b"], 7);
    cluster.says("b", "bob", "/nick eve");
    cluster.settles();
    cluster.returns("c");
    cluster.settles();
    let told = cluster.node("a").hall.told("ann");
    let heard = |what: &str| {
        let found = told.iter().find(|line| line.contains(what));
        found.unwrap_or_else(|| panic!("{what}: {told:?}"))
    };
    for what in ["words", "psst", "chess"] {
        assert!(heard(what).contains("guest"), "{told:?}");
    }
    cluster.says("a", "ann", "/who");
    let told = cluster.node("a").hall.told("ann");
    let last = told.last().unwrap();
    assert!(
        last.starts_with("* 3 here: ann, ") && last.contains("eve"),
        "{last}"
    );
}

#[test]
fn who_asks_something_of_a_hub_that_is_away_is_read_no_more_at_a_bound() {
    let text = "x".repeat(1000);
    for asked in [
        text.clone(),
        format!("/me {text}"),
        format!("/msg bob {text}"),
        format!("/topic {}", "x".repeat(300)),
        format!("/kick nobody {text}"),
        format!("/ban {text}"),
    ] {
        let mut cluster = three();
        cluster.says("a", "ann", "/op master");
        cluster.settles();
        cluster.clear();
        cluster.fails("a", 0);
        let ann = cluster.node("a").hall.id("ann");
        let mut count = 0;
        while cluster.node("a").hall.out.below_low_water(ann) {
            cluster.says("a", "ann", &asked);
            cluster.node("a").hall.clear();
            count += 1;
            assert!(count < 2000, "{asked} is read without end");
        }
        cluster.returns("a");
        cluster.settles();
        assert!(cluster.node("a").hall.out.below_low_water(ann), "{asked}");
        if asked == text {
            assert_eq!(cluster.node("b").hall.told("bob").len(), count);
        }
    }
}

#[test]
fn who_had_to_wait_for_a_name_has_it_once_it_is_free() {
    let mut cluster = three();
    cluster.comes("b", "dan");
    cluster.settles();
    cluster.says("a", "ann", "/nick zoe");
    cluster.sends("a");
    // Not read yet on b, where nobody else is called so, nor then called eva.
    for (name, nick) in [
        ("bob", "eva"),
        ("bob", "zoe"),
        ("dan", "eva"),
        ("bob", "rob"),
    ] {
        cluster.says("b", name, &format!("/nick {nick}"));
    }
    cluster.settles();
    cluster.clear();
    for (node, name) in [("a", "ann"), ("b", "bob"), ("c", "eve")] {
        cluster.says(node, name, "/who");
        let told = cluster.node(node).hall.told(name).remove(0);
        for nick in ["zoe", "rob", "eva", "eve"] {
            assert_eq!(told.matches(nick).count(), 1, "{node}: {told}");
        }
    }
}
