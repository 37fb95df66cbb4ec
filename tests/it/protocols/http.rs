//! HTTP: the page, the answers to everything else, and what stands in their heads.

use std::collections::BTreeSet;

use super::http_client::{Answer, ask, get, request};
use super::websocket_client::handshake;
use super::{bare, listen, serve};
use crate::peer::Peer;

#[test]
fn the_page_is_one_file_under_a_strict_policy() {
    let server = listen(&["http:", ""], &[]);
    assert!(
        server.address().starts_with("http:127.0.0.1:"),
        "{}",
        server.address()
    );
    for index in [0, 1] {
        let page = get(bare(&server, index), "/");
        assert_eq!(page.status, 200);
        assert!(
            page.header("content-type").starts_with("text/html"),
            "{:?}",
            page.headers
        );
        assert_eq!(page.header("content-length"), page.body.len().to_string());
        assert!(page.body.len() < 40 * 1024, "{} bytes", page.body.len());
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        for word in ["unsafe-inline", "unsafe-eval", "*", "http:", "https:"] {
            assert!(!policy.contains(word), "{word} in {policy}");
        }
        for rule in [
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "'sha256-",
        ] {
            assert!(policy.contains(rule), "{rule} not in {policy}");
        }
        is_guarded(&page);
        // Nothing that the page would load from another host.
        let html = page.text();
        assert!(
            html.trim_start()
                .to_lowercase()
                .starts_with("<!doctype html>")
        );
        for word in [
            "src=\"http",
            "href=\"http",
            "src=\"//",
            "href=\"//",
            "@import",
            "url(http",
            "<link rel=\"stylesheet",
        ] {
            assert!(!html.contains(word), "{word}");
        }
    }
}

/// What every answer has, whatever it says.
#[track_caller]
fn is_guarded(answer: &Answer) {
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert!(
        answer
            .header("content-security-policy")
            .contains("default-src 'none'")
    );
    assert_eq!(answer.header("connection"), "close");
}

#[test]
fn healthz_says_ok() {
    let server = serve(&[]);
    let answer = get(server.address(), "/healthz");
    assert_eq!((answer.status, answer.text()), (200, "ok\n"));
    assert!(answer.header("content-type").starts_with("text/plain"));
    is_guarded(&answer);
    // HTTP/1.0, which needs no Host, and a query that means nothing.
    assert_eq!(
        ask(server.address(), "GET /healthz HTTP/1.0\r\n\r\n").text(),
        "ok\n"
    );
    assert_eq!(get(server.address(), "/healthz?a=b").text(), "ok\n");
    assert_eq!(get(server.address(), "/?a=b").status, 200);
}

