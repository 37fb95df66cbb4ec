//! `connect` over TLS: whom it trusts, what it says of whom it does not, and its ends.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use rcgen::date_time_ymd;

use super::certificates::{Authority, Pair};
use super::{serve, tls_address};
use crate::child::within;
use crate::harness::{Launch, Server, program};
use crate::peer::pattern;
use crate::pty::InPty;

fn connect(address: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(["connect", address]).args(arguments);
    command
}

/// Runs it in a pipe with `input`.
fn run(address: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = connect(address, arguments);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = within(move || child.wait_with_output().unwrap());
    let _ = writer.join().unwrap();
    output
}

#[track_caller]
fn refused(address: &str, arguments: &[&str], code: i32, why: &str) {
    let output = run(address, arguments, b"hello\n");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.lines().count() == 1 && said.contains(why), "{said}");
    assert!(output.stdout.is_empty());
}

fn serve_with(pair: &Pair) -> Server {
    let files = ["--tls-cert", pair.certificate(), "--tls-key", pair.key()];
    Launch::new("echo")
        .listen(&["tls:127.0.0.1:0"])
        .args(&files)
        .start()
}

#[test]
fn bytes_go_both_ways_as_they_are_and_the_end_is_clean() {
    let (server, authority) = serve("echo", &[]);
    let bytes = pattern(3_000_000);
    let output = run(server.address(), &["--tls-ca", &authority.file()], &bytes);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout == bytes && output.stderr.is_empty());
}

#[test]
fn a_server_that_is_not_what_it_says_is_refused_with_the_reason() {
    let authority = Authority::new();
    let ca = authority.file();
    let wrong_name = serve_with(&authority.signs_as("name", &["elsewhere.example"], |_| {}));
    refused(
        wrong_name.address(),
        &["--tls-ca", &ca],
        1,
        "certificate is for another name",
    );
    let expired = serve_with(&authority.signs_as("old", &["127.0.0.1"], |params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    }));
    refused(
        expired.address(),
        &["--tls-ca", &ca],
        1,
        "certificate has expired",
    );
    let fine = serve_with(&authority.signs(&["127.0.0.1"]));
    let stranger = Authority::new().file();
    assert!(!std::path::Path::new(&stranger).exists());
    refused(fine.address(), &["--tls-ca", &stranger], 1, "No such file");
    let stranger = Authority::new();
    refused(
        fine.address(),
        &["--tls-ca", &stranger.file()],
        1,
        "nobody that is trusted here",
    );
    let other = "00".repeat(32);
    refused(
        fine.address(),
        &["--tls-fingerprint", &other],
        1,
        "another fingerprint: ",
    );
    let plain = Launch::new("reply").start();
    let address = format!("tls:{}", plain.address());
    refused(&address, &["--tls-ca", &ca], 1, "what comes is no TLS");
}

#[test]
fn a_certificate_that_signs_itself_is_trusted_where_it_is_given_as_such() {
    let authority = Authority::new();
    let (certificate, key) = (authority.path("own.pem"), authority.path("own.key"));
    let arguments = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=own",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ];
    if super::output("openssl", &arguments, "").is_none() {
        return;
    }
    let files = ["--tls-cert", &certificate, "--tls-key", &key];
    let listen = ["tls:127.0.0.1:0", "tls:[::1]:0"];
    let server = Launch::new("echo").listen(&listen).args(&files).start();
    let output = run(server.address(), &["--tls-ca", &certificate], b"hello\n");
    assert_eq!(output.stdout, b"hello\n", "{output:?}");
    // Whoever does not say so is told how to.
    let stranger = Authority::new();
    refused(
        server.address(),
        &["--tls-ca", &stranger.file()],
        1,
        "trust it with --tls-fingerprint HEX, or with --tls-ca FILE",
    );
    refused(
        &server.addresses[1],
        &["--tls-ca", &certificate],
        1,
        "for another name",
    );
}

#[test]
fn options_that_do_not_fit_are_wrong_usage() {
    for (address, arguments, why) in [
        ("127.0.0.1:1", &["--tls-ca", "x"][..], "are for tls:ADDR"),
        ("tls:1", &["--tls-fingerprint", "ab"], "64 hex digits"),
        ("irc:1", &[], "only lines and tls"),
        (
            "tls:1",
            &["--tls-ca", "x", "--tls-fingerprint", &"0".repeat(64)],
            "cannot be used with",
        ),
    ] {
        refused(address, arguments, 2, why);
    }
}

#[test]
fn a_password_is_said_first() {
    let (server, authority) = serve("echo", &[]);
    let file = authority.path("password");
    std::fs::write(&file, "correct horse\n").unwrap();
    let arguments = ["--tls-ca", &authority.file(), "--password-file", &file];
    let output = run(server.address(), &arguments, b"hello\n");
    assert_eq!(output.stdout, b"/pass correct horse\nhello\n");
    for (text, why) in [
        ("", "no password"),
        ("a\nb\n", "more than one line"),
        (&"x".repeat(600), "longer"),
    ] {
        std::fs::write(&file, text).unwrap();
        refused(server.address(), &["--password-file", &file], 1, why);
    }
}

#[test]
fn a_person_talks_over_tls_and_sees_its_end() {
    let (mut server, authority) = serve("room", &[]);
    let mut ann = connect(server.address(), &["--tls-ca", &authority.file()]);
    let client = InPty::start(80, &mut ann);
    client.pty.wait_for(&["send:"]);
    client.pty.press("/nick ann\r");
    client.pty.wait_for(&["-- ann in lobby, 1 here", "send:"]);
    let mut bob = super::client::Client::connect(tls_address(&server), &authority);
    bob.send("hello\n");
    client
        .pty
        .wait_for(&["guest2: hello", "-- ann in lobby, 2 here: guest2", "send:"]);
    server.signal(rustix::process::Signal::TERM);
    client.pty.wait_for(&["* the server closed the connection"]);
    bob.rest();
    drop(bob);
    assert_eq!(server.exit_code(), 0);
}
