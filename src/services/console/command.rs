//! What a line typed at the server means. Text in, meaning out; knows no clients.

/// The meaning of a typed line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed<'a> {
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

pub(super) fn parse(line: &str) -> Typed<'_> {
    let Some(command) = line.strip_prefix('/') else {
        return match line.is_empty() {
            true => Typed::Nothing,
            false => Typed::Answer(line),
        };
    };
    if command.starts_with('/') {
        return Typed::Answer(command);
    }
    let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
    match name {
        "to" => match rest.trim_start().split_once(' ') {
            Some((number, text)) if !text.is_empty() => {
                with_number(number, TO, |k| Typed::To(k, text))
            }
            _ => Typed::Wrong(TO),
        },
        "all" if rest.is_empty() => Typed::Wrong("usage: /all TEXT"),
        "all" => Typed::All(rest),
        "who" => Typed::Who,
        "close" => with_number(rest.trim(), "usage: /close K", Typed::Close),
        "quit" => Typed::Quit,
        _ => {
            Typed::Wrong("unknown command; there are /to K TEXT, /all TEXT, /who, /close K, /quit")
        }
    }
}

const TO: &str = "usage: /to K TEXT";

fn with_number<'a>(
    text: &str,
    usage: &'static str,
    then: impl FnOnce(u64) -> Typed<'a>,
) -> Typed<'a> {
    let digits = text.trim_start_matches('[').trim_end_matches(']');
    digits.parse().map_or(Typed::Wrong(usage), then)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_means_one_thing() {
        for (line, expected) in [
            ("", Typed::Nothing),
            ("hello /to", Typed::Answer("hello /to")),
            ("//quit", Typed::Answer("/quit")),
            ("/to 2 hi there", Typed::To(2, "hi there")),
            ("/to [2] hi", Typed::To(2, "hi")),
            ("/to 2", Typed::Wrong(TO)),
            ("/to x hi", Typed::Wrong(TO)),
            ("/all hi", Typed::All("hi")),
            ("/all", Typed::Wrong("usage: /all TEXT")),
            ("/who", Typed::Who),
            ("/close 3", Typed::Close(3)),
            ("/close", Typed::Wrong("usage: /close K")),
            ("/quit", Typed::Quit),
        ] {
            assert_eq!(parse(line), expected, "{line:?}");
        }
        assert!(matches!(parse("/nonsense"), Typed::Wrong(_)));
    }
}
