//! Clients of IRC: how they come in, and what they are answered.

use super::super::channels::ChannelId;
use super::super::history::History;
use super::hall::Hall;
use super::*;
use crate::protocol::Encoding;
use crate::protocol::irc::MAX_LINE_BYTES;

fn hall() -> Hall {
    Hall::new(Config {
        notices: Notices::On,
        motd: vec!["mind the gap".to_owned()],
        ..plain()
    })
}

/// With ann, a client of lines, and bob, one of IRC; both are in the room.
pub(super) fn hall_of_two() -> Hall {
    let mut hall = hall();
    hall.comes("ann", Encoding::Lines);
    hall.says("ann", "/nick ann");
    hall.joins_by_irc("bob", "");
    hall.clear();
    hall
}

/// Without what is always the same.
pub(super) fn short(told: Vec<String>) -> Vec<String> {
    let short = |line: String| line.replace(":irc.chinwag ", "");
    told.into_iter().map(short).collect()
}

/// What irssi, weechat and HexChat send when they connect and are told to join, with what they are
/// answered: all of it numeric replies that they know, and none of them an error.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn clients_come_in_with_their_defaults() {
    let clients: &[&[&str]] = &[
        // irssi 1.4
        &[
            "CAP LS 302",
            "JOIN :",
            "NICK eve",
            "USER eve eve chat.example :Eve Example",
            "CAP REQ :echo-message server-time",
            "CAP END",
            "MODE eve +i",
            "JOIN #lobby",
            "MODE #lobby",
            "WHO #lobby",
            "MODE #lobby b",
            "PING irc.chinwag",
        ],
        // weechat 4
        &[
            "CAP LS 302",
            "NICK eve",
            "USER eve 0 * :Eve",
            "CAP REQ :server-time",
            "CAP END",
            "JOIN #lobby",
            "MODE #lobby",
            "WHO #lobby",
            "PING :irc.chinwag",
        ],
        // HexChat 2.16
        &[
            "CAP LS 302",
            "NICK eve",
            "USER eve 0 * :realname",
            "CAP REQ :echo-message server-time ",
            "CAP END",
            "WHOIS eve",
            "MODE eve",
            "JOIN #lobby",
            "MODE #lobby",
            "WHO #lobby %chtsunfra,152",
            "PING LAG1234567",
        ],
        // None of the new ways.
        &[
            "PASS x",
            "USER eve 0 * :",
            "NICK eve",
            "JOIN #LOBBY",
            "NAMES",
        ],
    ];
    for lines in clients {
        let mut hall = hall();
        hall.comes("ann", Encoding::Lines);
        hall.told("ann");
        hall.comes("eve", Encoding::Irc);
        let mut told = Vec::new();
        for line in *lines {
            hall.says("eve", line);
            told.extend(short(hall.told("eve")));
        }
        // irssi asks by an empty JOIN whether it has to register.
        told.retain(|line| line != "451 * :you have not registered");
        let codes: Vec<u16> = told
            .iter()
            .filter_map(|line| line.get(..3)?.parse().ok())
            .collect();
        assert_eq!(codes[..5], [1, 2, 3, 4, 5], "{told:?}");
        assert!(codes.iter().all(|code| *code < 400), "{told:?}");
        for line in [
            "375 eve :- irc.chinwag message of the day -",
            "372 eve :- mind the gap",
            ":eve!eve@chinwag JOIN #lobby",
            "353 eve = #lobby :guest1 eve",
            "366 eve #lobby :end of the names",
        ] {
            assert!(told.iter().any(|told| told == line), "{line}: {told:?}");
        }
        hall.hears("ann", &["* eve joined"]);
    }
}

#[test]
fn a_name_that_is_taken_is_told_before_all_else() {
    let mut hall = hall_of_two();
    hall.comes("eve", Encoding::Irc);
    hall.says("eve", "CAP LS 302");
    hall.told("eve");
    for (name, answer) in [
        ("Ann", "433 * Ann :that nickname is in use"),
        ("аnn", "433 * аnn :that nickname is in use"),
        ("BOB", "433 * BOB :that nickname is in use"),
        ("b0b", "433 * b0b :that nickname is in use"),
        ("ＢＯＢ", "433 * ＢＯＢ :that nickname is in use"),
        ("a|b", "432 * a|b :nicks have only letters, digits, _ and -"),
    ] {
        hall.says("eve", format!("NICK {name}"));
        assert_eq!(short(hall.told("eve")), [answer]);
    }
    // Two want one, and one is first.
    hall.says("eve", "NICK eve");
    hall.says("eve", "USER eve 0 * :Eve");
    hall.joins_by_irc("EVE", "");
    hall.says("eve", "CAP END");
    assert_eq!(
        short(hall.told("eve")),
        ["433 * eve :that nickname is in use"]
    );
    hall.says("eve", "NICK eve_");
    assert!(hall.told("eve")[0].contains(" 001 eve_ "));
    hall.says("ann", "/nick Eve_");
    hall.says("ann", "/nick eva");
    hall.hears(
        "ann",
        &["* EVE joined", "* Eve_ is taken", "* you are now eva"],
    );
}

