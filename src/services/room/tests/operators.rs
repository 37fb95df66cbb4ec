//! Operators: who is one, what they may do, and to whom that is told.

use super::hall::Hall;
use super::*;
use crate::addr::Peer;
use crate::protocol::Encoding;

/// With ann, an operator, bob and eve, who speak lines, a page, and cat, who speaks IRC; each from
/// an address of its own.
fn hall() -> Hall {
    hall_with(Notices::Off)
}

fn hall_with(notices: Notices) -> Hall {
    let mut hall = Hall::new(Config {
        notices,
        operator_password: Some(Password::new(b"sesame").unwrap()),
        ..plain()
    });
    let all = [
        ("ann", Encoding::Lines),
        ("bob", Encoding::Lines),
        ("eve", Encoding::Lines),
        ("page", Encoding::Json),
    ];
    for (number, (name, encoding)) in all.into_iter().enumerate() {
        hall.peer = tcp(&format!("10.0.0.{}:1", number + 1));
        hall.comes(name, encoding);
        hall.says(name, format!("/nick {name}"));
    }
    hall.peer = tcp("[2001:db8::5]:1");
    hall.joins_by_irc("cat", "");
    hall.says("ann", "/op sesame");
    hall.clear();
    hall
}

fn tcp(address: &str) -> Peer {
    Peer::Tcp(address.parse().unwrap())
}

/// What a banned client is told, in the three ways.
fn comes_banned(hall: &mut Hall, from: &str) {
    hall.peer = tcp(from);
    for (encoding, told) in [
        (Encoding::Lines, &["* you are banned"] as &[_]),
        (Encoding::Json, &["close 1008"]),
        (
            Encoding::Irc,
            &[
                ":irc.chinwag 465 * :you are banned",
                "ERROR :you are banned",
            ],
        ),
    ] {
        hall.comes("again", encoding);
        hall.hears("again", told);
        assert!(hall.is_closed("again"));
        hall.is_gone("again", Disconnect::Eof);
    }
}

#[test]
fn nobody_does_what_only_an_operator_may_before_the_password() {
    let mut hall = hall();
    for line in [
        "/kick ann",
        "/ban ann",
        "/ban 10.0.0.1",
        "/unban x",
        "/bans",
        "/mute ann",
        "/unmute ann",
    ] {
        hall.says("bob", line);
        let told = "* only an operator may do that: /op PASSWORD";
        hall.hears("bob", &[told]);
    }
    hall.says("cat", "KICK #lobby ann");
    let told = ":irc.chinwag 482 cat #lobby :you are not an operator there";
    hall.hears("cat", &[told]);
    hall.hears("ann", &[]);
    // It goes with the client, not with the name.
    hall.says("ann", "/nick ada");
    hall.says("bob", "/nick ann");
    hall.says("bob", "/bans");
    hall.says("ann", "/bans");
    hall.hears("ann", &["* you are now ada", "* nobody is banned"]);
    let mut none = Hall::new(plain());
    none.comes("ann", Encoding::Lines);
    none.says("ann", "/op sesame");
    none.hears("ann", &["* there are no operators here"]);
    none.joins_by_irc("cat", "");
    none.says("cat", "OPER cat sesame");
    none.hears(
        "cat",
        &[":irc.chinwag 491 cat :there are no operators here"],
    );
}

#[test]
fn three_wrong_passwords_close() {
    let mut hall = hall();
    hall.says("bob", "/op Sesame");
    hall.says("bob", "/op open");
    assert!(!hall.is_closed("bob"));
    hall.says("bob", "/op");
    hall.says("bob", "/op x");
    let told = [
        "* wrong password",
        "* wrong password",
        "* usage: /op PASSWORD",
        "* wrong password",
        "* too many wrong passwords",
    ];
    hall.hears("bob", &told);
    assert!(hall.is_closed("bob"));
    hall.says("cat", "OPER cat");
    hall.says("cat", "OPER cat wrong");
    hall.says("cat", "OPER cat sesame");
    let told = [
        ":irc.chinwag 461 cat OPER :not enough parameters",
        ":irc.chinwag 464 cat :that password is wrong",
        ":irc.chinwag 381 cat :you are an operator now",
        ":irc.chinwag MODE cat :+o",
    ];
    hall.hears("cat", &told);
    // Nobody else has heard any of that.
    hall.hears("eve", &[]);
}

