//! What was said before, for those who come by a protocol that nobody has spoken yet, and for pages
//! that come back.

use super::super::channels::ChannelId;
use super::hall::{FIRST_ID, Hall};
use super::*;
use crate::protocol::Encoding;

const GAP: &str = r#"{"type":"gap"}"#;

fn with_history(history_lines: usize) -> Hall {
    let mut hall = Hall::new(Config {
        history_lines,
        ..plain()
    });
    hall.comes("ann", Encoding::Lines);
    hall
}

fn says(hall: &mut Hall, numbers: std::ops::Range<u64>) {
    for n in numbers {
        hall.says("ann", n.to_string());
    }
}

/// What a page is told between its name and the others': a gap, and the numbers that ann has said.
fn numbers(hall: &mut Hall, name: &str) -> (bool, Vec<u64>) {
    let told = hall.told(name);
    let [first, between @ .., last] = &told[..] else {
        panic!("{told:?}");
    };
    assert!(first.starts_with(r#"{"type":"you""#), "{told:?}");
    assert!(last.starts_with(r#"{"type":"names""#), "{told:?}");
    let has_gap = between.first().is_some_and(|first| first == GAP);
    let said = &between[usize::from(has_gap)..];
    let number = |text: &String| {
        let (_, number) = text.rsplit_once(r#""text":""#)?;
        number.strip_suffix("\"}")?.parse().ok()
    };
    let numbers = said.iter().map(|text| number(text).expect(text));
    (has_gap, numbers.collect())
}

/// Message `n` that is said has this id.
fn id(n: u64) -> u64 {
    FIRST_ID + n
}

#[test]
fn a_protocol_that_nobody_spoke_has_its_history_too() {
    let mut hall = with_history(3);
    says(&mut hall, 0..5);
    hall.says("ann", "/me waves");
    hall.says("ann", "/nick ann");
    says(&mut hall, 6..8);
    hall.comes("page", Encoding::Json);
    let told = hall.told("page");
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    let [_, waves, six, seven, _] = told[..] else {
        panic!("{told:?}");
    };
    assert!(waves.starts_with(r#"{"type":"me","id":1795693984123006,"time""#));
    assert!(waves.ends_with(r#""from":"guest1","text":"waves"}"#));
    assert!(six.contains(r#""from":"ann","text":"6""#));
    assert!(seven.contains(r#""text":"7""#));
    hall.joins_by_irc("irssi", "");
    hall.comes("weechat", Encoding::Irc);
    for line in ["CAP REQ server-time", "NICK weechat", "USER w 0 * :w"] {
        hall.says("weechat", line);
    }
    hall.says("weechat", "CAP END");
    hall.told("weechat");
    hall.says("weechat", "JOIN #lobby");
    let time = "@time=2026-11-26T11:53:04.123Z ";
    let told = hall.told("weechat");
    assert_eq!(
        told[3..],
        [
            format!("{time}:guest1!guest1@chinwag PRIVMSG #lobby :\u{1}ACTION waves\u{1}"),
            format!("{time}:ann!ann@chinwag PRIVMSG #lobby :6"),
            format!("{time}:ann!ann@chinwag PRIVMSG #lobby :7"),
        ]
    );
    // And all of them follow.
    hall.comes("page2", Encoding::Json);
    hall.clear();
    hall.says("page", "8");
    for (name, text) in [
        ("ann", "guest2: 8".to_owned()),
        (
            "irssi",
            ":guest2!guest2@chinwag PRIVMSG #lobby :8".to_owned(),
        ),
        (
            "weechat",
            format!("{time}:guest2!guest2@chinwag PRIVMSG #lobby :8"),
        ),
    ] {
        hall.hears(name, &[&text]);
    }
    assert_eq!(hall.told("page2"), hall.told("page"));
}

#[test]
fn a_page_that_comes_back_gets_what_it_has_missed_once() {
    let mut hall = with_history(3);
    hall.comes("first", Encoding::Json);
    says(&mut hall, 0..10);
    for (since, expected) in [
        (None, (false, vec![7, 8, 9])),
        (Some(id(9)), (false, vec![])),
        (Some(id(8)), (false, vec![9])),
        (Some(id(2)), (false, (3..10).collect())),
        (Some(id(0)), (false, (1..10).collect())),
        // Of before the room was there: who knows what was said then.
        (Some(id(0) - 1), (false, (0..10).collect())),
        (Some(id(0) - 2), (true, (0..10).collect())),
        // Since the beginning.
        (Some(0), (false, (0..10).collect())),
        // Of another clock.
        (Some(id(10)), (true, vec![7, 8, 9])),
        (Some(u64::MAX), (true, vec![7, 8, 9])),
    ] {
        match since {
            None => hall.comes("page", Encoding::Json),
            Some(since) => hall.comes_since("page", since),
        }
        assert_eq!(numbers(&mut hall, "page"), expected, "since {since:?}");
        hall.is_gone("page", Disconnect::Eof);
    }
}

#[test]
fn who_has_heard_nothing_misses_nothing_where_nothing_is_gone() {
    let mut hall = with_history(3);
    hall.comes_since("page", 0);
    assert_eq!(numbers(&mut hall, "page"), (false, vec![]));
    hall.is_gone("page", Disconnect::Eof);
    says(&mut hall, 0..3);
    hall.comes_since("page", 0);
    assert_eq!(numbers(&mut hall, "page"), (false, vec![0, 1, 2]));
    let mut hall = with_history(3);
    says(&mut hall, 0..4);
    hall.comes_since("page", 0);
    assert_eq!(numbers(&mut hall, "page"), (true, vec![1, 2, 3]));
}

#[test]
fn the_first_page_gets_no_more_than_was_kept_and_is_told_so() {
    for (since, expected) in [
        (id(1), (true, vec![3, 4, 5])),
        (id(2), (false, vec![3, 4, 5])),
        (id(3), (false, vec![4, 5])),
        (id(5), (false, vec![])),
        (id(6), (true, vec![3, 4, 5])),
    ] {
        let mut hall = with_history(3);
        says(&mut hall, 0..6);
        hall.comes_since("page", since);
        assert_eq!(numbers(&mut hall, "page"), expected, "since {since}");
    }
    let mut hall = with_history(0);
    says(&mut hall, 0..6);
    hall.comes_since("page", id(4));
    assert_eq!(numbers(&mut hall, "page"), (true, vec![]));
    hall.is_gone("page", Disconnect::Eof);
    // From then on a log is kept, whatever newcomers are shown.
    says(&mut hall, 6..9);
    hall.comes_since("page", id(6));
    assert_eq!(numbers(&mut hall, "page"), (false, vec![7, 8]));
}

#[test]
fn what_has_fallen_out_of_the_log_is_a_gap() {
    let limits = Limits {
        log_bytes: 1000,
        ..ROOMY
    };
    let config = Config {
        history_lines: 50,
        ..plain()
    };
    let mut hall = Hall::with_limits(config, limits);
    hall.comes("ann", Encoding::Lines);
    says(&mut hall, 0..60);
    // An object takes about 120 bytes: of 50 lines the newest are there, and the oldest quarter of
    // the log is not replayed.
    hall.comes("page", Encoding::Json);
    let (has_gap, kept) = numbers(&mut hall, "page");
    assert!(!has_gap && (4..8).contains(&kept.len()), "{kept:?}");
    assert_eq!(kept.last(), Some(&59));
    hall.is_gone("page", Disconnect::Eof);
    for (since, has_gap) in [(kept[0] - 2, true), (kept[0] - 1, false), (kept[0], false)] {
        hall.comes_since("page", id(since));
        let expected = kept.iter().copied().filter(|n| *n > since).collect();
        assert_eq!(numbers(&mut hall, "page"), (has_gap, expected));
        hall.is_gone("page", Disconnect::Eof);
    }
}

/// What is kept as it was said is no more than a log holds, whatever the number of lines.
#[test]
fn lines_are_kept_no_longer_than_in_a_log() {
    let limits = Limits {
        log_bytes: 4096,
        ..ROOMY
    };
    let config = Config {
        history_lines: 10_000,
        ..plain()
    };
    let mut hall = Hall::with_limits(config, limits);
    hall.comes("ann", Encoding::Lines);
    for n in 0..1000 {
        hall.says("ann", format!("{n:0500}"));
        let kept = hall.room.channels[ChannelId::LOBBY].history.kept_bytes();
        assert!(kept <= 4096, "{kept}");
    }
    hall.comes("bob", Encoding::Lines);
    // Seven are in the log, and the oldest quarter of it is not replayed.
    assert_eq!(hall.told("bob").len(), 5);
}

/// Each line alone, between notices, is a piece of its own that a client has to keep in mind.
#[test]
fn a_page_that_comes_back_is_sent_a_bounded_number_of_pieces() {
    let mut hall = Hall::with_limits(
        Config {
            notices: Notices::On,
            ..plain()
        },
        Limits {
            log_bytes: 64 << 20,
            ..ROOMY
        },
    );
    hall.comes("page", Encoding::Json);
    hall.comes("ann", Encoding::Lines);
    for n in 0..10_100 {
        hall.says("ann", n.to_string());
        hall.says("ann", format!("/nick ann{n}"));
    }
    hall.clear();
    hall.comes_since("back", id(50));
    let (has_gap, numbers) = numbers(&mut hall, "back");
    assert!(has_gap);
    assert_eq!(numbers, (100..10_100).collect::<Vec<u64>>());
}
