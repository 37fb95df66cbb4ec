//! What a member's line means. Text in, meaning out; knows no members.

/// The meaning of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// An empty line.
    Nothing,
    /// Something for everybody.
    Line(&'a str),
    Me(&'a str),
    Nick(&'a str),
    Who,
    Msg {
        to: &'a str,
        text: &'a str,
    },
    Help,
    Quit,
    /// A command that lacks what it needs, with its usage.
    Incomplete(&'static str),
    /// No command has this name.
    Unknown(&'a str),
}

pub(super) fn parse(line: &str) -> Said<'_> {
    let Some(command) = line.strip_prefix('/') else {
        return match line.is_empty() {
            true => Said::Nothing,
            false => Said::Line(line),
        };
    };
    if command.starts_with('/') {
        return Said::Line(command);
    }
    let (name, rest) = split_word(command);
    match (name, rest) {
        ("nick", "") => Said::Incomplete("/nick NAME"),
        ("nick", name) => Said::Nick(name.trim_end()),
        ("who", _) => Said::Who,
        ("me", "") => Said::Incomplete("/me TEXT"),
        ("me", deed) => Said::Me(deed),
        ("msg", rest) => match split_word(rest) {
            (_, "") => Said::Incomplete("/msg NAME TEXT"),
            (to, text) => Said::Msg { to, text },
        },
        ("help", _) => Said::Help,
        ("quit", _) => Said::Quit,
        (name, _) => Said::Unknown(name),
    }
}

/// The first word and what follows the white space after it.
fn split_word(text: &str) -> (&str, &str) {
    match text.split_once([' ', '\t']) {
        Some((word, rest)) => (word, rest.trim_start_matches([' ', '\t'])),
        None => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_means_one_thing() {
        let msg = |to, text| Said::Msg { to, text };
        for (line, expected) in [
            ("", Said::Nothing),
            ("hi /nick", Said::Line("hi /nick")),
            (" /who", Said::Line(" /who")),
            ("//nick x", Said::Line("/nick x")),
            ("///", Said::Line("//")),
            ("/nick ann", Said::Nick("ann")),
            ("/nick  ann ", Said::Nick("ann")),
            ("/nick ann b", Said::Nick("ann b")),
            ("/nick", Said::Incomplete("/nick NAME")),
            ("/who", Said::Who),
            ("/whom", Said::Unknown("whom")),
            ("/me waves  twice", Said::Me("waves  twice")),
            ("/me ", Said::Incomplete("/me TEXT")),
            ("/msg bob hi there", msg("bob", "hi there")),
            ("/msg  bob\thi", msg("bob", "hi")),
            ("/msg bob", Said::Incomplete("/msg NAME TEXT")),
            ("/msg", Said::Incomplete("/msg NAME TEXT")),
            ("/help", Said::Help),
            ("/quit now", Said::Quit),
            ("/", Said::Unknown("")),
            ("/NICK x", Said::Unknown("NICK")),
        ] {
            assert_eq!(parse(line), expected, "{line:?}");
        }
    }
}