#[test]
fn a_kick_ends_a_member_and_is_told() {
    let mut hall = hall();
    hall.says("ann", "/kick nobody");
    hall.hears("ann", &["* there is no nobody here"]);
    hall.says("eve", "/join games");
    hall.says("ann", "/kick BOB be nice");
    hall.says("ann", "/kick page");
    hall.says("ann", "/kick eve");
    hall.says("ann", "/kick cat");
    let told = [
        "* ann kicked bob: be nice",
        "* ann kicked page",
        "* ann kicked eve",
        "* ann kicked cat",
    ];
    hall.hears("ann", &told);
    hall.hears("bob", &[told[0], "* kicked by ann: be nice"]);
    let eve = [
        "* you are in games; others here: 0",
        told[2],
        "* kicked by ann",
    ];
    hall.hears("eve", &eve);
    assert_eq!(hall.told("page").last().unwrap(), "close 1008");
    let cat = hall.told("cat");
    let cat: Vec<&str> = cat.iter().map(String::as_str).collect();
    let expected = [
        ":ann!ann@chinwag KICK #lobby bob :be nice",
        ":ann!ann@chinwag KICK #lobby page",
        // She is in another channel.
        ":irc.chinwag NOTICE #lobby :ann kicked eve",
        ":ann!ann@chinwag KICK #lobby cat",
        "ERROR :kicked by ann",
    ];
    assert_eq!(cat, expected);
    for name in ["bob", "page", "eve", "cat"] {
        assert!(hall.is_closed(name), "{name}");
    }
    // It may come again.
    hall.comes("bob2", Encoding::Lines);
    hall.says("bob2", "/nick bob");
    hall.hears("bob2", &["* you are now bob"]);
}

#[test]
fn an_operator_of_irc_kicks_by_its_own_command() {
    let mut hall = hall();
    hall.says("cat", "OPER cat sesame");
    hall.clear();
    hall.says("page", "/join games");
    hall.clear();
    for (line, answer) in [
        ("KICK #lobby", "461 cat KICK :not enough parameters"),
        ("KICK #none bob", "403 cat #none :no such channel"),
        (
            "KICK #lobby page",
            "441 cat page #lobby :they are not in that channel",
        ),
        ("KICK #lobby nobody", "401 cat nobody :no such nick"),
    ] {
        hall.says("cat", line);
        hall.hears("cat", &[&format!(":irc.chinwag {answer}")]);
    }
    hall.says("cat", "KICK #Lobby bob :be nice");
    hall.hears("eve", &["* cat kicked bob: be nice"]);
    assert!(hall.is_closed("bob"));
    // The room's own commands, as clients send what they do not know themselves.
    hall.says("cat", "mute eve :10s");
    hall.says("cat", "BAN 10.0.0.77 2h");
    let told = ["* cat muted eve for 10s", "* cat banned 10.0.0.77 for 2h"];
    hall.hears("eve", &told);
    hall.clear();
    hall.says("cat", "BANS");
    hall.says("cat", "MUTE");
    let told = [
        ":irc.chinwag NOTICE cat :10.0.0.77: 7200 s left",
        ":irc.chinwag NOTICE cat :usage: /mute NAME [TIME]",
    ];
    hall.hears("cat", &told);
}

#[test]
fn a_ban_is_of_a_name_and_of_its_address() {
    let mut hall = hall();
    hall.says("ann", "/ban bob 2h");
    hall.says("ann", "/ban cat");
    hall.hears("ann", &["* ann banned bob for 2h", "* ann banned cat"]);
    assert_eq!(hall.told("bob")[1..], ["* you are banned"]);
    assert_eq!(hall.told("cat").last().unwrap(), "ERROR :you are banned");
    for address in ["10.0.0.2:9", "[::ffff:10.0.0.2]:9", "[2001:db8::99]:9"] {
        comes_banned(&mut hall, address);
    }
    hall.peer = tcp("10.0.0.9:1");
    hall.comes("other", Encoding::Lines);
    for name in ["bob", "B0B"] {
        hall.says("other", format!("/nick {name}"));
        hall.hears("other", &["* that name is banned"]);
    }
    hall.comes("irc", Encoding::Irc);
    hall.says("irc", "NICK BOB");
    hall.hears("irc", &[":irc.chinwag 432 * BOB :that name is banned"]);
    hall.says("ann", "/bans");
    hall.says("ann", "/unban bob");
    hall.says("ann", "/unban bob");
    hall.hears(
        "ann",
        &[
            "* bob (10.0.0.2): 7200 s left",
            "* cat (2001:db8::/64)",
            "* ann lifted the ban of bob",
            "* bob is not banned; see /bans",
        ],
    );
    hall.peer = tcp("10.0.0.2:9");
    hall.comes("bob", Encoding::Lines);
    hall.says("bob", "/nick bob");
    hall.hears(
        "bob",
        &["* ann lifted the ban of bob", "* you are now bob"][1..],
    );
}

