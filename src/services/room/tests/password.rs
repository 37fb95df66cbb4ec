//! Rooms with a password.

use super::hall::Hall;
use super::*;
use crate::protocol::Encoding;
use crate::wire::Message;

const ASKED: &str = "this room has a password: /pass PASSWORD";

fn locked() -> Hall {
    let mut hall = Hall::new(Config {
        password: Some(Password::new(b"open sesame").unwrap()),
        notices: Notices::On,
        history_lines: 5,
        motd: vec!["be kind".to_owned()],
        ..plain()
    });
    hall.comes("host", Encoding::Lines);
    hall.says("host", "/pass open sesame");
    hall.says("host", "/nick host");
    hall.says("host", "anybody?");
    hall.clear();
    hall
}

fn in_words(encoding: Encoding, notice: &str) -> String {
    match encoding {
        Encoding::Json => format!(r#"{{"type":"notice","text":"{notice}"}}"#),
        _ => format!("* {notice}"),
    }
}

#[test]
fn who_has_not_said_it_hears_and_is_heard_by_nobody() {
    for encoding in [Encoding::Lines, Encoding::Json] {
        let mut hall = locked();
        let asked = in_words(encoding, ASKED);
        hall.comes("ann", encoding);
        hall.hears("ann", &[&asked]);
        hall.says("host", "one");
        hall.says("ann", "");
        hall.hears("ann", &[]);
        for line in [
            "hello",
            "/nick host",
            "/who",
            "/msg host hi",
            "/pass",
            "/help",
            "/PASSWORD open sesame",
            " /pass open sesame",
        ] {
            hall.says("ann", line);
            hall.hears("ann", &[&asked]);
        }
        hall.sends("ann", Message::TooLong);
        hall.hears("ann", &[&asked]);
        hall.says("host", "/who");
        hall.says("host", "/msg guest2 hi");
        hall.hears("host", &["* 1 here: host", "* there is no guest2 here"]);
        hall.says("ann", "/quit");
        let last: &[&str] = match encoding {
            Encoding::Json => &["close 1000"],
            _ => &[],
        };
        hall.hears("ann", last);
        assert!(hall.is_closed("ann"));
        hall.is_gone("ann", Disconnect::Eof);
        hall.hears("host", &[]);
        hall.waits(ms(60_000));
    }
}

#[test]
fn who_says_it_comes_in_as_usual() {
    let mut hall = locked();
    hall.comes("ann", Encoding::Lines);
    hall.says("ann", "/pass wrong");
    hall.says("ann", "/pass open sesame");
    hall.hears(
        "ann",
        &[
            &format!("* {ASKED}"),
            "* wrong password",
            "* you are guest2; others here: 1; /help lists the commands",
            "* be kind",
            "host: anybody?",
        ],
    );
    hall.hears("host", &["* guest2 joined"]);
    // It is said once more, and relayed to nobody.
    hall.says("ann", "/pass open sesame");
    hall.hears("ann", &["* you are in already, no password is needed"]);
    hall.hears("host", &[]);
    hall.waits(ms(60_000));
    assert!(!hall.is_closed("ann"));
}

#[test]
fn a_page_comes_back_with_what_it_has_missed() {
    let mut hall = locked();
    hall.comes_since("page", hall::FIRST_ID);
    hall.says("host", "two");
    hall.says("page", "/pass open sesame");
    let told = hall.told("page");
    let kinds: Vec<&str> = told.iter().filter_map(|text| text.get(9..15)).collect();
    assert_eq!(
        kinds,
        ["notice", "you\",\"", "notice", "say\",\"", "names\""],
        "{told:?}"
    );
    assert!(told[3].contains(r#""text":"two""#));
}

#[test]
fn three_wrong_ones_are_too_many() {
    for encoding in [Encoding::Lines, Encoding::Json] {
        let mut hall = locked();
        hall.comes("ann", encoding);
        hall.told("ann");
        for _ in 0..2 {
            hall.says("ann", "/pass open sesam");
            hall.hears("ann", &[&in_words(encoding, "wrong password")]);
            assert!(!hall.is_closed("ann"));
        }
        hall.says("ann", "/pass 3");
        let last = match encoding {
            Encoding::Json => "close 1008",
            _ => "* too many wrong passwords",
        };
        hall.hears("ann", &[&in_words(encoding, "wrong password"), last]);
        assert!(hall.is_closed("ann"));
        hall.hears("host", &[]);
    }
}

#[test]
fn thirty_seconds_are_enough() {
    let mut hall = locked();
    for (name, encoding) in [("nc", Encoding::Lines), ("page", Encoding::Json)] {
        hall.comes(name, encoding);
        hall.waits(ms(1000));
    }
    hall.clear();
    hall.waits(ms(27_999));
    assert!(!hall.is_closed("nc"));
    hall.says("nc", "let me in");
    hall.waits(ms(1));
    hall.hears("nc", &[&format!("* {ASKED}"), "* no password within 30 s"]);
    assert!(hall.is_closed("nc") && !hall.is_closed("page"));
    hall.waits(ms(1000));
    hall.hears("page", &["close 1008"]);
    assert!(hall.is_closed("page"));
    assert_eq!(hall.room.deadline(), None);
}

#[test]
fn a_client_of_irc_says_it_before_it_is_registered() {
    let wrong = |nick: &str| format!(":irc.chinwag 464 {nick} :that password is wrong");
    let mut hall = locked();
    hall.comes("ann", Encoding::Irc);
    hall.says("ann", "PASS :open sesame");
    hall.says("ann", "NICK ann");
    hall.says("ann", "USER ann 0 * :Ann");
    let told = hall.told("ann");
    assert!(told[0].starts_with(":irc.chinwag 001 ann "), "{told:?}");
    // None at all.
    hall.comes("bob", Encoding::Irc);
    hall.says("bob", "NICK bob");
    hall.hears("bob", &[]);
    hall.says("bob", "USER bob 0 * :Bob");
    let missing = |nick: &str| {
        format!(":irc.chinwag 464 {nick} :there is a password; say it by PASS first of all")
    };
    hall.hears("bob", &[&missing("bob"), "ERROR :this room has a password"]);
    assert!(hall.is_closed("bob"));
    // A wrong one, and then the right one.
    hall.comes("cat", Encoding::Irc);
    for line in ["PASS sesame", "NICK cat", "USER cat 0 * :Cat"] {
        hall.says("cat", line);
    }
    hall.says("cat", "PING x");
    hall.says("cat", "JOIN #lobby");
    hall.hears(
        "cat",
        &[
            &wrong("*"),
            // It has said all, and is told what it lacks.
            &missing("cat"),
            ":irc.chinwag PONG irc.chinwag :x",
            ":irc.chinwag 451 cat :you have not registered",
        ],
    );
    hall.says("cat", "PASS :open sesame");
    assert!(hall.told("cat")[0].contains(" 001 cat "));
    // Three wrong ones, though it negotiates still.
    hall.comes("dan", Encoding::Irc);
    for line in [
        "NICK dan",
        "CAP REQ server-time",
        "PASS 1",
        "PASS 2",
        "PASS 3",
    ] {
        hall.says("dan", line);
    }
    let acknowledged = ":irc.chinwag CAP dan ACK :server-time";
    let wrong = wrong("dan");
    let expected = [
        acknowledged,
        &wrong,
        &wrong,
        &wrong,
        "ERROR :too many wrong passwords",
    ];
    hall.hears("dan", &expected);
    assert!(hall.is_closed("dan"));
    hall.hears("host", &[]);
}

/// Nobody may find out who is here by asking for names, or whether a password is right without
/// its being counted.
#[test]
fn who_is_here_is_no_secret_only_to_those_inside() {
    let mut hall = locked();
    hall.comes("ann", Encoding::Irc);
    for pass in ["PING x", "PASS wrong", "PASS wrong too"] {
        hall.says("ann", pass);
        assert_eq!(hall.told("ann").len(), 1);
        hall.says("ann", "NICK HOST");
        hall.hears("ann", &[]);
        hall.says("ann", "NICK a:b");
        let bad = hall.told("ann");
        assert!(bad.len() == 1 && bad[0].contains(" 432 "), "{bad:?}");
    }
    hall.says("ann", "PASS :open sesame");
    hall.says("ann", "USER ann 0 * :Ann");
    hall.hears("ann", &[":irc.chinwag 433 * HOST :that nickname is in use"]);
    // It has said the password, and is told at once from then on.
    hall.says("ann", "NICK host");
    hall.hears("ann", &[":irc.chinwag 433 * host :that nickname is in use"]);
    hall.says("ann", "NICK ann");
    assert!(hall.told("ann")[0].contains(" 001 ann "));
}

#[test]
fn a_client_of_irc_has_thirty_seconds_whatever_it_negotiates() {
    let mut locked = locked();
    let mut open = Hall::new(plain());
    for (hall, why) in [
        (&mut locked, "ERROR :no password within 30 s"),
        (&mut open, "ERROR :no registration within 30 s"),
    ] {
        for (name, lines) in [
            ("mute", &[][..]),
            ("slow", &["CAP LS 302", "NICK slow", "USER s 0 * :s"]),
        ] {
            hall.comes(name, Encoding::Irc);
            for line in lines {
                hall.says(name, line);
            }
            hall.told(name);
        }
        hall.waits(ms(29_999));
        hall.says("slow", "CAP REQ echo-message");
        hall.told("slow");
        hall.waits(ms(1));
        for name in ["mute", "slow"] {
            hall.hears(name, &[why]);
            assert!(hall.is_closed(name));
        }
        assert_eq!(hall.room.deadline(), None);
    }
}
