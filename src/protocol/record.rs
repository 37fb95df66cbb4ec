//! What was said as a line of a transcript, written and read: the JSON object that a WebSocket is
//! sent, and a newline.

use serde::Deserialize;

use super::event::{Event, Kind, Said};
use super::json;

/// A line of a transcript, as it was read. Anybody may have edited it.
#[derive(Debug, PartialEq, Eq)]
pub enum Record {
    /// Something was said.
    Said(Spoken),
    /// Something is missing here.
    Gap,
}

/// What was said.
#[derive(Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Which, if that is known.
    pub id: Option<u64>,
    /// When, in milliseconds of Unix time.
    pub time_ms: u64,
    /// How.
    pub kind: Kind,
    /// Where.
    pub room: String,
    /// By whom.
    pub from: String,
    /// What.
    pub text: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Object {
    Say(Fields),
    Me(Fields),
    Gap,
}

#[derive(Deserialize)]
struct Fields {
    id: Option<u64>,
    time: String,
    room: String,
    from: String,
    text: String,
}

/// Appends the line for what is said.
pub fn write_record(said: &Said<'_>, out: &mut Vec<u8>) {
    json::write(&Event::Said(*said), out);
    out.push(b'\n');
}

/// Appends the line that stands where so many others are missing.
pub fn write_gap(lines: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{{\"type\":\"gap\",\"lines\":{lines}}}\n").as_bytes());
}

/// Reads a line, without its newline; `None`: it is something else, or torn.
#[must_use]
pub fn read_record(line: &[u8]) -> Option<Record> {
    let (kind, fields) = match serde_json::from_slice(line).ok()? {
        Object::Say(fields) => (Kind::Say, fields),
        Object::Me(fields) => (Kind::Act, fields),
        Object::Gap => return Some(Record::Gap),
    };
    let time: jiff::Timestamp = fields.time.parse().ok()?;
    Some(Record::Said(Spoken {
        id: fields.id,
        time_ms: u64::try_from(time.as_millisecond()).ok()?,
        kind,
        room: fields.room,
        from: fields.from,
        text: fields.text,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::event::Stamp;
    use super::*;

    fn said(kind: Kind, text: &str) -> Said<'_> {
        Said {
            stamp: Stamp {
                id: 1_795_693_984_123_456,
                time_ms: 1_795_693_984_123,
            },
            kind,
            room: "lobby",
            from: "ann",
            text,
        }
    }

    #[test]
    fn what_is_written_is_one_line_and_is_read_again() {
        for (kind, read_as) in [
            (Kind::Say, Kind::Say),
            (Kind::Act, Kind::Act),
            (Kind::Notice, Kind::Say),
        ] {
            let text = "say \"hi\"\t\\ \u{fffd} 你好";
            let mut line = Vec::new();
            write_record(&said(kind, text), &mut line);
            assert_eq!(line.pop(), Some(b'\n'));
            assert!(!line.contains(&b'\n'));
            let spoken = Spoken {
                id: Some(1_795_693_984_123_456),
                time_ms: 1_795_693_984_123,
                kind: read_as,
                room: "lobby".to_owned(),
                from: "ann".to_owned(),
                text: text.to_owned(),
            };
            assert_eq!(read_record(&line), Some(Record::Said(spoken)));
        }
        let mut line = Vec::new();
        write_gap(17, &mut line);
        assert_eq!(line, b"{\"type\":\"gap\",\"lines\":17}\n");
        assert_eq!(read_record(&line), Some(Record::Gap));
    }

    #[test]
    fn a_transcript_of_another_hand_is_read_and_what_is_none_is_not() {
        let fields = r#""time":"2026-11-26T11:53:04Z","room":"lobby","from":"ann""#;
        for (line, is_said) in [
            (format!(r#"{{{fields},"type":"say","text":"hi"}}"#), true),
            (
                format!(r#"  {{ {fields}, "x":[1], "text":"hi", "type":"me" }} "#),
                true,
            ),
            (format!(r#"{{{fields},"type":"say"}}"#), false),
            (
                format!(r#"{{{fields},"type":"notice","text":"hi"}}"#),
                false,
            ),
            (format!(r#"{{{fields},"type":"say","text":7}}"#), false),
            (
                format!(r#"{{{fields},"type":"say","text":"hi","text":"ho"}}"#),
                false,
            ),
            (
                format!(r#"{{{fields},"type":"say","id":-1,"text":"hi"}}"#),
                false,
            ),
            (format!(r#"{{{fields},"type":"say","text":"hi""#), false),
            (
                r#"{"type":"say","time":"soon","room":"lobby","from":"a","text":"hi"}"#.to_owned(),
                false,
            ),
            (
                r#"{"type":"say","time":"1969-01-01T00:00:00Z","room":"r","from":"a","text":"hi"}"#
                    .to_owned(),
                false,
            ),
            ("[".repeat(100_000), false),
            (String::new(), false),
            ("Nov 26 host sshd[1]: hi".to_owned(), false),
        ] {
            let read = read_record(line.as_bytes());
            let read_said = matches!(&read, Some(Record::Said(it)) if it.text == "hi");
            assert_eq!(read_said, is_said, "{line:.100} {read:?}");
            assert_eq!(read.is_some(), is_said);
        }
        assert_eq!(read_record(b"{\"type\":\"say\",\"text\":\"\xff\"}"), None);
    }
}
