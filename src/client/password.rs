//! The password, said before all else.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use super::line::{Line, Notice};
use super::link::Link;

/// A server takes what has no line end for a message after some quiet: longer than that.
const QUIET: Duration = Duration::from_millis(400);

/// Who does not answer within this is no room, or one that is busy; then there is nothing to wait for.
const PATIENCE: Duration = Duration::from_secs(5);

/// More than a room says to who has come.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Says the password. With `raw` it has no line end: a line end would make the client one of lines, and
/// what it sends then without any would not be heard. So that nothing becomes part of the password,
/// the server is given time to take it, until it has answered. Returns what it has said meanwhile.
///
/// # Errors
/// What the link says.
pub(super) fn say(link: &Link, password: &str, is_raw: bool) -> io::Result<Vec<u8>> {
    let ending = if is_raw { "" } else { "\n" };
    link.write_all(format!("/pass {password}{ending}").as_bytes())?;
    match is_raw {
        true => answer(link),
        false => Ok(Vec::new()),
    }
}

fn answer(link: &Link) -> io::Result<Vec<u8>> {
    let (said_at, mut answer, mut bytes) = (Instant::now(), Vec::new(), [0; 4096]);
    while answer.len() < MAX_ANSWER_BYTES {
        let enough = if is_answered(&answer) {
            QUIET
        } else {
            PATIENCE
        };
        let left = (said_at + enough).saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match link.read(&mut bytes, Some(left)) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&bytes[..count]),
            Err(error) => match error.kind() {
                ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut => {}
                _ => return Err(error),
            },
        }
    }
    Ok(answer)
}

/// Whether a server has said more than that it asks for a password.
fn is_answered(said: &[u8]) -> bool {
    let said = String::from_utf8_lossy(said);
    let mut lines = said.split_inclusive('\n');
    lines.any(|line| {
        (line.strip_suffix('\n'))
            .is_some_and(|line| Line::parse(line) != Line::Notice(Notice::NeedsPassword))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_it_asks_for_a_password_is_no_answer_to_it() {
        let asks = "* this room has a password: /pass PASSWORD\n";
        for (said, answered) in [
            ("", false),
            (asks, false),
            ("* wrong pass", false),
            (&format!("{asks}* wrong password\n"), true),
            (&format!("{asks}* you are gue"), false),
        ] {
            assert_eq!(is_answered(said.as_bytes()), answered, "{said:?}");
        }
    }
}
