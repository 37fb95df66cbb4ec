//! What a client of a room in which many protocols meet hears, unwrapped. Whatever comes must be
//! well formed, as far as it has come.

use std::collections::BTreeSet;

use serde_json::Value;

use super::speech::Tongue;

/// One thing that it has heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A member has said something to all.
    Said {
        id: Option<u64>,
        from: String,
        text: String,
    },
    /// A member has said something to this one alone, or this one to another.
    Private {
        text: String,
    },
    /// Some of what it has asked for is no longer there.
    Gap,
    /// Its own name.
    You(String),
    /// It is let in, where it hears what was said before.
    Names(Vec<String>),
    Joined(String),
    Left(String),
    Renamed {
        name: String,
        to: String,
    },
    /// It is in that room from here on.
    Room(String),
    /// The server's own words.
    Notice(String),
    /// No WebSocket is to be had.
    Status(u16),
    /// The last of all.
    Closed(u16),
}

pub(crate) struct Hearing {
    tongue: Tongue,
    /// Heard, and not whole yet.
    rest: Vec<u8>,
    /// Of a WebSocket: the handshake is over.
    is_open: bool,
    pub(crate) heard: Vec<Heard>,
    pub(crate) pongs: usize,
}

/// IRC has no codes.
const ERROR: u16 = 0;

impl Hearing {
    pub(crate) fn new(tongue: Tongue) -> Self {
        Self {
            tongue,
            rest: Vec::new(),
            is_open: false,
            heard: Vec::new(),
            pongs: 0,
        }
    }

    pub(crate) fn hears(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let rest = std::mem::take(&mut self.rest);
        let mut left = &rest[..];
        while let Some(taken) = self.take_one(left) {
            left = &left[taken..];
        }
        self.rest = left.to_vec();
    }

    /// Whether something has come in part.
    pub(crate) fn is_torn(&self) -> bool {
        !self.rest.is_empty()
    }

    /// With what code, if the server has had a last word.
    pub(crate) fn closed(&self) -> Option<u16> {
        match self.heard.last()? {
            Heard::Closed(code) => Some(*code),
            _ => None,
        }
    }

    pub(crate) fn is_irc(&self) -> bool {
        self.tongue == Tongue::Irc
    }

    /// The id of the last message that it knows.
    pub(crate) fn last_id(&self) -> Option<u64> {
        self.heard.iter().rev().find_map(|heard| match heard {
            Heard::Said { id, .. } => *id,
            _ => None,
        })
    }

    /// What it is called, as it was told last; `None`: it was never told.
    pub(crate) fn called(&self) -> Option<&str> {
        let mut called: Option<&str> = None;
        for heard in &self.heard {
            match heard {
                Heard::You(name) => called = Some(name),
                Heard::Renamed { name, to } if called == Some(name) => called = Some(to),
                _ => {}
            }
        }
        called
    }

    /// Who is in the room, as one knows that is called `own`; `None`: it was never told.
    pub(crate) fn names(&self, own: &str) -> Option<BTreeSet<String>> {
        let mut known = None;
        for heard in &self.heard {
            match (heard, &mut known) {
                // Then it is told all names, line by line.
                (Heard::Joined(name), known) if self.is_irc() && name == own => {
                    *known = Some(BTreeSet::new());
                }
                (Heard::Names(names), Some(known)) if self.is_irc() => {
                    known.extend(names.iter().cloned());
                }
                (Heard::Names(names), known) => *known = Some(names.iter().cloned().collect()),
                (Heard::Joined(name), Some(known)) => {
                    known.insert(name.clone());
                }
                (Heard::Left(name), Some(known)) => {
                    known.remove(name);
                }
                _ => {}
            }
        }
        known
    }

