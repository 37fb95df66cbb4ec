//! What is said, written down; and what was said before the server began, taken from there. Knows no
//! file.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::channels::{self, LOBBY};
use super::stamps::{MAX_CLOCK_MICROS, Stamps};
use super::{Room, nick};
use crate::protocol::{Kind, Record, Said, Spoken, Stamp, beginning, read_record};
use crate::sanitize::sanitize;

/// Writes down what is said.
pub trait Transcript {
    /// Something was said. This must wait for nothing.
    fn record(&mut self, said: &Said<'_>);

    /// Another process is to write on. Waits until what was said is written, but not for long.
    ///
    /// # Errors
    /// Why it is not; nothing has changed then.
    fn release(&mut self) -> Result<(), String>;

    /// No other process has [gone on](Self::release): this one does.
    fn resume(&mut self);
}

/// The transcript, if there is one.
#[derive(Default)]
pub(super) struct Recorder(Option<Box<dyn Transcript>>);

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

impl Recorder {
    pub(super) fn record(&mut self, said: &Said<'_>) {
        if let Some(transcript) = &mut self.0 {
            transcript.record(said);
        }
    }

    pub(super) fn release(&mut self) -> Result<(), String> {
        self.0.as_mut().map_or(Ok(()), |it| it.release())
    }

    pub(super) fn resume(&mut self) {
        if let Some(transcript) = &mut self.0 {
            transcript.resume();
        }
    }
}

/// What was said in the rooms that stay, for those of them that are not open yet.
pub(super) type Past = HashMap<Box<str>, RoomPast>;

/// What was said in one room.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct RoomPast {
    /// The id of a message behind which all are here. Before it some may be missing.
    pub(super) dropped: u64,
    /// The newest first.
    pub(super) lines: Vec<PastLine>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PastLine {
    stamp: Stamp,
    kind: Kind,
    from: Box<str>,
    /// Sanitized.
    text: Box<str>,
}

impl PastLine {
    /// A line as it was sanitized when it was said.
    pub(super) fn new(stamp: Stamp, kind: Kind, from: Box<str>, text: Box<str>) -> Self {
        Self {
            stamp,
            kind,
            from,
            text,
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.stamp.id
    }

    pub(super) fn said(&self) -> Said<'_> {
        Said {
            stamp: self.stamp,
            kind: self.kind,
            // Whose it is, is known.
            room: "",
            from: &self.from,
            text: &self.text,
        }
    }
}

impl Room {
    /// A room that has all that is said written down.
    #[must_use]
    pub fn with_transcript(mut self, transcript: Box<dyn Transcript>) -> Self {
        self.recorder = Recorder(Some(transcript));
        self
    }

    /// A room that goes on after another server's end: in those that stay, newcomers are shown what
    /// was said then. `lines` are those of its transcript, the last one first; anybody may have
    /// edited them. Only so many are taken as are shown.
    #[must_use]
    pub fn with_past(mut self, lines: impl IntoIterator<Item: AsRef<[u8]>>) -> Self {
        let kept = self.config.kept_rooms.iter().map(String::as_str);
        // What was said may have become longer as it was sanitized.
        let max_text_bytes = 3 * self.config.max_message_bytes;
        let rooms = [LOBBY].into_iter().chain(kept);
        let reader = Reader::new(rooms, self.config.history_lines, max_text_bytes);
        self.past = reader.read(lines, &mut self.stamps);
        self
    }

    /// Once the rooms that stay are open: what was said there.
    pub(super) fn restore_past(&mut self) {
        let channels = &mut self.channels;
        self.past.retain(|room, past| match channels.find(room) {
            Some(room) => {
                channels[room].history.restore(std::mem::take(past));
                false
            }
            None => true,
        });
    }
}

/// Reads a transcript from its end.
struct Reader {
    past: Past,
    /// For each room.
    max_lines: usize,
    max_text_bytes: usize,
    /// What is further up has smaller ids.
    before: u64,
    /// Something is missing in front of the message of this id.
    gap: Option<u64>,
}

impl Reader {
    fn new<'a>(
        rooms: impl Iterator<Item = &'a str>,
        max_lines: usize,
        max_text_bytes: usize,
    ) -> Self {
        let looks = rooms.filter_map(channels::look);
        Self {
            past: looks.map(|look| (look, RoomPast::default())).collect(),
            max_lines,
            max_text_bytes,
            before: MAX_CLOCK_MICROS,
            gap: None,
        }
    }

    fn read(mut self, lines: impl IntoIterator<Item: AsRef<[u8]>>, stamps: &mut Stamps) -> Past {
        for line in lines {
            match read_record(line.as_ref()) {
                Some(Record::Said(spoken)) => {
                    self.add(spoken);
                    stamps.pass(self.before);
                    if self.has_all() {
                        break;
                    }
                }
                Some(Record::Gap) => self.gap = self.gap.or(Some(self.before)),
                None => {}
            }
        }
        for room in self.past.values_mut() {
            let oldest = room.lines.last().map(|line| line.stamp.id);
            let missing = [oldest, self.gap].into_iter().flatten().max();
            let dropped = missing.map_or(u64::MAX, |before| before.saturating_sub(1));
            room.dropped = match oldest {
                Some(_) => dropped.min(stamps.last()),
                None => stamps.last(),
            };
        }
        self.past
    }

    fn add(&mut self, spoken: Spoken) {
        let Some(largest) = self.before.checked_sub(1) else {
            return;
        };
        let id = spoken.id.unwrap_or(spoken.time_ms.saturating_mul(1000));
        self.before = id.min(largest);
        let stamp = Stamp {
            id: self.before,
            time_ms: spoken.time_ms,
        };
        let room = channels::look(&spoken.room).and_then(|look| self.past.get_mut(&look));
        if let Some(room) = room.filter(|room| room.lines.len() < self.max_lines)
            && let Ok(from) = nick::parse(&spoken.from)
        {
            let text = sanitize(spoken.text.as_bytes());
            room.lines.push(PastLine {
                stamp,
                kind: spoken.kind,
                from,
                text: beginning(&text, self.max_text_bytes).into(),
            });
        }
    }

    fn has_all(&self) -> bool {
        let mut rooms = self.past.values();
        rooms.all(|room| room.lines.len() >= self.max_lines)
    }
}
