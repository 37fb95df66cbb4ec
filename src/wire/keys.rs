//! What a person types, key by key, where no terminal edits the line first: Windows' telnet, or
//! a raw terminal behind socat.

use super::telnet::{IAC, Telnet};

const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;
/// Ctrl-U.
const KILL: u8 = 21;
const ESCAPE: u8 = 27;

/// No key sends more; what is longer is looked at in pieces.
const MAX_KEY_BYTES: usize = 32;

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key<'a> {
    /// A character, or a part of one.
    Character(&'a [u8]),
    EraseCharacter,
    EraseLine,
    /// An arrow and the like. There is nothing that it could move here.
    Escape,
}

/// Takes the next key off the front of `bytes`.
fn next_key<'a>(bytes: &mut &'a [u8]) -> Option<Key<'a>> {
    let is_continuation = |byte: &u8| (0x80..0xc0).contains(byte);
    let (&first, rest) = bytes.split_first()?;
    let (length, erases) = match first {
        BACKSPACE | DELETE => (1, Some(Key::EraseCharacter)),
        KILL => (1, Some(Key::EraseLine)),
        ESCAPE => (1 + escape_length(rest), Some(Key::Escape)),
        0x80.. => {
            let rest = rest.iter().take(3);
            (
                1 + rest.take_while(|byte| is_continuation(byte)).count(),
                None,
            )
        }
        _ => (1, None),
    };
    let (key, rest) = bytes.split_at(length);
    *bytes = rest;
    Some(erases.unwrap_or(Key::Character(key)))
}

/// The length of what follows an ESC as part of one key: `[` or `O` to the final byte, or, with
/// Alt, one character.
fn escape_length(rest: &[u8]) -> usize {
    match rest {
        [b'[', parameters @ ..] => {
            let parameters_length = parameters
                .iter()
                .take_while(|byte| (0x20..0x40).contains(*byte));
            let length = parameters_length.count();
            1 + length + usize::from(parameters.len() > length)
        }
        [b'O', _, ..] => 2,
        [] => 0,
        _ => 1,
    }
}

/// Whether what a read has brought is what a person types: at most one character, and the line's
/// end only by itself or after a line that was typed. Keys that erase, telnet's commands and the
/// line's end count for nothing. Looks at little of a long input.
pub(super) fn is_typed(mut telnet: Telnet, input: &[u8], begins_line: bool) -> bool {
    // What most reads begin with, so that these cost next to nothing.
    if let [b' '..=b'~', b' '..=b'~', ..] = input
        && telnet == Telnet::Text
    {
        return false;
    }
    let mut rest = input;
    let (mut characters, mut other_keys, mut ends) = (0, 0, false);
    while let Some(&first) = rest.first()
        && characters < 2
    {
        if telnet.takes(first) {
            if telnet.step(first).takes_byte() {
                rest = &rest[1..];
            }
            continue;
        }
        if matches!(first, b'\r' | b'\n' | 0) {
            ends = true;
            rest = &rest[1..];
            continue;
        }
        let window = &rest[..rest.len().min(MAX_KEY_BYTES)];
        let end = window
            .iter()
            .position(|byte| matches!(*byte, b'\r' | b'\n' | IAC));
        let text = &window[..end.unwrap_or(window.len())];
        let mut left = text;
        match next_key(&mut left) {
            Some(Key::Character(_)) => characters += 1,
            _ => other_keys += 1,
        }
        rest = &rest[text.len() - left.len()..];
    }
    characters < 2 && !(ends && begins_line && characters + other_keys > 0)
}

/// Does with `line` what the keys say. Says whether it stayed within `limit` bytes.
pub(super) fn edit(line: &mut Vec<u8>, mut keys: &[u8], limit: usize) -> bool {
    while let Some(key) = next_key(&mut keys) {
        match key {
            Key::Character(bytes) if line.len() + bytes.len() > limit => return false,
            Key::Character(bytes) => line.extend_from_slice(bytes),
            Key::EraseCharacter => erase_character(line),
            Key::EraseLine => line.clear(),
            Key::Escape => {}
        }
    }
    true
}

/// Takes the last character off `line`.
pub(super) fn erase_character(line: &mut Vec<u8>) {
    while let Some(0x80..0xc0) = line.pop() {}
}
