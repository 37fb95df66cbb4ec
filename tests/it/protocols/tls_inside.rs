//! TLS under every protocol: on listeners of their own, and where the first bytes decide.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::certificates::args;
use super::http_client::{Answer, request};
use super::{bare, listen};
use crate::harness::{PATIENCE, Server, until};
use crate::member::Member;
use crate::peer::Peer;
use crate::tls::certificates::Authority;
use crate::tls::client::{Client, config};
use crate::tls::output;

fn secure(prefixes: &[&str], more: &[&str]) -> (Server, Authority) {
    let (authority, args) = args();
    let args: Vec<&str> = args
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect();
    (listen(prefixes, &args), authority)
}

/// Registers, and reads up to the welcome.
#[track_caller]
fn registers(client: &mut Client, nick: &str) {
    client.send(format!("NICK {nick}\r\nUSER a 0 * :A\r\n"));
    while !client.line().contains(&format!(" 001 {nick} ")) {}
}

#[test]
fn behind_one_port_the_same_question_is_asked_again_inside() {
    let (server, authority) = secure(&[""], &[]);
    let address = server.address();
    // Plain clients are still there.
    let mut ann = Member::joins(&server, "ann");
    let mut lines = Client::connect(address, &authority);
    assert!(lines.line().starts_with("* you are guest"));
    lines.send("hello from inside\n");
    assert!(ann.next().ends_with(": hello from inside"));
    let mut http = Client::connect(address, &authority);
    http.send(request("GET", "/healthz", ""));
    assert_eq!(Answer::of(&http.rest()).text(), "ok\n");
    let mut irc = Client::connect(address, &authority);
    registers(&mut irc, "eve");
    irc.send("JOIN #lobby\r\nPRIVMSG #lobby :hello from irc\r\n");
    ann.hears("eve: hello from irc");
    // What is no opening, and what could still become one.
    let mut quick = Client::connect(address, &authority);
    quick.send("hi\n");
    assert!(ann.next().ends_with(": hi"));
    let mut open = Client::connect(address, &authority);
    open.send("G");
    assert!(open.line().starts_with("* you are guest"));
    open.send("ood\n");
    assert!(ann.next().ends_with(": Good"));
}

#[test]
fn a_hello_may_be_cut_anywhere() {
    let (server, authority) = secure(&["", "https:"], &[]);
    for index in [0, 1] {
        for at in [1, 2, 3, 4, 5, 6, 7, 20, 100] {
            let mut client = Client::with_hello_cut(bare(&server, index), config(&authority), at);
            client.send(request("GET", "/healthz", ""));
            assert_eq!(Answer::of(&client.rest()).text(), "ok\n", "cut at {at}");
        }
    }
}

#[test]
fn each_listener_speaks_its_own_inside() {
    let (server, authority) = secure(&["tls:", "https:", "ircs:"], &[]);
    for (address, prefix) in server.addresses.iter().zip(["tls:", "https:", "ircs:"]) {
        assert!(address.starts_with(prefix), "{address}");
    }
    let [tls, https, ircs] = [0, 1, 2].map(|index| bare(&server, index));
    let mut lines = Client::connect(tls, &authority);
    assert!(lines.line().starts_with("* you are guest1"));
    for (target, status) in [
        ("/", 200),
        ("/healthz", 200),
        ("/nowhere", 404),
        ("/ws", 426),
    ] {
        let mut http = Client::connect(https, &authority);
        http.send(request("GET", target, ""));
        let answer = Answer::of(&http.rest());
        assert_eq!(answer.status, status);
        assert_eq!(
            answer.header("content-length"),
            answer.body.len().to_string()
        );
    }
    let mut irc = Client::connect(ircs, &authority);
    registers(&mut irc, "eve");
    irc.send("JOIN #lobby\r\nPRIVMSG #lobby :over here\r\nQUIT\r\n");
    while lines.line() != "eve: over here" {}
    irc.rest();
    // On a listener of lines inside TLS, an opening of IRC is chat, and one of HTTP is closed.
    let mut other = Client::connect(tls, &authority);
    other.send("NICK x\n");
    while !lines.line().ends_with(": NICK x") {}
    let mut http = Client::connect(tls, &authority);
    http.send(request("GET", "/", ""));
    while http.try_line().is_some_and(|line| line.starts_with("* ")) {}
    other.send("still here\n");
    let line = loop {
        let line = lines.line();
        if !line.starts_with("* ") {
            break line;
        }
    };
    assert!(line.ends_with(": still here"), "{line}");
}

