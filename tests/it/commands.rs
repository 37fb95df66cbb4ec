//! What members of the room can ask for: `/nick /who /msg /me /help /quit`, and `//`.

use crate::harness::Server;
use crate::member::{Member, room};

/// Ann and bob in a room; ann has been told of bob.
fn two() -> (Server, Member, Member) {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let bob = Member::joins(&server, "bob");
    ann.is_told(" bob");
    (server, ann, bob)
}

#[test]
fn a_nick_is_taken_and_told() {
    let (_server, mut ann, mut bob) = two();
    bob.renames("rob");
    assert!(ann.is_told("rob").contains("bob"), "both names");
    bob.says("hi");
    ann.hears("rob: hi");
}

#[test]
fn nicks_are_unique_without_regard_to_case() {
    let (server, mut ann, mut bob) = two();
    for taken in ["ann", "ANN", "Ann"] {
        bob.says(&format!("/nick {taken}"));
        bob.notice();
        bob.says(&format!("after {taken}"));
        ann.hears(&format!("bob: after {taken}"));
    }
    let mut greek = Member::joins(&server, "\u{3b4}\u{3ad}\u{3bb}\u{3c4}\u{3b1}");
    bob.says("/nick \u{394}\u{388}\u{39b}\u{3a4}\u{391}");
    bob.says("x");
    greek.hears("bob: x");
    // One's own nick in another case is no collision.
    bob.renames("BOB");
    bob.says("y");
    greek.hears("BOB: y");
}

#[test]
fn a_nick_comes_free_when_its_owner_leaves() {
    let (server, mut ann, bob) = two();
    drop(bob);
    ann.is_told("bob");
    let mut other = Member::joins(&server, "bob");
    other.says("I am the new one");
    ann.hears("bob: I am the new one");
}

#[test]
fn nicks_of_any_script_but_of_sane_shape() {
    let (_server, mut ann, mut bob) = two();
    for good in [
        "\u{4f60}\u{597d}",
        "\u{e9}tienne",
        "a_b-c",
        "x1",
        &"n".repeat(32),
    ] {
        bob.renames(good);
        bob.says("hi");
        ann.hears(&format!("{good}: hi"));
    }
    bob.renames("bob");
    let (long, wide) = ("n".repeat(33), "\u{e9}".repeat(17));
    for bad in [
        "a b",
        "a:b",
        "*",
        "a\u{1b}b",
        "",
        "a/b",
        "\u{1f980}",
        &long,
        &wide,
    ] {
        bob.says(&format!("/nick {bad}"));
        bob.notice();
        bob.says("still bob");
        ann.hears("bob: still bob");
    }
}

/// Whatever invisible was pasted, or put there by an editor, before a command.
#[test]
fn a_private_message_stays_private_behind_what_shows_nothing() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    let mut eve = Member::joins(&server, "eve");
    for before in [
        "\u{feff}",
        "\u{200b}",
        "\u{200e}",
        "\u{202a}",
        "\u{2060}\u{ad}",
    ] {
        ann.says(&format!("{before}/msg bob the pin is 42"));
        bob.hears("[ann] the pin is 42");
    }
    ann.says("done");
    eve.hears("ann: done");
}

#[test]
fn nobody_can_look_like_another_or_speak_like_the_server() {
    let server = room(&["--motd", "Welcome to the place"]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    ann.is_told("bob");
    for name in [
        "\u{430}nn",
        "ANN",
        "ann\u{2d7f}",
        "ann\u{16fe4}",
        "ann\u{200b}",
    ] {
        bob.says(&format!("/nick {name}"));
        let refused = bob.notice();
        assert!(!refused.contains("you are now"), "{refused}");
    }
    bob.renames("Welcome");
    ann.is_told("Welcome");
    bob.says("/me to the place; give me your pin");
    assert_eq!(ann.peer.line(), "** Welcome to the place; give me your pin");
}

#[test]
fn a_taken_guest_number_is_not_given_twice() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "guest2");
    ann.says("/who");
    ann.is_told("guest2");
    let bob = Member::arrives(&server);
    let cy = Member::arrives(&server);
    assert_ne!(bob.nick, "guest2");
    assert_ne!(cy.nick, "guest2");
    assert_ne!(bob.nick, cy.nick);
}

