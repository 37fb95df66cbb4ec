//! The rules of the console, each in a scene: who is answered, and what the person sees.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::outbound::Limits;
use crate::testing::scene::{ROOMY, Scene};

mod ends;

/// A screen that remembers.
#[derive(Clone, Default)]
struct Paper(Rc<RefCell<Sheet>>);

#[derive(Default)]
struct Sheet {
    lines: VecDeque<String>,
    prompt: Option<u64>,
}

impl Screen for Paper {
    fn print(&mut self, line: &str) {
        self.0.borrow_mut().lines.push_back(line.to_owned());
    }

    fn prompt(&mut self, whom: Option<u64>) {
        self.0.borrow_mut().prompt = whom;
    }
}

impl Paper {
    #[track_caller]
    fn shows(&self, line: &str) {
        let shown = self.0.borrow_mut().lines.pop_front();
        assert_eq!(shown.as_deref(), Some(line));
    }

    #[track_caller]
    fn shows_nothing(&self) {
        assert_eq!(self.0.borrow().lines, [""; 0]);
    }

    /// Whom a line would answer.
    fn prompt(&self) -> Option<u64> {
        self.0.borrow().prompt
    }
}

fn console_with(limits: Limits, names: &[&str]) -> (Scene, Paper) {
    let paper = Paper::default();
    let mut console = Scene::of(Console::new(paper.clone()), limits);
    for name in names {
        console.joins(name);
    }
    (console, paper)
}

fn console(names: &[&str]) -> (Scene, Paper) {
    console_with(ROOMY, names)
}

#[test]
fn the_one_who_waited_longest_is_answered_first() {
    let (mut console, paper) = console(&["ann", "bob"]);
    assert_eq!(paper.prompt(), None);
    console.sends("bob", "from bob");
    console.sends("ann", "from ann");
    console.sends("bob", "more");
    for line in ["recv [2] from bob", "recv [1] from ann", "recv [2] more"] {
        paper.shows(line);
    }
    assert_eq!(paper.prompt(), Some(2));
    console.types("one");
    assert_eq!(paper.prompt(), Some(1));
    console.types("two");
    console.types("three");
    assert_eq!(paper.prompt(), None);
    assert_eq!(console.heard("bob"), "onethree");
    assert_eq!(console.heard("ann"), "two");
    paper.shows_nothing();
}

#[test]
fn lines_are_held_until_somebody_waits() {
    let (mut console, paper) = console(&["ann", "bob"]);
    for line in ["one", "two", "", "three"] {
        console.types(line);
    }
    console.hears_nothing("ann");
    console.sends("bob", "b");
    assert_eq!(console.heard("bob"), "one");
    console.sends("ann", "a");
    assert_eq!(console.heard("ann"), "two");
    console.sends("bob", "b");
    assert_eq!(console.heard("bob"), "three");
    console.sends("bob", "b");
    console.hears_nothing("bob");
    assert_eq!(paper.prompt(), Some(2));
}

#[test]
fn an_answer_ends_as_the_client_ends_its_own_messages() {
    let (mut console, paper) = console(&["raw", "nc"]);
    console.sends("raw", "hi");
    console.sends("nc", "hi\n");
    paper.shows("recv [1] hi");
    paper.shows("recv [2] hi");
    console.types("yes");
    console.types("yes");
    assert_eq!(console.heard("raw"), "yes");
    assert_eq!(console.heard("nc"), "yes\n");
    console.types("/all bye");
    console.types("/to 2 and you");
    assert_eq!(console.heard("raw"), "bye");
    assert_eq!(console.heard("nc"), "bye\nand you\n");
}

#[test]
fn numbers_count_from_one_and_are_not_used_again() {
    let (mut console, paper) = console(&["ann", "bob"]);
    console.vanishes("ann");
    paper.shows("[1] left");
    console.joins("eve");
    console.sends("eve", "hi\r\n");
    paper.shows("recv [3] hi");
    console.types("/to 1 still there?");
    paper.shows("there is no [1]");
    console.types("/who");
    paper.shows("[2] 10.0.0.1:1, 0 to answer");
    paper.shows("[3] 10.0.0.2:1, 1 to answer");
    paper.shows_nothing();
}

#[test]
fn what_clients_send_is_harmless_to_look_at() {
    let (mut console, paper) = console(&["ann"]);
    console.sends("ann", b"\x1b[2J\ttwo\nlines \xff\n");
    paper.shows("recv [1] \u{FFFD}[2J\ttwo\u{FFFD}lines \u{FFFD}");
}

