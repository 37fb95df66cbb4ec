//! What stdin may be, and an stdout or stderr that nobody reads or that is closed.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use tempfile::{NamedTempFile, TempDir};

use crate::harness::{Capture, Launch, PATIENCE, Server, until};
use crate::peer::{Peer, unix};

/// A pipe that is full after 4 KiB: the reading end, the writing end.
fn small_pipe() -> (File, OwnedFd) {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    fcntl_setpipe_size(&writer, 4096).unwrap();
    (File::from(reader), writer)
}

/// Reads the first line, byte by byte: nothing after it is taken.
fn first_line(reader: &mut File) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.last() != Some(&b'\n') {
        reader.read_exact(&mut byte).unwrap();
        line.extend(byte);
    }
    let line = String::from_utf8(line).unwrap();
    let address = line.trim_end().strip_prefix("listening on ");
    address.unwrap_or_else(|| panic!("{line:?}")).to_owned()
}

fn regular_file(text: &str) -> File {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.reopen().unwrap()
}

#[test]
fn a_console_without_input_ends_at_once() {
    let (empty, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    drop(writer);
    for stdin in [
        Stdio::null(),
        Stdio::from(regular_file("")),
        Stdio::from(empty),
    ] {
        let mut server = Launch::new("console").stdin(stdin).start();
        assert_eq!(server.exit_code(), 0);
    }
}

#[test]
fn a_console_with_stdin_closed_ends_at_once() {
    let mut server = Launch::new("console")
        .wrap(&["sh", "-c", "exec \"$@\" <&-", "sh"])
        .start();
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn half_a_line_is_held_and_is_a_line_at_the_end() {
    let mut server = Launch::new("console").stdin(Stdio::piped()).start();
    server.types("one\nha");
    server.does_not_spin();
    let mut peer = Peer::connect(&server);
    peer.send("first?");
    assert_eq!(peer.recv(), "one");
    peer.send("second?");
    server.stdout().wait_for("second?");
    assert!(
        !peer.anything_within(Duration::from_millis(100)),
        "half a line"
    );
    server.types("lf");
    drop(server.stdin.take());
    assert_eq!(peer.recv(), "half");
    assert_eq!(peer.rest(), b"");
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn a_pipe_that_closes_later_ends_it_later() {
    let mut server = Launch::new("console").stdin(Stdio::piped()).start();
    let mut peer = Peer::connect(&server);
    peer.send("hello");
    server.stdout().wait_for("hello");
    server.does_not_spin();
    server.types("bye\n");
    drop(server.stdin.take());
    assert_eq!(peer.rest(), b"bye");
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn a_held_script_waits_without_spinning() {
    for stdin in [
        Stdio::from(regular_file("a\nb")),
        Stdio::from(piped("a\nb")),
    ] {
        let mut server = Launch::new("console").stdin(stdin).start();
        server.does_not_spin();
        let mut peer = Peer::connect(&server);
        peer.send("1");
        assert_eq!(peer.recv(), "a");
        peer.send("2");
        assert_eq!(peer.rest(), b"b");
        assert_eq!(server.exit_code(), 0);
    }
}

/// In pieces it would answer several clients.
#[test]
fn a_piped_line_that_is_too_long_answers_nobody() {
    // Its CR counts.
    let (longest, longer) = ("x".repeat(64 << 10), "y".repeat((64 << 10) + 1));
    let longest = &longest[1..];
    let script = format!("{longer}\n{longest}\r\n{longer}{longer}\nlast\n{longer}");
    let stdin = regular_file(&script);
    let mut server = Launch::new("console").stdin(stdin).start();
    let mut peer = Peer::connect(&server);
    peer.send("1");
    assert!(peer.exactly(longest.len()) == longest.as_bytes());
    peer.send("2");
    assert_eq!(peer.rest(), b"last");
    assert_eq!(server.exit_code(), 0);
    let said = server.stdout().settled();
    let told = "* not sent: a line has at most 65536 bytes\n";
    assert_eq!(said.matches(told).count(), 3, "{said}");
}

/// A pipe with a text in it whose writer is gone.
fn piped(text: &str) -> OwnedFd {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    File::from(writer).write_all(text.as_bytes()).unwrap();
    reader
}

#[test]
fn a_long_script_is_used_up_line_by_line() {
    let script: String = (0..3000).map(|i| format!("answer {i}\n")).collect();
    let stdin = regular_file(&script);
    let mut server = Launch::new("console").stdin(stdin).start();
    let mut peer = Peer::connect(&server);
    for i in 0..3000 {
        peer.send("?");
        let expected = format!("answer {i}");
        assert_eq!(peer.exactly(expected.len()), expected.as_bytes());
    }
    assert_eq!(peer.rest(), b"");
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn other_services_do_not_care_what_stdin_is() {
    for service in ["echo", "room", "reply"] {
        for stdin in [Stdio::null(), Stdio::from(regular_file("x\n"))] {
            let mut server = Launch::new(service).stdin(stdin).start();
            let mut peer = Peer::connect(&server);
            peer.send("hello\n");
            assert!(!peer.recv().is_empty());
            assert!(server.is_running());
        }
    }
}

#[test]
fn a_console_that_nobody_reads_goes_on() {
    let (mut screen, writer) = small_pipe();
    let mut server = Launch::new("console")
        .stdin(Stdio::piped())
        .stdout(writer)
        .spawn();
    let address = first_line(&mut screen);
    let mut peer = Peer::to(&address);
    // Ten times as much as any queue for the screen should hold.
    for _ in 0..20 {
        server.types(&"ok\n".repeat(500));
        for _ in 0..500 {
            peer.send("x".repeat(100));
            assert_eq!(peer.exactly(2), b"ok");
        }
    }
    server.does_not_spin();
    // Read again, it says how much was dropped.
    let screen = Capture::of(screen);
    until("it counts what was dropped", PATIENCE, || {
        server.types("ok\n");
        peer.send("again");
        peer.exactly(2);
        counts_dropped(&screen.text()) || counts_dropped(&server.stderr().text())
    });
    server.types("/quit\n");
    assert_eq!(server.exit_code(), 0);
}

/// A line that says that so and so many were dropped.
fn counts_dropped(text: &str) -> bool {
    let says_so = |l: &str| l.contains("dropped") || l.contains("too fast");
    let counts = |l: &str| l.contains(|c: char| c.is_ascii_digit());
    text.lines().any(|l| says_so(l) && counts(l))
}

#[test]
fn a_log_that_nobody_reads_goes_on() {
    let (log, writer) = small_pipe();
    let mut server = Launch::new("echo").log("trace").stderr(writer).start();
    for i in 0..1000 {
        Peer::connect(&server).echoes(format!("client {i}"));
    }
    server.does_not_spin();
    let log = Capture::of(log);
    until("it counts what was dropped", PATIENCE, || {
        Peer::connect(&server).echoes("again");
        counts_dropped(&log.text())
    });
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn a_full_log_does_not_hold_up_the_end() {
    let (_log, writer) = small_pipe();
    let mut server = Launch::new("echo").log("trace").stderr(writer).start();
    for i in 0..300 {
        Peer::connect(&server).echoes(format!("client {i}"));
    }
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.ends_within(Duration::from_secs(5)).code(), Some(0));
}

#[test]
fn a_closed_stdout_ends_nobody() {
    let (mut screen, writer) = small_pipe();
    let mut server = Launch::new("console")
        .stdin(Stdio::piped())
        .stdout(writer)
        .spawn();
    let address = first_line(&mut screen);
    drop(screen);
    let mut peer = Peer::to(&address);
    for round in 0..20 {
        peer.send("hello");
        peer.all_taken();
        let answer = format!("answer {round}\n");
        server.types(&answer);
        assert_eq!(peer.recv(), answer.trim_end());
    }
    server.types("/quit\n");
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn a_closed_stderr_ends_nobody() {
    let (log, writer) = small_pipe();
    drop(log);
    let mut server = Launch::new("echo").log("trace").stderr(writer).start();
    for _ in 0..50 {
        Peer::connect(&server).echoes("hello");
    }
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.exit_code(), 0);
}

/// Starts a service on a unix socket, by way of a shell that closes or redirects, and waits for it.
fn without(redirection: &str, service: &str, folder: &TempDir) -> (Server, String) {
    let path = folder.path().join("s");
    let address = format!("unix:{}", path.display());
    let server = Launch::new(service)
        .listen(&[&address])
        .wrap(&["sh", "-c", &format!("exec \"$@\" {redirection}"), "sh"])
        .stdin(Stdio::piped())
        .spawn();
    until("it listens", PATIENCE, || {
        std::os::unix::net::UnixStream::connect(&path).is_ok()
    });
    (server, address)
}

#[test]
fn it_serves_with_its_outputs_closed_or_full() {
    for redirection in [
        ">&-",
        "2>&-",
        ">&- 2>&-",
        "<&- >&- 2>&-",
        ">/dev/full",
        "2>/dev/full",
    ] {
        let folder = TempDir::new().unwrap();
        let (mut server, address) = without(redirection, "echo", &folder);
        for _ in 0..20 {
            let mut peer = unix(&address);
            peer.write_all(b"hello").unwrap();
            let mut back = [0; 5];
            peer.read_exact(&mut back).unwrap();
            assert_eq!(&back, b"hello", "{redirection}");
        }
        server.signal(rustix::process::Signal::TERM);
        assert_eq!(server.exit_code(), 0, "{redirection}");
    }
}

#[test]
fn a_console_serves_with_stdout_closed_from_the_start() {
    let folder = TempDir::new().unwrap();
    let (mut server, address) = without(">&-", "console", &folder);
    let mut peer = unix(&address);
    peer.write_all(b"hello").unwrap();
    // The client that found out that the server listens has left, and waits for nothing.
    server.types("hi\n");
    let mut back = [0; 2];
    peer.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"hi");
    server.types("/quit\n");
    assert_eq!(server.exit_code(), 0);
}
