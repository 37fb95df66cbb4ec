//! An IRC client's first minute: capabilities, its name, and the welcome.

use super::irc_client::{Irc, word};
use super::websocket_client::WebSocket;
use super::{bare, line_member, listen, serve};
use crate::harness::Server;
use crate::member::Member;

fn irc() -> Server {
    listen(&["irc:", ""], &["--motd", "be kind\nto others"])
}

#[test]
fn the_welcome_is_what_clients_look_for() {
    let server = irc();
    let mut ann = Irc::to(bare(&server, 0));
    ann.sends("NICK ann");
    ann.sends("USER ann 0 * :Ann");
    let mut lines = Vec::new();
    loop {
        let line = ann.line();
        let is_last = ["376", "422"].contains(&word(&line, 1));
        lines.push(line);
        if is_last {
            break;
        }
    }
    let numerics: Vec<&str> = lines.iter().map(|line| word(line, 1)).collect();
    assert_eq!(numerics[..4], ["001", "002", "003", "004"]);
    for numeric in ["005", "251", "255", "375", "372", "376"] {
        assert!(numerics.contains(&numeric), "{numeric} in {numerics:?}");
    }
    let server_name = word(&lines[0], 0);
    for line in &lines {
        assert!(
            word(line, 0) == server_name && word(line, 2) == "ann",
            "{line}"
        );
    }
    assert!(server_name.starts_with(':') && server_name.len() > 1);
    let motd: Vec<&String> = lines.iter().filter(|line| word(line, 1) == "372").collect();
    assert!(
        motd[0].contains("be kind") && motd[1].contains("to others"),
        "{motd:?}"
    );
    let tokens: Vec<&str> = lines
        .iter()
        .filter(|line| word(line, 1) == "005")
        .flat_map(|line| line.split(' '))
        .collect();
    for token in ["CHANTYPES=#", "UTF8ONLY"] {
        assert!(tokens.contains(&token), "{token} in {tokens:?}");
    }
    for name in [
        "NETWORK=",
        "NICKLEN=",
        "TOPICLEN=",
        "MAXCHANNELS=",
        "CASEMAPPING=",
    ] {
        assert!(
            tokens.iter().any(|token| token.starts_with(name)),
            "{name} in {tokens:?}"
        );
    }
    for line in lines.iter().filter(|line| word(line, 1) == "005") {
        assert!(line.ends_with(":are supported by this server"), "{line}");
        assert!(
            line.split(' ').count() <= 3 + 13 + 5,
            "13 tokens a line: {line}"
        );
    }
}

#[test]
fn capabilities_are_listed_asked_for_and_given() {
    let server = irc();
    let mut ann = Irc::to(bare(&server, 0));
    ann.sends("CAP LS 302");
    let listed = ann.line();
    assert_eq!(
        (word(&listed, 1), word(&listed, 2), word(&listed, 3)),
        ("CAP", "*", "LS"),
        "{listed}"
    );
    let caps = listed.split_once(" :").unwrap().1;
    for cap in ["server-time", "echo-message"] {
        assert!(caps.split(' ').any(|word| word == cap), "{listed}");
    }
    ann.sends("NICK ann");
    ann.sends("USER ann 0 * :Ann");
    // Nothing more until CAP END, however long it takes.
    assert!(
        !ann.peer
            .anything_within(std::time::Duration::from_millis(300))
    );
    ann.sends("CAP REQ :server-time echo-message");
    let told = ann.line();
    assert!(
        word(&told, 3) == "ACK" && told.contains("server-time") && told.contains("echo-message"),
        "{told}"
    );
    ann.sends("CAP REQ :server-time sasl");
    let told = ann.line();
    assert!(word(&told, 3) == "NAK" && told.contains("sasl"), "{told}");
    ann.sends("CAP REQ :-echo-message");
    let told = ann.line();
    assert!(
        word(&told, 3) == "ACK" && told.contains("-echo-message"),
        "{told}"
    );
    ann.sends("CAP LIST");
    let told = ann.line();
    assert!(
        word(&told, 3) == "LIST" && told.contains("server-time") && !told.contains("echo-message"),
        "{told}"
    );
    ann.sends("CAP NONSENSE");
    assert_eq!(word(&ann.line(), 1), "410");
    ann.sends("CAP END");
    ann.until(" 001 ann ");
    ann.until_any(&[" 376 ", " 422 "]);
    // Later too, and without a second welcome.
    ann.sends("CAP LS");
    assert_eq!(word(&ann.line(), 3), "LS");
    ann.sends("CAP REQ echo-message");
    assert_eq!(word(&ann.line(), 3), "ACK");
    assert!(ann.asks("CAP END").is_empty());
}

#[test]
fn a_client_that_asks_for_none_is_welcome_in_any_order() {
    let server = irc();
    for (number, opening) in [
        "NICK N|USER a 0 * :A",
        "USER a 0 * :A|NICK N",
        "PASS any|NICK N|USER a 0 * :A",
        "nick N|user a 0 * A",
    ]
    .into_iter()
    .enumerate()
    {
        let nick = format!("ann{number}");
        let mut client = Irc::to(bare(&server, 0));
        for line in opening.replace('N', "\u{0}").split('|') {
            let line = line.replace("\u{0}ICK", "NICK").replace('\u{0}', &nick);
            client.sends(&line);
        }
        client.until(&format!(" 001 {nick} "));
    }
}

