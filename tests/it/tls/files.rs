//! Certificates and keys: wrong ones, and new ones.

use std::process::Command;

use rustix::process::Signal;

use super::certificates::Authority;
use super::client::Client;
use super::{serve, tls_address};
use crate::harness::{Launch, PATIENCE, program, until};

/// The exit code of a server that does not start, and its one line.
fn refusal(arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(program());
    command.args(["serve", "echo"]).args(arguments);
    let output = command.env_remove("RUST_LOG").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("chinwag:"))
        .collect();
    assert_eq!(lines.len(), 1, "{said}");
    (output.status.code().unwrap(), lines[0].to_owned())
}

#[test]
fn options_that_do_not_fit_are_wrong_usage() {
    for (line, why) in [
        ("-l tls:0", "a certificate is missing"),
        ("-l 0 --tls-self-signed", "no listener speaks TLS"),
        ("-l tls:0 --tls-cert a", "--tls-key"),
        ("-l tls:0 --tls-key a", "--tls-cert"),
        (
            "-l tls:0 --tls-cert a --tls-key b --tls-self-signed",
            "cannot be used with",
        ),
        ("-l irc:0", "irc is not spoken here"),
        ("-l https:0 --tls-self-signed", "https is not spoken here"),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let (code, told) = refusal(&arguments);
        assert!(code == 2 && told.contains(why), "{line}: {code} {told}");
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_the_reason() {
    let authority = Authority::new();
    let [one, other] = ["one", "other"].map(|name| authority.signs_as(name, &["x"], |_| {}));
    let empty = authority.path("empty");
    std::fs::write(&empty, "nothing here\n").unwrap();
    let locked = authority.path("locked");
    let pem = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    std::fs::write(&locked, pem).unwrap();
    for (certificate, key, why) in [
        (
            "/nowhere",
            one.key(),
            "read --tls-cert from /nowhere: No such file",
        ),
        (
            one.certificate(),
            "/nowhere",
            "read --tls-key from /nowhere: No such file",
        ),
        (&empty, one.key(), "no certificate in it"),
        (one.certificate(), &empty, "no private key in it"),
        (one.certificate(), &locked, "the key is encrypted"),
        (one.certificate(), one.certificate(), "no private key in it"),
        (
            one.certificate(),
            other.key(),
            "they do not belong together",
        ),
    ] {
        let (code, told) = refusal(&["-l", "tls:0", "--tls-cert", certificate, "--tls-key", key]);
        assert!(code == 1 && told.contains(why), "{code} {told}");
    }
}

#[test]
fn a_certificate_is_read_anew_at_sighup_and_those_who_are_here_stay() {
    reloads(&[]);
}

#[test]
fn a_sandbox_lets_a_certificate_be_read_anew() {
    let mut probe = Launch::new("echo").args(&["--sandbox"]).spawn();
    until("it starts or gives up", PATIENCE, || {
        probe.stdout().text().contains("listening") || !probe.is_running()
    });
    match probe.is_running() {
        true => reloads(&["--sandbox"]),
        false => crate::harness::skipped("--sandbox: this kernel has no Landlock"),
    }
}

fn reloads(arguments: &[&str]) {
    let (mut server, authority) = serve("echo", arguments);
    let mut early = Client::connect(tls_address(&server), &authority);
    let first = early.certificate();
    // The file of the key is the old one's, so that the pair is bad.
    let key = std::fs::read(authority.path("server.key")).unwrap();
    authority.signs(&["localhost"]);
    let new_key = std::fs::read(authority.path("server.key")).unwrap();
    std::fs::write(authority.path("server.key"), key).unwrap();
    server.signal(Signal::HUP);
    server
        .stderr()
        .wait_for("they do not belong together; what was there before stays");
    assert_eq!(
        Client::connect(tls_address(&server), &authority).certificate(),
        first
    );
    // A file of another name that takes the old one's, as certbot and others do it.
    std::fs::write(authority.path("fresh.key"), new_key).unwrap();
    std::fs::rename(authority.path("fresh.key"), authority.path("server.key")).unwrap();
    server.signal(Signal::HUP);
    until("new clients get the new certificate", PATIENCE, || {
        Client::connect(tls_address(&server), &authority).certificate() != first
    });
    early.send("still here\n");
    assert_eq!(early.line(), "still here");
    assert!(server.is_running());
}

#[test]
fn a_certificate_of_its_own_is_for_what_it_listens_on_and_its_fingerprint_is_told() {
    let launch = Launch::new("echo").listen(&["tls:localhost:0", "tls:unix:"]);
    let folder = tempfile::tempdir().unwrap();
    let path = format!(
        "tls:unix:{}",
        folder.path().join("socket").to_str().unwrap()
    );
    let server = launch
        .listen(&["tls:127.0.0.1:0", &path])
        .args(&["--tls-self-signed"])
        .start();
    assert_eq!(server.addresses[1], path);
    let said = server.stderr().wait_for("SHA-256 fingerprint: ");
    let (_, fingerprint) = said.split_once("SHA-256 fingerprint: ").unwrap();
    let fingerprint = fingerprint.lines().next().unwrap().trim();
    for address in &server.addresses {
        let mut connect = Command::new(program());
        connect.args(["connect", address, "--tls-fingerprint", fingerprint]);
        let output = connect.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}
