//! What must hold for every line that a member sends, and for every nick that it asks for.

use unicode_normalization::UnicodeNormalization;

use super::command::{self, Command};
use super::nick;
use crate::protocol::Kind;
use crate::sanitize::skip_invisible;

/// Checks what `line` means.
pub(crate) fn check_line(line: &str) {
    let is_blank = |c: char| c == ' ' || c == '\t';
    let typed = line;
    let shown = skip_invisible(line);
    let line = if shown.starts_with('/') { shown } else { line };
    match command::parse(typed) {
        Command::Nothing => assert!(line.is_empty()),
        Command::Say(Kind::Act, action) => assert!(!action.is_empty() && line.ends_with(action)),
        Command::Say(kind, said) => {
            assert_eq!(kind, Kind::Say);
            assert!(!said.is_empty());
            let escaped = line.starts_with('/');
            assert_eq!(said, &line[usize::from(escaped)..]);
            assert_eq!(said.starts_with('/'), escaped);
        }
        Command::Nick(name) => {
            assert!(line.contains(name));
            assert!(name.chars().next().is_none_or(|first| !is_blank(first)));
        }
        Command::PrivateMessage { kind, to, text } => {
            assert_eq!(kind, Kind::Say);
            assert!(!to.is_empty() && !to.contains(is_blank));
            assert!(!text.is_empty() && !text.starts_with(is_blank) && line.ends_with(text));
        }
        Command::Who
        | Command::Help
        | Command::Incomplete(_)
        | Command::Rooms
        | Command::Topic(None) => {
            assert!(line.starts_with('/'));
        }
        Command::Operator(_) => assert!(line.starts_with('/')),
        Command::Pass(text)
        | Command::Op(text)
        | Command::Quit(text)
        | Command::Topic(Some(text))
        | Command::Away(text) => {
            assert!(line.starts_with('/') && line.ends_with(text));
        }
        Command::Ignore(name) | Command::Join { name, .. } => {
            assert!(line.contains(name) && !name.ends_with(is_blank));
        }
        Command::Part(_) => panic!("no line asks for that"),
        Command::Unknown(name) => assert!(line[1..].starts_with(name) && !name.contains(is_blank)),
    }
    if line.starts_with('/') {
        assert_eq!(
            command::parse(&format!("/{line}")),
            Command::Say(Kind::Say, line)
        );
    }
}

/// Checks that a nick that may be had is plain to see, and one with itself in any case.
pub(crate) fn check_nick(name: &str) {
    let Ok(nick) = nick::parse(name) else {
        return;
    };
    assert!(!nick.is_empty() && nick.len() <= nick::MAX_BYTES);
    assert!(!nick.contains(|c: char| c.is_whitespace() || c.is_control() || "*[]:/".contains(c)));
    assert_eq!(nick::parse(&nick).as_deref(), Ok(&*nick));
    let forms = nick::forms(&nick);
    let (composed, apart) = (name.nfkc().collect(), name.nfkd().collect::<String>());
    // In pieces, or a mark behind a Greek iota subscript would change its place with its case.
    for other in [apart.to_lowercase(), apart.to_uppercase(), composed, apart] {
        let others = nick::forms(&other);
        let is_one = forms.iter().any(|form| others.contains(form));
        assert!(is_one, "{name:?} and {other:?}");
    }
}
