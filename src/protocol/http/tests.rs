//! Requests, cut anywhere, and what each is answered.

use proptest::prelude::*;

use super::*;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const SMALL_PAGE: &str = "<style>b{}</style><b>hi</b><script>f()</script>";

/// A handshake with these headers in place of, or beside, the usual ones.
fn handshake(target: &str, more: &[(&str, &str)]) -> String {
    let usual = [
        ("Host", "chat.example:7788"),
        ("Upgrade", "websocket"),
        ("Connection", "keep-alive, Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
    ];
    let mut request = format!("GET {target} HTTP/1.1\r\n");
    let kept = usual
        .iter()
        .filter(|(name, _)| more.iter().all(|(other, _)| other != name));
    for (name, value) in kept.chain(more).filter(|(_, value)| !value.is_empty()) {
        request += &format!("{name}: {value}\r\n");
    }
    request + "\r\n"
}

fn answer(request: &str) -> Answer {
    let mut reader = HeadReader::default();
    let allowed = ["https://elsewhere.example".to_owned()];
    match reader.read(&mut request.as_bytes()) {
        Some(Ok(head)) => route(&head, &allowed),
        Some(Err(refusal)) => Answer::Refused(refusal),
        None => panic!("not complete: {request:?}"),
    }
}

#[test]
fn what_is_asked_for_is_answered() {
    use Refusal::*;
    let refused = Answer::Refused;
    for (request, expected) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Answer::Page),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Answer::Page),
        ("GET /?x=1 HTTP/1.1\nHost: a\n\n", Answer::Page),
        ("HEAD / HTTP/1.0\r\n\r\n", Answer::Page),
        ("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", Answer::Page),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", Answer::Healthy),
        (
            "GET /favicon.ico HTTP/1.1\r\nHost: a\r\n\r\n",
            refused(NotFound),
        ),
        ("GET /ws/ HTTP/1.1\r\nHost: a\r\n\r\n", refused(NotFound)),
        (
            "POST / HTTP/1.1\r\nHost: a\r\n\r\n",
            refused(MethodNotAllowed),
        ),
        (
            "get / HTTP/1.1\r\nHost: a\r\n\r\n",
            refused(MethodNotAllowed),
        ),
        ("GET / HTTP/1.1\r\n\r\n", refused(BadRequest)),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            refused(BadRequest),
        ),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", refused(BadRequest)),
        ("GET / HTTP/1.1\r\nHo st: a\r\n\r\n", refused(BadRequest)),
        ("GET / HTTP/1.1\r\n folded: a\r\n\r\n", refused(BadRequest)),
        ("hello\r\n\r\n", refused(BadRequest)),
        (
            "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n",
            refused(UpgradeRequired),
        ),
    ] {
        assert_eq!(answer(request), expected, "{request:?}");
    }
}

#[test]
fn a_websocket_is_given_to_who_asks_for_it_in_good_order() {
    use Refusal::*;
    let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned();
    let taken = |since| Ok((accept.clone(), since));
    let origin = |value| [("Origin", value)];
    for (target, more, expected) in [
        ("/ws", &[][..], taken(None)),
        ("/ws?since=17", &[], taken(Some(17))),
        ("/ws?a=b&since=0", &[], taken(Some(0))),
        ("/ws?since=-1", &[], Err(BadRequest)),
        ("/ws", &origin("http://chat.example:7788"), taken(None)),
        ("/ws", &origin("HTTPS://ELSEWHERE.example"), taken(None)),
        ("/ws", &origin("http://chat.example"), Err(Forbidden)),
        ("/ws", &origin("http://evil.example:7788"), Err(Forbidden)),
        ("/ws", &origin("null"), Err(Forbidden)),
        ("/ws", &origin("file://"), Err(Forbidden)),
        (
            "/ws",
            &[("Host", "a"), ("Origin", "https://A:443")],
            taken(None),
        ),
        (
            "/ws",
            &[("Host", "a:80"), ("Origin", "http://a")],
            taken(None),
        ),
        (
            "/ws",
            &[("Host", "a:443"), ("Origin", "http://a")],
            Err(Forbidden),
        ),
        ("/ws", &[("Upgrade", "")], Err(UpgradeRequired)),
        ("/ws", &[("Connection", "close")], Err(UpgradeRequired)),
        (
            "/ws",
            &[("Sec-WebSocket-Version", "8")],
            Err(UpgradeRequired),
        ),
        ("/ws", &[("Sec-WebSocket-Key", "")], Err(BadRequest)),
        ("/ws", &[("Sec-WebSocket-Key", "c2hvcnQ=")], Err(BadRequest)),
        (
            "/ws",
            &[("Sec-WebSocket-Key", "no base64 at all")],
            Err(BadRequest),
        ),
    ] {
        let expected = match expected {
            Ok((accept, since)) => Answer::WebSocket { accept, since },
            Err(refusal) => Answer::Refused(refusal),
        };
        assert_eq!(
            answer(&handshake(target, more)),
            expected,
            "{target} {more:?}"
        );
    }
}

