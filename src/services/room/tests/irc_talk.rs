//! What clients of IRC, lines and JSON say to one another.

use super::hall::Hall;
use super::*;
use crate::protocol::Encoding;

/// ann reads lines, page JSON; bob speaks IRC, cat and tim with capabilities.
fn hall() -> Hall {
    let mut hall = Hall::new(Config {
        notices: Notices::On,
        ..plain()
    });
    hall.comes("ann", Encoding::Lines);
    hall.says("ann", "/nick ann");
    hall.comes("page", Encoding::Json);
    hall.says("page", "/nick page");
    hall.joins_by_irc("bob", "");
    hall.joins_by_irc("cat", "echo-message");
    hall.joins_by_irc("tim", "server-time");
    hall.clear();
    hall
}

const TIME: &str = "@time=2026-11-26T11:53:04.123Z ";

#[test]
fn all_hear_what_one_says() {
    let mut hall = hall();
    hall.says("ann", "hi");
    hall.says("bob", "PRIVMSG #lobby :\u{2}/quit\u{2} \u{202E}x");
    hall.says("cat", "PRIVMSG #Lobby :\u{1}ACTION waves\u{1}");
    hall.says("tim", "NOTICE #lobby :beep");
    hall.hears(
        "ann",
        &["bob: /quit \u{FFFD}x", "** cat waves", "tim: beep"],
    );
    let ann = ":ann!ann@chinwag PRIVMSG #lobby :hi";
    let bob = ":bob!bob@chinwag PRIVMSG #lobby :/quit \u{FFFD}x";
    let cat = ":cat!cat@chinwag PRIVMSG #lobby :\u{1}ACTION waves\u{1}";
    let tim = ":tim!tim@chinwag NOTICE #lobby :beep";
    hall.hears("bob", &[ann, cat, tim]);
    // It has asked for an echo.
    hall.hears("cat", &[ann, bob, cat, tim]);
    let timed: Vec<String> = [ann, bob, cat].map(|line| format!("{TIME}{line}")).into();
    assert_eq!(hall.told("tim"), timed);
    let page = hall.told("page");
    let kinds = page.iter().filter_map(|text| text.get(9..12));
    assert_eq!(kinds.collect::<Vec<_>>(), ["say", "say", "me\"", "say"]);
}

