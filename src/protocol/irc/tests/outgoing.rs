//! Events and replies as lines.

use proptest::prelude::*;

use super::super::*;
use super::text;

fn answered(answer: Answer<'_>) -> String {
    let mut out = Vec::new();
    answer.encode("ann", &mut out);
    text(&out)
}

fn encoded(event: Event<'_>) -> Vec<String> {
    let mut out = Vec::new();
    encode_event("bob", event, None, &mut out);
    text(&out).lines().map(str::to_owned).collect()
}

#[test]
fn events_become_lines() {
    let message = |kind, target, text| Event::Message { kind, target, text };
    for (event, expected) in [
        (message(Kind::Say, "#lobby", "hi"), "PRIVMSG #lobby :hi"),
        (
            message(Kind::Act, "#lobby", "waves"),
            "PRIVMSG #lobby :\u{1}ACTION waves\u{1}",
        ),
        (message(Kind::Notice, "ann", "hi"), "NOTICE ann :hi"),
        (Event::Join("#lobby"), "JOIN #lobby"),
        (
            Event::Part {
                channel: "#lobby",
                reason: "",
            },
            "PART #lobby",
        ),
        (
            Event::Part {
                channel: "#lobby",
                reason: "see you",
            },
            "PART #lobby :see you",
        ),
        (Event::Nick("rob"), "NICK :rob"),
        (Event::Quit("gone"), "QUIT :gone"),
        (
            Event::Topic {
                channel: "#lobby",
                text: "",
            },
            "TOPIC #lobby :",
        ),
    ] {
        assert_eq!(encoded(event), [format!(":bob!bob@chinwag {expected}")]);
    }
    let mut out = Vec::new();
    encode_server_notice("ann", "full", Some("now"), &mut out);
    assert_eq!(text(&out), "@time=now :irc.chinwag NOTICE ann :full\r\n");
}

#[test]
fn a_welcome_tells_what_the_server_can_do() {
    let welcome = answered(Answer::Welcome);
    let codes: Vec<&str> = welcome.lines().map(|line| &line[13..16]).collect();
    assert_eq!(codes, ["001", "002", "003", "004", "005"]);
    assert!(
        welcome.contains(" 004 ann irc.chinwag chinwag-"),
        "{welcome}"
    );
    for token in [
        "NETWORK=chinwag",
        "CHANTYPES=#",
        "MAXCHANNELS=1",
        "NICKLEN=32",
        "UTF8ONLY",
    ] {
        assert!(welcome.contains(&format!(" {token} ")), "{welcome}");
    }
}

#[test]
fn names_take_as_many_lines_as_they_need() {
    let names: Vec<String> = (0..100).map(|i| format!("member{i}")).collect();
    let nicks: Vec<&str> = names.iter().map(String::as_str).collect();
    let listed = answered(Answer::Names {
        channel: "#lobby",
        nicks: &nicks,
    });
    let told: Vec<&str> = (listed.lines())
        .filter_map(|line| line.strip_prefix(":irc.chinwag 353 ann = #lobby :"))
        .flat_map(|line| line.split(' '))
        .collect();
    assert_eq!(told, nicks);
    assert!(listed.ends_with("\r\n:irc.chinwag 366 ann #lobby :end of the names\r\n"));
}

