//! Protocols: any bytes, cut anywhere, give what the whole of them gives; what is kept in between
//! is bounded, and what is written in answer is well formed.

use super::ByteSource;
use crate::protocol::detect::{self, detect};
use crate::protocol::http::{HeadReader, MAX_HEAD_BYTES, Page, route};
use crate::protocol::irc::{self, Answer, Event, Kind, Request, Session};
use crate::protocol::websocket::{self, MAX_CONTROL_BYTES, Opcode, Reader, Role};
use crate::sanitize::sanitize;

/// A stream and the pieces that reads cut it into.
pub(super) fn cut<'a>(source: &mut ByteSource<'a>) -> (&'a [u8], Vec<&'a [u8]>) {
    let plan = usize::from(source.byte() % 12);
    let plan = source.take(plan);
    let stream = source.rest();
    let (mut pieces, mut rest) = (Vec::new(), stream);
    for length in plan {
        let (piece, after) = rest.split_at(usize::from(*length).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    (stream, pieces)
}

/// Detection, and a request's head with its answer.
pub(super) fn check_http(data: &[u8]) {
    let (stream, pieces) = cut(&mut ByteSource::new(data));
    let prefixes = (0..=stream.len()).map(|length| detect(&stream[..length]));
    let decided: Vec<_> = prefixes.skip_while(Option::is_none).collect();
    assert!(decided.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(stream.len() < detect::MAX_BYTES || !decided.is_empty());

    let whole = read_head(&[stream]);
    assert_eq!(read_head(&pieces), whole, "{pieces:?}");
    let Some((answer, _)) = whole else { return };
    let text = String::from_utf8(answer).unwrap_or_default();
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        panic!("no head: {text:?}");
    };
    assert!(head.starts_with("HTTP/1.1 "), "{head}");
    let is_header = |line: &str| line.split_once(": ").is_some() && !line.contains(['\r', '\n']);
    assert!(head.split("\r\n").skip(1).all(is_header), "{head}");
}

/// The answer to the head in `pieces`, and what comes after it.
fn read_head(pieces: &[&[u8]]) -> Option<(Vec<u8>, Vec<u8>)> {
    let page = Page::new("<script>x</script>");
    let (mut reader, mut answered) = (HeadReader::default(), None);
    for piece in pieces {
        let mut input = *piece;
        if answered.is_none() {
            let answer = reader.read(&mut input).map(|head| match head {
                Ok(head) => route(&head, &[]),
                Err(refusal) => crate::protocol::http::Answer::Refused(refusal),
            });
            answered = answer.map(|answer| {
                let mut out = Vec::new();
                answer.encode(&page, false, &mut out);
                let is_refused = matches!(answer, crate::protocol::http::Answer::Refused(_));
                (out, Vec::new(), is_refused)
            });
            assert!(answered.is_some() || input.is_empty());
            assert!(reader.kept_bytes() <= MAX_HEAD_BYTES);
        }
        if let Some((_, left, is_refused)) = &mut answered
            && !*is_refused
        {
            left.extend_from_slice(input);
        }
    }
    answered.map(|(out, left, _)| (out, left))
}

/// Frames of a WebSocket.
pub(super) fn check_websocket(data: &[u8]) {
    let mut source = ByteSource::new(data);
    let role = source.pick(&[Role::Server, Role::Client]);
    let max = 1 + usize::from(source.byte());
    let (stream, pieces) = cut(&mut source);
    let whole = read_frames(role, max, &[stream]);
    assert_eq!(read_frames(role, max, &pieces), whole, "{pieces:?}");
    // What was read can be written, and is read again.
    let (mut again, mut texts) = (Vec::new(), Vec::new());
    for text in whole.iter().filter_map(|event| event.strip_prefix("text ")) {
        websocket::encode_masked(Opcode::Text, text.as_bytes(), [1, 2, 3, 0], &mut again);
        texts.push(format!("text {text}"));
    }
    assert_eq!(read_frames(Role::Server, max, &[&again]), texts);
}

fn read_frames(role: Role, max: usize, pieces: &[&[u8]]) -> Vec<String> {
    let mut reader = Reader::new(role);
    let (mut events, mut is_over) = (Vec::new(), false);
    for piece in pieces {
        let mut input = *piece;
        while let Some(event) = reader.next(&mut input, max) {
            assert!(!is_over, "there is an event after the last one");
            is_over = matches!(event, Err(_) | Ok(websocket::Event::Close(_)));
            events.push(match event {
                Ok(websocket::Event::Text(text)) => {
                    assert!(text.len() <= max);
                    format!("text {text}")
                }
                Ok(websocket::Event::Ping(bytes)) => {
                    assert!(bytes.len() <= MAX_CONTROL_BYTES);
                    format!("{event:?}")
                }
                event => format!("{event:?}"),
            });
        }
        assert!(input.is_empty());
        assert!(reader.kept_bytes() <= 2 * (max + MAX_CONTROL_BYTES));
    }
    events
}

/// Lines of an IRC client, from its first on.
pub(super) fn check_irc(data: &[u8]) {
    let (mut session, mut out) = (Session::default(), Vec::new());
    for line in data.split(|byte| *byte == b'\n') {
        let nick = session.nick().to_owned();
        let request = session.on_line(line, &mut out);
        match request {
            Some(Request::Nick(nick)) if nick.len() < 32 && !nick.contains([' ', '\r', '\0']) => {
                session.set_nick(nick);
            }
            Some(Request::Nick(nick)) => {
                let why = "no";
                Answer::BadNick { nick, why }.encode(session.nick(), &mut out);
            }
            Some(Request::Message { kind, text, .. }) => check_text(&nick, kind, &text),
            Some(Request::Mode { target, modes }) => {
                Answer::Mode {
                    target,
                    modes,
                    is_operator: false,
                }
                .encode(&nick, &mut out);
            }
            Some(Request::Ison(nicks)) => Answer::IsOn(&nicks).encode(&nick, &mut out),
            Some(Request::Whois(target)) => Answer::NoSuchNick(target).encode(&nick, &mut out),
            _ => {}
        }
        if session.registration().is_some() {
            Answer::Welcome.encode(session.nick(), &mut out);
        }
    }
    lines_of(&out);
}

/// What somebody says reaches a channel whole.
fn check_text(nick: &str, kind: Kind, text: &str) {
    let text = sanitize(text.as_bytes());
    let target = "#lobby";
    let mut out = Vec::new();
    irc::encode_event(
        nick,
        Event::Message {
            kind,
            target,
            text: &text,
        },
        Some("now"),
        &mut out,
    );
    let (name, before, after) = match kind {
        Kind::Say => ("PRIVMSG", "", ""),
        Kind::Act => ("PRIVMSG", "\u{1}ACTION ", "\u{1}"),
        Kind::Notice => ("NOTICE", "", ""),
    };
    let head = format!("@time=now :{nick}!{nick}@chinwag {name} {target} :{before}");
    let piece = |line: &String| {
        let piece = line.strip_prefix(&head)?.strip_suffix(after)?;
        Some(piece.to_owned())
    };
    let told: Option<String> = lines_of(&out).iter().map(piece).collect();
    assert_eq!(told.as_deref(), Some(&*text));
}

/// The lines that a client would read.
fn lines_of(out: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(out).unwrap_or_else(|_| panic!("no text: {out:?}"));
    assert!(text.is_empty() || text.ends_with("\r\n"));
    let lines = text.split_terminator("\r\n").map(str::to_owned);
    let lines: Vec<String> = lines.collect();
    for line in &lines {
        assert!(!line.contains('\n'), "{line:?}");
        let body = line.strip_prefix("@time=now ").unwrap_or(line);
        assert!(body.len() <= 510, "{body:?}");
    }
    lines
}