#[test]
fn a_ban_of_an_address_ends_all_from_there_but_operators() {
    let mut hall = hall();
    hall.peer = tcp("10.0.0.2:7");
    hall.comes("bob2", Encoding::Lines);
    hall.says("eve", "/op sesame");
    for (line, answer) in [
        (
            "/ban 10.0.0.2 soon",
            "* that is no length of time; 30s, 10m and 2h are",
        ),
        ("/ban 10.0.0.2", "* ann banned 10.0.0.2"),
        ("/ban 10.0.0.3 10m", "* ann banned 10.0.0.3 for 10m"),
        ("/ban a*", "* nicks have only letters, digits, _ and -"),
    ] {
        hall.says("ann", line);
        hall.hears("ann", &[answer]);
    }
    assert!(hall.is_closed("bob") && hall.is_closed("bob2") && !hall.is_closed("eve"));
    comes_banned(&mut hall, "10.0.0.3:5");
}

#[test]
fn a_mute_follows_a_rename_until_its_time() {
    let mut hall = hall();
    hall.says("ann", "/mute bob 10s");
    hall.says("bob", "/nick rob");
    hall.clear();
    for line in [
        "hi",
        "/me waves",
        "/msg eve hi",
        "/topic mine",
        "/away mine",
    ] {
        hall.says("bob", line);
        hall.hears("bob", &["* an operator has muted you; not relayed"]);
    }
    hall.hears("eve", &[]);
    hall.waits(ms(10_000));
    hall.says("bob", "at last");
    hall.hears("eve", &["rob: at last"]);
    hall.says("ann", "/mute rob");
    hall.says("bob", "hi");
    hall.says("ann", "/unmute rob");
    hall.says("ann", "/unmute rob");
    hall.says("bob", "again");
    let eve = ["* ann muted rob", "* ann let rob speak again", "rob: again"];
    hall.hears("eve", &eve);
    hall.says("cat", "OPER cat sesame");
    hall.says("ann", "/mute cat");
    hall.clear();
    hall.says("cat", "PRIVMSG #lobby :hi");
    hall.hears(
        "cat",
        &[":irc.chinwag NOTICE cat :an operator has muted you; not relayed"],
    );
}

#[test]
fn what_a_muted_one_says_on_leaving_is_not_told() {
    let mut hall = hall_with(Notices::On);
    hall.joins_by_irc("dog", "");
    hall.says("ann", "/mute cat");
    hall.clear();
    hall.says("cat", "PART #lobby :so there");
    hall.says("cat", "QUIT :so there");
    assert_eq!(hall.told("dog"), [":cat!cat@chinwag PART #lobby"]);
    hall.says("ann", "/kick dog bye");
    let told = ["* ann kicked dog: bye", "* dog left"];
    assert_eq!(hall.told("eve")[1..], told);
}

/// A guest is not given a name that is banned: after a restart guests are counted from one again.
#[test]
fn no_guest_gets_a_banned_name() {
    let mut hall = hall();
    hall.says("ann", "/ban guest5");
    hall.peer = tcp("10.0.0.9:1");
    hall.comes("new", Encoding::Json);
    let told = &hall.told("new")[0];
    assert_eq!(told, r#"{"type":"you","name":"guest6"}"#);
}

#[test]
fn who_has_not_come_in_commands_nothing() {
    let mut hall = Hall::new(Config {
        password: Some(Password::new(b"open").unwrap()),
        operator_password: Some(Password::new(b"sesame").unwrap()),
        ..plain()
    });
    hall.comes("ann", Encoding::Lines);
    hall.says("ann", "/pass open");
    hall.clear();
    hall.comes("bob", Encoding::Lines);
    hall.comes("page", Encoding::Json);
    hall.comes("irc", Encoding::Irc);
    hall.clear();
    for line in ["/op sesame", "/kick guest1", "/ban 10.0.0.1"] {
        for name in ["bob", "page"] {
            hall.says(name, line);
            let told = hall.told(name).concat();
            assert!(told.contains("this room has a password"), "{told}");
        }
    }
    for line in ["OPER irc sesame", "KICK #lobby guest1", "BAN guest1"] {
        hall.says("irc", line);
        let told = ":irc.chinwag 451 * :you have not registered";
        hall.hears("irc", &[told]);
    }
    // What was said before it is no operator's.
    hall.says("bob", "/pass open");
    hall.says("bob", "/kick guest1");
    let told = hall.told("bob").concat();
    assert!(told.ends_with("only an operator may do that: /op PASSWORD"));
    assert!(!hall.is_closed("ann"));
}

#[test]
fn what_is_said_is_no_command() {
    let mut hall = hall();
    hall.says("cat", "OPER cat sesame");
    hall.clear();
    hall.says("cat", "PRIVMSG #lobby :/kick bob");
    hall.says("ann", "//kick bob");
    hall.says("ann", " /kick bob");
    let told = ["cat: /kick bob", "ann: /kick bob", "ann:  /kick bob"];
    hall.hears("bob", &told);
    hall.comes("late", Encoding::Lines);
    assert!(!hall.is_closed("bob"));
}
