//! What may be a nick, and when two are one.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
use unicode_security::{GeneralSecurityProfile, MixedScript, skeleton};

/// The longest nick, in bytes of UTF-8 (NFC), inclusive. A longer one is refused.
pub(super) const MAX_BYTES: usize = 32;

/// The longest spelling of a nick that is looked at, in bytes, inclusive: decomposed, a letter of
/// two bytes takes up to seven. A line may be of megabytes, and normalizing takes time.
pub(super) const MAX_SPELLED_BYTES: usize = 4 * MAX_BYTES;

/// The most marks on one letter, inclusive, as UTS 39 (5.4) has it; more are refused.
const MAX_MARKS: usize = 4;

/// Why a nick cannot be had.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NickError {
    TooLong,
    Characters,
    /// A letter that UTS 39 keeps out of names: often another form of one that may be there.
    Letter(char),
    /// Its first character would hang on whatever stands before it.
    Mark,
    /// Two equal marks on a letter look like one; many cover the lines around.
    Marks,
    /// Another member has it, or one that looks like it.
    Taken {
        name: String,
        by: String,
    },
    Unchanged,
    /// An operator has banned it.
    Banned,
}

impl fmt::Display for NickError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "nicks have at most {MAX_BYTES} bytes"),
            Self::Characters => f.write_str("nicks have only letters, digits, _ and -"),
            Self::Letter(letter) => {
                write!(
                    f,
                    "{letter} (U+{:04X}) is not allowed in nicks",
                    u32::from(*letter)
                )?;
                let plain: String = std::iter::once(*letter).nfkc().collect();
                match plain.chars().all(is_allowed) {
                    true => write!(f, "; {plain} is"),
                    false => Ok(()),
                }
            }
            Self::Mark => f.write_str("nicks begin with no combining mark"),
            Self::Marks => write!(
                f,
                "nicks have at most {MAX_MARKS} marks on a letter, none twice"
            ),
            Self::Taken { name, by } if fold_case(name) == fold_case(by) => {
                write!(f, "{name} is taken")
            }
            Self::Taken { name, by } => write!(f, "{name} is taken: it looks like {by}"),
            Self::Banned => f.write_str("that name is banned"),
            Self::Unchanged => f.write_str("that is your nick already"),
        }
    }
}

/// The nick that `name` spells, in NFC: letters and digits of any script, with the marks that its
/// words need, `_` and `-`; all of them characters that UTS 39 allows in identifiers, so that none
/// is invisible and none passes for punctuation.
///
/// # Errors
/// Why it is none.
pub(super) fn parse(name: &str) -> Result<Box<str>, NickError> {
    if name.len() > MAX_SPELLED_BYTES {
        return Err(NickError::TooLong);
    }
    let nick: String = name.nfc().collect();
    match nick.chars().find(|c| !is_allowed(*c)) {
        Some(c) if c.is_alphanumeric() => return Err(NickError::Letter(c)),
        Some(_) => return Err(NickError::Characters),
        None if nick.is_empty() || has_false_colon(&nick) => return Err(NickError::Characters),
        None => {}
    }
    if nick.len() > MAX_BYTES {
        return Err(NickError::TooLong);
    }
    if nick.starts_with(is_combining_mark) {
        return Err(NickError::Mark);
    }
    match has_stacked_marks(&nick) {
        true => Err(NickError::Marks),
        false => Ok(nick.into()),
    }
}

fn is_allowed(c: char) -> bool {
    match c {
        '_' | '-' => true,
        _ => (c.is_alphanumeric() || is_combining_mark(c)) && c.identifier_allowed(),
    }
}

/// The visarga of Indic scripts looks like the colon after a nick; among their letters it is one.
fn has_false_colon(nick: &str) -> bool {
    !nick.is_ascii() && look(nick).contains(':') && !nick.is_single_script()
}

/// Whether a letter has the same mark twice, or too many.
fn has_stacked_marks(nick: &str) -> bool {
    let (mut last, mut marks) = (None, 0);
    nick.nfd().any(|c| match canonical_combining_class(c) {
        0 => {
            (last, marks) = (None, 0);
            false
        }
        _ => {
            marks += 1;
            last.replace(c) == Some(c) || marks > MAX_MARKS
        }
    })
}

