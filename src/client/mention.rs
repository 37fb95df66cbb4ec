//! Whether a line of a room means the person who reads it. Text only.

use super::line::Line;

/// Whether `line` names its reader, who is called `own`, or is for nobody else. What the server says
/// itself is for everybody.
pub(super) fn is_meant(line: &Line<'_>, own: &str) -> bool {
    match line {
        Line::Said { text, .. } => names(text, &own.to_lowercase()),
        Line::Private => true,
        Line::Notice(_) | Line::Other => false,
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

    fn meant(own: &str, line: &str) -> bool {
        is_meant(&Line::parse(line), own)
    }

    #[test]
    fn a_line_that_names_its_reader_is_meant() {
        for line in [
            "bob: ann?",
            "bob: hi, ANN",
            "** bob waves at ann",
            "[bob] psst",
        ] {
            assert!(meant("Ann", line), "{line}");
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
            assert!(!meant("Ann", line), "{line}");
        }
        assert!(meant("李雷", "bob: 你好李雷！"));
    }
}
