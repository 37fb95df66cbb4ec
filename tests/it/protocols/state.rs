//! `--state`: bans last over restarts, in one file that is whole at any time; a disk that fails does
//! not stop the chat.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use super::does_not_serve;
use super::operators::{becomes_operator, comes, room};
use crate::harness::{Launch, PATIENCE, Server, skipped, until};
use crate::member::Member;

const PASSWORD: &str = "sesame";

fn start(args: &[&str]) -> Server {
    room(PASSWORD, args).1
}

fn ends(mut server: Server, signal: Signal) {
    server.signal(signal);
    server.ends_within(PATIENCE);
}

fn contents(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

fn bans_last_over_restarts(more: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    // Is made.
    let place = folder.path().join("state");
    let file = place.join("state.json");
    let args = [&["--state", place.to_str().unwrap()], more].concat();
    let server = start(&args);
    let mut ann = becomes_operator(&server, "ann", PASSWORD);
    ann.says("/ban Bob 2h");
    ann.says("/ban 10.0.0.7");
    ann.says("/ban eve 1ms");
    ann.is_told("banned eve");
    ends(server, Signal::TERM);
    let server = start(&args);
    let mut ann = becomes_operator(&server, "ann", PASSWORD);
    ann.says("/nick B0b");
    ann.is_told("that name is banned");
    ann.says("/nick eve");
    ann.is_told("you are now eve");
    ann.says("/unban bob");
    ann.says("/ban 127.0.0.1");
    ann.is_told("banned 127.0.0.1");
    assert_eq!(comes(&server), "* you are banned\n");
    // Not the end, but soon after each change it is there.
    until("the last ban is written", PATIENCE, || {
        contents(&file).contains("127.0.0.1")
    });
    ends(server, Signal::KILL);
    let expected = r#"{"version":1,"bans":[{"address":"10.0.0.7"},{"address":"127.0.0.1"}]}"#;
    assert_eq!(contents(&file), expected);
    assert_eq!(comes(&start(&args)), "* you are banned\n");
    // Without operators what was banned stays so.
    let server = Launch::unnamed().args(&args).start();
    assert_eq!(comes(&server), "* you are banned\n");
}

#[test]
fn bans_last_with_a_state_and_not_without() {
    bans_last_over_restarts(&[]);
    let server = start(&[]);
    becomes_operator(&server, "ann", PASSWORD).says("/ban bob");
    ends(server, Signal::TERM);
    Member::joins(&start(&[]), "bob");
}

#[test]
fn so_they_do_in_the_sandbox() {
    let mut probe = Launch::new("echo").args(&["--sandbox"]).spawn();
    until("it starts or gives up", PATIENCE, || {
        probe.stdout().text().contains("listening") || !probe.is_running()
    });
    if !probe.is_running() {
        return skipped("--sandbox: this kernel has no Landlock");
    }
    bans_last_over_restarts(&["--sandbox"]);
}

#[test]
fn a_disk_that_fails_is_told_once_and_the_chat_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&["--state", folder.path().to_str().unwrap()]);
    let mut ann = becomes_operator(&server, "ann", PASSWORD);
    let mut bob = Member::joins(&server, "bob");
    // In the way, for root too.
    let in_the_way = folder.path().join("state.json.new");
    fs::create_dir(&in_the_way).unwrap();
    for name in ["x", "y", "z"] {
        ann.says(&format!("/ban {name}"));
        bob.is_told(&format!("ann banned {name}"));
    }
    let log = server.stderr().wait_for("trying again every 5 s");
    assert!(log.contains("state.json: Is a directory"), "{log}");
    ann.says("all is well");
    bob.hears("ann: all is well");
    fs::remove_dir(&in_the_way).unwrap();
    let log = server.stderr().wait_for("state.json at last, after ");
    assert_eq!(log.matches("trying again").count(), 1, "{log}");
    let all = r#"[{"name":"x"},{"name":"y"},{"name":"z"}]"#;
    let written = contents(&folder.path().join("state.json"));
    assert_eq!(written, format!(r#"{{"version":1,"bans":{all}}}"#));
}

#[test]
fn a_state_that_cannot_be_used_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let file = folder.path().join("state.json");
    let fails = |state: &str, why: &str| {
        let output = does_not_serve(&["-l", "127.0.0.1:0", "--state", state]);
        assert_eq!(output.status.code(), Some(1), "{state}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(why), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    };
    for (contents, why) in [
        (
            r#"{"version":2,"bans":[]}"#,
            "it is of version 2; this chinwag knows 1",
        ),
        (r#"{"version":1,"bans":[{"na"#, "EOF while parsing a string"),
    ] {
        fs::write(&file, contents).unwrap();
        fails(path, &format!("read --state from {path}/state.json: {why}"));
        assert_eq!(self::contents(&file), contents);
    }
    fails("/dev/null/x", "make --state /dev/null/x: ");
    fails("/dev/null", "read --state from /dev/null/state.json: ");
    fs::remove_file(&file).unwrap();
    fs::create_dir(folder.path().join("state.json.new")).unwrap();
    fails(path, &format!("write to --state {path}: "));
}
