//! Streams of each protocol, cut anywhere.

use super::*;
use crate::protocol::http::accept_key;
use crate::protocol::websocket::{
    CloseCode, Event, Opcode, Reader, Role, encode, encode_close, text_frame,
};

fn shown(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Every item as text, however the bytes are cut.
fn items(kind: Kind, bytes: &[u8], cut: usize) -> Result<Vec<String>, NotThisProtocol> {
    let protocol = Protocol::new(kind, 60, 1);
    let (mut tail, mut found) = (Tail::default(), Vec::new());
    for piece in bytes.chunks(cut) {
        protocol.read(&mut tail, piece, |item| {
            let (what, text) = match item {
                Item::Payload(text) => ("payload", text),
                Item::Said { from, text } => {
                    let (from, text) = (shown(from), shown(text));
                    found.push(format!("said {from} {text}"));
                    return;
                }
                Item::Talk(text) => ("talk", text),
                Item::Ping(token) => ("ping", token),
                Item::Refusal(text) => ("refusal", text),
            };
            found.push(format!("{what} {}", shown(text)));
        })?;
    }
    Ok(found)
}

fn at_every_cut(kind: Kind, bytes: &[u8], expected: &[String]) {
    for cut in 1..=bytes.len() {
        assert_eq!(
            items(kind, bytes, cut).as_deref(),
            Ok(expected),
            "cut {cut}"
        );
    }
}

#[test]
fn lines() {
    let text = "m".repeat(60);
    let stream = format!("* hello\nwelcome\r\n{text}\nann: {text}\r\n\n{text}xx\nhalf");
    at_every_cut(
        Kind::Line,
        stream.as_bytes(),
        &[
            "talk * hello".to_owned(),
            "talk welcome".to_owned(),
            format!("payload {text}"),
            format!("payload ann: {text}\r"),
            "talk ".to_owned(),
            format!("payload {text}xx"),
        ],
    );
}

#[test]
fn redis() {
    let text = "m".repeat(60);
    let push = |channel: &str, text: &str| {
        format!(
            ">3\r\n$7\r\nmessage\r\n${}\r\n{channel}\r\n${}\r\n{text}\r\n",
            channel.len(),
            text.len()
        )
    };
    let stream = [
        "%2\r\n$5\r\nproto\r\n:3\r\n$7\r\nmodules\r\n*0\r\n".to_owned(),
        ">3\r\n$9\r\nsubscribe\r\n$16\r\nchinwag-00000001\r\n:1\r\n".to_owned(),
        push("chinwag-00000001", &text),
        ":4\r\n".to_owned(),
        push("chinwag-00000001", "short"),
        push("chinwag-00000001", &text),
        "-ERR no\r\n".to_owned(),
        "_\r\n$-1\r\n".to_owned(),
    ]
    .concat();
    at_every_cut(
        Kind::Redis,
        stream.as_bytes(),
        &[
            "talk ".to_owned(),
            "talk ".to_owned(),
            format!("payload {text}"),
            "talk :4".to_owned(),
            "payload short".to_owned(),
            format!("payload {text}"),
            "refusal -ERR no".to_owned(),
            "talk _".to_owned(),
            "talk ".to_owned(),
        ],
    );
    assert_eq!(
        items(Kind::Redis, b"HTTP/1.1\r\n", 99),
        Err(NotThisProtocol)
    );
}

#[test]
fn nats() {
    let text = "m".repeat(60);
    let stream = format!(
        "INFO {{\"a\":1}}\r\nPING\r\nMSG chinwag-00000001 1 60\r\n{text}\r\n+OK\r\n\
         MSG chinwag-00000001 1 3\r\na\nb\r\nPONG\r\n-ERR 'slow'\r\n"
    );
    at_every_cut(
        Kind::Nats,
        stream.as_bytes(),
        &[
            "talk INFO {\"a\":1}".to_owned(),
            "ping ".to_owned(),
            format!("payload {text}"),
            "talk +OK".to_owned(),
            "payload a\nb".to_owned(),
            "talk PONG".to_owned(),
            "refusal -ERR 'slow'".to_owned(),
        ],
    );
    assert_eq!(items(Kind::Nats, b"HELLO\r\n", 99), Err(NotThisProtocol));
}

#[test]
fn what_is_sent() {
    let redis = Protocol::new(Kind::Redis, 60, 0xab);
    assert_eq!(
        redis.envelope().0,
        b"*3\r\n$7\r\nPUBLISH\r\n$16\r\nchinwag-000000ab\r\n$60\r\n"
    );
    let nats = Protocol::new(Kind::Nats, 60, 0xab);
    assert_eq!(nats.envelope().0, b"PUB chinwag-000000ab 60\r\n");
    assert_eq!(nats.envelope().1, b"\r\n");
    let line = Protocol::new(Kind::Line, 60, 0xab);
    assert_eq!(line.envelope(), (Vec::new(), b"\n".to_vec()));
}

#[test]
fn a_websockets_messages_are_objects_or_as_they_came() {
    let text = "m".repeat(60);
    let head = r#"{"type":"say","id":7,"time":"2026-11-26T11:53:04.123Z","room":"lobby""#;
    let other_order = format!(r#"{{"text":"{text}","from":"bob","id":8,"type":"say"}}"#);
    let texts = [
        r#"{"type":"you","name":"ann"}"#.to_owned(),
        format!(r#"{head},"from":"ann","text":"{text}"}}"#),
        format!(r#"{head},"from":"ann","text":"short"}}"#),
        format!(r#"{head},"from":"ann","text":"\"{text}"}}"#),
        other_order.clone(),
        text.clone(),
        format!("x{text}"),
        "short".to_owned(),
        format!("{{{text}"),
    ];
    let mut stream = Vec::new();
    for text in &texts {
        encode(Opcode::Text, text.as_bytes(), &mut stream);
    }
    encode(Opcode::Binary, text.as_bytes(), &mut stream);
    encode(Opcode::Ping, b"are you there", &mut stream);
    encode(Opcode::Pong, b"", &mut stream);
    encode_close(CloseCode::GoingAway, "the end", &mut stream);
    at_every_cut(
        Kind::Ws,
        &stream,
        &[
            format!("talk {}", texts[0]),
            format!("said ann {text}"),
            format!("talk {}", texts[2]),
            format!("talk {}", texts[3]),
            format!("said bob {text}"),
            format!("payload {text}"),
            format!("payload x{text}"),
            "talk short".to_owned(),
            format!("payload {{{text}"),
            format!("payload {text}"),
            "ping are you there".to_owned(),
            "talk ".to_owned(),
            "refusal the end".to_owned(),
        ],
    );
    // A client's frame, a piece of a message, a length that is none.
    for bytes in [
        &b"\x81\x80mask"[..],
        b"\x01\x00",
        b"\x81\x7f\xff\0\0\0\0\0\0\0",
    ] {
        assert_eq!(items(Kind::Ws, bytes, 99), Err(NotThisProtocol));
    }
    let long = text_frame(&[b'm'; 70_000]);
    assert_eq!(items(Kind::Ws, &long, 999).map(|items| items.len()), Ok(1));
}

#[test]
fn an_irc_message_is_its_whole_line() {
    let text = "m".repeat(60);
    let stream = format!(
        ":ab1!ab1@host PRIVMSG #lobby :{text}\r\nPING :token\r\n:ab2!x JOIN #lobby\r\n\
         :ab1!ab1@host PRIVMSG #lobby :short\r\n:ab1!ab1@host PRIVMSG #lobby :x{text}\n\
         :srv 404 ab1 #lobby :Cannot send\r\nERROR :flood\r\n"
    );
    at_every_cut(
        Kind::Irc,
        stream.as_bytes(),
        &[
            format!("payload :ab1!ab1@host PRIVMSG #lobby :{text}"),
            "ping :token".to_owned(),
            "talk :ab2!x JOIN #lobby".to_owned(),
            "talk :ab1!ab1@host PRIVMSG #lobby :short".to_owned(),
            format!("payload :ab1!ab1@host PRIVMSG #lobby :x{text}"),
            "refusal :srv 404 ab1 #lobby :Cannot send".to_owned(),
            "refusal ERROR :flood".to_owned(),
        ],
    );
}

/// What a client answers while it comes in, and where that ends; or why it does not.
fn open(kind: Kind, said: &[u8], cut: usize) -> Result<(String, Option<usize>), String> {
    let (_, opening) = Protocol::new(kind, 60, 1).join(3);
    let (mut opening, mut answer) = (opening.unwrap(), Vec::new());
    for (i, piece) in said.chunks(cut).enumerate() {
        if let Some(at) = opening.feed(piece, &mut answer)? {
            return Ok((shown(&answer).into_owned(), Some(i * cut + at)));
        }
    }
    Ok((shown(&answer).into_owned(), None))
}

#[test]
fn a_websocket_is_open_when_its_handshake_is_answered() {
    let (request, _) = Protocol::new(Kind::Ws, 60, 1).join(3);
    let key = shown(&request);
    let key = key
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
    let accept = accept_key(key.unwrap());
    let head = format!("HTTP/1.1 101 Yes\r\nX: y\r\nSec-Websocket-Accept: {accept}\r\n\r\n");
    let said = [head.as_bytes(), b"\x81\x01\n"].concat();
    for cut in 1..said.len() {
        let opened = open(Kind::Ws, &said, cut);
        assert_eq!(opened, Ok((String::new(), Some(head.len()))), "{cut}");
    }
    let refusals = [
        ("HTTP/1.1 404 Not Found\r\n\r\n".to_owned(), "404 Not Found"),
        (head.replace(&accept, "other"), "Sec-WebSocket-Accept"),
        ("hello\n".to_owned(), "no answer"),
        (
            format!("HTTP/1.1 101 Yes\r\nX: {}", "y".repeat(20_000)),
            "no end",
        ),
    ];
    for (said, why) in refusals {
        let refused = open(Kind::Ws, said.as_bytes(), said.len()).unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn what_has_no_end_is_not_kept() {
    for (kind, start) in [
        (Kind::Line, ""),
        (Kind::Irc, ""),
        (Kind::Redis, ""),
        (Kind::Redis, "$4294967295\r\n"),
        (Kind::Nats, "MSG a 1 4294967295\r\n"),
        (Kind::Ws, "\u{1}\u{7f}\0\0\0\0\0\u{f}\0\0"),
    ] {
        let protocol = Protocol::new(kind, 60, 1);
        let (mut tail, mut pieces) = (Tail::default(), 0);
        let mut piece = start.as_bytes().to_vec();
        piece.resize(50_000, b'+');
        while protocol.read(&mut tail, &piece, |_| {}).is_ok() {
            piece.fill(b'x');
            pieces += 1;
            assert!(pieces <= TAIL_BYTES_MAX / piece.len(), "{kind}");
        }
    }
}

#[test]
fn an_irc_client_is_in_when_it_knows_the_others() {
    let said = b":srv NOTICE * :hello\r\nPING :7\r\n:srv 001 x :hi\r\n:srv 422 x :no motd\r\n\
        :x!x JOIN #lobby\r\n:srv 353 x = #lobby :x\r\n:srv 366 x #lobby :End\r\nPING";
    for cut in 1..said.len() {
        let answer = "PONG :7\r\nJOIN #lobby\r\n".to_owned();
        assert_eq!(
            open(Kind::Irc, said, cut),
            Ok((answer, Some(said.len() - 4)))
        );
    }
    for (said, why) in [
        (&b":srv 433 * x :Nickname is in use\r\n"[..], "in use"),
        (b"ERROR :go away\r\n", "'ERROR :go away'"),
        (&[b'x'; 70_000], "does not speak irc"),
    ] {
        let refused = open(Kind::Irc, said, said.len()).unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn what_a_client_sends() {
    let (before, after) = Protocol::new(Kind::Ws, 60, 1).envelope();
    let mut text = [b'm'; 60];
    Protocol::new(Kind::Ws, 60, 1).seal(&mut text);
    let mut frame = [&before, &text[..], &after].concat();
    let mut ping = Vec::new();
    Protocol::new(Kind::Ws, 60, 1).pong(b"abc", &mut ping);
    frame.extend(ping);
    let (mut reader, mut input) = (Reader::new(Role::Server), frame.as_slice());
    let expected = "m".repeat(60);
    let heard = reader.next(&mut input, 100);
    assert_eq!(heard, Some(Ok(Event::Text(&expected))));
    assert_eq!(input.len(), 2 + 4 + 3, "a masked pong");
    let irc = Protocol::new(Kind::Irc, 60, 27);
    assert_eq!(
        shown(&irc.join(12).0),
        "NICK bb12\r\nUSER bb12 0 * :bb12\r\n"
    );
    assert_eq!(irc.envelope().0, b"PRIVMSG #lobby :");
}
