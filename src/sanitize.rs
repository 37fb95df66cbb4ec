//! Makes foreign bytes safe to show on a terminal. Bytes in, text out; knows neither what they
//! mean nor where they come from.

use std::borrow::Cow;

/// `bytes` as text that cannot drive a terminal or disguise itself.
///
/// U+FFFD stands for every control character but TAB (C0, DEL and C1, so LF and CR too: cut
/// lines first), for the separators of lines and paragraphs (U+2028 and U+2029: many libraries end
/// a line there, and would take the rest for a line that nobody sent), for the bidirectional
/// embeddings, overrides and isolates (U+202A to U+202E and U+2066 to U+2069: they reorder what
/// others wrote), and for bytes that are not UTF-8 (one for each maximal broken sequence, as
/// Unicode recommends). The marks U+061C, U+200E and U+200F pass: Arabic and Hebrew need them, and
/// they move nothing but the neutral characters beside them. Borrows when nothing needs changing.
/// The result is at most three times as long as `bytes`.
#[must_use]
pub fn sanitize(bytes: &[u8]) -> Cow<'_, str> {
    let mut text = String::from_utf8_lossy(bytes);
    if text.contains(is_harmful) {
        text = Cow::Owned(text.replace(is_harmful, "\u{FFFD}"));
    }
    text
}

/// `text` from its first character on that shows anything: what stands before a command without
/// being seen, a byte order mark or what was pasted along, must not make it one that all can read.
/// U+FFFD is looked past as well, for it stands for what showed nothing to whoever typed it.
/// White space shows, as the gap that it is, and is not looked past.
#[must_use]
pub fn skip_invisible(text: &str) -> &str {
    text.trim_start_matches(is_invisible)
}

fn is_invisible(character: char) -> bool {
    // A skeleton is without what Unicode calls default-ignorable, and only without that.
    let mut buffer = [0; 4];
    let is_ignorable = |text: &str| unicode_security::skeleton(text).next().is_none();
    match character {
        _ if character.is_ascii() => false,
        '\u{FFFD}' => true,
        _ => is_ignorable(character.encode_utf8(&mut buffer)),
    }
}

fn is_harmful(character: char) -> bool {
    match character {
        '\t' => false,
        '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => true,
        _ => character.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_of_any_script_is_borrowed_as_it_is() {
        for text in [
            "",
            "a\tb",
            "你好",
            "👩‍👩‍👧",
            "שלום",
            "e\u{301}",
            "\u{FFFD}",
            "א\u{200F}!",
            "a\u{200E}b",
            "\u{61C}",
        ] {
            assert!(matches!(sanitize(text.as_bytes()), Cow::Borrowed(t) if t == text));
        }
    }

    #[test]
    fn what_drives_or_deceives_a_terminal_is_replaced() {
        for (bytes, shown) in [
            (&b"\x1b[2Jx"[..], "\u{FFFD}[2Jx"),
            (b"a\0b\x07\x08\x7f", "a\u{FFFD}b\u{FFFD}\u{FFFD}\u{FFFD}"),
            (b"a\r\nb", "a\u{FFFD}\u{FFFD}b"),
            ("\u{80}\u{9b}2J".as_bytes(), "\u{FFFD}\u{FFFD}2J"),
            (b"\x9b2J", "\u{FFFD}2J"),
            ("a\u{202E}b\u{2066}c".as_bytes(), "a\u{FFFD}b\u{FFFD}c"),
            ("a\u{2028}* b\u{2029}c".as_bytes(), "a\u{FFFD}* b\u{FFFD}c"),
            (b"\xe4\xbd", "\u{FFFD}"),
            (b"\xff\xfe", "\u{FFFD}\u{FFFD}"),
            (b"\xed\xa0\x80", "\u{FFFD}\u{FFFD}\u{FFFD}"),
        ] {
            assert_eq!(sanitize(bytes), shown, "{bytes:?}");
        }
    }

    #[test]
    fn what_shows_nothing_is_skipped_and_nothing_else() {
        let invisible = [
            0xAD..=0xAD,
            0x34F..=0x34F,
            0x61C..=0x61C,
            0x115F..=0x1160,
            0x17B4..=0x17B5,
            0x180B..=0x180F,
            0x200B..=0x200F,
            0x202A..=0x202E,
            0x2060..=0x206F,
            0x3164..=0x3164,
            0xFE00..=0xFE0F,
            0xFEFF..=0xFEFF,
            0xFFA0..=0xFFA0,
            0xFFF0..=0xFFF8,
            0xFFFD..=0xFFFD,
            0x1BCA0..=0x1BCA3,
            0x1D173..=0x1D17A,
            0xE0000..=0xE0FFF,
        ];
        for character in '\0'..=char::MAX {
            let text = format!("{character}/who");
            let code = character as u32;
            let expected = match invisible.iter().any(|range| range.contains(&code)) {
                true => "/who",
                false => &text,
            };
            assert_eq!(skip_invisible(&text), expected, "U+{code:04X}");
        }
        assert_eq!(skip_invisible("\u{FEFF}\u{200B} /who"), " /who");
        assert_eq!(skip_invisible("\u{FEFF}"), "");
    }

    #[test]
    fn no_character_gets_through_that_should_not() {
        for character in '\0'..=char::MAX {
            let mut buffer = [0; 4];
            let shown = sanitize(character.encode_utf8(&mut buffer).as_bytes()).into_owned();
            let harmful = character != '\t' && character.is_control()
                || ('\u{2028}'..='\u{202E}').contains(&character)
                || ('\u{2066}'..='\u{2069}').contains(&character);
            let expected = if harmful { '\u{FFFD}' } else { character };
            assert_eq!(shown, expected.to_string());
        }
    }
}
