//! Talk between IRC clients and the others: what is split, what comes back, what has a time.

use super::irc_client::{Irc, said, word};
use super::serve;
use super::websocket_client::WebSocket;
use crate::member::Member;

/// The texts of PRIVMSG lines up to and with the one that ends with `last`.
#[track_caller]
fn texts(client: &mut Irc, last: &str) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        let (_, _, text) = client.hears();
        let is_last = text.trim_end_matches('\u{1}').ends_with(last);
        texts.push(text);
        if is_last {
            return texts;
        }
    }
}

#[test]
fn longer_texts_from_elsewhere_are_split_between_characters() {
    let server = serve(&["--max-message", "8k"]);
    let mut ann = Member::joins(&server, "ann");
    let mut eve = Irc::joins(server.address(), "eve");
    let mut bob = WebSocket::named(server.address(), "bob");
    for text in [
        "x".repeat(1000),
        "word ".repeat(300),
        "é".repeat(1000),
        "世界".repeat(600),
        "👩‍👩‍👧".repeat(200),
        format!("a{}", "🦀".repeat(900)),
        "x".repeat(450),
        "\u{301}".repeat(1000),
    ] {
        // `line` has looked at the length of each. A space may be where they part.
        let text = text.trim();
        ann.says(&format!("{text}END"));
        let parts = texts(&mut eve, "END");
        let joined = parts.concat();
        let squeezed = |text: &str| text.replace(' ', "");
        assert_eq!(squeezed(&joined), squeezed(&format!("{text}END")));
        assert!(
            parts.len() <= text.len() / 300 + 1,
            "{} parts of {} bytes",
            parts.len(),
            text.len()
        );
        bob.says(&format!("/msg eve {text}END"));
        assert_eq!(
            squeezed(&texts(&mut eve, "END").concat()),
            squeezed(&format!("{text}END"))
        );
        // A long one is several whole actions.
        bob.says(&format!("/me {text}END"));
        let actions = texts(&mut eve, "END");
        let inner = actions.iter().map(|action| {
            let inner = action
                .strip_prefix("\u{1}ACTION ")
                .and_then(|rest| rest.strip_suffix('\u{1}'));
            inner
                .unwrap_or_else(|| panic!("a whole action: {action:?}"))
                .to_owned()
        });
        assert_eq!(
            squeezed(&inner.collect::<String>()),
            squeezed(&format!("{text}END"))
        );
    }
}

