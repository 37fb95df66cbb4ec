//! Redis: RESP3, in which a connection that subscribes may also publish, as a room's member.

use super::{Found, Item, crlf_line};

pub(crate) fn join(channel: &str) -> Vec<u8> {
    let mut bytes = b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n".to_vec();
    let subscribe = format!(
        "*2\r\n$9\r\nSUBSCRIBE\r\n${}\r\n{channel}\r\n",
        channel.len()
    );
    bytes.extend_from_slice(subscribe.as_bytes());
    bytes
}

pub(crate) fn envelope(channel: &str, text_bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let before = format!(
        "*3\r\n$7\r\nPUBLISH\r\n${}\r\n{channel}\r\n${text_bytes}\r\n",
        channel.len()
    );
    (before.into_bytes(), b"\r\n".to_vec())
}

pub(crate) fn expected(channel: &str, text_bytes: usize) -> Vec<u8> {
    format!(
        ">3\r\n$7\r\nmessage\r\n${}\r\n{channel}\r\n${text_bytes}\r\n",
        channel.len()
    )
    .into_bytes()
}

/// Nested values deeper or wider than this are not what Redis answers to a subscriber.
const VALUES_MAX: usize = 4096;

pub(crate) fn first(bytes: &[u8]) -> Found<'_> {
    let (mut at, mut open, mut seen) = (0, 1_usize, 0);
    let mut last: &[u8] = b"";
    let mut is_message = false;
    // A value is its own line and, for aggregates, so many values more.
    while open > 0 {
        let Some((line, used)) = bytes.get(at..).and_then(crlf_line) else {
            return Found::Unfinished;
        };
        let Some((mark, number)) = line.split_first() else {
            return Found::Broken;
        };
        at += used;
        open -= 1;
        seen += 1;
        match mark {
            b'+' | b':' | b'_' | b',' | b'#' | b'(' => {}
            b'-' => return Found::Item(Item::Refusal(line), at),
            b'$' | b'=' => {
                let Some(size) = length(number) else {
                    continue;
                };
                let Some(text) = bytes.get(at..at + size + 2) else {
                    return Found::Unfinished;
                };
                last = &text[..size];
                is_message |= seen == 2 && last == b"message";
                at += size + 2;
            }
            b'*' | b'>' | b'~' => open += length(number).unwrap_or(0),
            b'%' => open += 2 * length(number).unwrap_or(0),
            _ => return Found::Broken,
        }
        if open > VALUES_MAX {
            return Found::Broken;
        }
    }
    let first = crlf_line(bytes).map_or(&b""[..], |(line, _)| line);
    let item = match first.first() {
        Some(b'>') if is_message => Item::Payload(last),
        Some(b'>' | b'*' | b'%' | b'$' | b'~' | b'=') | None => Item::Talk(b""),
        Some(_) => Item::Talk(first),
    };
    Found::Item(item, at)
}

/// The number behind a mark; none for `-1`, the absent value.
fn length(digits: &[u8]) -> Option<usize> {
    let number: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(number as usize)
}
