//! What is told of rooms and of those in them: lists, topics, to a page where it is, and who is away.

use super::hall::FIRST_ID;
use super::rooms::{hall_of, told};
use super::*;
use crate::protocol::Encoding;

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
    hall.says("ann", "/away again");
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