    /// Unwraps what stands first; returns how much that is, or `None` when it is not whole.
    fn take_one(&mut self, bytes: &[u8]) -> Option<usize> {
        let is_over = self.closed().is_some() && !bytes.is_empty();
        assert!(!is_over, "more after the end: {}", bytes.escape_ascii());
        match self.tongue {
            Tongue::WebSocket if self.is_open => self.take_frame(bytes),
            Tongue::WebSocket => self.take_head(bytes),
            Tongue::Lines | Tongue::Irc => {
                let end = bytes.iter().position(|byte| *byte == b'\n')?;
                let line = std::str::from_utf8(&bytes[..end]).expect("text");
                let heard = match self.tongue {
                    Tongue::Irc => of_irc(line.strip_suffix('\r').expect("CR LF")),
                    _ => Some(of_lines(line)),
                };
                self.add(heard);
                Some(end + 1)
            }
        }
    }

    fn add(&mut self, heard: Option<Heard>) {
        match (heard, self.heard.last_mut()) {
            (None, _) => {}
            // A long text comes in several lines of IRC.
            (
                Some(Heard::Said { text, from, id }),
                Some(Heard::Said {
                    text: last,
                    from: by,
                    ..
                }),
            ) if self.tongue == Tongue::Irc && is_continuation(&text) => {
                assert_eq!((&from, id), (&*by, None), "{text}");
                last.push_str(&text);
            }
            (Some(Heard::Private { text }), Some(Heard::Private { text: last }))
                if self.tongue == Tongue::Irc && is_continuation(&text) =>
            {
                last.push_str(&text);
            }
            (Some(heard), _) => self.heard.push(heard),
        }
    }

    fn take_head(&mut self, bytes: &[u8]) -> Option<usize> {
        if let Some(Heard::Status(_)) = self.heard.last() {
            // What a person would read.
            return Some(bytes.len()).filter(|length| *length > 0);
        }
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).expect("text");
        let status = head
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3));
        match status.expect("a status").parse() {
            Ok(101) => self.is_open = true,
            status => self.heard.push(Heard::Status(status.expect("a number"))),
        }
        Some(end + 4)
    }

    fn take_frame(&mut self, bytes: &[u8]) -> Option<usize> {
        let (first, second) = (*bytes.first()?, *bytes.get(1)?);
        let (length, at) = match second {
            126 => (
                u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]).into(),
                4,
            ),
            short => (usize::from(short), 2),
        };
        assert!(second < 127, "masked, or longer than anything");
        let payload = bytes.get(at..at + length)?;
        match first {
            0x81 => self.add(Some(of_json(payload))),
            0x88 => {
                let code = payload
                    .first_chunk()
                    .map_or(1005, |code| u16::from_be_bytes(*code));
                self.add(Some(Heard::Closed(code)));
            }
            0x8a => {
                assert_eq!(payload, b"are you there");
                self.pongs += 1;
            }
            other => panic!("a frame that begins with {other:#x}"),
        }
        Some(at + length)
    }
}

/// Whether a text is not the beginning of one: those begin with numbers, of the speaker and of its
/// messages.
fn is_continuation(text: &str) -> bool {
    !text.starts_with(|character: char| character.is_ascii_digit())
}

fn of_lines(line: &str) -> Heard {
    let owned = str::to_owned;
    if let Some(notice) = line.strip_prefix("* ") {
        let word = |end| notice.strip_suffix(end).filter(|name| !name.contains(' '));
        let you = notice
            .strip_prefix("you are ")
            .and_then(|rest| rest.split_once(';'));
        let room = you.and_then(|(rest, _)| rest.strip_prefix("in "));
        let called = notice.strip_prefix("you are now ");
        return match (you, word(" joined"), word(" left")) {
            (Some((name, _)), ..) => match room {
                Some(room) => Heard::Room(owned(room)),
                None => Heard::You(owned(name)),
            },
            (_, Some(name), _) => Heard::Joined(owned(name)),
            (_, _, Some(name)) => Heard::Left(owned(name)),
            _ => match (called, notice.split_once(" is now ")) {
                (Some(name), _) => Heard::You(owned(name)),
                (_, Some((name, to))) => renamed(name, to),
                _ => names(notice).unwrap_or_else(|| Heard::Notice(owned(notice))),
            },
        };
    }
    if let Some((from, text)) = line
        .strip_prefix("** ")
        .and_then(|rest| rest.split_once(' '))
    {
        return said(None, from, text);
    }
    if let Some((_, text)) = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
    {
        return Heard::Private { text: owned(text) };
    }
    let (from, text) = line.split_once(": ").expect("it has a sender");
    said(None, from, text)
}

