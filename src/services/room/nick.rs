//! What may be a nick, and when two are the same.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The longest nick, in bytes.
pub(super) const MAX_BYTES: usize = 32;

/// Why a nick cannot be had.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NickError {
    TooLong,
    Characters,
    /// Its first character would hang on whatever stands before it.
    Mark,
    Taken(String),
    Unchanged,
}

impl fmt::Display for NickError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "nicks have at most {MAX_BYTES} bytes"),
            Self::Characters => f.write_str("nicks have only letters, digits, _ and -"),
            Self::Mark => f.write_str("nicks begin with no combining mark"),
            Self::Taken(name) => write!(f, "{name} is taken"),
            Self::Unchanged => f.write_str("that is your nick already"),
        }
    }
}

/// Whether `name` may be a nick at all: letters and digits of any script, with the marks that its
/// words need, `_` and `-`.
pub(super) fn check(name: &str) -> Result<(), NickError> {
    if name.len() > MAX_BYTES {
        return Err(NickError::TooLong);
    }
    let allowed = |c: char| match c {
        '_' | '-' => true,
        _ if is_blank(c) || is_colon(c) => false,
        _ => c.is_alphanumeric() || (is_combining_mark(c) && !is_of_no_script(c)),
    };
    if name.is_empty() || !name.chars().all(allowed) {
        return Err(NickError::Characters);
    }
    if name.starts_with(is_combining_mark) {
        return Err(NickError::Mark);
    }
    Ok(())
}

/// Letters of Hangul and hieroglyphs that show nothing: a nick of them would look like none.
fn is_blank(letter: char) -> bool {
    matches!(
        letter,
        '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' | '\u{13441}' | '\u{13442}'
    )
}

/// Marks that belong to no script, of which some show nothing: with them any nick has a thousand
/// spellings. Those that letters are usually written with are part of the letter (NFC).
fn is_of_no_script(mark: char) -> bool {
    matches!(mark,
        '\u{300}'..='\u{36F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}' | '\u{FE00}'..='\u{FE0F}' | '\u{FE20}'..='\u{FE2F}'
        | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Letters that look like the colon after a nick: what follows would seem to be said.
fn is_colon(letter: char) -> bool {
    matches!(letter, '\u{2D0}' | '\u{A4FD}' | '\u{A789}')
}

/// The form in which nicks are compared: two are one that differ only in case, or in how the
/// same characters are spelled (NFKC).
pub(super) fn fold(name: &str) -> Box<str> {
    // What nearly all are, and a growing table folds each of them.
    if name.is_ascii() {
        return name.to_ascii_lowercase().into();
    }
    // Marks apart and in order first, for the Greek iota subscript is a letter in upper case, where
    // no mark passes it. What a change of case puts together has to come apart as well.
    let bare = fold_case(&name.nfkd().collect::<String>());
    let spelled = fold_case(&bare.nfkd().collect::<String>());
    spelled.nfkc().collect::<String>().into()
}

fn fold_case(text: &str) -> String {
    // Upper case brings together what has several lower cases, like the Greek sigmas. Lower case
    // before it, since the capital sharp s is its own upper case, but the small one's is SS.
    text.to_lowercase().to_uppercase().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_any_script_are_welcome_and_nothing_else() {
        for good in [
            "ann",
            "Ann_2-b",
            "李雷",
            "Zoë",
            "Ольга",
            "أحمد",
            "x",
            "42",
            "a",
            "हिन्दी",
            "தமிழ்",
            "မြန်မာ",
            "ខ្មែរ",
            "ไม้",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a b",
            "a:",
            "[a]",
            "*",
            "a\tb",
            "\u{fffd}",
            "😀",
            "a/b",
            "a\u{200b}",
            "\u{13441}",
            "\u{13442}",
            "ann\u{A4FD}",
            "ann\u{A789}",
            "ann\u{2D0}",
            "ann\u{34F}",
            "ann\u{FE0F}",
            "a\u{336}",
        ] {
            assert_eq!(check(bad), Err(NickError::Characters), "{bad:?}");
        }
        assert_eq!(check(&"a".repeat(32)), Ok(()));
        assert_eq!(check(&"a".repeat(33)), Err(NickError::TooLong));
        assert_eq!(check(&"é".repeat(17)), Err(NickError::TooLong));
    }

    #[test]
    fn case_does_not_make_another_nick() {
        assert_eq!(fold("Ann"), fold("aNN"));
        assert_eq!(fold("ΣΟΣ"), fold("σος"));
        assert_eq!(fold("STRAẞE"), fold("straße"));
        assert_ne!(fold("ann"), fold("anna"));
    }

    #[test]
    fn a_nick_stands_on_its_own() {
        // A vowel sign of Devanagari, and the Greek iota subscript.
        for mark in ["\u{93E}", "\u{345}"] {
            assert_eq!(check(mark), Err(NickError::Mark));
            assert_eq!(check(&format!("{mark}a")), Err(NickError::Mark));
        }
        assert_eq!(check("\u{939}\u{93F}"), Ok(()));
    }

    #[test]
    fn another_spelling_does_not_make_another_nick() {
        for (one, other) in [
            ("李雷", "\u{F9E1}\u{F949}"),
            ("가", "\u{1100}\u{1161}"),
            ("Zoë", "zoe\u{308}"),
            ("ann", "\u{FF21}\u{FF2E}\u{FF2E}"),
            ("ﬁsh", "FISH"),
        ] {
            assert_eq!(fold(one), fold(other), "{one}");
        }
    }

    /// Every letter there is, alone and behind another, which may change what is done to it.
    #[test]
    fn whatever_its_case_and_spelling_a_nick_is_one() {
        for letter in ('\0'..=char::MAX).filter(|c| c.is_alphanumeric()) {
            for name in [letter.to_string(), format!("a{letter}")] {
                let folded = fold(&name);
                let same = [
                    folded.to_string(),
                    name.to_lowercase(),
                    name.to_uppercase(),
                    name.nfc().collect(),
                    name.nfd().collect(),
                    name.nfkc().collect(),
                    name.nfkd().collect(),
                ];
                for other in same.iter().filter(|other| **other != name) {
                    assert_eq!(fold(other), folded, "{name:?} and {other:?}");
                }
            }
        }
    }
}
