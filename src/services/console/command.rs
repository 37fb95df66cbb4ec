//! What a line typed at the server means. Text in, meaning out; knows no clients.

use crate::sanitize::skip_invisible;

/// The meaning of a typed line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OperatorCommand<'a> {
    Nothing,
    /// For the client that has waited longest.
    Answer(&'a str),
    To(u64, &'a str),
    All(&'a str),
    Who,
    Close(u64),
    Quit,
    /// No command, with what to tell the person.
    Wrong(&'static str),
}

pub(super) fn parse(line: &str) -> OperatorCommand<'_> {
    // A script may begin with a byte order mark, and must not send its commands to a client.
    let Some(command) = skip_invisible(line).strip_prefix('/') else {
        return match line.is_empty() {
            true => OperatorCommand::Nothing,
            false => OperatorCommand::Answer(line),
        };
    };
    if command.starts_with('/') {
        return OperatorCommand::Answer(command);
    }
    let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
    match name {
        "to" => match rest.trim_start().split_once(' ') {
            Some((number, text)) if !text.is_empty() => {
                with_number(number, TO, |k| OperatorCommand::To(k, text))
            }
            _ => OperatorCommand::Wrong(TO),
        },
        "all" if rest.is_empty() => OperatorCommand::Wrong("usage: /all TEXT"),
        "all" => OperatorCommand::All(rest),
        "who" => OperatorCommand::Who,
        "close" => with_number(rest.trim(), "usage: /close K", OperatorCommand::Close),
        "quit" => OperatorCommand::Quit,
        _ => OperatorCommand::Wrong(
            "unknown command; there are /to K TEXT, /all TEXT, /who, /close K, /quit",
        ),
    }
}

const TO: &str = "usage: /to K TEXT";

fn with_number<'a>(
    text: &str,
    usage: &'static str,
    then: impl FnOnce(u64) -> OperatorCommand<'a>,
) -> OperatorCommand<'a> {
    let digits = text.trim_start_matches('[').trim_end_matches(']');
    digits.parse().map_or(OperatorCommand::Wrong(usage), then)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_means_one_thing() {
        for (line, expected) in [
            ("", OperatorCommand::Nothing),
            ("hello /to", OperatorCommand::Answer("hello /to")),
            ("//quit", OperatorCommand::Answer("/quit")),
            ("/to 2 hi there", OperatorCommand::To(2, "hi there")),
            ("/to [2] hi", OperatorCommand::To(2, "hi")),
            ("/to 2", OperatorCommand::Wrong(TO)),
            ("/to x hi", OperatorCommand::Wrong(TO)),
            ("/all hi", OperatorCommand::All("hi")),
            ("/all", OperatorCommand::Wrong("usage: /all TEXT")),
            ("/who", OperatorCommand::Who),
            ("/close 3", OperatorCommand::Close(3)),
            ("/close", OperatorCommand::Wrong("usage: /close K")),
            ("/quit", OperatorCommand::Quit),
            ("\u{FEFF}/quit", OperatorCommand::Quit),
            ("\u{FEFF}hi", OperatorCommand::Answer("\u{FEFF}hi")),
        ] {
            assert_eq!(parse(line), expected, "{line:?}");
        }
        assert!(matches!(parse("/nonsense"), OperatorCommand::Wrong(_)));
    }
}
