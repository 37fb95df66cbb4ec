//! A person who reads a room and types: whatever arrives, cut in any way, is shown whole and
//! drives nothing.

use super::line_splitter::{LINE_MAX_BYTES, LineSplitter};
use super::mention::Nick;
use super::session::COMMANDS;
use crate::terminal::fuzzing::Display;
use crate::testing::fuzz::ByteSource;

/// Plays what `data` says.
pub(crate) fn check(data: &[u8]) {
    let mut source = ByteSource::new(data);
    let mut display = Display::new(&COMMANDS);
    let mut reader = Reader::default();
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
            _ if action == 3 => reader.pause(&mut display),
            _ => reader.arrive(b"* you are ann\r\nbob: ann?\n", &mut display),
        }
    }
    reader.end(&mut display);
}

#[derive(Default)]
struct Reader {
    splitter: LineSplitter,
    nick: Nick,
    /// All that has arrived and all that was shown, less their line ends.
    arrived: Vec<u8>,
    shown: Vec<u8>,
}

impl Reader {
    fn arrive(&mut self, bytes: &[u8], display: &mut Display) {
        let Self {
            splitter,
            nick,
            arrived,
            shown,
        } = self;
        arrived.extend(bytes.iter().filter(|byte| !is_line_end(**byte)));
        splitter.push(bytes, |line| show(line, nick, shown, display));
    }

    fn pause(&mut self, display: &mut Display) {
        let Self {
            splitter,
            nick,
            shown,
            ..
        } = self;
        splitter.pause(|line| show(line, nick, shown, display));
    }

    fn end(mut self, display: &mut Display) {
        let Self {
            splitter,
            nick,
            arrived,
            shown,
        } = &mut self;
        splitter.end(|line| show(line, nick, shown, display));
        assert!(!splitter.has_partial());
        assert_eq!(arrived, shown);
    }
}

/// As a session does.
fn show(line: &[u8], nick: &mut Nick, shown: &mut Vec<u8>, display: &mut Display) {
    assert!(line.len() <= LINE_MAX_BYTES && !line.contains(&b'\n'));
    shown.extend(line.iter().filter(|byte| !is_line_end(**byte)));
    let text = String::from_utf8_lossy(line);
    let is_meant = nick.is_meant_by(&text);
    display.print(&format!("recv: {text}"), is_meant);
}

fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}