#[test]
fn private_messages_go_from_each_protocol_to_each() {
    let mut hall = hall();
    for (from, line) in [
        ("ann", "/msg bob 1"),
        ("ann", "/msg page 2"),
        ("page", "/msg ann 3"),
        ("page", "/msg tim 4"),
        ("bob", "PRIVMSG ann,page :5"),
        ("bob", "PRIVMSG cat :\u{1}ACTION nods\u{1}"),
        ("cat", "NOTICE bob :6"),
        ("cat", "PRIVMSG ann :\u{1}ACTION nods\u{1}"),
    ] {
        hall.says(from, line);
    }
    let private = |from: &str, to: &str, text: &str| {
        format!(r#"{{"type":"private","from":"{from}","to":"{to}","text":"{text}"}}"#)
    };
    hall.hears("ann", &["[page] 3", "[bob] 5", "[cat] * cat nods"]);
    hall.hears(
        "page",
        &[
            &private("ann", "page", "2"),
            &private("page", "ann", "3"),
            &private("page", "tim", "4"),
            &private("bob", "page", "5"),
        ],
    );
    let six = ":cat!cat@chinwag NOTICE bob :6";
    hall.hears("bob", &[":ann!ann@chinwag PRIVMSG bob :1", six]);
    hall.hears(
        "cat",
        &[
            ":bob!bob@chinwag PRIVMSG cat :\u{1}ACTION nods\u{1}",
            six,
            ":cat!cat@chinwag PRIVMSG ann :\u{1}ACTION nods\u{1}",
        ],
    );
    let four = format!("{TIME}:page!page@chinwag PRIVMSG tim :4");
    hall.hears("tim", &[&four]);
}

#[test]
fn comings_and_goings_are_told_in_each_protocol() {
    let mut hall = hall();
    hall.says("bob", "NICK rob");
    hall.says("ann", "/nick eve");
    hall.says("cat", "PART #lobby :lunch");
    hall.says("tim", "QUIT :see you");
    hall.is_gone(
        "page",
        Disconnect::Broken(std::io::ErrorKind::ConnectionReset),
    );
    hall.comes("zoe", Encoding::Json);
    hall.hears(
        "ann",
        &[
            "* bob is now rob",
            "* you are now eve",
            "* cat left",
            "* tim left",
            "* page left",
            "* guest3 joined",
        ],
    );
    hall.hears(
        "bob",
        &[
            ":bob!bob@chinwag NICK :rob",
            ":ann!ann@chinwag NICK :eve",
            ":cat!cat@chinwag PART #lobby :lunch",
            ":tim!tim@chinwag QUIT :see you",
            ":page!page@chinwag QUIT :connection lost",
            ":guest3!guest3@chinwag JOIN #lobby",
        ],
    );
    let names = hall.told("zoe").pop();
    let expected = r#"{"type":"names","names":["eve","rob","guest3"]}"#;
    assert_eq!(names.as_deref(), Some(expected));
}

/// Where they are summed up, one line says it in every protocol.
#[test]
fn a_sum_is_a_notice_to_all() {
    let mut hall = Hall::new(Config {
        notices: Notices::Auto,
        ..plain()
    });
    hall.joins_by_irc("bob", "");
    for n in 0..50 {
        hall.comes(&n.to_string(), Encoding::Json);
    }
    hall.clear();
    hall.comes("last", Encoding::Lines);
    hall.waits(ms(999));
    hall.hears("bob", &[]);
    hall.waits(ms(1));
    hall.hears(
        "bob",
        &[":irc.chinwag NOTICE #lobby :2 joined; 52 are here"],
    );
    let told = r#"{"type":"notice","text":"2 joined; 52 are here"}"#;
    assert_eq!(hall.told("7").last().map(String::as_str), Some(told));
}

/// What is told to one about another's absence, in its own words.
#[test]
fn who_is_away_says_why() {
    let mut hall = hall();
    hall.says("bob", "AWAY :at lunch");
    hall.clear();
    hall.says("ann", "/msg bob hi");
    hall.says("page", "/msg bob hi");
    hall.hears("ann", &["* bob is away: at lunch"]);
    let notice = r#"{"type":"notice","text":"bob is away: at lunch"}"#.to_owned();
    assert_eq!(hall.told("page").pop(), Some(notice));
    hall.says("bob", "AWAY");
    hall.says("ann", "/msg bob hi");
    hall.hears("ann", &[]);
}

#[test]
fn a_line_has_the_same_bound_whatever_its_protocol() {
    let mut hall = Hall::new(Config {
        max_message_bytes: 10,
        ..plain()
    });
    hall.joins_by_irc("bob", "");
    hall.comes("ann", Encoding::Lines);
    hall.says("bob", "PRIVMSG #lobby :0123456789");
    hall.says("bob", "PRIVMSG #lobby :0123456789x");
    hall.says("bob", "NOTICE #lobby :0123456789x");
    hall.hears("ann", &["bob: 0123456789"]);
    let notice = ":irc.chinwag NOTICE bob :your line is over 10 bytes; not relayed";
    hall.hears("bob", &[notice]);
}

/// Long texts come in as many lines as IRC needs, and no member's word passes for the server's.
#[test]
fn nobody_forges_a_line() {
    let mut hall = hall();
    hall.says("page", "a\r\n:irc.chinwag 001 bob :x\nQUIT");
    hall.says("ann", "x".repeat(1000));
    let told = hall.told("bob");
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[0].starts_with(":page!page@chinwag PRIVMSG #lobby :a\u{FFFD}\u{FFFD}:irc"));
    for line in &told[1..] {
        assert!(line.starts_with(":ann!ann@chinwag PRIVMSG #lobby :xxx") && line.len() <= 510);
    }
}