#[test]
fn plain_http_on_a_listener_of_tls_reaches_nobody() {
    let (server, _authority) = secure(&["https:", "ircs:", ""], &[]);
    for index in [0, 1] {
        let mut peer = Peer::to(bare(&server, index));
        peer.try_send(request("GET", "/", ""));
        peer.until_gone();
    }
    assert_eq!(
        super::http_client::get(bare(&server, 2), "/healthz").text(),
        "ok\n"
    );
}

#[test]
fn what_is_spoken_inside_is_agreed_on() {
    let (server, authority) = secure(&["https:", "ircs:", ""], &[]);
    for (index, offered, agreed) in [
        (0, &["http/1.1"][..], "http/1.1"),
        (0, &["irc", "http/1.1"], "http/1.1"),
        (1, &["irc"], "irc"),
        (1, &["http/1.1", "irc"], "irc"),
        (2, &["http/1.1"], "http/1.1"),
        (2, &["irc"], "irc"),
    ] {
        let mut config = Arc::unwrap_or_clone(config(&authority));
        config.alpn_protocols = offered.iter().map(|name| (*name).into()).collect();
        let client = Client::with(bare(&server, index), Arc::new(config));
        let alpn = client.alpn();
        assert_eq!(alpn.as_deref(), Some(agreed.as_bytes()), "{index}");
    }
}

/// A listener offers what is spoken there, and nothing else.
#[test]
fn what_is_not_spoken_inside_is_refused_by_an_alert() {
    let (server, authority) = secure(&["https:", "ircs:", ""], &[]);
    for (index, name) in [(0, "irc"), (1, "http/1.1"), (2, "h2")] {
        let mut config = Arc::unwrap_or_clone(config(&authority));
        config.alpn_protocols = vec![name.into()];
        let why = Client::refused(bare(&server, index), Arc::new(config));
        assert!(why.contains("NoApplicationProtocol"), "{index}: {why}");
    }
}

/// Is silent for three tenths of a second, as one with a long way to the server is after its
/// handshake, and tells what it has heard then, and at last.
const SILENT_PYTHON: &str = r#"
import socket, ssl, sys
host, port, ca, alpn, request = sys.argv[1:6]
context = ssl.create_default_context(cafile=ca)
context.set_alpn_protocols([alpn] if alpn else [])
raw = socket.create_connection((host, int(port)), timeout=15)
sock = context.wrap_socket(raw, server_hostname="localhost")
early = b""
sock.settimeout(0.3)
try:
    while chunk := sock.recv(65536):
        early += chunk
except TimeoutError:
    pass
sock.settimeout(15)
sock.sendall(request.encode())
heard = b""
while chunk := sock.recv(65536):
    heard += chunk
print(early, heard)
"#;

#[test]
fn what_is_agreed_on_is_waited_for() {
    let (server, authority) = secure(&[""], &[]);
    let file = authority.file();
    let (host, port) = bare(&server, 0).rsplit_once(':').unwrap();
    let http = request("GET", "/healthz", "");
    // By its capitals alone nobody would take that for IRC.
    let irc = "nick py\r\nuser a 0 * :A\r\nquit\r\n".to_owned();
    for (alpn, sent, early, last) in [
        ("http/1.1", &http, "b'' ", "200 OK"),
        ("irc", &irc, "b'' ", " 001 py "),
        ("", &"/quit\n".to_owned(), "b'* you are guest", "b''"),
    ] {
        let arguments = ["-c", SILENT_PYTHON, host, port, &file, alpn, sent];
        let Some(said) = output("python3", &arguments, "") else {
            return;
        };
        assert!(
            said.starts_with(early) && said.contains(last),
            "{alpn}: {said}"
        );
    }
}