#[test]
fn who_names_everybody_and_only_to_who_asks() {
    let (server, mut ann, mut bob) = two();
    let mut cy = Member::joins(&server, "cy");
    bob.is_told(" cy");
    bob.says("/who");
    let mut names = String::new();
    while !["ann", "bob", "cy"].iter().all(|n| names.contains(n)) {
        names.push_str(&bob.notice());
    }
    ann.is_told(" cy");
    ann.hears_nothing_before(&mut cy, "who asked?");
}

#[test]
fn a_private_message_reaches_one() {
    let (server, mut ann, mut bob) = two();
    let mut cy = Member::joins(&server, "cy");
    bob.is_told(" cy");
    ann.is_told(" cy");
    ann.says("/msg bob  a secret");
    let heard = bob.next();
    assert!(heard.starts_with("[ann] "), "{heard:?}");
    assert_eq!(heard.trim_start_matches("[ann]").trim_start(), "a secret");
    // Nicks are the same without regard to case here too.
    ann.says("/msg BOB another");
    bob.hears("[ann] another");
    cy.hears_nothing_before(&mut ann, "public");
    bob.hears("ann: public");
}

#[test]
fn private_messages_keep_their_place_among_the_others() {
    let (_server, mut ann, mut bob) = two();
    let lines: String = (0..200).map(|i| format!("p{i}\n/msg bob s{i}\n")).collect();
    ann.peer.send(lines);
    for i in 0..200 {
        bob.hears(&format!("ann: p{i}"));
        bob.hears(&format!("[ann] s{i}"));
    }
}

#[test]
fn a_private_message_to_nobody_is_told_to_its_sender_only() {
    let (_server, mut ann, mut bob) = two();
    bob.says("/msg nobody hello");
    assert!(bob.notice().contains("nobody"));
    bob.says("/msg");
    bob.notice();
    bob.says("/msg ann");
    bob.notice();
    ann.hears_nothing_before(&mut bob, "public");
}

#[test]
fn private_text_is_made_harmless_too() {
    let (_server, mut ann, mut bob) = two();
    bob.peer.send(b"/msg ann \x1b[2J\xff!\n");
    ann.hears("[bob] \u{fffd}[2J\u{fffd}!");
}

#[test]
fn me_tells_what_one_does() {
    let (_server, mut ann, mut bob) = two();
    bob.says("/me waves \x1b");
    ann.hears("** bob waves \u{fffd}");
    bob.hears_nothing_before(&mut ann, "I saw it");
}

#[test]
fn help_names_every_command() {
    let (_server, mut ann, mut bob) = two();
    bob.says("/help");
    let mut text = String::new();
    let commands = ["/nick", "/who", "/msg", "/me", "/quit", "//"];
    while !commands.iter().all(|c| text.contains(c)) {
        text.push_str(&bob.notice());
    }
    ann.hears_nothing_before(&mut bob, "thanks");
}

#[test]
fn quit_leaves_cleanly_and_is_told() {
    let (_server, mut ann, mut bob) = two();
    bob.says("last words");
    bob.says("/quit");
    bob.peer.rest();
    ann.hears("bob: last words");
    ann.is_told("bob");
}

#[test]
fn what_comes_after_quit_is_not_relayed() {
    let (server, mut ann, mut bob) = two();
    bob.peer.send("/quit\nafter the end\n");
    bob.peer.until_gone();
    ann.is_told("bob");
    let mut cy = Member::joins(&server, "cy");
    cy.says("hi");
    ann.hears("cy: hi");
}

#[test]
fn an_unknown_command_is_told_and_not_relayed() {
    let (_server, mut ann, mut bob) = two();
    for unknown in ["/frobnicate", "/nicknack x", "/", "/WHOM"] {
        bob.says(unknown);
        bob.notice();
    }
    ann.hears_nothing_before(&mut bob, "public");
}

#[test]
fn a_double_slash_says_a_slash() {
    let (_server, mut ann, mut bob) = two();
    bob.says("//who am I");
    ann.hears("bob: /who am I");
    bob.says("///");
    ann.hears("bob: //");
}

#[test]
fn commands_work_for_raw_clients_too() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut raw = Member::arrives(&server);
    ann.is_told(&raw.nick);
    raw.peer.send("/nick rawley");
    ann.is_told("rawley");
    raw.peer.send("hi");
    ann.hears("rawley: hi");
}