#[test]
fn a_message_is_what_one_receive_returns_at_most() {
    let (mut console, paper) = console(&["ann"]);
    console.sends("ann", "x".repeat(1025));
    paper.shows(&format!("recv [1] {}", "x".repeat(1024)));
    paper.shows("recv [1] x");
    console.types("one");
    console.types("two");
    assert_eq!(console.heard("ann"), "onetwo");
}

#[test]
fn commands_that_are_none_are_answered_on_the_screen() {
    let (mut console, paper) = console(&["ann"]);
    console.sends("ann", "hi");
    paper.shows("recv [1] hi");
    for (line, shown) in [
        ("/to x hi", "usage: /to K TEXT"),
        ("/to 7 hi", "there is no [7]"),
        ("/close 7", "there is no [7]"),
        ("/all", "usage: /all TEXT"),
    ] {
        console.types(line);
        paper.shows(shown);
    }
    console.hears_nothing("ann");
    assert_eq!(paper.prompt(), Some(1));
    console.types("//quit");
    assert_eq!(console.heard("ann"), "/quit");
}

#[test]
fn close_hangs_up_after_what_is_owed() {
    let (mut console, paper) = console(&["ann", "bob"]);
    console.sends("ann", "a");
    console.sends("bob", "b");
    console.stalls("ann");
    console.types("owed");
    console.types("/close [1]");
    paper.shows("recv [1] a");
    paper.shows("recv [2] b");
    paper.shows("[1] left");
    assert_eq!(console.fate("ann"), None);
    console.recovers("ann");
    assert_eq!(console.heard("ann"), "owed");
    assert_eq!(console.fate("ann"), Some(Disconnect::Eof));
    paper.shows_nothing();
    console.types("/close 2");
    paper.shows("[2] left");
    console.types("/who");
    paper.shows("nobody is here");
    assert!(!console.has_stopped());
}

#[test]
fn quit_ends_it() {
    let (mut console, _) = console(&["ann"]);
    console.types("/quit");
    assert!(console.has_stopped());
}

#[test]
fn at_the_end_of_input_held_answers_are_used_up_first() {
    let (mut console, _) = console(&["ann"]);
    console.types("one");
    console.types("two");
    console.ends_typing();
    assert!(!console.has_stopped());
    console.sends("ann", "a");
    assert!(!console.has_stopped());
    console.sends("ann", "a");
    assert_eq!(console.heard("ann"), "onetwo");
    assert!(console.has_stopped());
}

#[test]
fn without_anything_held_the_end_of_input_is_the_end() {
    let (mut console, _) = console(&["ann"]);
    console.ends_typing();
    assert!(console.has_stopped());
}

#[test]
fn who_is_not_answered_is_not_read_from_for_ever() {
    let (mut console, _) = console(&["ann", "bob"]);
    for _ in 0..300 {
        console.sends("ann", "?");
    }
    console.sends("ann", "?".repeat(44));
    assert!(console.is_kept_waiting("ann"));
    console.sends("bob", "b");
    for _ in 0..127 {
        console.types("!");
    }
    assert!(console.is_kept_waiting("ann"));
    console.types("!");
    assert!(!console.is_kept_waiting("ann"));
    assert_eq!(console.heard("ann"), "!".repeat(128));
    for _ in 0..128 {
        console.types("!");
    }
    console.hears_nothing("bob");
    console.types("for bob");
    assert_eq!(console.heard("bob"), "for bob");
}

#[test]
fn no_more_is_taken_from_the_person_than_can_wait() {
    let (mut console, _) = console(&["ann"]);
    for n in 0..2000 {
        console.types(&n.to_string());
    }
    console.ends_typing();
    for n in 0..2000 {
        assert!(!console.has_stopped());
        console.sends("ann", "?");
        assert_eq!(console.heard("ann"), n.to_string());
    }
    assert!(console.has_stopped());
}

#[test]
fn who_does_not_read_is_not_answered_without_bound() {
    let limits = Limits {
        max_pending_bytes: 10,
        ..ROOMY
    };
    let (mut console, paper) = console_with(limits, &["ann"]);
    console.stalls("ann");
    console.types("/to 1 more than ten bytes");
    console.types("/to 1 more");
    paper.shows("[1] is owed too much already; not sent");
    console.recovers("ann");
    assert_eq!(console.heard("ann"), "more than ten bytes");
}
