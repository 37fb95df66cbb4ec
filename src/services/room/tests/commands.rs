//! Scenes of commands: what each does, and how it is refused.

use super::*;

#[test]
fn nick_takes_a_name_in_any_script() {
    let mut room = open(plain());
    room.joins("ann");
    room.joins("bob");
    room.says("ann", "/nick 李雷");
    room.hears("ann", "* you are now 李雷");
    room.says("ann", "hi");
    room.hears("bob", "李雷: hi");
    room.says("bob", "/nick  Ольга_2-б ");
    room.hears("bob", "* you are now Ольга_2-б");
    room.says("bob", "/msg 李雷 psst");
    room.hears("ann", "[Ольга_2-б] psst");
}

#[test]
fn nick_is_refused_with_the_reason() {
    let mut room = room_of(&["ann", "bob"]);
    let too_long = format!("/nick {}", "x".repeat(33));
    for (line, answer) in [
        ("/nick", "* usage: /nick NAME"),
        ("/nick bob", "* bob is taken"),
        ("/nick BOB", "* BOB is taken"),
        ("/nick ann", "* that is your nick already"),
        ("/nick a b", "* nicks have only letters, digits, _ and -"),
        ("/nick *", "* nicks have only letters, digits, _ and -"),
        (
            "/nick \x1b[0m",
            "* nicks have only letters, digits, _ and -",
        ),
        (&too_long, "* nicks have at most 32 bytes"),
        ("/nick \u{93E}x", "* nicks begin with no combining mark"),
    ] {
        room.says("ann", line);
        room.hears("ann", answer);
        room.hears_nothing("ann");
    }
    room.says("ann", "still me");
    room.hears("bob", "ann: still me");
    room.hears_nothing("bob");
}

#[test]
fn a_nick_is_one_whatever_its_case_and_free_when_given_up() {
    let mut room = room_of(&["ann", "bob"]);
    room.says("ann", "/nick ANN");
    room.hears("ann", "* you are now ANN");
    room.says("bob", "/nick Ann");
    room.hears("bob", "* Ann is taken");
    room.says("ann", "/nick anna");
    room.says("bob", "/nick Ann");
    room.hears("bob", "* you are now Ann");
    room.vanishes("bob");
    room.clear_output();
    room.says("ann", "/nick ann");
    room.hears("ann", "* you are now ann");
    room.says("ann", "/nick ΣΟΣ");
    room.joins("eve");
    room.says("eve", "/nick σος");
    room.hears("eve", "* σος is taken");
}

#[test]
fn a_nick_is_one_however_it_is_spelled() {
    let mut room = room_of(&["李雷", "가", "bob"]);
    for (other, nick) in [("\u{F9E1}\u{F949}", "李雷"), ("\u{1100}\u{1161}", "가")] {
        room.says("bob", &format!("/nick {other}"));
        room.hears("bob", &format!("* {nick} is taken"));
    }
    room.says("bob", "/msg \u{1100}\u{1161} hi");
    room.hears("가", "[bob] hi");
}

/// Whatever a member calls itself and says, no line that others get of it begins with `* `, and
/// each begins as what it is.
#[test]
fn no_member_speaks_like_the_server() {
    let config = Config {
        motd: vec!["Welcome to the place".into()],
        notices: Notices::On,
        ..plain()
    };
    let mut room = open(config);
    room.joins("ann");
    for name in [
        "*",
        "* you",
        "[bob]",
        "",
        "a\u{2028}* you",
        "\u{2217}",
        "ann:",
    ] {
        room.says("ann", &format!("/nick {name}"));
    }
    room.joins("bob");
    room.clear_output();
    for name in ["You", "Welcome", "usage", "there", "1"] {
        room.says("ann", &format!("/nick {name}"));
        room.hears("ann", &format!("* you are now {name}"));
        assert!(room.heard("bob").ends_with(&format!(" is now {name}\n")));
        for text in [
            "to the place",
            "* x",
            "are now eve",
            "\u{2028}* x",
            "\r* x",
            "x\0\n",
        ] {
            room.sends(
                "ann",
                format!("/me {text}\n{text}\n //{text}\n/msg guest2 {text}\n"),
            );
        }
        let heard = room.heard("bob");
        assert_eq!(heard.matches('\n').count(), 24, "{heard}");
        let [action, said, private] = [
            format!("** {name} "),
            format!("{name}: "),
            format!("[{name}] "),
        ];
        for line in heard.lines() {
            let begins = |how: &String| line.starts_with(how.as_str());
            assert!([&action, &said, &private].into_iter().any(begins), "{line}");
        }
        assert_eq!(heard.matches(&action).count(), 6, "{heard}");
        room.clear_output();
    }
}

