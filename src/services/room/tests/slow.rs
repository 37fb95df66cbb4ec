//! Scenes of slow readers: nobody waits for them, and they are told nothing false.

use super::*;

const LOG_BYTES: usize = 64 << 10;

fn small_log(names: &[&str]) -> Scene {
    let limits = Limits {
        log_bytes: LOG_BYTES,
        ..ROOMY
    };
    seat(Scene::of(Room::new(plain()), limits), names)
}

/// Lets `ann` talk until `bob` is gone; returns how many bytes she said by then.
fn talk_until_bob_is_gone(room: &mut Scene) -> usize {
    let mut said = 0;
    for n in 0.. {
        let line = format!("{n:0100}");
        room.says("ann", &line);
        said += "ann: \n".len() + line.len();
        assert!(said < 4 * LOG_BYTES, "bob is still here");
        if room.fate("bob").is_some() {
            break;
        }
    }
    said
}

#[test]
fn a_slow_reader_gets_a_contiguous_prefix_and_is_disconnected() {
    let mut room = small_log(&["ann", "bob", "eve"]);
    room.has_room_for("bob", 12_345);
    let said = talk_until_bob_is_gone(&mut room);
    let behind_bytes = (said - 12_345) as u64;
    assert_eq!(room.fate("bob"), Some(Disconnect::Lagged { behind_bytes }));
    // Not before its place is gone, and soon after.
    assert!(
        behind_bytes > (LOG_BYTES - LOG_BYTES / 8) as u64,
        "{behind_bytes}"
    );
    assert!(
        behind_bytes < (LOG_BYTES + LOG_BYTES / 8) as u64,
        "{behind_bytes}"
    );
    let all = room.heard("eve");
    assert_eq!(all.len(), said);
    assert_eq!(room.heard("bob"), all[..12_345]);
}

#[test]
fn a_stalled_one_is_swept_though_its_socket_never_wakes() {
    let mut room = small_log(&["ann", "bob", "eve"]);
    room.stalls("bob");
    talk_until_bob_is_gone(&mut room);
    assert!(matches!(room.fate("bob"), Some(Disconnect::Lagged { .. })));
    room.hears_nothing("bob");
    room.says("eve", "/who");
    assert!(room.heard("eve").ends_with("* 2 here: ann, eve\n"));
}

#[test]
fn its_own_lines_do_not_make_it_a_laggard() {
    let mut room = small_log(&["ann", "bob"]);
    room.stalls("bob");
    for n in 0..2000 {
        room.says("bob", &format!("{n:0100}"));
    }
    assert_eq!(room.fate("bob"), None);
    room.says("ann", "still there?");
    room.recovers("bob");
    room.hears("bob", "ann: still there?");
    assert_eq!(room.heard("ann").lines().count(), 2000);
}

#[test]
fn who_catches_up_in_time_has_missed_nothing() {
    let mut room = small_log(&["ann", "bob"]);
    let mut expected = String::new();
    for n in 0..2000 {
        match n % 300 {
            0 => room.stalls("bob"),
            250 => room.has_room_for("bob", n),
            299 => room.recovers("bob"),
            _ => {}
        }
        room.says("ann", &format!("{n:0100}"));
        expected.push_str(&format!("ann: {n:0100}\n"));
    }
    room.recovers("bob");
    assert_eq!(room.heard("bob"), expected);
}

#[test]
fn a_laggard_that_wakes_before_it_is_swept_is_told_nothing_false() {
    let mut room = small_log(&["ann", "bob", "eve"]);
    room.stalls("bob");
    let mut said = 0;
    // A little over the log, but less than the sweep's step.
    while said < LOG_BYTES {
        room.says("ann", &"x".repeat(900));
        said += 906;
    }
    assert_eq!(room.fate("bob"), None);
    room.recovers("bob");
    room.hears_nothing("bob");
    let behind_bytes = said as u64;
    assert_eq!(room.fate("bob"), Some(Disconnect::Lagged { behind_bytes }));
}

#[test]
fn private_messages_to_one_who_does_not_read_have_a_bound() {
    let limits = Limits {
        max_pending_bytes: 1000,
        ..ROOMY
    };
    let mut room = seat(
        Scene::of(Room::new(plain()), limits),
        &["ann", "bob", "eve"],
    );
    room.stalls("bob");
    let private_message = format!("/msg bob {}", "x".repeat(100));
    let mut delivered = 0;
    loop {
        room.says("ann", &private_message);
        if !room.heard("ann").is_empty() {
            break;
        }
        delivered += 1;
        assert!(delivered < 20);
    }
    room.says("ann", &private_message);
    room.hears("ann", "* bob is owed too much already; not delivered");
    // The room goes on, for bob too once he reads.
    room.says("eve", "hi");
    room.hears("ann", "eve: hi");
    room.recovers("bob");
    let heard = room.heard("bob");
    assert_eq!(heard.matches("[ann] ").count(), delivered);
    assert!(heard.ends_with("eve: hi\n"));
    room.says("ann", "/msg bob back?");
    room.hears("bob", "[ann] back?");
}

