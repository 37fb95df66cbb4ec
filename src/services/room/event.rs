//! What a room tells its members, and the one place where that becomes a line.

use std::fmt::Write as _;

/// Something that one member or all of them are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// A member says something to all.
    Said { from: &'a str, text: &'a str },
    /// A member does something, by `/me`.
    Action { from: &'a str, text: &'a str },
    /// A member says something to this one alone.
    Private { from: &'a str, text: &'a str },
    /// The server says something.
    Notice(&'a str),
    /// The server greets a newcomer, which has this name.
    Welcome { name: &'a str, others: usize },
    /// The receiver has this name now.
    You { name: &'a str },
    /// Of all members so many, and the names of these.
    Names { total: usize, names: &'a [&'a str] },
    /// A member has come.
    Joined { name: &'a str },
    /// A member has gone.
    Left { name: &'a str },
    /// A member has another name.
    Renamed { name: &'a str, to: &'a str },
}

/// A line in parts, to be sent one after another; it ends with the only newline in it.
pub(super) type Line<'a> = [&'a [u8]; 5];

impl<'a> Event<'a> {
    /// The line for line clients. Only the server's own begin with `* `: a nick has no `*` and no
    /// `[`, and an action begins with two of them. `scratch` holds what has to be put together;
    /// what is said goes from where it stands into the log.
    pub(super) fn line<'b>(&self, scratch: &'b mut String) -> Line<'b>
    where
        'a: 'b,
    {
        let parts = match *self {
            Self::Said { from, text } => [from, ": ", text, "\n", ""],
            Self::Action { from, text } => ["** ", from, " ", text, "\n"],
            Self::Private { from, text } => ["[", from, "] ", text, "\n"],
            Self::Notice(text) => ["* ", text, "\n", "", ""],
            Self::Welcome { name, others } => {
                let _ = writeln!(scratch, "{others}; /help lists the commands");
                ["* you are ", name, "; others here: ", scratch, ""]
            }
            Self::You { name } => ["* you are now ", name, "\n", "", ""],
            Self::Names { total, names } => {
                let _ = write!(scratch, "{total} here: {}", names.join(", "));
                if total > names.len() {
                    let _ = write!(scratch, " and {} more", total - names.len());
                }
                ["* ", scratch, "\n", "", ""]
            }
            Self::Joined { name } => ["* ", name, " joined\n", "", ""],
            Self::Left { name } => ["* ", name, " left\n", "", ""],
            Self::Renamed { name, to } => ["* ", name, " is now ", to, "\n"],
        };
        parts.map(str::as_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_one_line_and_tells_who_speaks() {
        let (from, text, name, to) = ("ann", "* you are now eve", "ann", "eve");
        let names = &["ann", "eve"];
        for (event, line) in [
            (Event::Said { from, text }, "ann: * you are now eve\n"),
            (Event::Action { from, text }, "** ann * you are now eve\n"),
            (Event::Private { from, text }, "[ann] * you are now eve\n"),
            (Event::Notice("usage: /nick NAME"), "* usage: /nick NAME\n"),
            (
                Event::Welcome { name, others: 3 },
                "* you are ann; others here: 3; /help lists the commands\n",
            ),
            (Event::You { name }, "* you are now ann\n"),
            (Event::Names { total: 2, names }, "* 2 here: ann, eve\n"),
            (
                Event::Names { total: 7, names },
                "* 7 here: ann, eve and 5 more\n",
            ),
            (Event::Joined { name }, "* ann joined\n"),
            (Event::Left { name }, "* ann left\n"),
            (Event::Renamed { name, to }, "* ann is now eve\n"),
        ] {
            let mut scratch = String::new();
            let encoded = event.line(&mut scratch).concat();
            assert_eq!(String::from_utf8_lossy(&encoded), line);
            let is_of_a_member = matches!(
                event,
                Event::Said { .. } | Event::Action { .. } | Event::Private { .. }
            );
            assert_eq!(line.starts_with("* "), !is_of_a_member);
        }
    }
}
