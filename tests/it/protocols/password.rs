//! `--password-file`: until the password was said, nothing of the room is heard or seen.
//! The 30 s that one has for it are in `slow`.

use std::io::Write;

use tempfile::NamedTempFile;

use super::http_client::get;
use super::irc_client::{Irc, word};
use super::websocket_client::WebSocket;
use super::{bare, listen, serve};
use crate::harness::{Launch, Server, program};
use crate::member::Member;
use crate::peer::Peer;

pub(super) const PASSWORD: &str = "correct horse-Battery7";
const WRONG: &str = "incorrect-Staple8";

/// A file with a password, and the end of a line as any editor writes it.
pub(super) fn file() -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    writeln!(file, "{PASSWORD}").unwrap();
    file
}

fn guarded(args: &[&str]) -> Server {
    let file = file();
    let path = file.path().to_str().unwrap();
    let server = Launch::unnamed()
        .log("trace")
        .args(&["--password-file", path, "--notices", "on"]);
    server.args(args).start()
}

/// A line client that has said it.
#[track_caller]
fn member(server: &Server, nick: &str) -> Member {
    let mut peer = Peer::connect(server);
    peer.send(format!("/pass {PASSWORD}\n"));
    Member::over(peer, nick)
}

#[track_caller]
fn asks_for_it(line: &str) {
    assert!(
        line.starts_with("* ") && line.to_lowercase().contains("pass"),
        "{line}"
    );
}

/// Nothing of what was tried is in the log, at any level.
#[track_caller]
fn told_no_secret(server: &Server) {
    let log = server.stderr().wait_for("TRACE");
    for word in ["horse-Battery7", WRONG] {
        assert!(!log.contains(word), "{word} in the log");
    }
}

#[test]
fn a_line_client_says_it_first() {
    let server = guarded(&["--motd", "be kind"]);
    let mut ann = member(&server, "ann");
    ann.says("a secret");
    let mut peer = Peer::connect(&server);
    asks_for_it(&peer.line());
    for line in [
        "hello?",
        "/who",
        "/nick bob",
        "/msg ann hi",
        "/me waves",
        "/help",
        "//x",
        "/nonsense",
    ] {
        peer.send(format!("{line}\n"));
    }
    peer.send(format!("/pass {WRONG}\n"));
    peer.send(format!("/pass {}\n", PASSWORD.to_uppercase()));
    peer.send(format!("/pass {PASSWORD}\n"));
    // Whatever was told until then is not about the room.
    let greeting = loop {
        let line = peer.line();
        assert!(line.starts_with("* "), "{line}");
        if line.contains("guest") {
            break line;
        }
        assert!(
            !line.contains("ann") && !line.contains("be kind") && !line.contains("here"),
            "{line}"
        );
    };
    assert!(greeting.starts_with("* you are guest"), "{greeting}");
    let mut bob = Member {
        peer,
        nick: crate::member::guest_in(&greeting).unwrap(),
    };
    bob.hears("ann: a secret");
    ann.is_told("joined");
    bob.says("in at last");
    let expected = format!("{}: in at last", bob.nick);
    ann.hears(&expected);
    told_no_secret(&server);
}

#[test]
fn those_outside_hear_nothing_and_are_not_heard_of() {
    let server = guarded(&[]);
    let mut ann = member(&server, "ann");
    let mut bob = member(&server, "bob");
    ann.is_told("is now bob");
    let mut line = Peer::connect(&server);
    asks_for_it(&line.line());
    let mut page = WebSocket::open(server.address(), "/ws");
    assert_eq!(page.json()["type"], "notice");
    let mut irc = Irc::to(server.address());
    irc.sends("NICK eve");
    irc.sends("USER eve 0 * :Eve");
    irc.until(" 464 ");
    ann.hears_nothing_before(&mut bob, "nobody else here");
    ann.says("/who");
    let names = ann.is_told("here");
    assert!(names.starts_with("* 2 here"), "{names}");
    for nick in ["guest3", "guest4", "eve"] {
        ann.says(&format!("/msg {nick} hello?"));
        ann.is_told("there is no");
    }
    assert!(!line.anything_within(std::time::Duration::from_millis(100)));
    drop((line, page, irc));
    ann.hears_nothing_before(&mut bob, "still nobody");
}

#[test]
fn three_wrong_ones_end_a_line_client() {
    let server = guarded(&[]);
    let mut peer = Peer::connect(&server);
    asks_for_it(&peer.line());
    for _ in 0..3 {
        peer.send(format!("/pass {WRONG}\n"));
    }
    let told = String::from_utf8(peer.rest()).unwrap();
    assert!(told.lines().all(|line| line.starts_with("* ")), "{told}");
    assert!(!told.contains(WRONG), "{told}");
    // A fourth one that is right comes too late.
    let mut peer = Peer::connect(&server);
    peer.send(format!("/pass a\n/pass b\n/pass c\n/pass {PASSWORD}\n"));
    let told = String::from_utf8(peer.rest()).unwrap();
    assert!(!told.contains("guest"), "{told}");
    told_no_secret(&server);
}

