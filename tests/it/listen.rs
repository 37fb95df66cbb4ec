//! Where a server listens, how it says so, and every way in which starting can fail.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Output};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::harness::{ANY, LINES, Launch, PATIENCE, program, until};
use crate::peer::{Peer, unix};

/// `chinwag` with these arguments, to its end; it must not be one that serves.
fn run(args: &[&str]) -> Output {
    let mut command = Command::new("timeout");
    command.arg("20").arg(program()).args(args);
    command.env("RUST_LOG", "info").output().expect("it runs")
}

/// It fails with `code`, and says why in one line that has `words` in it.
#[track_caller]
fn fails(args: &[&str], code: i32, words: &str) {
    let output = run(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert!(output.stdout.is_empty(), "{args:?}: {:?}", output.stdout);
    assert_eq!(said.trim_end().lines().count(), 1, "{args:?}: {said}");
    assert!(said.starts_with("chinwag: "), "{args:?}: {said}");
    assert!(said.contains(words), "{args:?}: {said}");
}

#[test]
fn the_real_address_is_said() {
    for (asked, told) in [
        ("127.0.0.1:0", "127.0.0.1:"),
        ("0", "127.0.0.1:"),
        ("[::1]:0", "[::1]:"),
        ("0.0.0.0:0", "0.0.0.0:"),
        (":0", "[::]:"),
    ] {
        let server = Launch::new("echo").listen(&[asked]).start();
        assert!(server.address().starts_with(told), "{}", server.address());
        assert_ne!(server.port(), 0);
        Peer::to(&server.address().replace("0.0.0.0", "127.0.0.1")).echoes("hello");
    }
}

#[test]
fn every_interface_means_v4_and_v6() {
    let server = Launch::new("echo").listen(&[":0"]).start();
    let port = server.port();
    Peer::to(&format!("127.0.0.1:{port}")).echoes("four");
    Peer::to(&format!("[::1]:{port}")).echoes("six");
}

#[test]
fn a_client_of_ipv4_is_logged_as_one_wherever_it_comes_in() {
    let server = Launch::new("echo").listen(&[":0"]).log("debug").start();
    let peer = Peer::to(&format!("127.0.0.1:{}", server.port()));
    let line = format!("{} has come", peer.local());
    let log = server.stderr().wait_for(&line);
    assert!(!log.contains("ffff"), "{log}");
}

#[test]
fn several_listeners_serve_one_room() {
    let folder = TempDir::new().unwrap();
    let path = format!("unix:{}", folder.path().join("s").display());
    let addresses = ["127.0.0.1:0", "[::1]:0", &path, "127.0.0.1:0"];
    let server = Launch::new("room").listen(&addresses).start();
    assert_eq!(server.addresses.len(), 4);
    assert_eq!(server.addresses[2], path);
    let mut peers: Vec<Peer> = [0, 1, 3].map(|i| Peer::to(&server.addresses[i])).into();
    let mut local = unix(&path);
    for peer in &mut peers {
        while !peer.line().contains("guest") {}
    }
    local.write_all(b"hi from here\n").unwrap();
    for peer in &mut peers {
        while !peer.line().ends_with(": hi from here") {}
    }
}

#[test]
fn nothing_else_is_said_on_stdout() {
    for service in ["room", "echo", "reply"] {
        let mut server = Launch::new(service)
            .log("debug")
            .listen(&[ANY, ANY])
            .start();
        let mut peer = Peer::connect(&server);
        peer.send("hello\n");
        peer.half_close();
        peer.rest();
        server.signal(Signal::TERM);
        assert_eq!(server.exit_code(), 0);
        let said = server.stdout().settled();
        let addresses = &server.addresses;
        let lines = format!(
            "listening on {}\nlistening on {}\n",
            addresses[0], addresses[1]
        );
        assert_eq!(said, lines);
    }
}

#[test]
fn coming_and_going_is_not_logged_by_default() {
    let mut server = Launch::new("echo").start();
    let said_at_start = server.stderr().text().lines().count();
    for _ in 0..20 {
        Peer::connect(&server).echoes("x");
    }
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), 0);
    let lines = server.stderr().settled().lines().count();
    assert!(lines < said_at_start + 10, "{lines} lines for 20 clients");

    let mut server = Launch::new("echo").log("debug").start();
    for _ in 0..20 {
        Peer::connect(&server).echoes("x");
    }
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), 0);
    assert!(server.stderr().settled().lines().count() >= 40);
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind(ANY).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fails(&["serve", "echo", "-l", &address], 1, &address);
    // One of several is enough, and a chinwag is as much in the way as any other.
    fails(&["serve", "-l", ANY, "-l", &address], 1, &address);
    let server = Launch::new("room").start();
    fails(&["serve", "-l", server.address()], 1, server.address());
    Peer::connect(&server).line();
}

#[test]
fn what_cannot_be_listened_on_is_named() {
    // 192.0.2.0/24 is nobody's.
    fails(&["serve", "-l", "192.0.2.1:0"], 1, "192.0.2.1:0");
    let folder = TempDir::new().unwrap();
    let missing = format!("unix:{}", folder.path().join("no/such/folder").display());
    fails(&["serve", "-l", &missing], 1, &missing);
    let long = format!("unix:{}/{}", folder.path().display(), "x".repeat(200));
    fails(&["serve", "-l", &long], 1, "xxx");
    fails(
        &["serve", "--motd", "@/no/such/file", "-l", ANY],
        1,
        "/no/such/file",
    );
}

