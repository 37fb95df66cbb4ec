//! What is learned from which lines, what is asked, and what is not shown.

use super::*;

const GREETING: &str = "* you are ann; others here: 1; /help lists the commands";
const ASKED: &str = "/help\n/who\n";

/// What is shown of these lines.
fn shown<'a>(room: &mut Room, lines: &[&'a str]) -> Vec<&'a str> {
    let is_shown = |line: &&&str| room.hears(line, true).is_shown;
    lines.iter().filter(is_shown).copied().collect()
}

/// A room that has greeted and answered.
fn room() -> Room {
    let mut room = Room::new(false);
    assert!(room.hears(GREETING, true).has_question);
    assert_eq!(room.question(), ASKED);
    let answer = [
        "* /nick NAME  take another name",
        "* /who        who is here",
        "* //TEXT      say /TEXT",
        "* 2 here: ann, bob",
    ];
    assert_eq!(shown(&mut room, &answer), [""; 0]);
    room
}

#[test]
fn a_room_is_known_by_what_only_a_room_says() {
    for (line, expected) in [
        (GREETING, true),
        ("* this room has a password: /pass PASSWORD", true),
        ("* full: 3 are here; try again later", true),
        ("* you are in games; others here: 2", true),
        ("* 2 here: ann, bob", true),
        ("* you are ann; others here: 1", false),
        ("* you are now ann", false),
        ("* ann joined", false),
        ("* /who  who is here", false),
        ("ann: hi", false),
        ("", false),
    ] {
        let mut room = Room::new(false);
        let heard = room.hears(line, true);
        assert!(heard.is_shown, "{line}");
        assert_eq!(room.is_room(), expected, "{line}");
        // Only who has greeted is asked anything.
        assert_eq!(heard.has_question, line == GREETING, "{line}");
        assert_eq!(room.question().is_empty(), line != GREETING, "{line}");
        for mut other in [Room::new(true), Room::new(false)] {
            other.hears(line, other.is_raw);
            assert!(!other.is_room(), "raw, or a piece of a line: {line}");
            assert_eq!(other.question(), "");
        }
    }
}

#[test]
fn an_echo_is_no_room() {
    let mut room = Room::new(false);
    room.sends(GREETING);
    assert!(!room.hears(GREETING, true).has_question);
    assert!(!room.is_room());
    assert_eq!(room.question(), "");
}

#[test]
fn the_answers_are_learned_and_not_shown() {
    let mut room = room();
    assert_eq!(room.commands(), ["/nick", "/who"]);
    assert_eq!(room.names(), ["bob"]);
    assert_eq!(room.question(), "");
    // The person's own questions are answered in sight.
    let answers = [
        "* /nick NAME  take another name",
        "* /op PASS    be an operator",
        "* 2 here: ann, bob",
    ];
    assert_eq!(shown(&mut room, &answers), answers);
    assert_eq!(room.commands(), ["/nick", "/op", "/who"]);
}

#[test]
fn who_has_asked_already_is_answered_first() {
    let help = "* /nick NAME  take another name";
    let who = "* 2 here: ann, bob";
    for (typed, asked, arrivals, expected) in [
        ("/who", ASKED, &[who, help, who][..], &[who][..]),
        ("/help", "/who\n", &[help, who], &[help]),
        ("/me /help", ASKED, &[help, who], &[]),
    ] {
        let mut room = Room::new(false);
        room.sends(typed);
        room.hears(GREETING, true);
        assert_eq!(room.question(), asked);
        assert_eq!(shown(&mut room, arrivals), expected, "{typed}");
        assert_eq!(room.names(), ["bob"]);
        assert!(room.commands().contains(&"/nick".to_owned()));
        assert_eq!(shown(&mut room, &[help, who]), [help, who], "later");
    }
}

#[test]
fn a_motd_that_begins_like_a_command_is_shown() {
    let mut room = Room::new(false);
    room.hears(GREETING, true);
    room.question();
    let motd = "* /help is your friend";
    assert_eq!(shown(&mut room, &[motd]), [motd]);
}

#[test]
fn names_follow_those_who_come_and_go() {
    let mut room = room();
    for (line, names) in [
        ("* 李雷 joined", &["bob", "李雷"][..]),
        ("* bob is now Bob", &["Bob", "李雷"]),
        ("* you are now eve", &["Bob", "李雷"]),
        ("* Bob left", &["李雷"]),
        ("guest7: hi", &["guest7", "李雷"]),
        ("** guest8 waves", &["guest7", "guest8", "李雷"]),
        ("[eva] psst", &["guest7", "guest8", "李雷"]),
        ("* 3 here: eve, cat, dan", &["cat", "dan"]),
        ("* you are in games; others here: 5", &[]),
    ] {
        assert!(room.hears(line, true).is_shown);
        assert_eq!(room.names(), names, "{line}");
    }
    assert_eq!(room.question(), "/who\n");
    assert_eq!(shown(&mut room, &["* 2 here: eve, fay"]), [""; 0]);
    assert_eq!(room.names(), ["fay"]);
}