#[track_caller]
fn check(all: &[(Answer<'_>, &[&str])]) {
    for (answer, lines) in all {
        let expected: String = (lines.iter())
            .map(|line| format!(":irc.chinwag {line}\r\n"))
            .collect();
        assert_eq!(answered(*answer), expected);
    }
}

#[test]
fn answers_are_as_clients_know_them() {
    let version = concat!("chinwag-", env!("CARGO_PKG_VERSION"));
    let server_line = format!("312 ann bob irc.chinwag :{version}");
    let bob = Answer::WhoEntry {
        channel: "#lobby",
        nick: "bob",
        real_name: "Bob B",
        is_away: true,
        is_operator: true,
    };
    let all: &[(Answer<'_>, &[&str])] = &[
        (
            bob,
            &["352 ann #lobby bob chinwag irc.chinwag bob G* :0 Bob B"],
        ),
        (
            Answer::Whois {
                nick: "bob",
                real_name: "Bob B",
                channel: Some("#lobby"),
                away: Some("at lunch"),
                is_operator: true,
            },
            &[
                "311 ann bob bob chinwag * :Bob B",
                "319 ann bob :#lobby",
                &server_line,
                "313 ann bob :is an operator",
                "301 ann bob :at lunch",
                "318 ann bob :end of WHOIS",
            ],
        ),
        (
            Answer::Userhost(&[("bob", true), ("ann", false)]),
            &["302 ann :bob=-bob@chinwag ann=+ann@chinwag"],
        ),
        (Answer::IsOn(&["bob", "cat"]), &["303 ann :bob cat"]),
        (Answer::IsOn(&[]), &["303 ann :"]),
        (
            Answer::BadNick {
                nick: ":a b",
                why: "no",
            },
            &["432 ann * :no"],
        ),
        (
            Answer::NickInUse("bob"),
            &["433 ann bob :that nickname is in use"],
        ),
        (
            Answer::YouAreOperator,
            &["381 ann :you are an operator now", "MODE ann :+o"],
        ),
        (Answer::Banned("gone"), &["465 ann :gone"]),
        (
            Answer::NotInChannel {
                name: "bob",
                channel: "#games",
            },
            &["441 ann bob #games :they are not in that channel"],
        ),
    ];
    check(all);
}

#[test]
fn modes_and_the_message_of_the_day_are_as_clients_know_them() {
    let mode_of = |is_operator, target, modes| Answer::Mode {
        target,
        modes,
        is_operator,
    };
    let mode = |target, modes| mode_of(false, target, modes);
    let all: &[(Answer<'_>, &[&str])] = &[
        (mode("ann", Some("+i")), &[]),
        (mode("ann", None), &["221 ann +"]),
        (mode_of(true, "ann", None), &["221 ann +o"]),
        (mode("#lobby", None), &["324 ann #lobby +n"]),
        (
            mode("#lobby", Some("b")),
            &["368 ann #lobby :end of the bans"],
        ),
        (
            mode("#lobby", Some("+t")),
            &["482 ann #lobby :you are not an operator there"],
        ),
        (
            Answer::Motd(&[]),
            &["422 ann :there is no message of the day"],
        ),
        (
            Answer::Motd(&["mind the gap"]),
            &[
                "375 ann :- irc.chinwag message of the day -",
                "372 ann :- mind the gap",
                "376 ann :end of the message of the day",
            ],
        ),
    ];
    check(all);
    assert_eq!(answered(Answer::Error("bye")), "ERROR :bye\r\n");
}

proptest! {
    /// Nothing is lost, no character is cut, and each piece is a whole ACTION.
    #[test]
    fn a_long_text_is_split_between_characters(text in "[a-c é€🦀]{1,900}", is_action: bool) {
        let kind = if is_action { Kind::Act } else { Kind::Say };
        let lines = encoded(Event::Message { kind, target: "#lobby", text: &text });
        let (before, after) = if is_action { ("\u{1}ACTION ", "\u{1}") } else { ("", "") };
        let head = format!(":bob!bob@chinwag PRIVMSG #lobby :{before}");
        let piece = |line: &String| {
            let piece = line.strip_prefix(&head)?.strip_suffix(after)?;
            Some(piece.to_owned())
        };
        let pieces: Option<String> = lines.iter().map(piece).collect();
        prop_assert_eq!(pieces, Some(text));
        for line in &lines[..lines.len() - 1] {
            prop_assert!(line.len() > 510 - 4, "{} bytes", line.len());
        }
    }
}
