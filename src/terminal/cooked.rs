//! A line that the terminal itself edits, or that nothing does: what has come of it, and the
//! prompt before it. Writes no escape sequence; reads and writes nothing itself.

use super::line_buffer::{LineBuffer, TooLong};
use crate::sanitize::sanitize;

/// What a terminal that edits by itself hands on of one line, less one byte: Linux cuts a longer line
/// at 4,095 bytes and tells nobody, so a line just as long may have been cut.
pub(super) const LINE_MAX_BYTES: usize = 4094;

pub(super) struct Cooked {
    line: LineBuffer,
    /// Whether there is somebody to show a prompt to.
    is_prompted: bool,
    /// The prompt in the cursor's row; what the terminal has echoed stands behind it.
    standing: Option<String>,
}

impl Cooked {
    pub(super) fn new(is_prompted: bool) -> Self {
        Self {
            line: LineBuffer::new(LINE_MAX_BYTES),
            is_prompted,
            standing: None,
        }
    }

    /// Takes one byte; gives the line that it ends.
    pub(super) fn push(&mut self, byte: u8) -> Option<Result<String, TooLong>> {
        if byte == b'\n' {
            // Its echo has begun another row.
            self.standing = None;
        }
        self.line.push(byte)
    }

    /// Nothing more is typed: gives the line that has no end.
    pub(super) fn end(&mut self) -> Option<Result<String, TooLong>> {
        self.line.end()
    }

    /// Shows the prompt, unless it stands there already.
    pub(super) fn draw(&mut self, out: &mut String, prompt: &str) {
        if !self.is_prompted || self.standing.as_deref() == Some(prompt) {
            return;
        }
        self.make_room(out);
        out.push_str(&sanitize(prompt.as_bytes()));
        self.standing = Some(prompt.to_owned());
    }

    /// Begins a row, if a prompt stands in the cursor's: it cannot be taken away.
    pub(super) fn make_room(&mut self, out: &mut String) {
        if self.standing.take().is_some() {
            out.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(cooked: &mut Cooked, text: &str) -> Vec<String> {
        let lines = text.bytes().filter_map(|byte| cooked.push(byte));
        lines.map(Result::unwrap).collect()
    }

    #[test]
    fn the_prompt_is_shown_again_when_it_stands_there_no_more() {
        let mut cooked = Cooked::new(true);
        let mut out = String::new();
        cooked.draw(&mut out, "> ");
        cooked.draw(&mut out, "> ");
        assert_eq!(out, "> ");
        assert_eq!(typed(&mut cooked, "hi\nha"), ["hi"]);
        cooked.draw(&mut out, "> ");
        cooked.make_room(&mut out);
        out.push_str("news\n");
        cooked.draw(&mut out, "> ");
        cooked.draw(&mut out, "[1]> ");
        assert_eq!(out, "> > \nnews\n> \n[1]> ");
        assert_eq!(cooked.end(), Some(Ok("ha".to_owned())));
        assert_eq!(cooked.end(), None);
    }

    #[test]
    fn where_nobody_looks_nothing_is_shown() {
        let mut cooked = Cooked::new(false);
        let mut out = String::new();
        cooked.draw(&mut out, "> ");
        cooked.make_room(&mut out);
        assert_eq!(out, "");
    }
}
