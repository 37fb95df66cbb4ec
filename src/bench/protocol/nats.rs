//! NATS: operations on a line each, a message's payload behind its line.

use super::{Found, Item, crlf_line};

/// `"echo":false`: a sender does not get its own message, as in a room.
pub(crate) fn join(channel: &str) -> Vec<u8> {
    format!(
        "CONNECT {{\"verbose\":false,\"pedantic\":false,\"echo\":false,\"lang\":\"rust\",\
         \"version\":\"{}\"}}\r\nSUB {channel} 1\r\nPING\r\n",
        env!("CARGO_PKG_VERSION")
    )
    .into_bytes()
}

pub(crate) fn envelope(channel: &str, text_bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let before = format!("PUB {channel} {text_bytes}\r\n");
    (before.into_bytes(), b"\r\n".to_vec())
}

pub(crate) fn expected(channel: &str, text_bytes: usize) -> Vec<u8> {
    format!("MSG {channel} 1 {text_bytes}\r\n").into_bytes()
}

pub(crate) fn first(bytes: &[u8]) -> Found<'_> {
    let Some((line, used)) = crlf_line(bytes) else {
        return Found::Unfinished;
    };
    let word = line.split(|b| *b == b' ').next().unwrap_or(line);
    match word {
        b"MSG" => message(bytes, line, used),
        b"PING" => Found::Item(Item::Ping(b""), used),
        b"-ERR" => Found::Item(Item::Refusal(line), used),
        b"INFO" | b"PONG" | b"+OK" => Found::Item(Item::Talk(line), used),
        _ => Found::Broken,
    }
}

/// `MSG subject sid [reply] bytes`, then so many bytes and a CR LF.
fn message<'a>(bytes: &'a [u8], line: &[u8], used: usize) -> Found<'a> {
    let size = line
        .rsplit(|b| *b == b' ')
        .next()
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse::<u32>().ok());
    let Some(size) = size.map(|size| size as usize) else {
        return Found::Broken;
    };
    match bytes.get(used..used + size + 2) {
        Some(payload) => Found::Item(Item::Payload(&payload[..size]), used + size + 2),
        None => Found::Unfinished,
    }
}