#[test]
fn a_nick_that_is_taken_is_433_in_any_form_before_registration_too() {
    let server = irc();
    let _ann = line_member(&server, 1, "ann");
    let _bob = WebSocket::named(bare(&server, 1), "bob");
    let _eve = Irc::registers(bare(&server, 0), "eve");
    let _big = Irc::registers(bare(&server, 0), "Straße");
    let mut new = Irc::to(bare(&server, 0));
    new.sends("USER new 0 * :New");
    for nick in [
        "ann",
        "ANN",
        "Ann",
        "аnn",
        "ａｎｎ",
        "bob",
        "BOB",
        "ｂｏｂ",
        "bоb",
        "eve",
        "EVE",
        "еvе",
        "straße",
        "STRASSE",
    ] {
        new.sends(&format!("NICK {nick}"));
        let told = new.line();
        assert_eq!(
            (word(&told, 1), word(&told, 2), word(&told, 3)),
            ("433", "*", nick),
            "{told}"
        );
    }
    new.sends("NICK joe");
    new.until(" 001 joe ");
    new.until_any(&[" 376 ", " 422 "]);
    for nick in ["ann", "ａｎｎ", "еvе"] {
        new.sends(&format!("NICK {nick}"));
        let told = new.line();
        assert_eq!(
            (word(&told, 1), word(&told, 2), word(&told, 3)),
            ("433", "joe", nick),
            "{told}"
        );
    }
    // To its own in another case is a change like any other.
    new.sends("NICK JOE");
    assert_eq!(word(&new.line(), 1), "NICK");
    // Of two that want the same, the first to register has it.
    let (mut one, mut two) = (Irc::to(bare(&server, 0)), Irc::to(bare(&server, 0)));
    two.sends("NICK same");
    two.asks("CAP LS");
    one.sends("NICK same");
    one.sends("USER one 0 * :One");
    one.until(" 001 same ");
    two.sends("USER two 0 * :Two");
    two.sends("CAP END");
    assert_eq!(word(&two.line(), 1), "433");
    // Who leaves gives it back.
    one.sends("QUIT");
    while one.next_line().is_some() {}
    two.sends("NICK same");
    two.until(" 001 same ");
}

#[test]
fn a_nick_that_is_bad_is_432_and_none_is_431() {
    let server = irc();
    let mut new = Irc::to(bare(&server, 0));
    new.sends("USER new 0 * :New");
    for nick in [
        "#lobby",
        "a!b",
        "a@b",
        "a.b",
        "*",
        ":",
        "x".repeat(33).as_str(),
        "a\u{202e}b",
        "::",
    ] {
        new.sends(&format!("NICK {nick}"));
        let told = new.line();
        assert!(["432", "431"].contains(&word(&told, 1)), "{nick:?}: {told}");
    }
    new.sends("NICK");
    assert_eq!(word(&new.line(), 1), "431");
    new.sends("NICK :");
    assert!(["432", "431"].contains(&word(&new.line(), 1)));
    new.sends("NICK Łukasz");
    new.until(" 001 Łukasz ");
}

#[test]
fn before_registration_little_is_allowed_and_afterwards_it_is_over() {
    let server = irc();
    let mut ann = Irc::to(bare(&server, 0));
    for line in [
        "JOIN #lobby",
        "PRIVMSG #lobby :hi",
        "WHO #lobby",
        "NAMES #lobby",
        "LIST",
        "TOPIC #lobby",
        "WHOIS x",
    ] {
        ann.sends(line);
        assert_eq!(word(&ann.line(), 1), "451", "{line}");
    }
    ann.sends("USER");
    assert_eq!(word(&ann.line(), 1), "461");
    ann.sends("PING abc");
    assert!(
        ann.line().contains("PONG"),
        "irssi asks before it is welcome"
    );
    ann.sends("NICK ann");
    ann.sends("USER ann 0 * :Ann");
    ann.until_any(&[" 376 ", " 422 "]);
    assert_eq!(ann.numerics("USER ann 0 * :Ann"), ["462"]);
    assert_eq!(ann.numerics("PASS x"), ["462"]);
    assert_eq!(ann.numerics("FOO bar"), ["421"]);
    assert_eq!(ann.numerics("PRIVMSG"), ["411"]);
    assert_eq!(ann.numerics("PRIVMSG #lobby"), ["412"]);
    assert_eq!(ann.numerics("JOIN"), ["461"]);
}

#[test]
fn nobody_hears_of_a_client_that_has_not_joined() {
    let server = serve(&["--notices", "on"]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    ann.is_told("is now bob");
    let mut eve = Irc::registers(server.address(), "eve");
    assert!(
        eve.asks("PRIVMSG #lobby :can you hear me")
            .iter()
            .all(|line| word(line, 1) == "404")
    );
    eve.sends("NICK eva");
    assert_eq!(word(&eve.line(), 1), "NICK");
    ann.hears_nothing_before(&mut bob, "quiet");
    // Nor does it hear the others. Private messages reach it, for it has a name.
    ann.says("/msg eva psst");
    assert_eq!(eve.hears(), ("ann".into(), "eva".into(), "psst".into()));
    drop(eve);
    ann.hears_nothing_before(&mut bob, "still quiet");
}
