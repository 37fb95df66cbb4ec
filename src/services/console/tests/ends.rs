//! Scenes of clients that end their side or are gone, and of what becomes of their answers.

use super::*;

#[test]
fn who_is_gone_waits_no_longer() {
    let (mut console, paper) = console(&["ann", "bob"]);
    console.sends("ann", "a");
    console.sends("bob", "b");
    console.sends("ann", "a");
    console.vanishes("ann");
    for line in ["recv [1] a", "recv [2] b", "recv [1] a", "[1] left"] {
        paper.shows(line);
    }
    paper.shows_nothing();
    assert_eq!(paper.prompt(), Some(2));
    console.types("for bob");
    assert_eq!(console.heard("bob"), "for bob");
    console.types("for nobody");
    console.joins("eve");
    console.sends("eve", "e");
    assert_eq!(console.heard("eve"), "for nobody");
}

#[test]
fn who_has_ended_its_side_is_answered_in_its_turn_and_then_let_go() {
    let (mut console, paper) = console(&["ann", "bob", "eve"]);
    console.sends("ann", "a");
    console.sends("bob", "b");
    console.sends("ann", "a");
    console.ends("ann");
    console.ends("eve");
    for line in ["recv [1] a", "recv [2] b", "recv [1] a"] {
        paper.shows(line);
    }
    paper.shows("[1] left, but may read an answer yet");
    paper.shows("[3] left");
    assert_eq!(paper.prompt(), Some(1));
    for line in ["one", "for bob", "two"] {
        console.types(line);
    }
    assert_eq!(console.heard("bob"), "for bob");
    assert_eq!(console.heard("ann"), "onetwo");
    assert_eq!(paper.prompt(), None);
    // In a moment it is known that it was listening.
    assert_eq!(console.fate("ann"), None);
    console.advance(CONFIRMED_AFTER);
    assert_eq!(console.fate("ann"), Some(Disconnect::Eof));
    paper.shows_nothing();
    console.sends("bob", "b");
    console.ends("bob");
    console.types("/close 2");
    assert_eq!(console.fate("bob"), Some(Disconnect::Eof));
    assert_eq!(paper.prompt(), None);
}

#[test]
fn what_one_that_was_gone_was_answered_is_for_the_next() {
    let (mut console, paper) = console(&["ann", "bob"]);
    console.sends("ann", "a");
    console.sends("ann", "a");
    console.ends("ann");
    console.sends("bob", "b");
    for line in ["one", "two", "three", "four"] {
        console.types(line);
    }
    console.ends_typing();
    assert_eq!(console.heard("bob"), "three");
    // It had closed, and its machine says so when it is sent something.
    console.vanishes("ann");
    assert!(!console.has_stopped());
    assert_eq!(paper.prompt(), None);
    for line in ["one", "two", "four"] {
        assert!(!console.has_stopped());
        console.sends("bob", "b");
        assert_eq!(console.heard("bob"), line);
    }
    assert!(console.has_stopped());
}

#[test]
fn only_so_many_who_have_ended_are_kept_for_an_answer() {
    let (mut console, _) = console(&[]);
    for n in 0..=256 {
        let name = format!("n{n}");
        console.joins(&name);
        console.sends(&name, "?");
        console.ends(&name);
    }
    assert_eq!(console.fate("n0"), Some(Disconnect::Eof));
    assert_eq!(console.fate("n1"), None);
    console.types("for the second");
    assert_eq!(console.heard("n1"), "for the second");
}

/// Not even if they are many, and theirs are nearly all the messages there are.
#[test]
fn those_that_are_gone_are_passed_over() {
    let (mut console, paper) = console(&["ann"]);
    console.sends("ann", "?");
    for n in 0..3000 {
        let name = format!("n{n}");
        console.joins(&name);
        console.sends(&name, "?");
        if n == 1000 {
            continue;
        }
        console.vanishes(&name);
    }
    console.sends("ann", "?");
    assert_eq!(paper.prompt(), Some(1));
    console.types("one");
    assert_eq!(paper.prompt(), Some(1002));
    console.types("two");
    assert_eq!(paper.prompt(), Some(1));
    console.types("three");
    assert_eq!(paper.prompt(), None);
    assert_eq!(console.heard("n1000"), "two");
    assert_eq!(console.heard("ann"), "onethree");
}

#[test]
fn nothing_keeps_it_from_its_end_once_nobody_is_kept_for_an_answer() {
    let (mut console, _) = console(&["ann"]);
    for n in 0..256 {
        let name = format!("n{n}");
        console.joins(&name);
    }
    console.sends("ann", "?");
    console.ends("ann");
    for n in 0..256 {
        console.sends(&format!("n{n}"), "?");
    }
    console.types("an answer");
    console.ends_typing();
    assert!(!console.has_stopped());
    for n in 0..256 {
        console.ends(&format!("n{n}"));
    }
    assert_eq!(console.heard("ann"), "an answer");
    assert!(console.has_stopped());
}

#[test]
fn no_more_is_taken_from_the_operator_than_may_come_back() {
    let names: Vec<String> = (0..20).map(|n| format!("n{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (mut console, _) = console(&names);
    for name in &names {
        for _ in 0..100 {
            console.sends(name, "?");
        }
        console.ends(name);
    }
    for _ in 0..2000 {
        console.types("!");
    }
    let answered =
        |console: &mut Scene| -> usize { names.iter().map(|name| console.heard(name).len()).sum() };
    assert_eq!(answered(&mut console), MAX_HELD_LINES);
    console.advance(CONFIRMED_AFTER);
    assert_eq!(answered(&mut console), 2000 - MAX_HELD_LINES);
}
