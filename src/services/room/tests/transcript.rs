//! What is written down of the talk, and what a room that begins anew makes of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::super::Transcript;
use super::hall::{FIRST_ID, Hall};
use super::*;
use crate::protocol::{Encoding, Said, write_gap, write_record};
use crate::wire::Message;

const LOG: Limits = Limits {
    log_bytes: 4096,
    ..ROOMY
};

/// Lines as they stand in the file, with the newline of each.
#[derive(Clone, Default)]
struct Paper(Rc<RefCell<Vec<u8>>>);

impl Transcript for Paper {
    fn record(&mut self, said: &Said<'_>) {
        write_record(said, &mut self.0.borrow_mut());
    }

    fn release(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn resume(&mut self) {}
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

fn config(history_lines: usize, kept_rooms: &[&str]) -> Config {
    Config {
        history_lines,
        kept_rooms: kept_rooms.iter().map(|&name| name.to_owned()).collect(),
        ..plain()
    }
}

/// A room that is written down, with ann in it.
fn written(config: Config) -> (Hall, Paper) {
    let paper = Paper::default();
    let hall = Hall::with_limits(config, LOG);
    let mut hall = hall.with(|room| room.with_transcript(Box::new(paper.clone())));
    hall.comes("ann", Encoding::Lines);
    hall.says("ann", "/nick ann");
    (hall, paper)
}

/// A room that begins anew after that file.
fn after(config: Config, text: &str) -> Hall {
    let lines: Vec<&str> = text.split('\n').rev().collect();
    Hall::new(config).with(|room| room.with_past(lines))
}

/// A line of the file, said at the millisecond `n`.
fn line(n: u64, room: &str, from: &str, text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    let from = serde_json::to_string(from).unwrap();
    let seconds = format!("{:02}.{:03}", n / 1000, n % 1000);
    format!(
        r#"{{"type":"say","id":{},"time":"2026-11-26T11:53:{seconds}Z","room":"{room}","from":{from},"text":{text}}}"#,
        1_795_693_980_000_000 + n * 1000
    )
}

/// What comes to who joins by lines.
fn shown(hall: &mut Hall) -> Vec<String> {
    hall.comes("new", Encoding::Lines);
    hall.told("new")
}

#[test]
fn all_that_is_said_is_written_down_and_nothing_else() {
    let (mut hall, paper) = written(config(5, &[]));
    hall.comes("page", Encoding::Json);
    hall.joins_by_irc("eve", "");
    for line in [
        "hi \"all\"",
        "/me waves",
        "/msg eve psst",
        "/topic tea",
        "/who",
        "/pass sesame",
        "/away lunch",
        "/ignore eve",
        "/nosuch command",
        "",
        "/nick ada",
        "/join games",
        "chess\u{1b}?",
    ] {
        hall.says("ann", line);
    }
    hall.says("eve", "PRIVMSG ada :psst");
    hall.says("eve", "NOTICE #lobby :lunch");
    hall.says("page", "//who");
    // One that no log can hold is said to nobody.
    hall.sends("ann", Message::TooLong);
    hall.says("ann", "x".repeat(5000));
    let time = "2026-11-26T11:53:04.123Z";
    let expected: Vec<String> = [
        ("say", "lobby", "ann", r#"hi \"all\""#),
        ("me", "lobby", "ann", "waves"),
        ("say", "games", "ada", "chess\u{fffd}?"),
        ("say", "lobby", "eve", "lunch"),
        ("say", "lobby", "guest2", "/who"),
    ]
    .into_iter()
    .zip(FIRST_ID..)
    .map(|((kind, room, from, text), id)| {
        format!(
            r#"{{"type":"{kind}","id":{id},"time":"{time}","room":"{room}","from":"{from}","text":"{text}"}}"#
        )
    })
    .collect();
    let text = paper.text();
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_room_that_begins_anew_shows_what_was_said_in_every_encoding() {
    let (mut hall, paper) = written(config(3, &[]));
    for line in ["one", "two", "/nick ada", "/me waves", "three"] {
        hall.says("ann", line);
    }
    let mut hall = after(config(3, &[]), &paper.text());
    assert_eq!(shown(&mut hall), ["ann: two", "** ada waves", "ada: three"]);
    hall.comes("page", Encoding::Json);
    let told = hall.told("page");
    let written = paper.text();
    let written: Vec<&str> = written.lines().collect();
    assert_eq!(told[1..4], written[1..4]);
    hall.joins_by_irc("eve", "");
    hall.comes("irssi", Encoding::Irc);
    for line in [
        "CAP REQ server-time",
        "NICK irssi",
        "USER i 0 * :i",
        "CAP END",
    ] {
        hall.says("irssi", line);
    }
    hall.told("irssi");
    hall.says("irssi", "JOIN #lobby");
    let told = hall.told("irssi");
    let time = "@time=2026-11-26T11:53:04.123Z";
    assert_eq!(
        told[3],
        format!("{time} :ann!ann@chinwag PRIVMSG #lobby :two")
    );
    // It goes on from there: what is said next pushes the oldest out.
    hall.says("new", "four");
    hall.comes("late", Encoding::Lines);
    hall.hears("late", &["** ada waves", "ada: three", "guest1: four"]);
}

#[test]
fn rooms_that_stay_have_theirs_and_those_that_have_gone_have_none() {
    let text = [
        line(1, "lobby", "ann", "here"),
        line(2, "games", "ann", "chess"),
        line(3, "gone", "ann", "hush"),
        line(4, "games", "bob", "go"),
    ];
    let mut hall = after(config(5, &["#Games", "empty"]), &text.join("\n"));
    assert_eq!(shown(&mut hall), ["ann: here"]);
    for (room, said) in [
        ("games", &["ann: chess", "bob: go"][..]),
        ("gone", &[]),
        ("empty", &[]),
    ] {
        hall.says("new", format!("/join {room}"));
        assert_eq!(hall.told("new")[1..], *said, "{room}");
    }
}

#[test]
fn a_file_that_was_edited_harms_nobody() {
    let sane = line(20, "lobby", "ann", "sane");
    let cut = line(21, "lobby", "ann", &"é".repeat(2000));
    let lines = [
        line(1, "lobby", "* ann", "a name of the server's"),
        line(2, "lobby", "ann: hi\nbob", "a line in a name"),
        line(3, "lobby", &"x".repeat(300), "a long name"),
        line(4, "lobby", "", "no name"),
        line(5, "lobby\n", "ann", "no room"),
        line(6, &"x".repeat(9999), "ann", "a long room"),
        line(7, "lobby", "ann", "\u{1b}[2Jdrives a terminal\n* forged\u{2028}"),
        line(8, "LOBBY", "Zoe\u{308}", "as it could be spelled"),
        sane[..50].to_owned(),
        "# a remark".to_owned(),
        "null".to_owned(),
        sane.replace("\"id\":", "\"number\":"),
        cut,
        line(1, "lobby", "ann", "in the wrong place"),
        r#"{"type":"say","id":99999999999999999999,"time":"","room":"lobby","from":"a","text":"b"}"#
            .to_owned(),
    ];
    let mut hall = after(config(100, &[]), &lines.join("\n"));
    let told = shown(&mut hall);
    let long = format!("ann: {}", "é".repeat(3 * 1024 / 2));
    let expected = [
        "ann: \u{fffd}[2Jdrives a terminal\u{fffd}* forged\u{fffd}",
        "Zo\u{eb}: as it could be spelled",
        "ann: sane",
        &long,
        "ann: in the wrong place",
    ];
    assert_eq!(told, expected);
    // And ids ascend all the same.
    hall.comes("page", Encoding::Json);
    let told = hall.told("page");
    let ids: Vec<u64> = told[1..6].iter().map(|text| id_of(text)).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    assert_eq!(ids[4], 1_795_693_980_001_000);
}

#[track_caller]
fn id_of(text: &str) -> u64 {
    let object: serde_json::Value = serde_json::from_str(text).unwrap();
    object["id"].as_u64().expect(text)
}

/// A page that was here before the restart.
fn comes_back(history_lines: usize, text: &str, since: u64) -> Vec<String> {
    let mut hall = after(config(history_lines, &[]), text);
    hall.comes_since("page", since);
    let told = hall.told("page");
    let text = |told: &String| match told.rsplit_once(r#""text":""#) {
        Some((_, text)) => text.trim_end_matches("\"}").to_owned(),
        None => told.clone(),
    };
    told[1..told.len() - 1].iter().map(text).collect()
}

#[test]
fn a_page_that_comes_back_after_a_restart_gets_what_it_missed() {
    const GAP: &str = r#"{"type":"gap"}"#;
    let said = |n| line(n, "lobby", "ann", &n.to_string());
    let id = |n: u64| 1_795_693_980_000_000 + n * 1000;
    let text: Vec<String> = (1..=6).map(said).collect();
    let text = text.join("\n");
    assert_eq!(comes_back(10, &text, id(4)), ["5", "6"]);
    assert_eq!(comes_back(10, &text, id(6)), [""; 0]);
    assert_eq!(comes_back(3, &text, id(4)), ["5", "6"]);
    // What is not shown is not there.
    assert_eq!(comes_back(3, &text, id(2)), [GAP, "4", "5", "6"]);
    assert_eq!(comes_back(0, &text, id(5)), [GAP]);
    // Nor is what the disk did not take.
    let mut gap = Vec::new();
    write_gap(7, &mut gap);
    let gap = String::from_utf8(gap).unwrap();
    let holed = [said(1), said(2), gap.trim().to_owned(), said(9)].join("\n");
    assert_eq!(comes_back(10, &holed, id(2)), [GAP, "9"]);
    assert_eq!(comes_back(10, &holed, id(1)), [GAP, "2", "9"]);
    assert_eq!(comes_back(10, &holed, id(9)), [""; 0]);
    let ends_holed = [said(1), gap.trim().to_owned()].join("\n");
    assert_eq!(comes_back(10, &ends_holed, id(1)), [GAP]);
    // That is not forgotten, whatever of it the log has dropped.
    let holed = [said(1), said(2), gap.trim().to_owned(), said(9)];
    for more in (0..3500).step_by(50) {
        let hall = Hall::with_limits(config(10, &[]), LOG);
        let mut hall = hall.with(|room| room.with_past(holed.iter().rev()));
        hall.comes("first", Encoding::Json);
        hall.says("first", "x".repeat(more));
        hall.comes_since("page", id(2));
        assert_eq!(hall.told("page")[1], GAP, "{more}");
    }
    // And what is said from here on has no hole.
    let mut hall = after(config(10, &[]), &ends_holed);
    assert_eq!(shown(&mut hall), ["ann: 1"]);
    hall.says("new", "2");
    hall.comes_since("page", FIRST_ID);
    let told = hall.told("page");
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn ids_ascend_after_a_server_whose_clock_was_ahead() {
    let ahead = 1_900_000_000_000_000;
    let text = |room| {
        let line = line(1, room, "ann", "far ahead");
        line.replace("\"id\":1795693980001000", &format!("\"id\":{ahead}"))
    };
    for room in ["lobby", "gone"] {
        let mut hall = after(config(5, &[]), &text(room));
        hall.comes("page", Encoding::Json);
        hall.told("page");
        hall.says("page", "now");
        assert_eq!(id_of(&hall.told("page")[0]), ahead + 1);
    }
    // Beyond what JavaScript counts to, it is not believed.
    let text = text("lobby").replace(&ahead.to_string(), &u64::MAX.to_string());
    let mut hall = after(config(5, &[]), &text);
    hall.comes("page", Encoding::Json);
    hall.told("page");
    for _ in 0..3 {
        hall.says("page", "now");
        assert!(id_of(&hall.told("page")[0]) < 1 << 53);
    }
}

/// Whatever ids stand there.
#[test]
fn ids_at_their_ends_are_numbers_like_others() {
    let line = line(1, "lobby", "ann", "x");
    for id in [0, 1, 1 << 52, (1 << 53) - 1, u64::MAX] {
        let text = line.replace("\"id\":1795693980001000", &format!("\"id\":{id}"));
        let text = [&*text, &*text, r#"{"type":"gap","lines":1}"#, &*text].join("\n");
        let mut hall = after(config(5, &[]), &text);
        hall.comes("page", Encoding::Json);
        let told = hall.told("page").len();
        assert!(told >= 3, "{id}: {told}");
        hall.says("page", "now");
        assert!(id_of(&hall.told("page")[0]) < 1 << 53);
    }
}

/// A file may be large: no more of it is read than is shown.
#[test]
fn no_more_lines_are_taken_than_are_shown() {
    for (history_lines, kept_rooms, taken) in [
        (0, &["games"][..], 1),
        (3, &[], 6),
        (3, &["games"], 6),
        (1000, &[], 100),
    ] {
        let count = Cell::new(0);
        let lines = (0..100).rev().map(|n| {
            count.set(count.get() + 1);
            let room = if n % 2 == 0 { "games" } else { "lobby" };
            line(n, room, "ann", "x")
        });
        let _ = Hall::new(config(history_lines, kept_rooms)).with(|room| room.with_past(lines));
        let near = count.get();
        assert!(
            (taken - 1..=taken).contains(&near),
            "{history_lines}: {near}"
        );
    }
}

/// What was said before takes no more memory than the log, once anything is said.
#[test]
fn a_history_that_the_log_cannot_hold_is_dropped() {
    let text: Vec<String> = (1..=1000)
        .map(|n| line(n, "lobby", "ann", &"x".repeat(100)))
        .collect();
    let text = text.join("\n");
    let hall = Hall::with_limits(config(1000, &[]), LOG);
    let mut hall = hall.with(|room| room.with_past(text.split('\n').rev()));
    let told = shown(&mut hall).len();
    assert!((20..40).contains(&told), "{told}");
    hall.says("new", "hi");
    let lobby = super::super::channels::ChannelId::LOBBY;
    let kept = hall.room.channels[lobby].history.kept_bytes();
    assert!(kept < 4096, "{kept}");
}
