//! What must hold for every line that the person at the server types.

use super::command::{self, Typed};

/// Checks what `line` means.
pub(crate) fn check_line(line: &str) {
    match command::parse(line) {
        Typed::Nothing => assert!(line.is_empty()),
        Typed::Answer(said) => {
            let escaped = line.starts_with('/');
            assert_eq!(said, &line[usize::from(escaped)..]);
            assert_eq!(said.starts_with('/'), escaped);
        }
        Typed::To(number, text) => {
            assert!(!text.is_empty() && line.ends_with(text));
            let plain = format!("/to {number} {text}");
            assert_eq!(command::parse(&plain), Typed::To(number, text));
        }
        Typed::All(text) => assert!(!text.is_empty() && line.ends_with(text)),
        Typed::Close(number) => {
            let plain = format!("/close {number}");
            assert_eq!(command::parse(&plain), Typed::Close(number));
        }
        Typed::Who | Typed::Quit | Typed::Wrong(_) => assert!(line.starts_with('/')),
    }
    if line.starts_with('/') {
        assert_eq!(command::parse(&format!("/{line}")), Typed::Answer(line));
    }
}
