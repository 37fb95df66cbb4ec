//! Lines of clients, what they mean and what they are answered; events and their lines.

mod outgoing;

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;

/// What a session answers to lines by itself, and the commands that they are.
fn run(session: &mut Session, lines: &[&str]) -> Vec<String> {
    let mut said = Vec::new();
    for line in lines {
        let mut out = Vec::new();
        let command = session.on_line(line.as_bytes(), &mut out);
        said.extend(text(&out).lines().map(str::to_owned));
        if let Some(Request::Nick(nick)) = command {
            session.set_nick(nick);
        }
        said.extend(command.map(|command| format!("{command:?}")));
        if let Some(Registration { nick, real_name }) = session.registration() {
            said.push(format!("{nick} ({real_name}) is in"));
        }
    }
    said
}

fn member() -> Session {
    let mut session = Session::default();
    run(&mut session, &["NICK ann", "USER ann 0 * :Ann"]);
    session
}

fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(text.is_empty() || text.ends_with("\r\n"));
    for line in text.split_terminator("\r\n") {
        assert!(!line.contains(['\r', '\n']), "{line:?}");
        let body = line.strip_prefix("@time=now ").unwrap_or(line);
        assert!(body.len() <= 510, "{} bytes: {body:?}", body.len());
    }
    text
}

/// As irssi, weechat and HexChat do it, and worse.
#[test]
fn a_client_registers() {
    let all: &[(&[&str], &[&str])] = &[
        (
            &["NICK ann", "USER ann 0 * :Ann Example"],
            &["Nick(\"ann\")", "ann (Ann Example) is in"],
        ),
        (
            &["USER ann 0 * :", "nick ann"],
            &["Nick(\"ann\")", "ann () is in"],
        ),
        (
            &[
                "CAP LS 302",
                "JOIN :",
                "NICK ann",
                "USER ann ann chat.example :Ann",
                "CAP REQ :server-time echo-message",
                "CAP LIST",
                "CAP END",
            ],
            &[
                ":irc.chinwag CAP * LS :server-time echo-message",
                ":irc.chinwag 451 * :you have not registered",
                "Nick(\"ann\")",
                ":irc.chinwag CAP ann ACK :server-time echo-message",
                ":irc.chinwag CAP ann LIST :server-time echo-message",
                "ann (Ann) is in",
            ],
        ),
        (
            &["CAP REQ :server-time sasl", "CAP LIST", "CAP WHAT", "CAP"],
            &[
                ":irc.chinwag CAP * NAK :server-time sasl",
                ":irc.chinwag CAP * LIST :",
                ":irc.chinwag 410 * WHAT :invalid CAP command",
                ":irc.chinwag 410 * * :invalid CAP command",
            ],
        ),
        (
            &[
                "PRIVMSG #lobby :hi",
                "NICK",
                "USER ann",
                "PASS",
                "PING",
                "PING x y",
                "PONG",
                "WHAT",
                "",
                " ",
            ],
            &[
                ":irc.chinwag 451 * :you have not registered",
                ":irc.chinwag 431 * :no nickname given",
                ":irc.chinwag 461 * USER :not enough parameters",
                ":irc.chinwag 461 * PASS :not enough parameters",
                ":irc.chinwag 409 * :no origin specified",
                ":irc.chinwag PONG irc.chinwag :x",
                ":irc.chinwag 421 * WHAT :unknown command",
            ],
        ),
        (&["QUIT :bye"], &["Quit(Some(\"bye\"))"]),
    ];
    for (lines, expected) in all {
        assert_eq!(&run(&mut Session::default(), lines), expected, "{lines:?}");
    }
}

#[test]
fn a_password_is_kept_for_who_asks() {
    let mut session = Session::default();
    run(&mut session, &["PASS :very secret", "NICK ann"]);
    assert!(!format!("{session:?}").contains("secret"));
    assert_eq!(session.take_password().as_deref(), Some("very secret"));
    assert_eq!(session.take_password(), None);
    let late = run(&mut member(), &["PASS x", "USER a 0 * :b"]);
    assert_eq!(
        late,
        [":irc.chinwag 462 ann :you are registered already"; 2]
    );
}