/// The forms by which a nick is found. Two nicks are one if any form of the one is a form of the
/// other: if they differ only in case, in Unicode form (NFKC) or in what looks alike (UTS 39's
/// skeleton), and also if `lan` looks like how another writes `ian`, which is `Ian`.
pub(super) fn forms(name: &str) -> [Box<str>; 2] {
    [folded(name), look(name)]
}

/// What a nick looks like once case is gone.
pub(super) fn folded(name: &str) -> Box<str> {
    match name.is_ascii() {
        // What nearly all are, and a growing table folds each of them.
        true => ascii_look(name.bytes().map(|byte| byte.to_ascii_lowercase())),
        false => unicode_look(&fold_case(name)),
    }
}

/// What a nick looks like as it is written. Nearly always this is as [`folded`].
pub(super) fn look(name: &str) -> Box<str> {
    match name.is_ascii() {
        true => ascii_look(name.bytes()),
        false => unicode_look(name),
    }
}

fn unicode_look(name: &str) -> Box<str> {
    fold_case(&skeleton(name).collect::<String>()).into()
}

/// [`unicode_look`] of what is ASCII.
fn ascii_look(name: impl Iterator<Item = u8>) -> Box<str> {
    let mut look = String::with_capacity(name.size_hint().0);
    for byte in name {
        match byte {
            b'0' => look.push('o'),
            b'1' | b'I' => look.push('l'),
            b'm' => look.push_str("rn"),
            _ => look.push(byte.to_ascii_lowercase().into()),
        }
    }
    look.into()
}

/// Without regard to case and to how the same characters are spelled (NFKC).
fn fold_case(name: &str) -> String {
    // Marks apart and in order first, for the Greek iota subscript is a letter in upper case, where
    // no mark passes it. What a change of case puts together has to come apart as well.
    let bare = one_case(&name.nfkd().collect::<String>());
    let spelled = one_case(&bare.nfkd().collect::<String>());
    spelled.nfkc().collect()
}

