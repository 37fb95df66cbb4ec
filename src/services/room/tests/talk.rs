//! Scenes of talk: who hears what, in which order, and what a message is.

use super::*;
use fastrand::Rng;

#[test]
fn a_line_goes_to_all_the_others_and_not_back() {
    let mut room = room_of(&["ann", "bob", "eve"]);
    room.says("ann", "hi");
    room.hears("bob", "ann: hi");
    room.hears("eve", "ann: hi");
    room.says("bob", "yo");
    room.hears("ann", "bob: yo");
    room.hears("eve", "bob: yo");
    for name in ["ann", "bob", "eve"] {
        room.hears_nothing(name);
    }
}

#[test]
fn all_hear_one_order_whoever_stalls_in_between() {
    let mut dice = Rng::with_seed(7);
    let names = ["ann", "bob", "eve", "kim", "lee"];
    let mut room = seat(open(plain()), &names);
    room.joins("witness");
    for n in 0..500 {
        let name = names[dice.usize(0..names.len())];
        match dice.u8(0..8) {
            0 => room.stalls(name),
            1 => room.recovers(name),
            2 => room.has_room_for(name, dice.usize(1..40)),
            _ => room.says(name, &n.to_string()),
        }
    }
    let said = room.heard("witness");
    assert!(said.lines().count() > 200);
    for name in names {
        room.recovers(name);
        let own = format!("{name}: ");
        let others = said
            .split_inclusive('\n')
            .filter(|line| !line.starts_with(&own));
        assert_eq!(room.heard(name), others.collect::<String>());
    }
}

#[test]
fn lines_end_with_lf_or_crlf_however_they_are_cut() {
    let mut room = room_of(&["ann", "bob"]);
    for byte in b"one\r\ntwo\n\n\r\nthree\n" {
        room.sends("ann", [*byte]);
    }
    for line in ["ann: one", "ann: two", "ann: three"] {
        room.hears("bob", line);
    }
    room.sends("ann", "four\nfive\r\nsi");
    room.hears("bob", "ann: four");
    room.hears("bob", "ann: five");
    room.advance(ms(1000));
    room.hears_nothing("bob");
    room.sends("ann", "x\n");
    room.hears("bob", "ann: six");
}

#[test]
fn the_plainest_client_is_heard_once_it_is_quiet() {
    let mut room = room_of(&["bob"]);
    room.joins("ann");
    room.sends("ann", "he");
    room.advance(ms(199));
    room.sends("ann", "y");
    room.advance(ms(199));
    room.hears_nothing("bob");
    room.advance(ms(1));
    room.hears("bob", "guest2: hey");
    room.sends("ann", "again");
    room.advance(ms(200));
    room.hears("bob", "guest2: again");
    room.sends("ann", "and a line\n");
    room.hears("bob", "guest2: and a line");
    room.sends("ann", "half");
    room.advance(ms(5000));
    room.hears_nothing("bob");
}

#[test]
fn framing_line_waits_for_the_newline() {
    let config = Config {
        framing: Framing::Line,
        ..plain()
    };
    let mut room = seat(open(config), &["ann", "bob"]);
    room.sends("ann", "hi");
    room.advance(ms(5000));
    room.hears_nothing("bob");
    room.sends("ann", "!\n");
    room.hears("bob", "ann: hi!");
    room.sends("ann", "not the end");
    room.ends("ann");
    room.hears_nothing("bob");
}

#[test]
fn framing_raw_takes_a_pause_for_the_end() {
    let config = Config {
        framing: Framing::Raw,
        ..plain()
    };
    let mut room = open(config);
    room.joins("ann");
    room.joins("bob");
    room.sends("ann", "one\ntwo\n");
    room.hears_nothing("bob");
    room.advance(ms(200));
    room.hears("bob", "guest1: one\u{FFFD}two");
    room.sends("ann", "/nick ann\n");
    room.advance(ms(200));
    room.hears("ann", "* you are now ann");
    room.hears_nothing("bob");
}

#[test]
fn nobody_drives_another_ones_terminal() {
    let mut room = room_of(&["ann", "bob"]);
    room.sends("ann", b"\x1b[2J a\tb \x07\x7f \xc2\x9b \xfe\xff end\n");
    room.hears(
        "bob",
        "ann: \u{FFFD}[2J a\tb \u{FFFD}\u{FFFD} \u{FFFD} \u{FFFD}\u{FFFD} end",
    );
    room.sends("ann", "上\u{202e}👩‍👩‍👧\rx\n");
    room.hears("bob", "ann: 上\u{FFFD}👩‍👩‍👧\u{FFFD}x");
    room.sends("ann", b"/me \x1b[0m\n/msg bob \x1b[0m\n");
    room.hears("bob", "** ann \u{FFFD}[0m");
    room.hears("bob", "[ann] \u{FFFD}[0m");
}

#[test]
fn a_line_over_the_limit_is_refused_whole() {
    let config = Config {
        max_message_bytes: 10,
        ..plain()
    };
    let room = open(config).with_max_message(10);
    let mut room = seat(room, &["ann", "bob"]);
    room.says("ann", "ten bytes!");
    room.hears("bob", "ann: ten bytes!");
    room.sends("ann", "ten bytes!\r\n");
    room.hears("bob", "ann: ten bytes!");
    room.says("ann", "eleven byte");
    room.hears("ann", "* your line is over 10 bytes; not relayed");
    room.sends("ann", "much more than that, ");
    room.sends("ann", "and more\nfine\n");
    room.hears("ann", "* your line is over 10 bytes; not relayed");
    room.hears_nothing("ann");
    room.hears("bob", "ann: fine");
    room.hears_nothing("bob");
    room.joins("raw");
    room.sends("raw", "eleven bytes, and no newline");
    room.hears("raw", "* your line is over 10 bytes; not relayed");
    room.advance(ms(200));
    room.sends("raw", "short");
    room.advance(ms(200));
    room.hears("bob", "guest3: short");
}

#[test]
fn the_end_of_a_stream_relays_what_was_complete() {
    let config = Config {
        notices: Notices::On,
        ..plain()
    };
    let mut room = seat(open(config), &["ann", "bob"]);
    room.sends("ann", "complete\nincomple");
    room.ends("ann");
    room.hears("bob", "ann: complete");
    room.hears("bob", "* ann left");
    room.hears_nothing("bob");
    assert_eq!(room.fate("ann"), Some(Disconnect::Eof));
    room.joins("raw");
    room.clear_output();
    room.sends("raw", "no newline at all");
    room.ends("raw");
    room.hears("bob", "guest3: no newline at all");
    room.hears("bob", "* guest3 left");
}

#[test]
fn who_ends_its_side_still_gets_what_was_said_before() {
    let mut room = room_of(&["ann", "bob"]);
    room.stalls("bob");
    room.says("ann", "before");
    room.says("ann", "/msg bob and this");
    room.sends("bob", "good bye\n/who\n");
    room.ends("bob");
    room.says("ann", "after");
    assert_eq!(room.fate("bob"), None);
    room.recovers("bob");
    room.hears("bob", "ann: before");
    room.hears("bob", "[ann] and this");
    room.hears("bob", "* 2 here: ann, bob");
    room.hears_nothing("bob");
    room.hears("ann", "bob: good bye");
    assert_eq!(room.fate("bob"), Some(Disconnect::Eof));
}