#[test]
fn a_websocket_says_it_first() {
    let server = guarded(&[]);
    let mut ann = member(&server, "ann");
    ann.says("a secret");
    let mut bob = WebSocket::open(server.address(), "/ws");
    let told = bob.json();
    assert!(
        told["type"] == "notice" && told["text"].as_str().unwrap().contains("pass"),
        "{told}"
    );
    bob.says("hello?");
    bob.says("/who");
    bob.says(&format!("/pass {WRONG}"));
    bob.says(&format!("/pass {PASSWORD}"));
    loop {
        let told = bob.json();
        match told["type"].as_str().unwrap() {
            "notice" => assert!(!told.to_string().contains("ann"), "{told}"),
            kind => {
                assert_eq!(kind, "you", "{told}");
                break;
            }
        }
    }
    assert_eq!(bob.talk()["text"], "a secret");
    bob.says("in at last");
    assert!(ann.next().ends_with(": in at last"));
    let mut eve = WebSocket::open(server.address(), "/ws?since=1");
    for _ in 0..3 {
        eve.says(&format!("/pass {WRONG}"));
    }
    assert_eq!(eve.close_code(), 1008);
    told_no_secret(&server);
}

#[test]
fn an_irc_client_says_it_first() {
    let server = guarded(&[]);
    let mut ann = member(&server, "ann");
    ann.says("a secret");
    let (right, wrong) = (format!("PASS :{PASSWORD}"), format!("PASS {WRONG}"));
    let (right, wrong, nick, user) = (&*right, &*wrong, "NICK eve", "USER a 0 * :A");
    for opening in [
        &[right, nick, user][..],
        &[right, user, nick],
        &["CAP LS 302", right, nick, user, "CAP END"],
        &["CAP LS 302", nick, user, right, "CAP END"],
        &[wrong, right, nick, user],
    ] {
        let mut eve = Irc::to(server.address());
        for line in opening {
            eve.sends(line);
        }
        eve.until(" 001 eve ");
        eve.sends("JOIN #lobby");
        assert_eq!(eve.hears().2, "a secret");
        eve.sends("QUIT");
        while eve.next_line().is_some() {}
    }
    told_no_secret(&server);
}

#[test]
fn without_it_an_irc_client_gets_464_and_no_further() {
    let server = guarded(&[]);
    let _ann = member(&server, "ann");
    for opening in [
        "NICK eve|USER eve 0 * :Eve",
        "CAP LS|NICK eve|USER eve 0 * :Eve|CAP END",
    ] {
        let mut eve = Irc::to(server.address());
        for line in opening.split('|') {
            eve.sends(line);
        }
        let told = eve.until(" 464 ");
        assert!(word(&told, 0).starts_with(':'), "{told}");
        for line in [
            "JOIN #lobby",
            "NAMES #lobby",
            "WHO #lobby",
            "LIST",
            "PRIVMSG ann :hi",
            "WHOIS ann",
            "ISON ann",
            "LUSERS",
            "USERHOST ann",
        ] {
            eve.peer.try_send(format!("{line}\r\n"));
        }
        for _ in 0..3 {
            eve.peer.try_send(format!("PASS {WRONG}\r\n"));
        }
        // Wrong three times, wherever it stands: the end.
        let mut last = String::new();
        while let Some(line) = eve.next_line() {
            assert!(
                !line.contains("ann") || line.contains(" 401 ") || line.contains(" 451 "),
                "{line}"
            );
            assert!(
                !line.contains(" 001 ") && !line.contains(" JOIN "),
                "{line}"
            );
            last = line;
        }
        assert!(last.starts_with("ERROR :"), "{last}");
    }
    let mut eve = Irc::to(server.address());
    eve.sends("CAP LS 302");
    for _ in 0..3 {
        eve.sends(&format!("PASS {WRONG}"));
    }
    while eve.next_line().is_some() {}
    told_no_secret(&server);
}

#[test]
fn the_page_and_healthz_need_none() {
    let server = guarded(&[]);
    assert_eq!(get(server.address(), "/").status, 200);
    assert_eq!(get(server.address(), "/healthz").text(), "ok\n");
}

#[test]
fn a_password_that_nobody_asks_for_is_told_to_nobody() {
    let server = listen(&["", "irc:"], &[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    ann.says(&format!("/pass {PASSWORD}"));
    let told = ann.notice();
    assert!(!told.contains(PASSWORD), "{told}");
    bob.hears_nothing_before(&mut ann, "quiet");
    // PASS is what many clients send in any case.
    let mut eve = Irc::to(bare(&server, 1));
    eve.sends(&format!("PASS :{PASSWORD}"));
    eve.sends("NICK eve");
    eve.sends("USER eve 0 * :Eve");
    eve.until(" 001 eve ");
}

#[test]
fn a_file_without_a_password_is_one_line_and_no_server() {
    let empty = NamedTempFile::new().unwrap();
    for path in ["/nowhere/at/all", empty.path().to_str().unwrap()] {
        let output = std::process::Command::new(program())
            .args(["serve", "-l", "127.0.0.1:0", "--password-file", path])
            .output()
            .unwrap();
        assert!([Some(1), Some(2)].contains(&output.status.code()), "{path}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            told.contains("--password-file") && told.contains(path),
            "{told}"
        );
    }
    drop(serve(&[]));
}
