//! IRC: lines of a prefix, a command and its parameters. A member is in the channel when the server
//! has told it who else is.

use super::{Found, Item};

/// A server adds its own words to a line of 512 bytes: so much of it may be text.
pub(crate) const TEXT_BYTES_MAX: usize = 400;
/// What is kept of an unfinished line while a client comes in.
const LINE_BYTES_MAX: usize = 64 * 1024;
const BEFORE_TEXT: &[u8] = b"PRIVMSG #lobby :";

/// The nick of client `number` of a run: of 9 letters at most, as the smallest servers want them,
/// and another one than in the run before, whose clients may not be gone.
fn nick(run: u32, number: usize) -> String {
    let letter = |n: u32| char::from(b"abcdefghijklmnopqrstuvwxyz"[(n % 26) as usize]);
    format!("{}{}{number}", letter(run), letter(run / 26))
}

/// The first words of client `number`.
pub(crate) fn register(run: u32, number: usize) -> Vec<u8> {
    let nick = nick(run, number);
    format!("NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n").into_bytes()
}

pub(crate) fn envelope() -> (Vec<u8>, Vec<u8>) {
    (BEFORE_TEXT.to_vec(), b"\r\n".to_vec())
}

/// The answer to a ping.
pub(crate) fn pong(token: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"PONG ");
    out.extend_from_slice(token);
    out.extend_from_slice(b"\r\n");
}

/// A client's way into the channel.
#[derive(Debug, Default)]
pub(crate) struct Registration {
    line: Vec<u8>,
}

impl Registration {
    /// Hears more, and appends to `answer` what is to be said to it; returns where in `bytes` the line
    /// behind the last one ends, once the client is in.
    ///
    /// # Errors
    /// The server does not let it in.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        answer: &mut Vec<u8>,
    ) -> Result<Option<usize>, String> {
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            self.line.extend_from_slice(&bytes[from..end]);
            from = end + 1;
            let line = std::mem::take(&mut self.line);
            let (command, parameters) = parts(line.strip_suffix(b"\r").unwrap_or(&line));
            match command {
                b"001" => answer.extend_from_slice(b"JOIN #lobby\r\n"),
                b"366" => return Ok(Some(from)),
                b"PING" => pong(parameters, answer),
                b"ERROR" => return Err(refusal(&line)),
                // No message of the day is none of the errors.
                [b'4' | b'5', ..] if command.len() == 3 && command != b"422" => {
                    return Err(refusal(&line));
                }
                _ => {}
            }
        }
        self.line.extend_from_slice(&bytes[from..]);
        if self.line.len() > LINE_BYTES_MAX {
            return Err("the server does not speak irc".to_owned());
        }
        Ok(None)
    }
}

fn refusal(line: &[u8]) -> String {
    let line = crate::sanitize::sanitize(line.trim_ascii_end());
    format!("the server says '{line}'")
}

/// The command of a line, and what stands behind it.
fn parts(line: &[u8]) -> (&[u8], &[u8]) {
    let mut rest = line;
    if rest.first() == Some(&b':') {
        rest = behind_word(rest);
    }
    let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    (&rest[..end], behind_word(rest))
}

fn behind_word(line: &[u8]) -> &[u8] {
    memchr::memchr(b' ', line).map_or(&[], |space| &line[space + 1..])
}

/// The first line. One of the channel's is handed out whole: what stands before its text is its
/// sender's name.
#[inline]
pub(crate) fn first(bytes: &[u8], text_bytes: usize) -> Found<'_> {
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        return Found::Unfinished;
    };
    let line = &bytes[..end];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let before = line.len().checked_sub(text_bytes);
    let is_message = before.is_some_and(|before| line[..before].ends_with(BEFORE_TEXT));
    let item = if is_message {
        Item::Payload(line)
    } else {
        other(line, text_bytes)
    };
    Found::Item(item, end + 1)
}

fn other(line: &[u8], text_bytes: usize) -> Item<'_> {
    let (command, parameters) = parts(line);
    match command {
        b"PRIVMSG" if line.len() >= text_bytes => Item::Payload(line),
        b"PING" => Item::Ping(parameters),
        b"ERROR" => Item::Refusal(line),
        [b'4' | b'5', ..] if command.len() == 3 => Item::Refusal(line),
        _ => Item::Talk(line),
    }
}