/// Neither is one told apart from the other by who reads them, nor has either two entries.
#[test]
fn a_nick_is_one_with_all_that_look_like_it() {
    let mut room = room_of(&["ann", "bob", "Ian"]);
    for (name, answer) in [
        ("аnn", "* аnn is taken: it looks like ann"),
        ("АNN", "* АNN is taken: it looks like ann"),
        ("lan", "* lan is taken: it looks like Ian"),
        ("IAN", "* IAN is taken"),
        ("B0B", "* you are now B0B"),
        ("ann\u{2D7F}", "* nicks have only letters, digits, _ and -"),
        ("ann\u{16FE4}", "* nicks have only letters, digits, _ and -"),
        ("ann\u{200B}", "* nicks have only letters, digits, _ and -"),
        ("\u{FF41}nn", "* \u{FF41}nn is taken"),
        (
            "\u{FF41}nna",
            "* \u{FF41} (U+FF41) is not allowed in nicks; a is",
        ),
        ("anna\u{200B}", "* nicks have only letters, digits, _ and -"),
    ] {
        room.says("bob", &format!("/nick {name}"));
        room.hears("bob", answer);
    }
    room.says("bob", "/msg аnn psst");
    room.hears("ann", "[B0B] psst");
    room.says("ann", "/nick lan2");
    room.hears("ann", "* you are now lan2");
    room.says("bob", "/nick аnn");
    room.hears("bob", "* you are now аnn");
    // Both forms of a nick are free once it is given up.
    for name in ["lan", "ian"] {
        room.says("ann", &format!("/nick {name}"));
        room.hears(
            "ann",
            &format!("* {name} is taken")
                .replace("lan is taken", "lan is taken: it looks like Ian"),
        );
    }
    room.vanishes("Ian");
    room.clear_output();
    room.says("ann", "/nick lan");
    room.hears("ann", "* you are now lan");
    room.says("bob", "/nick ian");
    room.hears("bob", "* you are now ian");
    room.says("ann", "/who");
    room.hears("ann", "* 2 here: lan, ian");
}

#[test]
fn a_guest_is_never_named_like_somebody_here() {
    let mut room = room_of(&["ann", "eve", "kim"]);
    room.says("ann", "/nick Guest4");
    room.says("eve", "/nick gu\u{435}st5");
    room.says("kim", "/nick guest\u{431}");
    room.joins("bob");
    room.says("bob", "/who");
    assert!(room.heard("bob").ends_with(", guest7\n"));
}

#[test]
fn a_new_nick_is_told_to_the_others() {
    let config = Config {
        notices: Notices::On,
        ..plain()
    };
    let mut room = seat(open(config), &["ann", "bob"]);
    room.says("ann", "/nick eve");
    room.hears("ann", "* you are now eve");
    room.hears("bob", "* ann is now eve");
    room.hears_nothing("ann");
}

#[test]
fn who_tells_who_is_here_up_to_a_bound() {
    let mut room = room_of(&["ann", "bob"]);
    room.says("bob", "/who");
    room.hears("bob", "* 2 here: ann, bob");
    room.vanishes("ann");
    room.says("bob", "/who");
    room.hears("bob", "* 1 here: bob");
    for n in 0..600 {
        room.joins(&n.to_string());
    }
    room.says("bob", "/who");
    let answer = room.heard("bob");
    assert!(answer.starts_with("* 601 here: "), "{answer}");
    assert!(answer.ends_with(" and 101 more\n"), "{answer}");
    assert_eq!(answer.matches(", ").count(), 499);
}

