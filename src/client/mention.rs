//! Whether a line of a room means the person who reads it. Text only.

/// What one is called in the room, as far as the room has said.
#[derive(Debug, Default)]
pub(super) struct Nick {
    /// In lower case.
    name: Option<String>,
}

impl Nick {
    /// Takes a line that arrived; tells whether it names its reader, or is for nobody else. What
    /// the server says itself is for everybody.
    pub(super) fn is_meant_by(&mut self, line: &str) -> bool {
        let text = if let Some(action) = line.strip_prefix("** ") {
            action.split_once(' ').map_or("", |(_, action)| action)
        } else if let Some(notice) = line.strip_prefix("* ") {
            if let Some(told) = notice.strip_prefix("you are ") {
                self.learn(told);
            }
            return false;
        } else if line.starts_with('[') {
            return self.name.is_some();
        } else {
            line.split_once(": ").map_or("", |(_, text)| text)
        };
        self.name.as_deref().is_some_and(|name| names(text, name))
    }

    /// `ann; others here: 3`, or `now ann`.
    fn learn(&mut self, told: &str) {
        let told = told.strip_prefix("now ").unwrap_or(told);
        let name = told.split(';').next().unwrap_or(told).trim();
        self.name = (!name.is_empty()).then(|| name.to_lowercase());
    }
}

/// Whether `name`, which is in lower case, stands in `text` as a word of its own.
fn names(text: &str, name: &str) -> bool {
    let text = text.to_lowercase();
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !joins(before, name.chars().next()) && !joins(name.chars().next_back(), after)
    })
}

/// Whether two neighbours belong to one word.
fn joins(one: Option<char>, other: Option<char>) -> bool {
    // From here on scripts write without spaces, or hang their particles onto the name.
    let is_word = |c: char| c < '\u{2E80}' && (c.is_alphanumeric() || c == '_' || c == '-');
    one.is_some_and(is_word) && other.is_some_and(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(told: &str, line: &str) -> bool {
        let mut nick = Nick::default();
        assert!(!nick.is_meant_by(told));
        nick.is_meant_by(line)
    }

    #[test]
    fn a_line_that_names_its_reader_is_meant() {
        let told = "* you are Ann; others here: 2; /help lists the commands";
        for line in [
            "bob: ann?",
            "bob: hi, ANN",
            "** bob waves at ann",
            "[bob] psst",
        ] {
            assert!(meant(told, line), "{line}");
        }
        for line in [
            "bob: annual joan",
            "bob: ann-marie",
            "ann: said elsewhere",
            "** ann waves",
            "** bob",
            "* 2 here: ann, bob",
            "* bob waves at ann",
            "no sender, ann",
            "",
        ] {
            assert!(!meant(told, line), "{line}");
        }
    }

    #[test]
    fn a_new_nick_is_learned() {
        assert!(meant("* you are now 李雷", "bob: 你好李雷！"));
        let mut nick = Nick::default();
        nick.is_meant_by("* you are ann; others here: 0");
        nick.is_meant_by("* you are now eve");
        assert!(!nick.is_meant_by("bob: ann"));
        assert!(nick.is_meant_by("bob: eve"));
    }

    #[test]
    fn without_a_room_nothing_is_meant() {
        assert!(!meant("hello", "[x] y"));
        assert!(!meant("* you are ;", "a: b"));
    }
}