fn one_case(text: &str) -> String {
    // Upper case brings together what has several lower cases, like the Greek sigmas. Lower case
    // before it, since the capital sharp s is its own upper case, but the small one's is SS.
    text.to_lowercase().to_uppercase().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether two nicks are one.
    fn are_one(one: &str, other: &str) -> bool {
        let others = forms(other);
        forms(one).iter().any(|form| others.contains(form))
    }

    /// Every character that may stand in a nick.
    fn allowed() -> impl Iterator<Item = char> {
        ('\0'..=char::MAX).filter(|c| is_allowed(*c))
    }

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
            "Adébáyọ\u{300}",
            "한글",
            "カナ",
            "Đặng",
            "दुःख",
        ] {
            assert_eq!(parse(good).as_deref(), Ok(good));
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
            "a\u{2027}b",
        ] {
            assert_eq!(parse(bad), Err(NickError::Characters), "{bad:?}");
        }
        assert_eq!(parse(&"a".repeat(33)), Err(NickError::TooLong));
        assert_eq!(parse(&"é".repeat(17)), Err(NickError::TooLong));
        assert!(parse(&"a".repeat(32)).is_ok());
        assert_eq!(
            parse(&"e\u{301}".repeat(16)).as_deref(),
            Ok(&*"é".repeat(16))
        );
    }

    #[test]
    fn a_letter_that_is_not_allowed_is_named() {
        let wide = "\u{FF21}";
        for (name, why) in [
            (wide, "\u{FF21} (U+FF21) is not allowed in nicks; A is"),
            // Whatever its length.
            (
                &wide.repeat(11),
                "\u{FF21} (U+FF21) is not allowed in nicks; A is",
            ),
            (
                "\u{FB01}sh",
                "\u{FB01} (U+FB01) is not allowed in nicks; fi is",
            ),
            ("\u{1D00}nn", "\u{1D00} (U+1D00) is not allowed in nicks"),
            ("ann\u{200D}", "nicks have only letters, digits, _ and -"),
        ] {
            assert_eq!(parse(name).unwrap_err().to_string(), why);
        }
    }

    /// By Unicode's own word on what shows nothing, and by what is known to show nothing all the
    /// same: joiners, fillers, and letters that look like the colon after a nick.
    #[test]
    fn nothing_in_a_nick_is_invisible_or_looks_like_a_colon() {
        let hidden = concat!(
            "\u{AD}\u{34F}\u{115F}\u{1160}\u{17B4}\u{180E}\u{200B}\u{200D}\u{2D7F}\u{2D0}",
            "\u{3164}\u{A4FD}\u{A789}\u{FE0F}\u{FEFF}\u{FFA0}\u{13441}\u{13442}\u{16FE4}\u{E0100}",
        );
        for c in hidden.chars() {
            let name = format!("ann{c}");
            let refused = parse(&name).unwrap_err();
            let is_character = matches!(refused, NickError::Characters | NickError::Letter(_));
            assert!(is_character, "{name:?}: {refused}");
        }
        for c in allowed() {
            assert_ne!(skeleton(&c.to_string()).next(), None, "{c:?}");
        }
        for c in allowed().filter(|c| look(&c.to_string()).contains(':')) {
            let name = format!("ann{c}");
            assert_eq!(parse(&name), Err(NickError::Characters), "{name:?}");
        }
    }

    #[test]
    fn a_nick_stands_on_its_own() {
        // A vowel sign of Devanagari, and an accent.
        for mark in ["\u{93E}", "\u{301}"] {
            assert_eq!(parse(mark), Err(NickError::Mark));
            assert_eq!(parse(&format!("{mark}a")), Err(NickError::Mark));
        }
        assert!(parse("\u{939}\u{93F}").is_ok());
    }

    #[test]
    fn marks_do_not_stack() {
        for bad in ["á\u{301}", "a\u{323}\u{301}\u{301}", "ก\u{E49}\u{E49}"] {
            assert_eq!(parse(bad), Err(NickError::Marks), "{bad:?}");
        }
        let five = "a\u{300}\u{301}\u{302}\u{303}\u{304}";
        assert_eq!(parse(five), Err(NickError::Marks));
        assert!(parse("a\u{300}\u{301}\u{302}\u{303}").is_ok());
    }

    #[test]
    fn case_does_not_make_another_nick() {
        assert!(are_one("Ann", "aNN"));
        assert!(are_one("ΣΟΣ", "σος"));
        assert!(are_one("STRAẞE", "straße"));
        assert!(!are_one("ann", "anna"));
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
            assert!(are_one(one, other), "{one}");
        }
    }

    #[test]
    fn what_looks_alike_is_one() {
        for (one, other) in [
            ("ann", "аnn"),
            ("ann", "АNN"),
            ("Bob", "Воb"),
            ("Ian", "lan"),
            ("bill", "bi1l"),
            ("BOB", "B0B"),
            ("mike", "rnike"),
            ("guest1", "guestl"),
            ("guest2", "guеst2"),
        ] {
            assert!(are_one(one, other), "{one} {other}");
            assert!(are_one(other, one), "{one} {other}");
        }
        for (one, other) in [("ian", "lan"), ("Ольга", "Олег"), ("李雷", "李蕾")] {
            assert!(!are_one(one, other), "{one} {other}");
        }
    }

    /// Every character there may be, alone and behind another, which may change what is done to it.
    #[test]
    fn whatever_its_case_spelling_and_look_a_nick_is_one() {
        for letter in allowed() {
            for name in [letter.to_string(), format!("a{letter}")] {
                let skeleton: String = skeleton(&name).collect();
                let same = [
                    name.to_lowercase(),
                    name.to_uppercase(),
                    name.nfc().collect(),
                    name.nfd().collect(),
                    name.nfkc().collect(),
                    name.nfkd().collect(),
                    skeleton,
                ];
                let own = forms(&name);
                for other in same.iter().filter(|other| **other != name) {
                    let is_one = forms(other).iter().any(|form| own.contains(form));
                    assert!(is_one, "{name:?} and {other:?}");
                }
            }
        }
    }

    #[test]
    fn the_short_way_for_ascii_is_the_long_one() {
        let letters: Vec<char> = allowed().filter(char::is_ascii).collect();
        assert_eq!(letters.len(), 64);
        for one in &letters {
            for other in &letters {
                let name = format!("{one}{other}");
                assert_eq!(look(&name), unicode_look(&name));
                assert_eq!(folded(&name), unicode_look(&fold_case(&name)));
            }
        }
    }
}
