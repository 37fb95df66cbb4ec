//! Whose pages may join: those of the same host, and those of `--allow-origin`.

use super::http_client::Answer;
use super::serve;
use super::websocket_client::handshake;
use crate::harness::program;
use crate::peer::Peer;

#[track_caller]
fn status(address: &str, host: &str, origin: &str) -> u16 {
    let mut peer = Peer::to(address);
    peer.send(format!(
        "GET /ws HTTP/1.1\r\nHost: {host}\r\n{}\r\n",
        handshake(&format!("Origin: {origin}\r\n"))
    ));
    Answer::head(&mut peer).status
}

#[test]
fn a_page_of_another_host_may_not() {
    let server = serve(&[
        "--allow-origin",
        "https://app.example",
        "--allow-origin",
        "http://localhost:3000",
    ]);
    let address = server.address();
    for (host, origin, is_taken) in [
        ("chat.example", "http://chat.example", true),
        ("chat.example", "https://chat.example", true),
        ("Chat.Example", "http://chat.example", true),
        ("chat.example:7788", "http://chat.example:7788", true),
        ("chat.example:80", "http://chat.example", true),
        ("[::1]:7788", "http://[::1]:7788", true),
        ("127.0.0.1:7788", "http://127.0.0.1:7788", true),
        ("chat.example", "https://app.example", true),
        ("chat.example", "http://localhost:3000", true),
        ("chat.example", "http://app.example", false),
        ("chat.example", "https://app.example.evil", false),
        ("chat.example", "https://app.example:444", false),
        ("chat.example", "http://chat.example.evil", false),
        ("chat.example", "http://evil.example", false),
        ("chat.example", "http://chat.example:8080", false),
        ("chat.example:7788", "http://chat.example", false),
        ("chat.example", "null", false),
        ("chat.example", "file://", false),
        ("chat.example", "chat.example", false),
        ("chat.example", "http://x@chat.example", false),
        ("chat.example", "http://evil.example/chat.example", false),
        ("chat.example", "", false),
    ] {
        let status = status(address, host, origin);
        assert_eq!(
            status,
            if is_taken { 101 } else { 403 },
            "{origin:?} to {host}"
        );
    }
}

#[test]
fn what_is_no_origin_cannot_be_allowed() {
    for origin in [
        "app.example",
        "https://",
        "https://app.example/path",
        "*",
        "",
    ] {
        let output = std::process::Command::new(program())
            .args(["serve", "-l", "127.0.0.1:0", "--allow-origin", origin])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{origin:?}");
    }
}
