//! A person who reads a room and types: whatever arrives, cut in any way, is shown whole and
//! drives nothing.

use std::sync::{Arc, Mutex};

use super::line_splitter::{LINE_MAX_BYTES, LineSplitter};
use super::room::Room;
use super::session::held;
use crate::terminal::Vocabulary;
use crate::terminal::fuzzing::Display;
use crate::testing::fuzz::ByteSource;

/// Plays what `data` says.
pub(crate) fn check(data: &[u8]) {
    let mut source = ByteSource::new(data);
    let room = Arc::new(Mutex::new(Room::new(false)));
    let mut display = Display::new(Box::new(Words(Arc::clone(&room))));
    let mut reader = Reader {
        splitter: LineSplitter::default(),
        heard: Heard {
            room,
            arrived: Vec::new(),
            taken: Vec::new(),
        },
    };
    while !source.is_over() {
        let action = source.byte();
        let count = usize::from(action >> 2);
        match action & 3 {
            0 => reader.arrive(source.take(count), &mut display),
            1 => source
                .take(count)
                .iter()
                .for_each(|&byte| display.press(byte)),
            2 => display.resize(count * usize::from(source.byte() % 4)),
            _ if count == 0 => reader.pause(&mut display),
            _ if count < 8 => reader.arrive(ROOM, &mut display),
            _ => reader.arrive(b"* you are ann\r\nbob: ann?\n", &mut display),
        }
    }
    reader.end(&mut display);
}

const ROOM: &[u8] = b"* you are ann; others here: 1; /help lists the commands
* /nick NAME  take another name
* 2 here: ann, bob
* 12 joined, 3 left; 11 are here
";

struct Words(Arc<Mutex<Room>>);

impl Vocabulary for Words {
    fn commands(&self) -> Vec<String> {
        held(&self.0).commands()
    }

    fn names(&self) -> Vec<String> {
        held(&self.0).names()
    }
}

struct Reader {
    splitter: LineSplitter,
    heard: Heard,
}

struct Heard {
    room: Arc<Mutex<Room>>,
    /// All that has arrived, and all that was taken from it, less their line ends.
    arrived: Vec<u8>,
    taken: Vec<u8>,
}

impl Reader {
    fn arrive(&mut self, bytes: &[u8], display: &mut Display) {
        let Self { splitter, heard } = self;
        let is_kept = |byte: &&u8| !is_line_end(**byte);
        heard.arrived.extend(bytes.iter().filter(is_kept));
        splitter.push(bytes, |line, is_whole| heard.show(line, is_whole, display));
    }

    fn pause(&mut self, display: &mut Display) {
        let Self { splitter, heard } = self;
        splitter.pause(|line, is_whole| heard.show(line, is_whole, display));
    }

    fn end(mut self, display: &mut Display) {
        let Self { splitter, heard } = &mut self;
        splitter.end(|line, is_whole| heard.show(line, is_whole, display));
        assert!(!splitter.has_partial());
        assert_eq!(heard.arrived, heard.taken);
    }
}

impl Heard {
    /// As a session does, sender and receiver in one.
    fn show(&mut self, line: &[u8], is_whole: bool, display: &mut Display) {
        assert!(line.len() <= LINE_MAX_BYTES && !line.contains(&b'\n'));
        let is_kept = |byte: &&u8| !is_line_end(**byte);
        self.taken.extend(line.iter().filter(is_kept));
        let text = String::from_utf8_lossy(line);
        let mut room = held(&self.room);
        let heard = room.hears(&text, is_whole);
        if heard.has_question {
            room.question();
        }
        let status = room.status();
        drop(room);
        if heard.has_changed {
            display.set_status(status);
        }
        if heard.is_shown {
            display.print(&text, heard.is_meant);
        }
    }
}

fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}
