//! What the arguments of `serve` mean, and how wrong ones are refused.

use super::*;
use crate::cli::{Command, parse};

fn config(line: &str) -> Config {
    let words = ["chinwag", "serve"].into_iter();
    match parse(words.chain(line.split_whitespace())) {
        Ok(Command::Serve(config)) => config,
        other => panic!("{line}: {other:?}"),
    }
}

/// Why a command line is refused.
fn refusal(line: &str) -> String {
    let words = ["chinwag", "serve"].into_iter();
    let failure = parse(words.chain(line.split_whitespace())).unwrap_err();
    assert_eq!(failure.exit_code(), 2, "{failure}");
    failure.to_string()
}

fn help(line: &str) -> String {
    let words = ["chinwag", "serve"].into_iter();
    match parse(words.chain(line.split_whitespace())) {
        Ok(Command::Print(text)) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn sizes_are_told_as_they_are_typed() {
    for (log, message, least) in [
        ("64m", "16m", "193m"),
        ("65535", "1k", "64k"),
        ("1m", "100000", "1173k"),
    ] {
        let told = refusal(&format!("--log-size {log} --max-message {message}"));
        let why = format!("with --max-message {message} it must be at least {least}");
        let page = "(see chinwag serve --help)";
        assert_eq!(told, format!("--log-size {log}: {why} {page}"));
    }
}

#[test]
fn rooms_have_names_and_a_bound() {
    let ServiceConfig::Room { room, .. } = config("--room #a --room b --max-rooms 2").service
    else {
        panic!("no room");
    };
    assert_eq!(room.kept_rooms, ["#a", "b"]);
    let told = refusal("--room a --room b --max-rooms 1");
    let why = "--room: 2 of them are more than --max-rooms 1";
    assert_eq!(told, format!("{why} (see chinwag serve --help)"));
    assert!(refusal("--room a*").contains("a room is named with letters"));
    assert!(refusal("--max-rooms 10001").contains("--max-rooms"));
}

#[test]
fn a_message_of_the_day_has_a_source_and_a_bound() {
    let page = "(see chinwag serve room --help)";
    let told = "--motd @: a file is missing after '@'";
    assert_eq!(refusal("room --motd @"), format!("{told} {page}"));
    let motd = |bytes| format!("room --motd {}", "x".repeat(bytes));
    config(&motd(16 << 10));
    let told = format!("--motd: the text is longer than 16k {page}");
    assert_eq!(refusal(&motd((16 << 10) + 1)), told);
    let told = format!("--motd: /dev/zero is longer than 16k {page}");
    assert_eq!(refusal("room --motd @/dev/zero"), told);
}

#[test]
fn numbers_have_bounds() {
    let ServiceConfig::Room { room, .. } = config("--history 10000").service else {
        panic!("no room");
    };
    assert_eq!(room.history_lines, 10_000);
    for (line, why) in [
        ("--history 10001", "at most 10000"),
        ("--history 1k", "'1k' is not a whole number"),
        ("--max-clients 0", "at least 1"),
        (
            "--max-clients 99999999999999999999",
            "more than this machine can count",
        ),
        ("--message-rate 1000000000000/s", "at most 1000000"),
        ("--message-rate 5/s:0", "at least 1"),
        ("--message-rate x", "'x' is not a whole number"),
    ] {
        let refusal = refusal(line);
        assert!(refusal.contains(why), "{line}: {refusal}");
    }
}

#[test]
fn options_stand_before_or_after_the_service() {
    for line in [
        "-l 1 -l 2 echo",
        "echo -l 1 -l 2",
        "-l 1 echo -l 2",
        "-l1 --listen=2 echo",
    ] {
        let config = config(line);
        assert_eq!(config.listen.len(), 2, "{line}");
        assert!(matches!(config.service, ServiceConfig::Echo), "{line}");
    }
    for line in ["", "room", "--history 5 room", "--user me --motd echo"] {
        let config = config(line);
        assert!(
            matches!(config.service, ServiceConfig::Room { .. }),
            "{line}"
        );
    }
    let ServiceConfig::Reply { text, .. } = config("--text room reply").service else {
        panic!("no reply");
    };
    assert_eq!(text, "room");
}

#[test]
fn a_service_has_its_own_options_and_defaults() {
    assert_eq!(config("echo").idle_timeout, None);
    let reply = config("reply").idle_timeout;
    assert_eq!(reply, Some(Duration::from_secs(30)));
    assert_eq!(config("reply --idle-timeout off").idle_timeout, None);
    for (line, has, has_not) in [
        (
            "--help",
            &["--history", "--listen", "console"][..],
            &["--text"][..],
        ),
        (
            "room --help",
            &["--history", "--listen"],
            &["--text", "console"],
        ),
        (
            "room --help",
            &["auto (the default", "irc", "room's log", "turned away"],
            &["ones wait"],
        ),
        (
            "echo --help",
            &["--listen", "lines (the default) or tls", "ones wait"],
            &["--history", "--text", "irc", "room"],
        ),
        (
            "reply --help",
            &["--text", "default: 30s", "lines (the default) or tls"],
            &["--history", "irc", "room"],
        ),
        (
            "console --help",
            &["lines (the default) or tls"],
            &["irc", "room"],
        ),
    ] {
        let text = help(line);
        assert!(has.iter().all(|part| text.contains(part)), "{line}: {text}");
        let foreign = has_not.iter().find(|part| text.contains(*part));
        assert_eq!(foreign, None, "{line}: {text}");
    }
    assert!(refusal("--history 5 echo").ends_with("(see chinwag serve echo --help)"));
    assert!(refusal("reply --pace off").ends_with("(see chinwag serve reply --help)"));
}
