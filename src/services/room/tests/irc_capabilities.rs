//! What a client of IRC asks for when it is in already: it gets what it is told that it gets.

use super::hall::Hall;
use super::irc::short;
use super::*;
use crate::protocol::Encoding;

/// With ann, a client of lines, and bob, one of IRC.
fn hall(limits: Limits) -> Hall {
    let config = Config {
        history_lines: 10,
        ..plain()
    };
    let mut hall = Hall::with_limits(config, limits);
    hall.comes("ann", Encoding::Lines);
    hall.says("ann", "/nick ann");
    hall.joins_by_irc("bob", "");
    hall.clear();
    hall
}

/// The texts of what was told, and whether they came with a time.
fn texts(told: Vec<String>) -> Vec<(bool, String)> {
    let text = |line: String| {
        let (_, text) = line.rsplit_once(':').unwrap();
        (line.starts_with("@time="), text.to_owned())
    };
    told.into_iter().map(text).collect()
}

#[test]
fn times_can_be_asked_for_and_given_back_at_any_time() {
    let mut hall = hall(ROOMY);
    for (asked, has_time) in [
        ("server-time", true),
        ("-server-time", false),
        ("server-time echo-message", true),
        ("-echo-message", true),
        ("-server-time", false),
    ] {
        hall.says("ann", "before");
        hall.clear();
        hall.says("bob", format!("CAP REQ :{asked}"));
        let told = short(hall.told("bob"));
        assert_eq!(told, [format!("CAP bob ACK :{asked}")]);
        hall.says("ann", "one");
        hall.says("ann", "/msg bob two");
        let expected = ["one", "two"].map(|text| (has_time, text.to_owned()));
        assert_eq!(texts(hall.told("bob")), expected, "{asked}");
    }
}

#[test]
fn times_can_be_asked_for_between_two_channels() {
    let mut hall = hall(ROOMY);
    for (asked, has_time) in [("server-time", true), ("-server-time", false)] {
        hall.says("bob", "PART #lobby");
        hall.says("bob", format!("CAP REQ :{asked}"));
        hall.says("ann", "meanwhile");
        hall.clear();
        hall.says("bob", "JOIN #lobby");
        let told = hall.told("bob").pop().unwrap();
        assert!(told.ends_with(" PRIVMSG #lobby :meanwhile"), "{told}");
        assert_eq!(told.starts_with("@time="), has_time, "{told}");
    }
}

#[test]
fn an_echo_can_be_asked_for_and_given_back_at_any_time() {
    let mut hall = hall(ROOMY);
    for (asked, echoes) in [("echo-message", 1), ("-echo-message", 0)] {
        hall.says("bob", format!("CAP REQ :{asked}"));
        hall.clear();
        hall.says("bob", "PRIVMSG #lobby :hi");
        assert_eq!(hall.told("bob").len(), echoes, "{asked}");
    }
}

/// Where the room keeps nothing for it alone, times cannot change on the way: it is told so.
#[test]
fn one_that_is_far_behind_is_refused() {
    let mut hall = hall(Limits {
        max_pending_bytes: 1000,
        ..ROOMY
    });
    hall.says("ann", "x".repeat(1000));
    hall.says("bob", "CAP REQ :server-time");
    hall.says("bob", "CAP LIST");
    let told = short(hall.told("bob"));
    let last = &told[told.len() - 2..];
    assert_eq!(last, ["CAP bob NAK :server-time", "CAP bob LIST :"]);
}
