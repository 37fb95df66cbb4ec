//! `connect` in a pipe: bytes both ways, and every way to end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixListener;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Output, Stdio};

use socket2::{Domain, SockAddr, Socket, Type};

use super::{accept, connect, hears, hears_end, listener, reset};
use crate::child::{Running, within};
use crate::harness::Launch;
use crate::peer::Peer;

fn piped(command: &mut Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A client whose stdin stays open until `input` is dropped.
struct Client {
    input: Option<ChildStdin>,
    output: Option<BufReader<ChildStdout>>,
    errors: ChildStderr,
    running: Running,
}

impl Client {
    fn start(command: &mut Command) -> Self {
        let mut child = piped(command);
        Self {
            input: child.stdin.take(),
            output: child.stdout.take().map(BufReader::new),
            errors: child.stderr.take().unwrap(),
            running: Running::new(child),
        }
    }

    fn says(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    fn hears_line(&mut self) -> String {
        let mut line = String::new();
        self.output.as_mut().unwrap().read_line(&mut line).unwrap();
        line
    }

    /// Exit code and stderr.
    fn ends(&mut self) -> (Option<i32>, String) {
        let code = self.running.wait().code();
        let mut errors = String::new();
        self.errors.read_to_string(&mut errors).unwrap();
        (code, errors)
    }
}

fn noise(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at * 7 % 256).try_into().unwrap())
        .collect()
}

fn run(command: &mut Command) -> Output {
    let child = piped(command);
    within(move || child.wait_with_output().unwrap())
}

#[test]
fn bytes_go_both_ways_as_they_are() {
    let (listener, address) = listener();
    let mut child = piped(&mut connect(&address));
    let mut server = accept(&listener);
    let sent = noise(300_000);
    let (mut input, typed) = (child.stdin.take().unwrap(), sent.clone());
    let writer = std::thread::spawn(move || input.write_all(&typed));
    hears(&server, &sent);
    writer.join().unwrap().unwrap();
    // stdin's end has been passed on, and ours is still to come.
    hears_end(&server);
    server.write_all(&noise(100_000)).unwrap();
    drop(server);
    let output = within(move || child.wait_with_output().unwrap());
    assert!(output.stdout == noise(100_000));
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn the_servers_end_ends_it_while_stdin_is_open() {
    let (listener, address) = listener();
    let mut client = Client::start(&mut connect(&address));
    let server = accept(&listener);
    server.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.ends(), (Some(0), String::new()));
}

#[test]
fn arrivals_come_at_once_and_while_the_server_does_not_read() {
    let (listener, address) = listener();
    let mut client = Client::start(&mut connect(&address));
    let mut server = accept(&listener);
    let mut input = client.input.take().unwrap();
    // More than the buffers on the way hold: the client's write blocks.
    let writer = std::thread::spawn(move || input.write_all(&noise(64 << 20)));
    for text in ["one\n", "two\n"] {
        server.write_all(text.as_bytes()).unwrap();
        assert_eq!(client.hears_line(), text);
    }
    assert!(!writer.is_finished(), "64 MiB were taken by nobody");
    drop(client);
    assert!(writer.join().unwrap().is_err());
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let (listener, address) = listener();
    let mut client = Client::start(&mut connect(&address));
    let mut server = accept(&listener);
    server.write_all(b"first\n").unwrap();
    assert_eq!(client.hears_line(), "first\n");
    client.output = None;
    server.write_all(b"second\n").unwrap();
    assert_eq!(client.ends(), (Some(0), String::new()));
}

#[test]
fn raw_sends_each_line_by_itself_and_without_its_newline() {
    let (listener, address) = listener();
    let mut client = Client::start(connect(&address).arg("--raw"));
    let server = accept(&listener);
    for (typed, sent) in [
        ("hi\n", "hi"),
        ("\n你好\r\n", "你好"),
        ("two\nlines\n", "twolines"),
    ] {
        client.says(typed.as_bytes());
        hears(&server, sent.as_bytes());
    }
    client.says(b"no end");
    client.input = None;
    hears(&server, b"no end");
    hears_end(&server);
}

/// Nothing of what comes at once behind the password is taken for a part of it.
#[test]
fn raw_says_a_password_by_itself_too() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("password");
    std::fs::write(&file, "correct horse\n").unwrap();
    let file = file.to_str().unwrap();
    let server = Launch::new("room").args(&["--password-file", file]);
    let server = server.start();
    let mut peer = Peer::connect(&server);
    peer.send("/pass correct horse\n/nick ann\n");
    while !peer.line().contains("you are now ann") {}
    let arguments = ["--raw", "--password-file", file];
    let mut client = Client::start(connect(server.address()).args(arguments));
    client.says(b"hello\n");
    client.input = None;
    while !peer.line().ends_with(": hello") {}
    let told: Vec<String> = (0..2).map(|_| client.hears_line()).collect();
    assert!(told[0].contains("has a password"), "{told:?}");
    assert!(told[1].starts_with("* you are guest"), "{told:?}");
    assert_eq!(client.ends(), (Some(0), String::new()));
}

#[test]
fn a_refused_connection_is_told_in_one_line() {
    let (listener, address) = listener();
    drop(listener);
    let output = run(&mut connect(&address));
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.starts_with(&format!("chinwag: connect to {address}: ")),
        "{told}"
    );
    assert_eq!(told.matches('\n').count(), 1);
}

#[test]
fn the_timeout_bounds_connecting() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("full");
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    socket.listen(0).unwrap();
    // The backlog of one is taken, so the next has to wait.
    let taken = std::os::unix::net::UnixStream::connect(&path).unwrap();
    let address = format!("unix:{}", path.display());
    let output = run(connect(&address).args(["--timeout", "200ms"]));
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        told,
        format!("chinwag: connect to {address}: no answer within 200ms\n")
    );
    drop(taken);
}

#[test]
fn no_time_to_connect_is_wrong_usage() {
    for timeout in ["0", "0s", "0.5ms"] {
        let output = run(connect("127.0.0.1:1").args(["--timeout", timeout]));
        assert_eq!(output.status.code(), Some(2));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("at least 1ms"), "{told}");
        assert_eq!(told.matches('\n').count(), 1, "{told}");
    }
}

#[test]
fn a_reset_is_told_in_one_line() {
    let (listener, address) = listener();
    let mut client = Client::start(&mut connect(&address));
    reset(accept(&listener));
    let (code, told) = client.ends();
    assert_eq!(code, Some(1));
    // The reset may have come before the first word.
    let places = ["connect", "talk"].map(|attempt| format!("chinwag: {attempt} to {address}: "));
    assert!(places.iter().any(|place| told.starts_with(place)), "{told}");
    assert_eq!(told.matches('\n').count(), 1);
}

#[test]
fn unix_sockets_are_spoken_too() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("chat");
    let listener = UnixListener::bind(&path).unwrap();
    let mut client = Client::start(&mut connect(&format!("unix:{}", path.display())));
    let (mut server, _) = within(move || listener.accept()).unwrap();
    client.says(b"hello\n");
    let mut bytes = [0; 6];
    server.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"hello\n");
    server.write_all(b"you too").unwrap();
    drop(server);
    let mut said = String::new();
    client
        .output
        .as_mut()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(said, "you too");
    assert_eq!(client.ends(), (Some(0), String::new()));
}