#[test]
fn msg_reaches_one_member_alone_in_order_with_the_rest() {
    let mut room = room_of(&["ann", "bob", "eve"]);
    room.stalls("bob");
    room.says("ann", "one");
    room.says("ann", "/msg BOB psst");
    room.says("eve", "two");
    room.says("eve", "/msg bob  and  me ");
    room.says("bob", "three");
    room.says("ann", "four");
    room.recovers("bob");
    for line in [
        "ann: one",
        "[ann] psst",
        "eve: two",
        "[eve] and  me ",
        "ann: four",
    ] {
        room.hears("bob", line);
    }
    room.hears_nothing("bob");
    for line in ["eve: two", "bob: three"] {
        room.hears("ann", line);
    }
    room.hears_nothing("ann");
}

#[test]
fn msg_is_refused_with_the_reason() {
    let mut room = room_of(&["ann", "bob"]);
    for (line, answer) in [
        ("/msg", "* usage: /msg NAME TEXT"),
        ("/msg bob", "* usage: /msg NAME TEXT"),
        ("/msg eve hi", "* there is no eve here"),
    ] {
        room.says("ann", line);
        room.hears("ann", answer);
    }
    room.says("ann", "/msg ann hi");
    room.hears("ann", "[ann] hi");
    room.hears_nothing("bob");
}

#[test]
fn me_tells_an_action() {
    let mut room = room_of(&["ann", "bob"]);
    room.says("ann", "/me waves  twice");
    room.hears("bob", "** ann waves  twice");
    room.says("ann", "/me");
    room.hears("ann", "* usage: /me TEXT");
    room.hears_nothing("bob");
}

#[test]
fn help_names_every_command_and_nothing_is_relayed() {
    let mut room = room_of(&["ann", "bob"]);
    room.says("ann", "/help");
    let help = room.heard("ann");
    for command in ["/nick", "/who", "/msg", "/me", "/quit", "//"] {
        assert!(
            help.contains(&format!("* {command}")),
            "{command} in {help}"
        );
    }
    assert!(help.lines().all(|line| line.starts_with("* ")));
    for (line, name) in [("/nik bob", "nik"), ("/", ""), ("/WHOM", "WHOM")] {
        room.says("ann", line);
        room.hears(
            "ann",
            &format!("* unknown command /{name}; /help lists the commands"),
        );
    }
    room.hears_nothing("bob");
}

/// Or a private message would be read by all.
#[test]
fn a_command_is_one_whatever_invisible_stands_before_it() {
    let mut room = room_of(&["ann", "bob", "eve"]);
    for before in [
        "\u{FEFF}",
        "\u{200B}",
        "\u{200E}\u{200F}",
        "\u{2060}\u{AD}",
        "\u{202A}",
        "\0",
    ] {
        room.says("ann", &format!("{before}/msg bob the pin is 42"));
        room.hears("bob", "[ann] the pin is 42");
    }
    room.sends("ann", b"\xfe/msg bob the pin is 42\n");
    room.hears("bob", "[ann] the pin is 42");
    room.hears_nothing("ann");
    room.hears_nothing("eve");
    room.says("ann", "\u{A0}/msg bob this is said");
    room.hears("eve", "ann: \u{A0}/msg bob this is said");
    room.says("ann", "\u{FEFF}//help");
    room.hears("eve", "ann: /help");
}

#[test]
fn a_second_slash_says_it() {
    let mut room = room_of(&["ann", "bob"]);
    room.says("ann", "//quit is a command");
    room.hears("bob", "ann: /quit is a command");
    room.says("ann", "a /quit within");
    room.hears("bob", "ann: a /quit within");
    assert_eq!(room.fate("ann"), None);
}

#[test]
fn quit_leaves_with_what_is_owed_and_hears_no_more() {
    let config = Config {
        notices: Notices::On,
        ..plain()
    };
    let mut room = seat(open(config), &["ann", "bob"]);
    room.stalls("ann");
    room.says("bob", "one");
    room.sends("ann", "bye\n/quit\nnot heard\n");
    room.hears("bob", "ann: bye");
    room.hears("bob", "* ann left");
    room.hears_nothing("bob");
    room.says("bob", "two");
    room.says("bob", "/msg ann three");
    room.hears("bob", "* there is no ann here");
    room.recovers("ann");
    room.hears("ann", "bob: one");
    room.hears_nothing("ann");
    assert_eq!(room.fate("ann"), Some(Disconnect::Eof));
}