#[test]
fn wrong_usage_exits_2() {
    for (args, words) in [
        (&["serve", "--no-such-option"][..], "--no-such-option"),
        (&["serve", "nonsense"], "nonsense"),
        (&["nonsense"], "nonsense"),
        (&["serve", "-l", "nonsense"], "nonsense"),
        (&["serve", "-l", "1.2.3.4:99999"], "99999"),
        (&["serve", "--max-clients", "many"], "many"),
        (&["serve", "--max-clients", "0"], "max-clients"),
        (&["serve", "--max-message", "12q"], "12q"),
        (&["serve", "--max-message", "0"], "max-message"),
        (&["serve", "--idle-timeout", "5"], "5"),
        (&["serve", "--grace", "-1s"], "-1"),
        (&["serve", "room", "--framing", "words"], "words"),
        (&["serve", "room", "--notices", "maybe"], "maybe"),
        (&["serve", "room", "--pace", "1"], "pace"),
        (&["serve", "echo", "--motd", "x"], "motd"),
        (&["serve", "echo", "--text", "x"], "text"),
        (&["serve", "console", "--once"], "once"),
        (&["serve", "reply", "--history", "3"], "history"),
        (&["serve", "--history", "3", "reply"], "history"),
        (&["serve", "--history", "10001"], "10000"),
        (&["serve", "--motd", "@/dev/zero"], "16k"),
        (&["serve", "-l"], "listen"),
        (&["serve", "a", "b"], "a"),
    ] {
        fails(args, 2, words);
    }
}

#[test]
fn help_is_no_failure_and_names_the_defaults() {
    for args in [&["--help"][..], &["serve", "--help"], &["--version"]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty());
    }
    for (page, own) in [("echo", false), ("room", true)] {
        let help = run(&["serve", "-l", ANY, page, "--help"]).stdout;
        let help = String::from_utf8(help).unwrap();
        assert!(help.contains("--max-clients"), "{help}");
        assert_eq!(help.contains("--history"), own, "{help}");
    }
    let help = String::from_utf8(run(&["serve", "--help"]).stdout).unwrap();
    for part in ["127.0.0.1:7788", "--listen", "--max-clients", "--grace"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

#[test]
fn a_stale_unix_socket_is_replaced() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("chat");
    let address = format!("unix:{}", path.display());
    let first = Launch::new("echo").listen(&[&address]).start();
    first.signal(Signal::KILL);
    drop(first);
    assert!(path.exists(), "a killed server leaves its socket");
    let second = Launch::new("echo").listen(&[&address]).start();
    let mut peer = unix(second.address());
    peer.write_all(b"hello").unwrap();
    let mut back = [0; 5];
    peer.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"hello");
}

#[test]
fn the_socket_file_of_another_server_is_not_taken_away() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("chat");
    let address = format!("unix:{}", path.display());
    let mut first = Launch::new("echo").listen(&[&address]).start();
    fs::remove_file(&path).unwrap();
    let second = Launch::new("echo").listen(&[&address]).start();
    first.signal(Signal::TERM);
    assert_eq!(first.exit_code(), 0);
    let mut peer = unix(second.address());
    peer.write_all(b"mine").unwrap();
    let mut back = [0; 4];
    peer.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"mine");
}

/// A unix socket that is closed breaks at once, also while its client is owed too much to be read.
#[test]
fn the_last_words_of_a_unix_client_are_heard() {
    let folder = TempDir::new().unwrap();
    let address = format!("lines:unix:{}", folder.path().join("chat").display());
    let args = ["--notices", "off"];
    let server = Launch::new("room")
        .listen(&[LINES, &address])
        .args(&args)
        .start();
    let mut ann = Peer::connect(&server);
    ann.send("/nick ann\n");
    assert_eq!(ann.line(), "* you are now ann");
    let mut gone = unix(server.addresses[1].trim_start_matches("lines:"));
    gone.write_all(&b"/help\n".repeat(2000)).unwrap();
    gone.write_all(b"good bye\n").unwrap();
    let mut both_are_here = || {
        ann.send("/who\n");
        ann.line().starts_with("* 2 here")
    };
    until("it has come", PATIENCE, &mut both_are_here);
    // By then it has been read from, as far as it may.
    assert!((0..200).all(|_| both_are_here()));
    drop(gone);
    assert!(ann.line().ends_with(": good bye"));
}

#[test]
fn a_living_unix_socket_is_not_replaced() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("chat");
    let address = format!("unix:{}", path.display());
    let first = Launch::new("echo").listen(&[&address]).start();
    fails(&["serve", "echo", "-l", &address], 1, &address);
    // Not even while its owner is too busy to accept.
    first.pause();
    fails(&["serve", "echo", "-l", &address], 1, &address);
    first.resume();
    let mut peer = unix(first.address());
    peer.write_all(b"mine").unwrap();
    let mut back = [0; 4];
    peer.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"mine");
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("precious");
    fs::write(&path, "data").unwrap();
    let address = format!("unix:{}", path.display());
    fails(&["serve", "echo", "-l", &address], 1, &address);
    assert_eq!(fs::read_to_string(&path).unwrap(), "data");
}

#[test]
fn a_unix_socket_is_a_room_too() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("chat");
    let address = format!("unix:{}", path.display());
    let server = Launch::new("reply").listen(&[&address]).start();
    let kind = fs::metadata(&path).unwrap().file_type();
    assert!(kind.is_socket());
    for _ in 0..3 {
        let mut peer = UnixStream::connect(&path).unwrap();
        peer.write_all(b"hello").unwrap();
        let mut said = String::new();
        peer.read_to_string(&mut said).unwrap();
        assert_eq!(said, "thank you !");
    }
    drop(server);
}