#[test]
fn a_head_is_bounded() {
    let mut reader = HeadReader::default();
    let line = b"GET / HTTP/1.1\r\nHost: a\r\nX: ";
    assert_eq!(reader.read(&mut &line[..]), None);
    for piece in vec![b'x'; MAX_HEAD_BYTES - line.len()].chunks(100) {
        assert_eq!(reader.read(&mut &*piece), None);
    }
    assert_eq!(reader.kept_bytes(), MAX_HEAD_BYTES);
    assert_eq!(
        reader.read(&mut &b"x"[..]),
        Some(Err(Refusal::HeadTooLarge))
    );

    let mut many = "GET / HTTP/1.1\r\nHost: a\r\n".to_owned();
    many += &"X: y\r\n".repeat(150);
    many += "\r\n";
    assert_eq!(answer(&many), Answer::Refused(Refusal::TooManyHeaders));
}

#[test]
fn answers_are_strict() {
    let page = Page::new(SMALL_PAGE);
    let encoded = |answer: Answer, without_body| {
        let mut out = Vec::new();
        answer.encode(&page, without_body, &mut out);
        String::from_utf8(out).unwrap()
    };
    let whole = encoded(Answer::Page, false);
    let (head, body) = whole.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, SMALL_PAGE);
    for header in [
        "HTTP/1.1 200 OK",
        "Content-Type: text/html; charset=utf-8",
        "Content-Length: 47",
        "Connection: close",
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
    ] {
        assert!(head.lines().any(|line| line == header), "{header}: {head}");
    }
    // printf 'f()' | openssl dgst -sha256 -binary | base64
    for source in [
        "default-src 'none'",
        "script-src 'sha256-GcEEE0IkDzIP5EQ6DXZaDPORqT5RTBELX8Fyzyg9yvo='",
        "style-src 'sha256-7yqHVAesot11p6HczDsgKRipvI5UPgs97z80zNXlans='",
    ] {
        assert!(head.contains(&format!("{source};")), "{source}: {head}");
    }
    assert!(!head.contains("unsafe"), "{head}");
    assert_eq!(encoded(Answer::Page, true), format!("{head}\r\n\r\n"));

    assert!(encoded(Answer::Healthy, false).ends_with("\r\n\r\nok\n"));
    let refused = encoded(Answer::Refused(Refusal::UpgradeRequired), false);
    assert!(refused.starts_with("HTTP/1.1 426 "), "{refused}");
    assert!(
        refused.contains("\r\nSec-WebSocket-Version: 13\r\n"),
        "{refused}"
    );
    let accept = accept_key(KEY);
    let upgraded = encoded(
        Answer::WebSocket {
            accept,
            since: None,
        },
        false,
    );
    assert_eq!(
        upgraded,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    );
}

proptest! {
    #[test]
    fn a_head_may_come_in_any_pieces(cuts in prop::collection::vec(0usize..400, 0..20)) {
        let stream = handshake("/ws?since=3", &[("Origin", "null")]) + "frames";
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.sort_unstable();
        cuts.push(stream.len());
        let mut reader = HeadReader::default();
        let (mut at, mut left, mut paths) = (0, String::new(), Vec::new());
        for end in cuts {
            let mut input = &stream.as_bytes()[std::mem::replace(&mut at, end)..end];
            if paths.is_empty()
                && let Some(head) = reader.read(&mut input)
            {
                paths.push(head.unwrap().path.to_owned());
            }
            left += std::str::from_utf8(input).unwrap();
        }
        prop_assert_eq!(paths, ["/ws"]);
        prop_assert_eq!(left, "frames");
    }

    #[test]
    fn any_bytes_get_an_answer_or_wait(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut reader = HeadReader::default();
        let mut input = &[b"GET /ws HTTP/1.1\r\n", &bytes[..], b"\r\n\r\n"].concat()[..];
        let answer = reader.read(&mut input).map(|head| head.map(|head| route(&head, &[])));
        prop_assert!(answer.is_some());
    }
}

/// The room's page asks nothing of anybody else, and is small.
#[test]
fn the_page_is_small_and_may_run_only_what_is_in_it() {
    const HTML: &str = include_str!("../page.html");
    assert!(HTML.len() < 40 * 1024, "{} bytes", HTML.len());
    let mut answer = Vec::new();
    Answer::Page.encode(&Page::new(HTML), false, &mut answer);
    let text = String::from_utf8(answer).unwrap();
    let policy = text
        .lines()
        .find(|line| line.starts_with("Content-Security-Policy: "));
    let policy = policy.expect("a policy");
    for source in [
        "default-src 'none'",
        "script-src 'sha256-",
        "connect-src 'self'",
    ] {
        assert!(policy.contains(source), "{policy}");
    }
}
