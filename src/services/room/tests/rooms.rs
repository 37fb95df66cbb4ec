//! Several rooms: who is where, hears what, and what each room has of its own.

use super::hall::Hall;
use super::*;
use crate::protocol::Encoding;

pub(super) fn hall_of(config: Config, names: &[&str]) -> Hall {
    let mut hall = Hall::new(config);
    for name in names {
        hall.comes(name, Encoding::Lines);
        hall.says(name, format!("/nick {name}"));
    }
    hall.clear();
    hall
}

pub(super) fn told() -> Config {
    Config {
        notices: Notices::On,
        history_lines: 5,
        ..plain()
    }
}

#[test]
fn a_member_is_in_one_room_and_hears_that_alone() {
    let mut hall = hall_of(told(), &["ann", "bob", "eve"]);
    hall.says("ann", "in the lobby");
    hall.says("ann", "/join games");
    hall.says("ann", "chess?");
    hall.says("bob", "still in the lobby");
    hall.hears("ann", &["* you are in games; others here: 0"]);
    hall.hears("bob", &["ann: in the lobby", "* ann left"]);
    hall.says("bob", "/join #GAMES");
    hall.says("ann", "at last");
    hall.says("bob", "/who");
    hall.hears("ann", &["* bob joined"]);
    let bob = [
        "* you are in games; others here: 1",
        "ann: chess?",
        "ann: at last",
        "* 2 here: ann, bob",
    ];
    hall.hears("bob", &bob);
    // Across rooms.
    hall.says("eve", "/msg ann psst");
    hall.hears("ann", &["[eve] psst"]);
    hall.says("ann", "/nick ada");
    hall.hears("bob", &["* ann is now ada"]);
    // Back, with what was said there last; what is going on in games is not heard there.
    hall.says("ann", "/join lobby");
    hall.says("bob", "alone");
    let ann = [
        "* you are now ada",
        "* you are in lobby; others here: 1",
        "ann: in the lobby",
        "bob: still in the lobby",
    ];
    hall.hears("ann", &ann);
    hall.hears("bob", &["* ada left"]);
    let eve = [
        "ann: in the lobby",
        "* ann left",
        "bob: still in the lobby",
        "* bob left",
        "* ada joined",
    ];
    hall.hears("eve", &eve);
    // Who goes is told to those it was with.
    hall.says("ann", "/quit");
    hall.hears("eve", &["* ada left"]);
    hall.hears("bob", &[]);
}

#[test]
fn a_room_that_cannot_be_had_is_refused_with_the_reason() {
    let config = Config {
        max_rooms: 1,
        kept_rooms: vec!["#Staff".into()],
        ..plain()
    };
    let mut hall = hall_of(config, &["ann", "bob"]);
    let name = "* rooms are named with letters, digits, _ and -, in at most 32 bytes";
    let long = format!("/join {}", "x".repeat(33));
    for (line, answer) in [
        ("/join", "* usage: /join NAME"),
        ("/join lobby", "* you are in lobby already"),
        ("/join #L0BBY", "* you are in #L0BBY already"),
        ("/join a b", name),
        ("/join ..", name),
        ("/join #", name),
        ("/join *", name),
        (&long, name),
        (
            "/join games",
            "* there are as many rooms as may be; see /rooms",
        ),
    ] {
        hall.says("ann", line);
        hall.hears("ann", &[answer]);
    }
    hall.says("ann", "still here");
    hall.hears("bob", &["ann: still here"]);
    hall.says("ann", "/join STAFF");
    hall.hears("ann", &["* you are in staff; others here: 0"]);
}

/// The room that it leaves by that does not count.
#[test]
fn the_last_one_of_a_room_may_make_another_one() {
    let config = Config {
        max_rooms: 1,
        ..plain()
    };
    let mut hall = hall_of(config, &["ann", "bob"]);
    hall.says("ann", "/join a");
    hall.says("ann", "/join b");
    hall.says("bob", "/join a");
    hall.says("bob", "/join b");
    hall.says("ann", "/join c");
    let refused = "* there are as many rooms as may be; see /rooms";
    let in_a_and_b = ["a", "b"].map(|name| format!("* you are in {name}; others here: 0"));
    hall.hears("ann", &[&in_a_and_b[0], &in_a_and_b[1], refused]);
    hall.hears("bob", &[refused, "* you are in b; others here: 1"]);
}

#[test]
fn a_room_ends_with_its_last_member_unless_it_is_kept() {
    let config = Config {
        kept_rooms: vec!["staff".into()],
        ..told()
    };
    let mut hall = hall_of(config, &["ann"]);
    for room in ["games", "staff"] {
        hall.says("ann", format!("/join {room}"));
        hall.says("ann", format!("/topic about {room}"));
        hall.says("ann", format!("hello {room}"));
    }
    hall.says("ann", "/join lobby");
    hall.clear();
    hall.says("ann", "/rooms");
    let rooms = ["* lobby: 1 here", "* staff: 0 here; topic: about staff"];
    hall.hears("ann", &rooms);
    for (room, kept) in [
        ("games", &[][..]),
        ("staff", &["* topic: about staff", "ann: hello staff"]),
    ] {
        hall.says("ann", format!("/join {room}"));
        let told = hall.told("ann");
        assert_eq!(told[0], format!("* you are in {room}; others here: 0"));
        assert_eq!(told[1..], *kept);
    }
}

