//! Several rooms: who is where, hears what, and what each room has of its own.

use super::hall::{FIRST_ID, Hall};
use super::*;
use crate::protocol::Encoding;

fn hall_of(config: Config, names: &[&str]) -> Hall {
    let mut hall = Hall::new(config);
    for name in names {
        hall.comes(name, Encoding::Lines);
        hall.says(name, format!("/nick {name}"));
    }
    hall.clear();
    hall
}

fn told() -> Config {
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

#[test]
fn rooms_are_listed_by_size_up_to_a_bound() {
    let config = Config {
        kept_rooms: (0..120).map(|n| format!("kept{n:03}")).collect(),
        max_rooms: 200,
        ..plain()
    };
    let mut hall = hall_of(config, &["ann", "bob", "eve"]);
    for name in ["ann", "bob"] {
        hall.says(name, "/join kept119");
    }
    hall.clear();
    hall.says("eve", "/rooms");
    let told = hall.told("eve");
    assert_eq!(
        told[..3],
        ["* lobby: 1 here", "* kept119: 2 here", "* kept000: 0 here"]
    );
    assert_eq!(told[99..], ["* kept097: 0 here", "* and 21 more rooms"]);
    hall.comes("page", Encoding::Json);
    hall.told("page");
    hall.says("page", "/rooms");
    let told = hall.told("page").concat();
    assert!(
        told.starts_with(r#"{"type":"rooms","rooms":[{"name":"lobby","members":2,"topic":""},"#)
            && told.ends_with(r#"],"total":121}"#),
        "{told}"
    );
}

#[test]
fn a_topic_is_told_to_all_who_are_there_and_who_come() {
    let mut hall = hall_of(told(), &["ann", "bob"]);
    let page = Encoding::Json;
    hall.comes("page", page);
    hall.clear();
    hall.says("ann", "/topic");
    hall.says("ann", "/topic tea\u{202E} at five");
    hall.says("bob", "/topic");
    let set = "* ann set the topic: tea\u{FFFD} at five";
    hall.hears("ann", &["* no topic is set", set]);
    hall.hears("bob", &[set, "* topic: tea\u{FFFD} at five"]);
    let set =
        "{\"type\":\"topic\",\"room\":\"lobby\",\"text\":\"tea\u{FFFD} at five\",\"from\":\"ann\"}";
    hall.hears("page", &[set]);
    hall.comes("eve", Encoding::Lines);
    hall.comes("page2", page);
    let eve = hall.told("eve");
    assert_eq!(eve[1], "* topic: tea\u{FFFD} at five");
    let page2 = hall.told("page2");
    let known = "{\"type\":\"topic\",\"room\":\"lobby\",\"text\":\"tea\u{FFFD} at five\"}";
    assert_eq!(page2[1], known);
    // Elsewhere nobody hears of it.
    hall.says("bob", "/join games");
    hall.clear();
    hall.says("ann", format!("/topic {}", "\u{e9}".repeat(200)));
    hall.says("ann", "/topic -");
    hall.hears("bob", &[]);
    let cut = format!("* ann set the topic: {}", "\u{e9}".repeat(150));
    hall.hears("eve", &[&cut, "* ann took the topic away"]);
}

/// A page is told where it is, and by each message where that was said.
#[test]
fn a_page_follows_its_member_from_room_to_room() {
    let mut hall = hall_of(told(), &["ann"]);
    hall.says("ann", "/join games");
    hall.says("ann", "/topic chess");
    hall.says("ann", "one");
    hall.comes("page", Encoding::Json);
    hall.clear();
    hall.says("page", "/join games");
    hall.says("page", "two");
    let said = |nth, from, text| {
        format!(
            r#"{{"type":"say","id":{},"time":"2026-11-26T11:53:04.123Z","room":"games","from":"{from}","text":"{text}"}}"#,
            FIRST_ID + nth
        )
    };
    let told = [
        r#"{"type":"room","name":"games"}"#,
        r#"{"type":"topic","room":"games","text":"chess"}"#,
        &said(0, "ann", "one"),
        r#"{"type":"names","names":["ann","guest2"]}"#,
        &said(1, "guest2", "two"),
    ];
    hall.hears("page", &told);
    hall.hears("ann", &["* guest2 joined", "guest2: two"]);
    // It was there before, knows all up to an id, and is told all that came after.
    hall.says("page", "/join lobby");
    for n in 3..10 {
        hall.says("ann", n.to_string());
    }
    hall.clear();
    hall.says("page", format!("/join games {}", FIRST_ID + 1));
    let told = hall.told("page");
    let numbers = told.iter().filter(|told| told.contains(r#""say""#)).count();
    assert_eq!(numbers, 7, "{told:?}");
    // What was said elsewhere meanwhile does not make its id one of another server's life.
    hall.says("page", "/join lobby");
    hall.says("page", "elsewhere");
    hall.clear();
    hall.says("page", format!("/join games {}", FIRST_ID + 9));
    let told = hall.told("page");
    assert!(
        !told.concat().contains("say") && !told.concat().contains("gap"),
        "{told:?}"
    );
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

#[test]
fn who_is_away_is_said_to_be() {
    let mut hall = hall_of(told(), &["ann", "bob"]);
    hall.joins_by_irc("cat", "");
    hall.clear();
    hall.says("ann", "/away at\u{7} lunch");
    hall.says("bob", "/msg ann there?");
    hall.says("cat", "PRIVMSG ann :there?");
    hall.says("cat", "WHOIS ann");
    hall.hears("bob", &["* ann is away: at\u{FFFD} lunch"]);
    let cat = hall.told("cat");
    assert_eq!(cat[0], ":irc.chinwag 301 cat ann :at\u{FFFD} lunch");
    assert!(cat.contains(&cat[0]) && cat.len() == 6, "{cat:?}");
    hall.says("ann", "/nick ada");
    hall.says("ann", "/away");
    hall.says("bob", "/msg ada there?");
    hall.hears("bob", &["* ann is now ada"]);
    let ann = [
        "* you are marked as away",
        "[bob] there?",
        "[cat] there?",
        "* you are now ada",
        "* you are no longer marked as away",
        "[bob] there?",
    ];
    hall.hears("ann", &ann);
    // It goes with who was away.
    hall.says("ada".replace("ada", "ann").as_str(), "/away again");
    hall.says("ann", "/quit");
    assert!(hall.room.away.is_empty());
    let long = "\u{e9}".repeat(300);
    hall.says("bob", format!("/away {long}"));
    hall.says("cat", "PRIVMSG bob :hi");
    let told = hall.told("cat");
    assert!(
        told.last()
            .unwrap()
            .ends_with(&format!(" :{}", &long[..200]))
    );
}