#[test]
fn an_action_is_a_me_and_a_long_one_too() {
    let server = serve(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = WebSocket::named(server.address(), "bob");
    let mut eve = Irc::joins(server.address(), "eve");
    let mut joe = Irc::joins(server.address(), "joe");
    eve.says("\u{1}ACTION waves\u{1}");
    ann.hears("** eve waves");
    assert_eq!(bob.until("me")["text"], "waves");
    assert_eq!(joe.hears().2, "\u{1}ACTION waves\u{1}");
    // Without the last mark, as some clients cut it.
    eve.says("\u{1}ACTION nods");
    ann.hears("** eve nods");
    ann.says("/me laughs");
    assert_eq!(joe.hears().2, "\u{1}ACTION nods\u{1}");
    for client in [&mut eve, &mut joe] {
        assert_eq!(
            client.hears(),
            (
                "ann".into(),
                "#lobby".into(),
                "\u{1}ACTION laughs\u{1}".into()
            )
        );
    }
    // Almost as long as a line may be: the echo of it to others may need two.
    let long = "y".repeat(477) + "END";
    eve.says(&format!("\u{1}ACTION {long}\u{1}"));
    ann.hears(&format!("** eve {long}"));
    let parts = texts(&mut joe, "END");
    assert!(
        parts
            .iter()
            .all(|part| part.starts_with("\u{1}ACTION ") && part.ends_with('\u{1}')),
        "{parts:?}"
    );
}

#[test]
fn other_requests_to_a_client_drive_nobodys_screen() {
    let server = serve(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut eve = Irc::joins(server.address(), "eve");
    eve.says("\u{1}VERSION\u{1}");
    eve.says("\u{3}04red \u{2}bold\u{f}");
    eve.says("plain");
    loop {
        let line = ann.next();
        assert!(!line.chars().any(char::is_control), "{line:?}");
        if line == "eve: plain" {
            break;
        }
    }
}

#[test]
fn what_is_said_does_not_come_back_unless_that_was_asked_for() {
    let server = serve(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut eve = Irc::joins(server.address(), "eve");
    let mut joe = Irc::with_caps(server.address(), "joe", "echo-message server-time");
    joe.sends("JOIN #lobby");
    joe.until(" 366 ");
    eve.says("mine");
    joe.says("and mine");
    ann.hears("eve: mine");
    ann.hears("joe: and mine");
    assert_eq!(eve.hears().2, "and mine");
    let mine = joe.until(" PRIVMSG ");
    assert_eq!(said(&mine), ("eve".into(), "#lobby".into(), "mine".into()));
    let own = joe.until(" PRIVMSG ");
    assert_eq!(
        said(&own),
        ("joe".into(), "#lobby".into(), "and mine".into())
    );
    for line in [&mine, &own] {
        let time = line
            .strip_prefix("@time=")
            .unwrap_or_else(|| panic!("{line}"));
        assert!(
            time.as_bytes()[23] == b'Z'
                && time.as_bytes()[10] == b'T'
                && time.as_bytes()[24] == b' ',
            "{line}"
        );
    }
    // Private ones too.
    joe.sends("PRIVMSG ann :psst");
    assert_eq!(joe.hears(), ("joe".into(), "ann".into(), "psst".into()));
    ann.hears("[joe] psst");
    joe.sends("PRIVMSG joe :to myself");
    assert_eq!(joe.hears().2, "to myself");
}

#[test]
fn history_comes_with_the_time_of_then_to_those_who_understand_it() {
    let server = serve(&["--history", "5"]);
    let mut ann = Member::joins(&server, "ann");
    for text in ["one", "two", "/me waves"] {
        ann.says(text);
    }
    let mut bob = WebSocket::named(server.address(), "bob");
    ann.says("marker");
    bob.talk();
    let mut eve = Irc::with_caps(server.address(), "eve", "server-time");
    eve.sends("JOIN #lobby");
    let heard: Vec<String> = (0..4).map(|_| eve.until(" PRIVMSG #lobby ")).collect();
    assert!(
        heard.iter().all(|line| line.starts_with("@time=20")),
        "{heard:?}"
    );
    assert!(
        heard[0].contains(":ann!") && heard[0].ends_with(":one"),
        "{heard:?}"
    );
    assert!(heard[2].ends_with(":\u{1}ACTION waves\u{1}"), "{heard:?}");
    // The room's times: a page is told the same.
    let mut joe = Irc::joins(server.address(), "joe");
    let lines = joe.asks("PING x");
    assert!(lines.iter().all(|line| !line.starts_with('@')), "{lines:?}");
}

#[test]
fn names_are_told_as_irc_tells_them() {
    let server = serve(&["--notices", "on"]);
    let mut eve = Irc::joins(server.address(), "eve");
    let mut ann = Member::joins(&server, "ann");
    let joined = eve.until(" JOIN ");
    assert!(
        joined.starts_with(":guest") && joined.ends_with("#lobby"),
        "{joined}"
    );
    let renamed = eve.until(" NICK ");
    assert!(
        renamed.starts_with(":guest") && renamed.trim_end().ends_with("ann"),
        "{renamed}"
    );
    eve.sends("NICK eva");
    let own = eve.until(" NICK ");
    assert!(own.starts_with(":eve!") && own.ends_with("eva"), "{own}");
    ann.is_told("eve is now eva");
    ann.says("hi eva");
    assert_eq!(eve.hears().0, "ann");
    ann.says("/quit");
    let left = eve.until_any(&[" QUIT", " PART "]);
    assert!(left.starts_with(":ann!"), "{left}");
}

#[test]
fn a_line_that_is_too_long_or_no_utf8_harms_nobody() {
    let server = serve(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut eve = Irc::joins(server.address(), "eve");
    eve.says(&"x".repeat(2000));
    eve.says("after it");
    let line = ann.next();
    if line != "eve: after it" {
        assert!(line.starts_with("eve: xxx") && line.len() < 520, "{line}");
        ann.hears("eve: after it");
    }
    // Refused, as UTF8ONLY has it, or harmless.
    eve.peer.send(b"PRIVMSG #lobby :caf\xe9\r\n");
    eve.says("after that");
    let line = ann.next();
    if line != "eve: after that" {
        assert_eq!(line, "eve: caf\u{fffd}");
        ann.hears("eve: after that");
    }
    // Empty lines, tags, a source of its own, spaces, lower case, a bare line feed.
    eve.peer
        .send("\r\n\n   \r\n@a=b;c :eve!x@y privmsg  #LOBBY  :all fine\n");
    ann.hears("eve: all fine");
    eve.peer.send("PRIVMSG #lobby one-word\r\n");
    ann.hears("eve: one-word");
    eve.sends("PRIVMSG #lobby,ann :two targets");
    let line = ann.next();
    assert!(line.contains("two targets"), "{line}");
    // `/` is IRC's own: what is said is said.
    let mut joe = Irc::joins(server.address(), "joe");
    joe.says("/quit");
    assert!(ann.next().contains("/quit") || ann.next().contains("/quit"));
    let last = joe.asks("NONSENSE").pop().unwrap();
    assert_eq!(word(&last, 1), "421");
}