/// Its arguments for a server that has to be believed.
const S_CLIENT: [&str; 6] = [
    "s_client",
    "-quiet",
    "-verify_return_error",
    "-verify_hostname",
    "localhost",
    "-connect",
];

#[test]
fn openssl_asks_for_the_page_and_speaks_irc() {
    let (server, authority) = secure(&["https:", "ircs:", ""], &[]);
    let file = authority.file();
    let irc = "NICK ossl\r\nUSER a 0 * :A\r\nQUIT\r\n";
    let http = request("GET", "/healthz", "");
    for (index, input, expected) in [
        (0, &*http, "ok\n"),
        (2, &*http, "ok\n"),
        (1, irc, " 001 ossl "),
        (2, irc, " 001 ossl "),
    ] {
        let address = bare(&server, index);
        let arguments: Vec<&str> = S_CLIENT
            .into_iter()
            .chain([address, "-CAfile", &file])
            .collect();
        let Some(said) = output("openssl", &arguments, input) else {
            return;
        };
        assert!(said.contains(expected), "{index}: {said}");
    }
}

/// Reads to the server's end, in which `unwrap` hears its close_notify before the end of the socket.
const PYTHON: &str = r#"
import socket, ssl, sys
host, port, ca, request = sys.argv[1:5]
context = ssl.create_default_context(cafile=ca)
raw = socket.create_connection((host, int(port)), timeout=15)
sock = context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False)
sock.sendall(request.encode())
heard = b""
while chunk := sock.recv(65536):
    heard += chunk
raw = sock.unwrap()
assert raw.recv(10) == b""
print(len(heard))
"#;

#[test]
fn the_end_of_an_answer_is_one_of_tls_too() {
    let (server, authority) = secure(&["https:", "ircs:", "tls:"], &[]);
    let file = authority.file();
    for (index, input) in [
        (0, request("GET", "/", "")),
        (0, request("GET", "/nowhere", "")),
        (0, "nonsense\r\n\r\n".to_owned()),
        (1, "NICK a\r\nUSER a 0 * :A\r\nQUIT\r\n".to_owned()),
        (2, "/quit\n".to_owned()),
    ] {
        let (host, port) = bare(&server, index).rsplit_once(':').unwrap();
        let Some(said) = output("python3", &["-c", PYTHON, host, port, &file, &input], "") else {
            return;
        };
        assert!(
            said.trim().parse::<usize>().unwrap() > 10,
            "{index}: {said}"
        );
    }
}

#[test]
fn curl_believes_a_certificate_of_the_servers_own_making() {
    let server = listen(&["https:"], &["--tls-self-signed"]);
    server.stderr().wait_for("fingerprint");
    let url = format!("https://{}/healthz", bare(&server, 0));
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--insecure", "--max-time", "10", &url])
        .stderr(Stdio::inherit());
    let Ok(output) = curl.output() else {
        return crate::harness::skipped("there is no curl");
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n");
}

#[test]
fn a_hello_inside_of_tls_ends_that_client_alone() {
    let (server, authority) = secure(&[""], &["--notices", "off"]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    let mut client = Client::connect(server.address(), &authority);
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    while client.try_line().is_some() {}
    ann.hears_nothing_before(&mut bob, "all quiet");
    until("it is in the log", PATIENCE, || {
        server.stderr().text().contains("TLS")
    });
    assert!(!ann.peer.anything_within(Duration::from_millis(10)));
}