#[test]
fn who_asks_and_does_not_read_the_answers_is_not_read_from() {
    let limits = Limits {
        max_pending_bytes: 1000,
        ..ROOMY
    };
    let mut room = seat(Scene::of(Room::new(plain()), limits), &["ann", "bob"]);
    room.stalls("bob");
    room.sends("bob", "/who\n".repeat(500) + "done\n");
    assert!(room.is_kept_waiting("bob"));
    room.hears_nothing("ann");
    room.recovers("bob");
    assert!(!room.is_kept_waiting("bob"));
    assert_eq!(
        room.heard("bob").matches("* 2 here: ann, bob\n").count(),
        500
    );
    room.hears("ann", "bob: done");
}

/// Nor do others who fill up what it may be owed: its own answers wait until there is room.
#[test]
fn no_answer_vanishes_whatever_others_tell_a_member() {
    let limits = Limits {
        max_pending_bytes: 1000,
        high_water_bytes: 500,
        ..ROOMY
    };
    let mut room = seat(Scene::of(Room::new(plain()), limits), &["ann", "bob"]);
    room.stalls("bob");
    while room.heard("ann").is_empty() {
        room.says("ann", &format!("/msg bob {}", "x".repeat(100)));
    }
    let asks = [
        "/who",
        "/nick bo b",
        "/msg eve hi",
        "/nope",
        "/me",
        "/nick bobby",
    ];
    for line in asks {
        room.says("bob", line);
    }
    room.says("bob", &"x".repeat(1025));
    assert!(room.is_kept_waiting("bob"));
    room.recovers("bob");
    let heard = room.heard("bob");
    let answers: Vec<&str> = heard.lines().filter(|l| l.starts_with("* ")).collect();
    assert_eq!(answers.len(), asks.len() + 1, "{answers:?}");
    assert_eq!(
        answers[5..],
        [
            "* you are now bobby",
            "* your line is over 1024 bytes; not relayed"
        ]
    );
}

/// What it may be told by others, and what it causes itself, have each a bound of their own.
#[test]
fn who_asks_without_reading_is_not_owed_as_much_as_others_may_tell_it() {
    let limits = Limits {
        high_water_bytes: 500,
        ..ROOMY
    };
    let mut room = seat(Scene::of(Room::new(plain()), limits), &["ann", "bob"]);
    room.stalls("bob");
    room.sends("bob", "/who\n".repeat(100));
    assert!(room.is_kept_waiting("bob"));
    for _ in 0..10 {
        room.says("ann", &format!("/msg bob {}", "x".repeat(500)));
    }
    room.hears_nothing("ann");
    room.recovers("bob");
    let heard = room.heard("bob");
    let first_private = heard.find("[ann]").expect("it is told");
    let answers = heard[..first_private].matches("* 2 here").count();
    assert!((1..40).contains(&answers), "{answers}");
    assert_eq!(heard.matches("* 2 here").count(), 100);
    assert_eq!(heard.matches("[ann] ").count(), 10);
}

#[test]
fn an_answer_of_several_lines_comes_whole_or_not_at_all() {
    let limits = Limits {
        max_pending_bytes: 100,
        ..ROOMY
    };
    let mut room = seat(Scene::of(Room::new(plain()), limits), &["ann", "bob"]);
    room.stalls("bob");
    room.sends("bob", "/help\n/help\n");
    room.recovers("bob");
    let help = room.heard("bob");
    assert_eq!(help.matches("* //TEXT").count(), 2);
    assert_eq!(help.lines().count() % 2, 0);
}

#[test]
fn a_greeting_comes_whole_whatever_the_bound() {
    let limits = Limits {
        max_pending_bytes: 64,
        ..ROOMY
    };
    let config = Config {
        notices: Notices::On,
        motd: (0..20).map(|n| format!("rule {n}")).collect(),
        ..plain()
    };
    let mut room = Scene::of(Room::new(config), limits);
    room.joins("ann");
    let heard = room.heard("ann");
    assert_eq!(heard.lines().count(), 21, "{heard}");
    assert!(heard.lines().all(|line| line.starts_with("* ")), "{heard}");
    assert!(heard.ends_with("\n* rule 19\n"), "{heard}");
}

#[test]
fn what_no_log_could_hold_is_refused() {
    let limits = Limits {
        log_bytes: 100,
        ..ROOMY
    };
    let mut room = seat(Scene::of(Room::new(plain()), limits), &["ann", "bob"]);
    room.says("ann", &"x".repeat(200));
    room.hears(
        "ann",
        "* that is more than the room's log can hold; not relayed",
    );
    room.says("ann", "short");
    room.hears("bob", "ann: short");
}
