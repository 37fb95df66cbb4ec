//! Rooms with clients that read JSON.

use super::hall::{FIRST_ID, Hall};
use super::*;
use crate::protocol::Encoding;
use crate::service::TooMany;
use crate::wire::Message;

fn with_notices(notices: Notices) -> Hall {
    Hall::new(Config { notices, ..plain() })
}

fn said(kind: &str, nth: u64, from: &str, text: &str) -> String {
    let id = FIRST_ID + nth;
    format!(
        r#"{{"type":"{kind}","id":{id},"time":"2026-11-26T11:53:04.123Z","room":"lobby","from":"{from}","text":"{text}"}}"#
    )
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn its_conversation_is_told_in_objects() {
    let mut hall = with_notices(Notices::On);
    hall.comes("ann", Encoding::Json);
    hall.hears(
        "ann",
        &[
            r#"{"type":"you","name":"guest1"}"#,
            r#"{"type":"names","names":["guest1"]}"#,
        ],
    );
    hall.comes("bob", Encoding::Lines);
    hall.hears("ann", &[r#"{"type":"joined","name":"guest2"}"#]);
    hall.told("bob");
    let both: &[(&str, &str, &[&str], &[&str])] = &[
        (
            "ann",
            "hi \"all\"\r\n",
            &[&said("say", 0, "guest1", "hi \\\"all\\\"")],
            &["guest1: hi \"all\""],
        ),
        (
            "ann",
            "/me waves",
            &[&said("me", 1, "guest1", "waves")],
            &["** guest1 waves"],
        ),
        (
            "bob",
            "two\x1b",
            &[&said("say", 2, "guest2", "two\u{FFFD}")],
            &[],
        ),
        ("ann", "", &[], &[]),
        ("ann", "\r\n", &[], &[]),
        (
            "ann",
            "/nick ann",
            &[r#"{"type":"you","name":"ann"}"#],
            &["* guest1 is now ann"],
        ),
        (
            "bob",
            "/nick bob",
            &[r#"{"type":"renamed","name":"guest2","to":"bob"}"#],
            &["* you are now bob"],
        ),
        (
            "ann",
            "/msg BOB psst",
            &[r#"{"type":"private","from":"ann","to":"bob","text":"psst"}"#],
            &["[ann] psst"],
        ),
        (
            "bob",
            "/msg ann yes?",
            &[r#"{"type":"private","from":"bob","to":"ann","text":"yes?"}"#],
            &[],
        ),
        (
            "ann",
            "/msg ann note",
            &[r#"{"type":"private","from":"ann","to":"ann","text":"note"}"#],
            &[],
        ),
        (
            "ann",
            "/msg eve hi",
            &[r#"{"type":"notice","text":"there is no eve here"}"#],
            &[],
        ),
        (
            "ann",
            "/who",
            &[r#"{"type":"names","names":["ann","bob"]}"#],
            &[],
        ),
        (
            "ann",
            "/nope",
            &[r#"{"type":"notice","text":"unknown command /nope; /help lists the commands"}"#],
            &[],
        ),
        (
            "ann",
            "/pass secret",
            &[r#"{"type":"notice","text":"you are in already, no password is needed"}"#],
            &[],
        ),
        ("bob", "/quit", &[r#"{"type":"left","name":"bob"}"#], &[]),
    ];
    for (speaker, line, ann, bob) in both {
        hall.says(speaker, line);
        hall.hears("ann", ann);
        hall.hears("bob", bob);
    }
    hall.sends("ann", Message::TooLong);
    let told = r#"{"type":"notice","text":"your line is over 1024 bytes; not relayed"}"#;
    hall.hears("ann", &[told]);
    hall.says("ann", "/quit");
    hall.hears("ann", &["close 1000"]);
    assert!(hall.is_closed("ann"));
}

/// Its name and those of the others belong to the protocol, and are no notices.
#[test]
fn without_notices_it_is_told_its_name_and_the_others() {
    let mut hall = with_notices(Notices::Off);
    hall.room.config.motd = vec!["be kind".to_owned()];
    hall.comes("ann", Encoding::Json);
    hall.hears(
        "ann",
        &[
            r#"{"type":"you","name":"guest1"}"#,
            r#"{"type":"notice","text":"be kind"}"#,
            r#"{"type":"names","names":["guest1"]}"#,
        ],
    );
    hall.comes("bob", Encoding::Lines);
    hall.says("bob", "/nick bob");
    hall.is_gone("bob", Disconnect::Eof);
    hall.hears("ann", &[]);
}

/// Nothing comes after the last frame, whatever happens then.
#[test]
fn a_close_frame_is_the_last() {
    let mut hall = with_notices(Notices::On);
    for name in ["ann", "bob"] {
        hall.comes(name, Encoding::Json);
    }
    hall.clear();
    hall.says("ann", "/quit");
    hall.says("bob", "gone?");
    hall.hears("ann", &["close 1000"]);
    let id = hall.id("ann");
    assert_eq!(hall.room.farewell(id, &Disconnect::Shutdown), None);
}

#[test]
fn a_crowd_is_named_in_part_and_counted() {
    let mut hall = with_notices(Notices::Off);
    for n in 0..WHO_NAMES {
        hall.comes(&n.to_string(), Encoding::Lines);
    }
    hall.comes("ann", Encoding::Json);
    let names = hall.told("ann").pop().unwrap();
    assert_eq!(names.matches("\"guest").count(), WHO_NAMES);
    assert!(names.ends_with("],\"total\":501}"), "{names}");
}

/// Whoever ends a client, it is told in its own words, if it has any.
#[test]
fn each_protocol_has_its_last_words() {
    let mut hall = with_notices(Notices::Off);
    hall.comes("page", Encoding::Json);
    hall.comes("nc", Encoding::Lines);
    hall.comes("visitor", Encoding::Irc);
    hall.joins_by_irc("irssi", "");
    let closed = |code: u16, why: &str| {
        let mut frame = vec![0x88, u8::try_from(2 + why.len()).unwrap()];
        frame.extend(code.to_be_bytes());
        frame.extend(why.as_bytes());
        Some(frame)
    };
    for (why, code, told) in [
        (Disconnect::Shutdown, 1001, "the server ends"),
        (Disconnect::Lagged { behind_bytes: 9 }, 1013, "too slow"),
        (Disconnect::Idle, 1000, "idle for too long"),
        (Disconnect::Silent, 1008, "silent for too long"),
        (Disconnect::Panicked, 1011, "internal error"),
    ] {
        let last = |name: &str| hall.room.farewell(hall.id(name), &why);
        assert_eq!(last("page"), closed(code, told));
        assert_eq!(last("nc"), None);
        let error = format!("ERROR :{told}\r\n").into_bytes();
        assert_eq!(last("visitor").as_ref(), Some(&error));
        assert_eq!(last("irssi"), Some(error));
    }
    for why in [Disconnect::Eof, Disconnect::Unfinished] {
        assert_eq!(hall.room.farewell(hall.id("page"), &why), None);
    }
    let full = |encoding| {
        let refusal = hall.room.refusal(TooMany::Here(7), encoding);
        hall::read(encoding, &refusal.unwrap())
    };
    let why = "full: 7 are here; try again later";
    assert_eq!(full(Encoding::Lines), [format!("* {why}")]);
    assert_eq!(full(Encoding::Irc), [format!("ERROR :{why}")]);
    let notice = format!(r#"{{"type":"notice","text":"{why}"}}"#);
    assert_eq!(full(Encoding::Json), [notice, "close 1013".to_owned()]);
}

/// What it is told on its coming is in three pieces, and none of them may be missing.
#[test]
fn a_newcomer_is_told_all_whatever_the_bound() {
    let limits = Limits {
        max_pending_bytes: 64,
        ..ROOMY
    };
    let config = Config {
        history_lines: 10,
        notices: Notices::On,
        ..plain()
    };
    let mut hall = Hall::with_limits(config, limits);
    hall.comes("ann", Encoding::Lines);
    for n in 0..10 {
        hall.says("ann", n.to_string());
        hall.says("ann", format!("/nick ann{n}"));
    }
    hall.comes("page", Encoding::Json);
    hall.is_gone("page", Disconnect::Eof);
    for since in [0, FIRST_ID] {
        hall.comes_since("page", since);
        let told = hall.told("page");
        assert!(told[0].starts_with(r#"{"type":"you""#), "{told:?}");
        let last = told.last().unwrap();
        assert!(last.starts_with(r#"{"type":"names""#), "{told:?}");
        hall.is_gone("page", Disconnect::Eof);
    }
}