#[test]
fn who_is_in_no_channel_can_be_spoken_to_but_is_not_here() {
    let mut hall = hall_of_two();
    hall.says("bob", "PART #lobby :lunch");
    hall.hears("bob", &[":bob!bob@chinwag PART #lobby :lunch"]);
    hall.says("ann", "/who");
    hall.says("ann", "/msg bob still there?");
    hall.says("ann", "hello?");
    hall.says("bob", "PRIVMSG ann :yes");
    hall.says("bob", "PRIVMSG #lobby :no");
    hall.says("bob", "NOTICE #lobby :no");
    hall.says("bob", "NICK rob");
    hall.hears("ann", &["* bob left", "* 1 here: ann", "[bob] yes"]);
    assert_eq!(
        short(hall.told("bob")),
        [
            ":ann!ann@chinwag PRIVMSG bob :still there?",
            "404 bob #lobby :you are not in that channel",
            ":bob!bob@chinwag NICK :rob",
        ]
    );
    hall.says("bob", "JOIN #lobby");
    hall.says("bob", "QUIT :see you");
    hall.hears("ann", &["* rob joined", "* rob left"]);
    assert_eq!(
        short(hall.told("bob"))[3..],
        ["ERROR :you have left"],
        "after JOIN, 353 and 366"
    );
    assert!(hall.is_closed("bob"));
}

/// Nothing twice, and nothing that was said while it was away is missed.
#[test]
fn who_comes_back_to_the_channel_hears_what_it_has_missed() {
    let mut hall = hall_of_two();
    let start_id = hall.room.stamps.last();
    hall.room.channels[ChannelId::LOBBY].history = History::new(10, start_id);
    hall.says("ann", "one");
    hall.says("bob", "PART #lobby");
    hall.says("ann", "two");
    hall.says("bob", "CAP REQ server-time");
    hall.says("bob", "JOIN #lobby");
    hall.says("ann", "three");
    let said = |text| format!(":ann!ann@chinwag PRIVMSG #lobby :{text}");
    let told = hall.told("bob");
    let told: Vec<&String> = told
        .iter()
        .filter(|line| line.contains("PRIVMSG"))
        .collect();
    let with_time = |text| format!("@time=2026-11-26T11:53:04.123Z {}", said(text));
    assert_eq!(told, [&said("one"), &with_time("two"), &with_time("three")]);
    hall.says("bob", "JOIN 0");
    hall.says("bob", "JOIN #lobby");
    let told = hall.told("bob");
    assert!(
        !told.iter().any(|line| line.contains("PRIVMSG")),
        "{told:?}"
    );
}

/// Whatever a client says before it is in, what is kept of it is small.
#[test]
fn a_visitor_takes_little_memory() {
    let mut hall = hall();
    hall.comes("eve", Encoding::Irc);
    let long = "x".repeat(MAX_LINE_BYTES - 600);
    for line in [
        "PASS :",
        "USER a b c :",
        "NICK ",
        "CAP REQ :",
        "PRIVMSG a :",
    ] {
        let line = format!("@{long} {line}{}", "y".repeat(480));
        hall.says("eve", &line);
    }
    hall.told("eve");
    let irc = format!("{:?}", hall.room.irc);
    assert!(
        irc.len() < 2000 && irc.matches("yyy").count() == 160,
        "{irc}"
    );
}

#[test]
fn a_real_name_and_a_reason_have_bounds() {
    let mut hall = hall_of_two();
    hall.comes("eve", Encoding::Irc);
    hall.says("eve", "NICK eve");
    hall.says("eve", format!("USER e 0 * :{}", "é".repeat(200)));
    hall.says("eve", format!("AWAY :{}", "é".repeat(200)));
    hall.says("bob", "WHOIS eve");
    let whois = short(hall.told("bob"));
    assert_eq!(
        whois[0],
        format!("311 bob eve eve chinwag * :{}", "é".repeat(50))
    );
    assert_eq!(whois[2], format!("301 bob eve :{}", "é".repeat(100)));
}