#[test]
fn a_sum_makes_the_names_stale_and_asks_nothing_by_itself() {
    let mut room = room();
    assert!(!room.is_stale());
    let sum = "* 12 joined, 3 left; 61 are here";
    let heard = room.hears(sum, true);
    assert!(heard.is_shown && !heard.has_question);
    assert!(room.is_stale());
    assert_eq!(room.question(), "/who\n");
    // One question at a time.
    room.hears(sum, true);
    assert_eq!(room.question(), "");
    assert_eq!(
        shown(&mut room, &["* 3 here: ann, cat, dan and 58 more"]),
        [""; 0]
    );
    assert_eq!(room.names(), ["cat", "dan"]);
}

#[test]
fn a_hostile_server_is_not_believed_for_ever() {
    let mut room = Room::new(false);
    room.hears(GREETING, true);
    room.question();
    let hidden = (0..10_000).filter(|nth| {
        room.hears(&format!("{nth}: hi"), true);
        room.hears(&format!("* name{nth} joined"), true);
        room.hears(&format!("* {} joined", "x".repeat(*nth)), true);
        !room.hears(&format!("* /{nth}  nothing"), true).is_shown
    });
    assert_eq!(hidden.count(), MAX_COMMANDS);
    assert_eq!(room.commands().len(), MAX_COMMANDS);
    assert_eq!(room.names().len(), MAX_NAMES);
    assert!(room.names().iter().all(|name| name.len() <= 32));
}

#[test]
fn a_room_with_a_password_offers_to_say_it() {
    let mut room = Room::new(false);
    room.hears("* this room has a password: /pass PASSWORD", true);
    assert!(room.is_room() && room.commands().contains(&"/pass".to_owned()));
    assert_eq!(room.question(), "");
    assert!(room.hears(GREETING, true).has_question);
}

#[test]
fn a_new_nick_is_learned_and_nothing_else_is_taken_for_one() {
    let mut room = room();
    for told in [
        "* you are marked as away",
        "* you are in games; others here: 2",
    ] {
        room.hears(told, true);
        assert!(room.hears("bob: ann?", true).is_meant, "{told}");
    }
    room.hears("* you are now eve", true);
    assert!(!room.hears("bob: ann", true).is_meant);
    assert!(room.hears("bob: eve", true).is_meant);
    assert!(room.hears("[bob] psst", true).is_meant);
    // A server that does not greet may be a room all the same, also with --raw.
    let mut raw = Room::new(true);
    assert!(!raw.hears("[x] y", true).is_meant);
    raw.hears("* you are ann; others here: 0", true);
    assert!(raw.hears("[x] y", true).is_meant);
}

#[test]
fn the_status_says_where_one_is_and_who_else() {
    let mut room = Room::new(false);
    assert_eq!(room.status(), "");
    room.hears("* you are ann; others here: 1", true);
    assert_eq!(room.status(), "", "no room");
    let mut room = Room::new(false);
    for (line, status) in [
        (GREETING, "ann in lobby, 2 here"),
        ("ann: once", "ann in lobby, 2 here"),
        ("* 2 here: ann, bob", "ann in lobby, 2 here: bob"),
        ("* cat joined", "ann in lobby, 3 here: bob, cat"),
        ("* you are now eve", "eve in lobby, 3 here: bob, cat"),
        ("* bob is now Bob", "eve in lobby, 3 here: Bob, cat"),
        ("* Bob left", "eve in lobby, 2 here: cat"),
        ("* 50 joined; 52 are here", "eve in lobby, 52 here"),
        ("* you are in games; others here: 0", "eve in games, 1 here"),
        ("* 1 here: eve", "eve in games, 1 here"),
    ] {
        assert!(room.hears(line, true).has_changed || line.starts_with("ann:"));
        assert_eq!(room.status(), status, "{line}");
    }
    assert!(!room.hears("* topic: tea", true).has_changed);
    for nth in 0..MAX_NAMES {
        room.hears(&format!("* somebody{nth} joined"), true);
    }
    assert!(room.status().len() <= STATUS_MAX_BYTES + 5);
    assert!(room.status().ends_with(", ..."));
    // A server that does not greet has said no more.
    let mut room = Room::new(false);
    room.hears("* 2 here: ann, bob", true);
    assert_eq!(room.status(), "2 here: ann, bob");
}