fn said(id: Option<u64>, from: &str, text: &str) -> Heard {
    Heard::Said {
        id,
        from: from.to_owned(),
        text: text.to_owned(),
    }
}

fn renamed(name: &str, to: &str) -> Heard {
    let (name, to) = (name.to_owned(), to.to_owned());
    Heard::Renamed { name, to }
}

/// Of the answer to who is here.
fn names(notice: &str) -> Option<Heard> {
    let (count, names) = notice.split_once(" here: ")?;
    count.parse::<usize>().ok()?;
    Some(Heard::Names(names.split(", ").map(str::to_owned).collect()))
}

fn of_json(payload: &[u8]) -> Heard {
    let object: Value = serde_json::from_slice(payload).expect("JSON");
    let text = |key: &str| {
        let text = object[key].as_str();
        text.unwrap_or_else(|| panic!("no {key}: {object}"))
            .to_owned()
    };
    match object["type"].as_str() {
        Some("say" | "me") => {
            let id = object["id"].as_u64().expect("an id");
            said(Some(id), &text("from"), &text("text"))
        }
        Some("renamed") => renamed(&text("name"), &text("to")),
        Some("room") => Heard::Room(text("name")),
        Some("private") => Heard::Private { text: text("text") },
        Some("gap") => Heard::Gap,
        Some("you") => Heard::You(text("name")),
        Some("names") => {
            let names = object["names"].as_array().expect("names").iter();
            Heard::Names(
                names
                    .map(|name| name.as_str().expect("a name").to_owned())
                    .collect(),
            )
        }
        Some("joined") => Heard::Joined(text("name")),
        Some("left") => Heard::Left(text("name")),
        Some("notice") => Heard::Notice(text("text")),
        _ => panic!("{object}"),
    }
}

/// `None`: nothing that matters.
fn of_irc(line: &str) -> Option<Heard> {
    assert!(
        line.len() <= 510 + "@time=2026-11-26T11:53:04.123Z ".len(),
        "{line}"
    );
    let owned = str::to_owned;
    let rest = match line.strip_prefix("@time=") {
        Some(tagged) => tagged.split_once(' ').expect("a line behind its tag").1,
        None => line,
    };
    if rest.starts_with("ERROR :") {
        return Some(Heard::Closed(ERROR));
    }
    let (source, rest) = rest.strip_prefix(':')?.split_once(' ')?;
    let from = source.split_once('!').map_or(source, |(nick, _)| nick);
    let (command, rest) = rest.split_once(' ').expect("parameters");
    let (target, text) = rest.split_once(" :").unwrap_or((rest, ""));
    let number: Option<u16> = command.parse().ok();
    // Of those that say what went wrong, only these may come: nobody of that name, no message of the
    // day, and a name that another one has.
    let is_fine = number.is_none_or(|number| number < 400 || matches!(number, 401 | 422 | 433));
    assert!(is_fine, "{line}");
    Some(match command {
        "PRIVMSG" if target == "#lobby" => said(None, from, without_action(text)),
        "PRIVMSG" => Heard::Private { text: owned(text) },
        "NOTICE" => Heard::Notice(owned(text)),
        "JOIN" => Heard::Joined(owned(from)),
        "PART" | "QUIT" => Heard::Left(owned(from)),
        "NICK" => renamed(
            from,
            if text.is_empty() {
                target.trim_start_matches(':')
            } else {
                text
            },
        ),
        "001" => Heard::You(owned(target)),
        "353" => Heard::Names(text.split_whitespace().map(owned).collect()),
        _ => return None,
    })
}

fn without_action(text: &str) -> &str {
    let inner = text.strip_prefix("\u{1}ACTION ");
    let inner = inner.and_then(|text| text.strip_suffix('\u{1}'));
    inner.unwrap_or(text)
}