#[test]
fn capabilities_may_be_given_back() {
    let mut session = member();
    run(
        &mut session,
        &["CAP REQ :server-time echo-message", "CAP REQ -echo-message"],
    );
    let expected = Capabilities {
        server_time: true,
        echo_message: false,
    };
    assert_eq!(session.capabilities(), expected);
}

#[track_caller]
fn check(all: &[(&str, Request<'_>)]) {
    for (line, expected) in all {
        let mut out = Vec::new();
        let command = member().on_line(line.as_bytes(), &mut out);
        assert_eq!(command.as_ref(), Some(expected), "{line:?}");
        assert_eq!(text(&out), "", "{line:?}");
    }
}

#[test]
fn what_is_said_becomes_a_message() {
    let message = |kind, targets, text: &'static str| Request::Message {
        kind,
        targets,
        text: Cow::Borrowed(text),
    };
    let said = |text| message(Kind::Say, "#lobby", text);
    let all: &[(&str, Request<'_>)] = &[
        ("PRIVMSG #lobby :hi there", said("hi there")),
        ("privmsg #lobby hi", said("hi")),
        (
            "@+typing=active;a=b :forged!x@y PRIVMSG   #lobby  ::)",
            said(":)"),
        ),
        (
            "PRIVMSG #lobby,bob :hi",
            message(Kind::Say, "#lobby,bob", "hi"),
        ),
        ("NOTICE bob :hi", message(Kind::Notice, "bob", "hi")),
        (
            "PRIVMSG #lobby :\u{1}ACTION waves\u{1}",
            message(Kind::Act, "#lobby", "waves"),
        ),
        (
            "PRIVMSG #lobby :\u{1}ACTION waves",
            message(Kind::Act, "#lobby", "waves"),
        ),
        (
            "PRIVMSG #lobby :\u{2}bold\u{f} \u{3}4,12red\u{3} \u{3}044\u{4}ff0000x",
            said("bold red 4x"),
        ),
        ("PRIVMSG #lobby :\u{3},5 \u{3}1,a", said(",5 ,a")),
        ("PRIVMSG #lobby :hi\r", said("hi")),
    ];
    check(all);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn lines_become_commands() {
    let all: &[(&str, Request<'_>)] = &[
        ("NICK bob", Request::Nick("bob")),
        (
            "JOIN #lobby,#b key",
            Request::Join {
                channels: "#lobby,#b",
            },
        ),
        (
            "JOIN 0",
            Request::Part {
                channels: None,
                reason: None,
            },
        ),
        (
            "PART #lobby :see you",
            Request::Part {
                channels: Some("#lobby"),
                reason: Some("see you"),
            },
        ),
        ("NAMES", Request::Names(None)),
        ("NAMES #lobby", Request::Names(Some("#lobby"))),
        (
            "WHO #lobby %chtsunfra,152",
            Request::Who {
                mask: Some("#lobby"),
                operators: false,
            },
        ),
        (
            "WHO #lobby o",
            Request::Who {
                mask: Some("#lobby"),
                operators: true,
            },
        ),
        ("WHOWAS ann", Request::Whowas("ann")),
        ("WHOIS bob", Request::Whois("bob")),
        ("WHOIS chat.example bob", Request::Whois("bob")),
        (
            "TOPIC #lobby",
            Request::Topic {
                channel: "#lobby",
                text: None,
            },
        ),
        (
            "TOPIC #lobby :",
            Request::Topic {
                channel: "#lobby",
                text: Some(""),
            },
        ),
        ("LIST", Request::List(None)),
        ("LIST #a,#b", Request::List(Some("#a,#b"))),
        (
            "MODE ann +i",
            Request::Mode {
                target: "ann",
                modes: Some("+i"),
            },
        ),
        (
            "MODE #lobby",
            Request::Mode {
                target: "#lobby",
                modes: None,
            },
        ),
        ("AWAY :at lunch", Request::Away(Some("at lunch"))),
        ("AWAY", Request::Away(None)),
        ("AWAY :", Request::Away(None)),
        ("MOTD", Request::Motd),
        ("LUSERS", Request::Lusers),
        ("USERHOST ann bob", Request::Userhost(vec!["ann", "bob"])),
        (
            "ISON :ann bob  cat",
            Request::Ison(vec!["ann", "bob", "cat"]),
        ),
        ("QUIT", Request::Quit(None)),
    ];
    check(all);
    assert_eq!(targets(",#a,,b").collect::<Vec<_>>(), ["#a", "b"]);
}

#[test]
fn what_is_no_command_is_told_so() {
    let all: &[(&str, &str)] = &[
        ("PRIVMSG", "411 ann :no recipient given"),
        ("PRIVMSG :", "411 ann :no recipient given"),
        ("PRIVMSG #lobby", "412 ann :no text to send"),
        ("PRIVMSG #lobby :\u{2}", "412 ann :no text to send"),
        ("JOIN", "461 ann JOIN :not enough parameters"),
        ("WHOIS", "431 ann :no nickname given"),
        ("WHOWAS", "431 ann :no nickname given"),
        ("USERHOST", "461 ann USERHOST :not enough parameters"),
        ("ISON", "461 ann ISON :not enough parameters"),
        ("Frobnicate x", "421 ann Frobnicate :unknown command"),
        (":only!a@source", ""),
        ("JOIN :", ""),
        ("PRIVMSG bob :\u{1}VERSION\u{1}", ""),
        ("NOTICE bob :\u{1}VERSION irssi\u{1}", ""),
    ];
    for (line, expected) in all {
        let said = run(&mut member(), &[line]);
        let expected = (!expected.is_empty()).then(|| format!(":irc.chinwag {expected}"));
        assert_eq!(said, Vec::from_iter(expected), "{line:?}");
    }
}

#[test]
fn bytes_that_are_no_text_and_lines_too_long_are_refused() {
    let mut out = Vec::new();
    let mut session = member();
    assert_eq!(session.on_line(b"PRIVMSG #lobby :caf\xe9", &mut out), None);
    assert_eq!(
        text(&out),
        ":irc.chinwag FAIL * INVALID_UTF8 :that line is not UTF-8\r\n"
    );
    out.clear();
    let fits = format!("PRIVMSG #lobby :{}", "x".repeat(510 - 16));
    let tagged = format!("@{} {fits}", "t".repeat(4000));
    for line in [&fits, &tagged] {
        assert!(session.on_line(line.as_bytes(), &mut out).is_some());
    }
    assert_eq!(
        session.on_line(format!("{fits}x").as_bytes(), &mut out),
        None
    );
    assert_eq!(
        text(&out),
        ":irc.chinwag 417 ann :that line is too long\r\n"
    );
}

proptest! {
    /// What a client sends is answered with whole lines, and what it says to others never has an
    /// end of line in it.
    #[test]
    fn any_line_is_answered_in_good_order(
        lines in prop::collection::vec(
            "(CAP |NICK |USER |PRIVMSG |WHO |JOIN |MODE |PING |@a |:b )?[ -~:é\u{1}\u{3}\r\0]{0,600}",
            0..6,
        ),
        bytes in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let (mut session, mut out) = (member(), Vec::new());
        for line in lines.iter().map(String::as_bytes).chain([&bytes[..]]) {
            let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
            session.on_line(line, &mut out);
        }
        let replies = String::from_utf8(out).unwrap();
        for line in replies.split_terminator("\r\n") {
            prop_assert!(line.starts_with(":irc.chinwag ") && line.len() <= 510, "{}", line);
        }
    }
}
