//! What must hold for every line that the person at the server types.

use super::command::{self, OperatorCommand};
use crate::sanitize::skip_invisible;

/// Checks what `line` means.
pub(crate) fn check_line(line: &str) {
    let typed = line;
    let shown = skip_invisible(line);
    let line = if shown.starts_with('/') { shown } else { line };
    match command::parse(typed) {
        OperatorCommand::Nothing => assert!(line.is_empty()),
        OperatorCommand::Answer(said) => {
            let escaped = line.starts_with('/');
            assert_eq!(said, &line[usize::from(escaped)..]);
            assert_eq!(said.starts_with('/'), escaped);
        }
        OperatorCommand::To(number, text) => {
            assert!(!text.is_empty() && line.ends_with(text));
            let plain = format!("/to {number} {text}");
            assert_eq!(command::parse(&plain), OperatorCommand::To(number, text));
        }
        OperatorCommand::All(text) => assert!(!text.is_empty() && line.ends_with(text)),
        OperatorCommand::Close(number) => {
            let plain = format!("/close {number}");
            assert_eq!(command::parse(&plain), OperatorCommand::Close(number));
        }
        OperatorCommand::Who | OperatorCommand::Quit | OperatorCommand::Wrong(_) => {
            assert!(line.starts_with('/'))
        }
    }
    if line.starts_with('/') {
        assert_eq!(
            command::parse(&format!("/{line}")),
            OperatorCommand::Answer(line)
        );
    }
}