#[test]
fn head_is_the_same_head_and_no_body() {
    let server = serve(&[]);
    for target in ["/", "/healthz", "/nowhere", "/ws"] {
        let with = get(server.address(), target);
        let without = ask(server.address(), request("HEAD", target, ""));
        assert_eq!(without.status, with.status, "{target}");
        assert!(without.body.is_empty(), "{target}: {:?}", without.text());
        assert_eq!(without.headers, with.headers, "{target}");
        assert_eq!(with.header("content-length"), with.body.len().to_string());
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_wrong_request_has_its_status() {
    let server = listen(&["http:", ""], &[]);
    let big = format!("X-Big: {}\r\n", "x".repeat(9000));
    let many: String = (0..500).map(|i| format!("X-{i}: {i:020}\r\n")).collect();
    let nearly = format!("X-Big: {}\r\n", "x".repeat(7000));
    let cases = [
        (request("GET", "/nowhere", ""), 404),
        (request("GET", "/ws/", ""), 404),
        (request("GET", "/../healthz", ""), 404),
        (request("GET", "//healthz", ""), 404),
        (request("POST", "/", ""), 405),
        (request("POST", "/", "Content-Length: 5\r\n") + "hello", 405),
        (request("PUT", "/healthz", ""), 405),
        (request("DELETE", "/ws", ""), 405),
        (request("OPTIONS", "/", ""), 405),
        (request("GET", "/ws", ""), 426),
        (request("GET", "/ws?since=1", ""), 426),
        (
            request("GET", "/ws", &handshake("").replace(": 13", ": 8")),
            426,
        ),
        (
            request("GET", "/ws", &handshake("").replace("websocket", "h2c")),
            426,
        ),
        (
            request(
                "GET",
                "/ws",
                &handshake("").replace("dGhlIHNhbXBsZSBub25jZQ==", "short"),
            ),
            400,
        ),
        (request("HEAD", "/ws", &handshake("")), 426),
        (
            request("GET", "/ws", &handshake("")).replace("HTTP/1.1", "HTTP/1.0"),
            426,
        ),
        (
            request(
                "GET",
                "/ws",
                &handshake("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"),
            ),
            400,
        ),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(),
            400,
        ),
        (request("GET", "/", "no colon here\r\n"), 400),
        (request("GET", "/", "Bad Name: x\r\n"), 400),
        (request("GET", "/", "X: a\0b\r\n"), 400),
        (request("GET", "/", &big), 431),
        (request("GET", "/", &many), 431),
        (request("GET", &format!("/{}", "x".repeat(9000)), ""), 431),
        (request("GET", "/healthz", &nearly), 200),
        (
            request("GET", "/healthz", "Cookie: a=\u{e9}\u{6f22}; =;;,\"\r\n"),
            200,
        ),
        (request("GET", "http://chat.example/healthz", ""), 200),
    ];
    for index in [0, 1] {
        for (request, status) in &cases {
            let answer = ask(bare(&server, index), request);
            assert_eq!(answer.status, *status, "{:.80}", request);
            is_guarded(&answer);
            let length = answer.header("content-length").parse::<usize>();
            assert!(request.starts_with("HEAD ") || length == Ok(answer.body.len()));
        }
    }
    // On a listener of its own, what is no request at all is one that is bad.
    for nonsense in [
        "hello\r\n\r\n",
        "NICK ann\r\nUSER a b c d\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01",
        "GET /\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        assert_eq!(ask(bare(&server, 0), nonsense).status, 400, "{nonsense:?}");
    }
    let answer = ask(bare(&server, 0), request("POST", "/", ""));
    let allowed: BTreeSet<&str> = answer.header("allow").split(", ").collect();
    assert!(
        allowed.contains("GET") && allowed.contains("HEAD"),
        "{allowed:?}"
    );
    let answer = get(bare(&server, 0), "/ws");
    assert_eq!(answer.header("upgrade").to_lowercase(), "websocket");
    assert_eq!(answer.header("sec-websocket-version"), "13");
}

#[test]
fn an_answer_reaches_a_client_that_is_still_sending() {
    let server = serve(&[]);
    for _ in 0..5 {
        let mut peer = Peer::connect(&server);
        peer.send(request("POST", "/", "Content-Length: 400000\r\n"));
        // Refused by then, and the rest is on its way.
        peer.try_send(vec![b'x'; 400_000]);
        let answer = Answer::whole(&mut peer);
        assert_eq!(answer.status, 405);
    }
    // A head without an end.
    let mut peer = Peer::connect(&server);
    peer.send("GET / HTTP/1.1\r\nHost: x\r\n");
    for _ in 0..100 {
        peer.try_send(format!("X: {}\r\n", "x".repeat(1000)));
    }
    assert_eq!(Answer::whole(&mut peer).status, 431);
}

#[test]
fn a_client_that_has_shut_down_its_side_is_answered() {
    let server = serve(&[]);
    let mut peer = Peer::connect(&server);
    peer.send(request("GET", "/", ""));
    peer.half_close();
    let page = Answer::whole(&mut peer);
    assert_eq!(page.header("content-length"), page.body.len().to_string());
}

#[test]
fn other_services_have_no_http() {
    for service in ["echo", "reply", "console"] {
        for address in ["http:127.0.0.1:0", "irc:127.0.0.1:0", "auto:127.0.0.1:0"] {
            let output = std::process::Command::new(crate::harness::program())
                .args(["serve", service, "-l", address])
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(2), "{service} {address}");
            let told = String::from_utf8(output.stderr).unwrap();
            assert!(told.contains(address.split(':').next().unwrap()), "{told}");
        }
    }
    let server = crate::harness::Launch::new("echo").start();
    let mut peer = Peer::connect(&server);
    peer.echoes(request("GET", "/", ""));
}