/// Joins and leaves are summed up in each room apart.
#[test]
fn each_room_sums_up_its_own_comings() {
    let config = Config {
        notices: Notices::Auto,
        ..plain()
    };
    let mut hall = Hall::new(config);
    let names: Vec<String> = (1..=60).map(|n| format!("m{n}")).collect();
    for name in &names {
        hall.comes(name, Encoding::Lines);
        hall.says(name, "/join crowd");
    }
    hall.comes("ann", Encoding::Lines);
    hall.waits(ms(1000));
    hall.clear();
    hall.comes("bob", Encoding::Lines);
    hall.says("bob", "/join crowd");
    hall.says("ann", "/join crowd");
    hall.hears("m1", &[]);
    hall.waits(ms(999));
    hall.hears("m1", &[]);
    hall.waits(ms(1));
    hall.hears("m1", &["* 2 joined; 62 are here"]);
    hall.told("ann");
    // The room is gone before its sum is due.
    hall.says("bob", "/join lobby");
    let (ann, bob) = (names.iter().map(String::as_str).chain(["ann"]), "bob");
    for name in ann {
        hall.is_gone(name, Disconnect::Eof);
    }
    hall.told(bob);
    hall.waits(ms(2000));
    hall.hears(bob, &[]);
    assert_eq!(hall.room.deadline(), None);
}

/// What it is owed of the room that it leaves comes first, all of it.
#[test]
fn a_member_moves_between_two_messages() {
    let mut room = room_of(&["ann", "bob"]);
    room.stalls("ann");
    for n in 0..20 {
        room.says("bob", &format!("in the lobby {n}"));
    }
    room.says("ann", "/join games");
    room.says("bob", "ann has gone");
    room.says("bob", "/join games");
    room.says("bob", "in games");
    room.recovers("ann");
    for n in 0..20 {
        room.hears("ann", &format!("bob: in the lobby {n}"));
    }
    room.hears("ann", "* you are in games; others here: 0");
    room.hears("ann", "bob: in games");
    room.hears_nothing("ann");
}

#[test]
fn who_is_far_behind_stays_until_it_has_read() {
    let limits = Limits {
        max_pending_bytes: 1000,
        ..ROOMY
    };
    let mut room = seat(Scene::of(Room::new(plain()), limits), &["ann", "bob"]);
    room.stalls("ann");
    for _ in 0..20 {
        room.says("bob", &"x".repeat(100));
    }
    room.says("ann", "/join games");
    room.recovers("ann");
    for _ in 0..20 {
        room.hears("ann", &format!("bob: {}", "x".repeat(100)));
    }
    room.hears(
        "ann",
        "* you are too far behind to leave this room; read what was said, then try again",
    );
    room.says("ann", "/join games");
    room.hears("ann", "* you are in games; others here: 0");
}

/// Rooms that come and go leave nothing behind.
#[test]
fn ten_thousand_rooms_leave_nothing() {
    let mut hall = hall_of(told(), &["ann", "bob"]);
    hall.joins_by_irc("cat", "");
    hall.says("cat", "PART #lobby");
    for n in 0..10_000 {
        hall.says("ann", format!("/join a{n}"));
        hall.says("bob", format!("/join a{n}"));
        hall.says("ann", "/topic x");
        hall.says("bob", "hello");
        if n % 10 == 0 {
            hall.says("cat", format!("JOIN #a{n}"));
            hall.says("cat", format!("PART #a{n}"));
        }
        hall.clear();
        assert!(hall.out.audiences() <= 2, "{n}");
    }
    assert_eq!(hall.room.channels.len(), 2);
    for name in ["ann", "bob"] {
        hall.says(name, "/join lobby");
    }
    hall.says("ann", "/rooms");
    assert_eq!(hall.told("ann").last().unwrap(), "* lobby: 2 here");
    assert_eq!((hall.room.channels.len(), hall.out.audiences()), (1, 1));
}

/// Each message goes to those of its room, and to nobody else.
#[test]
fn a_thousand_rooms_of_ten_are_a_thousand_conversations() {
    let config = Config {
        max_rooms: 1000,
        ..plain()
    };
    let mut hall = Hall::new(config);
    let names: Vec<String> = (0..10_000).map(|n| format!("m{n}")).collect();
    for (n, name) in names.iter().enumerate() {
        hall.comes(name, Encoding::Lines);
        hall.says(name, format!("/join r{}", n % 1000));
    }
    hall.clear();
    for (n, name) in names.iter().enumerate().take(1000) {
        hall.says(name, n.to_string());
    }
    for (n, name) in names.iter().enumerate() {
        let said = format!("guest{}: {}", n % 1000 + 1, n % 1000);
        let expected: &[&str] = if n < 1000 { &[] } else { &[&said] };
        hall.hears(name, expected);
    }
}
