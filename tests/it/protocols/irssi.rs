//! irssi with its defaults, in a terminal, as a person uses it.

use std::process::Command;

use super::{program_exists, serve};
use crate::member::Member;
use crate::pty::InPty;

/// What no line of its screen may say.
const ERRORS: [&str; 8] = [
    "rror",
    "nknown",
    "nable to",
    "annot",
    "not enough",
    "No such",
    "isconnect",
    "unsupported",
];

#[track_caller]
fn shows(irssi: &InPty, words: &str) {
    irssi
        .pty
        .wait_until(words, |rows| rows.iter().any(|row| row.contains(words)));
}

#[test]
fn a_person_at_irssi_talks_with_one_of_lines() {
    let Some(program) = program_exists("irssi") else {
        return;
    };
    let server = serve(&["--notices", "on", "--motd", "be kind"]);
    let mut ann = Member::joins(&server, "ann");
    ann.says("said before");
    let folder = tempfile::tempdir().unwrap();
    let home = format!("--home={}", folder.path().display());
    let mut command = Command::new(program);
    command.args([&home, "--nick=eve"]);
    command.env("HOME", folder.path()).env("LC_ALL", "C.UTF-8");
    let mut irssi = InPty::start(100, &mut command);
    shows(&irssi, "[(status)]");
    // By itself it sends a few lines at once, and then one each two seconds.
    irssi.pty.press("/set cmd_queue_speed 10msec\r");
    irssi
        .pty
        .press(&format!("/connect 127.0.0.1 {}\r", server.port()));
    shows(&irssi, "be kind");
    irssi.pty.press("/join #lobby\r");
    ann.is_told("eve joined");
    shows(&irssi, "said before");
    shows(&irssi, "[#lobby]");
    irssi.pty.press("hello from irssi äö\r");
    ann.hears("eve: hello from irssi äö");
    ann.says("hello eve, 世界");
    shows(&irssi, "hello eve, 世界");
    irssi.pty.press("/me waves\r");
    ann.hears("** eve waves");
    ann.says("/me waves back");
    shows(&irssi, "ann waves back");
    irssi.pty.press("/nick eva\r");
    ann.is_told("eve is now eva");
    shows(&irssi, "You're now known as eva");
    irssi.pty.press("/msg ann psst\r");
    ann.hears("[eva] psst");
    ann.says("/msg eva psst yourself");
    for (line, answer) in [
        ("/topic", "No topic set"),
        ("/names", "[ eva]"),
        ("/away lunch", "(zZzZ)"),
        ("/away", "[eva]"),
    ] {
        irssi.pty.press(&format!("{line}\r"));
        shows(&irssi, answer);
    }
    no_error(&irssi);
    irssi.pty.press("/list -yes\r");
    // What is private, or about one, has a window of its own.
    irssi.pty.press("/window 3\r");
    shows(&irssi, "psst yourself");
    irssi.pty.press("/whois ann\r");
    shows(&irssi, "End of WHOIS");
    no_error(&irssi);
    irssi.pty.press("/window 1\r");
    shows(&irssi, "#lobby 2");
    no_error(&irssi);
    irssi.pty.press("/reconnect\r");
    ann.is_told("eva left");
    ann.is_told("joined");
    irssi.pty.press("/window 2\r");
    irssi.pty.press("back again\r");
    let line = ann.next();
    assert!(line.ends_with(": back again"), "{line}");
    no_error(&irssi);
    irssi.pty.press("/quit\r");
    irssi.wait();
    ann.is_told("left");
}

#[track_caller]
fn no_error(irssi: &InPty) {
    let screen = irssi.pty.screen(|screen| screen.contents());
    for word in ERRORS {
        assert!(!screen.contains(word), "{word}:\n{screen}");
    }
}
