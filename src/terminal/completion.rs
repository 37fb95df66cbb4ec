//! What Tab makes of the text before the cursor. Text only; who knows the words is asked for them.

use super::Vocabulary;

/// Of what a word may become, at most so much is shown.
const CHOICES_SHOWN: usize = 50;

/// What Tab does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Completion {
    Nothing,
    /// `text` replaces what stands from the byte `from` on to the cursor.
    Replace {
        from: usize,
        text: String,
    },
    /// Nothing more is certain; these are possible.
    Choices(String),
}

/// Completes the word before the cursor as far as it is certain, as a shell does, without regard to
/// case. No word at all is completed only right behind a command, which may want a name.
pub(super) fn complete(before: &str, vocabulary: &dyn Vocabulary) -> Completion {
    let from = before.rfind(char::is_whitespace).map_or(0, |at| {
        at + before[at..].chars().next().map_or(0, char::len_utf8)
    });
    let typed = &before[from..];
    let is_command = before.starts_with('/');
    let is_behind_command = is_command && !before.trim_end().contains(char::is_whitespace);
    match from {
        0 if is_command => choose(vocabulary.commands(), (from, typed), " "),
        _ if typed.is_empty() && !is_behind_command => Completion::Nothing,
        0 => choose(vocabulary.names(), (from, typed), ": "),
        _ => choose(vocabulary.names(), (from, typed), " "),
    }
}

/// `ending` follows a word that is the only one.
fn choose(words: Vec<String>, (from, typed): (usize, &str), ending: &str) -> Completion {
    let typed_chars = typed.chars().count();
    let mut choices = words;
    choices.retain(|word| common_chars(word, typed) == typed_chars);
    let Some((first, others)) = choices.split_first() else {
        return Completion::Nothing;
    };
    if others.is_empty() {
        let text = format!("{first}{ending}");
        return Completion::Replace { from, text };
    }
    let common = others.iter().map(|other| common_chars(first, other)).min();
    match common {
        Some(certain) if certain > typed_chars => {
            let text = first.chars().take(certain).collect();
            Completion::Replace { from, text }
        }
        _ => Completion::Choices(listed(choices)),
    }
}

fn listed(mut choices: Vec<String>) -> String {
    choices.sort_by_cached_key(|choice| choice.to_lowercase());
    let more = choices.len().saturating_sub(CHOICES_SHOWN);
    choices.truncate(CHOICES_SHOWN);
    let listed = choices.join("  ");
    match more {
        0 => listed,
        _ => format!("{listed}  and {more} more"),
    }
}

/// How many characters two texts share at their start, but for case.
fn common_chars(one: &str, other: &str) -> usize {
    let pairs = one.chars().zip(other.chars());
    let alike = pairs.take_while(|(a, b)| a.to_lowercase().eq(b.to_lowercase()));
    alike.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Room(&'static [&'static str]);

    impl Vocabulary for Room {
        fn commands(&self) -> Vec<String> {
            ["/me", "/msg", "/who"].map(str::to_owned).to_vec()
        }

        fn names(&self) -> Vec<String> {
            self.0.iter().map(|&name| name.to_owned()).collect()
        }
    }

    const ROOM: Room = Room(&["Bob", "bobby", "cat", "李雷", "李梅", "Éva", "anna"]);

    /// The text before the cursor after Tab, or the choices.
    fn tab(before: &str) -> Result<String, String> {
        match complete(before, &ROOM) {
            Completion::Nothing => Ok(before.to_owned()),
            Completion::Replace { from, text } => Ok(format!("{}{text}", &before[..from])),
            Completion::Choices(choices) => Err(choices),
        }
    }

    #[test]
    fn a_word_is_completed_as_far_as_it_is_certain() {
        for (before, after) in [
            ("/w", "/who "),
            ("/W", "/who "),
            ("c", "cat: "),
            ("CA", "cat: "),
            ("hi c", "hi cat "),
            ("hi\u{3000}c", "hi\u{3000}cat "),
            ("/msg c", "/msg cat "),
            ("/msg cat hi A", "/msg cat hi anna "),
            ("b", "Bob"),
            ("bobb", "bobby: "),
            ("李", "李"),
            ("李雷", "李雷: "),
            ("é", "Éva: "),
            // Nothing there, or nothing known.
            ("", ""),
            ("hi ", "hi "),
            ("x", "x"),
            ("cats", "cats"),
            ("/x", "/x"),
            (" /w", " /w"),
            ("cat: ", "cat: "),
            ("/msg cat ", "/msg cat "),
        ] {
            match tab(before) {
                Ok(found) => assert_eq!(found, after, "{before:?}"),
                Err(choices) => assert_eq!((before, &*choices), (after, "李梅  李雷")),
            }
        }
    }

    #[test]
    fn what_is_uncertain_is_listed() {
        assert_eq!(tab("/"), Err("/me  /msg  /who".to_owned()));
        assert_eq!(tab("/m"), Err("/me  /msg".to_owned()));
        assert_eq!(tab("bob"), Err("Bob  bobby".to_owned()));
        let all = "anna  Bob  bobby  cat  Éva  李梅  李雷";
        assert_eq!(tab("/msg "), Err(all.to_owned()));
    }

    #[test]
    fn a_crowd_is_counted() {
        let crowd: Vec<String> = (0..1000).map(|nth| format!("x{nth:03}")).collect();
        let Completion::Choices(choices) = choose(crowd, (0, "x"), ": ") else {
            panic!("one of a thousand");
        };
        assert!(choices.starts_with("x000  x001  "), "{choices}");
        assert!(choices.ends_with("x049  and 950 more"), "{choices}");
    }
}
