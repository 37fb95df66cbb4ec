//! What a keyboard sends, cut into keys. Bytes in, keys out; knows no terminal and no line.

/// A sequence that has not ended by now is none that any keyboard sends.
const SEQUENCE_MAX_BYTES: usize = 32;

const ESCAPE: u8 = 0x1b;

/// What was pressed, named by what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Enter,
    Tab,
    Backspace,
    Delete,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Up,
    Down,
    KillToStart,
    KillToEnd,
    KillWordLeft,
    KillWordRight,
    Yank,
    ClearScreen,
    Interrupt,
    EndOfInput,
    Suspend,
    PasteStart,
    PasteEnd,
}

/// Holds the bytes of a key that has not arrived whole.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    pending: Vec<u8>,
}

impl Decoder {
    /// Takes one byte; gives a key when it completes one. What is no key is swallowed.
    pub(super) fn push(&mut self, byte: u8) -> Option<Key> {
        match self.pending.first() {
            None => self.begin(byte),
            Some(&ESCAPE) => self.go_on_escape(byte),
            Some(_) => self.go_on_utf8(byte),
        }
    }

    /// Whether an escape stands alone: the start of a sequence, or the Esc key.
    pub(super) fn is_lone_escape(&self) -> bool {
        self.pending == [ESCAPE]
    }

    /// Takes a lone escape for the Esc key, which does nothing here.
    pub(super) fn drop_escape(&mut self) {
        self.pending.clear();
    }

    fn begin(&mut self, byte: u8) -> Option<Key> {
        match byte {
            ESCAPE | 0xC2..=0xF4 => {
                self.pending.push(byte);
                None
            }
            0..0x20 | 0x7F => control(byte),
            0x20..0x7F => Some(Key::Char(char::from(byte))),
            _ => None,
        }
    }

    fn go_on_utf8(&mut self, byte: u8) -> Option<Key> {
        self.pending.push(byte);
        match std::str::from_utf8(&self.pending) {
            Ok(text) => {
                let character = text.chars().next().filter(|c| !c.is_control());
                self.pending.clear();
                character.map(Key::Char)
            }
            Err(error) if error.error_len().is_none() => None,
            Err(_) => {
                // The byte that broke the sequence may well begin a key of its own.
                self.pending.clear();
                self.begin(byte)
            }
        }
    }

    fn go_on_escape(&mut self, byte: u8) -> Option<Key> {
        self.pending.push(byte);
        let key = match self.pending.as_slice() {
            [_, b'[' | b'O'] => return None,
            [_, ESCAPE] => {
                self.pending.pop();
                return None;
            }
            [_, other] => with_alt(*other),
            [_, b'O', last] => csi(b"", *last),
            [_, _, parameters @ .., last] => match last {
                0x20..=0x3F if parameters.len() < SEQUENCE_MAX_BYTES => return None,
                _ => csi(parameters, *last),
            },
            _ => None,
        };
        self.pending.clear();
        key
    }
}

fn control(byte: u8) -> Option<Key> {
    Some(match byte {
        0x01 => Key::Home,
        0x02 => Key::Left,
        // Ctrl-\ would leave a core file and a raw terminal behind.
        0x03 | 0x1C => Key::Interrupt,
        0x04 => Key::EndOfInput,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | 0x7F => Key::Backspace,
        b'\t' => Key::Tab,
        b'\n' | b'\r' => Key::Enter,
        0x0B => Key::KillToEnd,
        0x0C => Key::ClearScreen,
        0x0E => Key::Down,
        0x10 => Key::Up,
        0x15 => Key::KillToStart,
        0x17 => Key::KillWordLeft,
        0x19 => Key::Yank,
        0x1A => Key::Suspend,
        _ => return None,
    })
}

fn with_alt(byte: u8) -> Option<Key> {
    Some(match byte {
        b'b' => Key::WordLeft,
        b'f' => Key::WordRight,
        b'd' => Key::KillWordRight,
        0x08 | 0x7F => Key::KillWordLeft,
        _ => return None,
    })
}

/// `ESC [ parameters last`; arrows with a modifier carry it as a second parameter.
fn csi(parameters: &[u8], last: u8) -> Option<Key> {
    let modified = parameters.starts_with(b"1;");
    Some(match (parameters, last) {
        (_, b'A') => Key::Up,
        (_, b'B') => Key::Down,
        (_, b'C') if modified => Key::WordRight,
        (_, b'D') if modified => Key::WordLeft,
        (_, b'C') => Key::Right,
        (_, b'D') => Key::Left,
        (_, b'H') | (b"1" | b"7", b'~') => Key::Home,
        (_, b'F') | (b"4" | b"8", b'~') => Key::End,
        (b"3", b'~') => Key::Delete,
        (b"200", b'~') => Key::PasteStart,
        (b"201", b'~') => Key::PasteEnd,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        bytes.iter().filter_map(|&b| decoder.push(b)).collect()
    }

    #[test]
    fn text_of_any_script_comes_through() {
        let typed: Vec<Key> = "a你👩\u{200D}é".chars().map(Key::Char).collect();
        assert_eq!(keys("a你👩\u{200D}é".as_bytes()), typed);
    }

    #[test]
    fn sequences_are_one_key_each() {
        assert_eq!(
            keys(b"\x1b[A\x1bOB\x1b[1;5C\x1b[3~\x1b[200~x\x1b[201~\x1bb\x01\r"),
            [
                Key::Up,
                Key::Down,
                Key::WordRight,
                Key::Delete,
                Key::PasteStart,
                Key::Char('x'),
                Key::PasteEnd,
                Key::WordLeft,
                Key::Home,
                Key::Enter,
            ]
        );
    }

    #[test]
    fn what_is_no_key_leaves_nothing_behind() {
        for noise in [
            &b"\x1b[12;34R"[..],
            b"\x1b[99~",
            b"\x1b\x1b[24~",
            b"\x1bz",
            b"\xff\xfe",
            b"\x80",
            b"\xe4\xbd",
            "\u{9b}".as_bytes(),
            b"\x00\x1d",
        ] {
            assert_eq!(
                keys(&[noise, b"ok"].concat()),
                [Key::Char('o'), Key::Char('k')]
            );
        }
    }

    #[test]
    fn an_endless_sequence_is_given_up() {
        let mut decoder = Decoder::default();
        for &byte in b"\x1b[".iter().chain([b'1'; 1000].iter()) {
            decoder.push(byte);
            assert!(decoder.pending.len() <= SEQUENCE_MAX_BYTES + 3);
        }
    }

    #[test]
    fn a_lone_escape_is_told_from_a_sequence() {
        let mut decoder = Decoder::default();
        decoder.push(ESCAPE);
        assert!(decoder.is_lone_escape());
        decoder.drop_escape();
        assert_eq!(decoder.push(b'b'), Some(Key::Char('b')));
        decoder.push(ESCAPE);
        decoder.push(b'[');
        assert!(!decoder.is_lone_escape());
    }
}
