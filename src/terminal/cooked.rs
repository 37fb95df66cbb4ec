//! A line that the terminal itself edits, or that nothing does: what has come of it, and the
//! prompt before it. Writes no escape sequence; reads and writes nothing itself.

use super::input_mode::{Frame, InputMode, Typed};
use super::line_buffer::LineBuffer;
use crate::sanitize::sanitize;

/// What a terminal that edits by itself hands on of one line, less one byte: Linux cuts a longer line
/// at 4,095 bytes and tells nobody, so a line just as long may have been cut.
const LINE_MAX_BYTES: usize = 4094;

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
}

impl InputMode for Cooked {
    fn push(&mut self, byte: u8, _out: &mut String, _prompt: &str) -> Option<Typed> {
        if byte == b'\n' {
            // Its echo has begun another row.
            self.standing = None;
        }
        let line = self.line.push(byte)?;
        Some(Typed::line(line, LINE_MAX_BYTES))
    }

    fn end(&mut self) -> Option<Typed> {
        let line = self.line.end()?;
        Some(Typed::line(line, LINE_MAX_BYTES))
    }

    /// Unless it stands there already. There is no status line: it could not be taken away.
    fn draw(&mut self, out: &mut String, &Frame { prompt, .. }: &Frame<'_>) {
        if !self.is_prompted || self.standing.as_deref() == Some(prompt) {
            return;
        }
        self.erase(out);
        out.push_str(&sanitize(prompt.as_bytes()));
        self.standing = Some(prompt.to_owned());
    }

    /// Begins a row, if a prompt stands in the cursor's: it cannot be taken away.
    fn erase(&mut self, out: &mut String) {
        if self.standing.take().is_some() {
            out.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::Input;
    use crate::terminal::input_mode::Size;

    fn frame(prompt: &str) -> Frame<'_> {
        Frame {
            prompt,
            status: "lobby, 1 here",
            size: Size {
                columns: 80,
                rows: 24,
            },
        }
    }

    fn typed(cooked: &mut Cooked, text: &str) -> Vec<String> {
        let out = &mut String::new();
        let typed = text.bytes().filter_map(|byte| cooked.push(byte, out, ""));
        let lines = typed.map(|typed| match typed {
            Typed::Input(Input::Line(line)) => line,
            other => panic!("{other:?}"),
        });
        lines.collect()
    }

    #[test]
    fn the_prompt_is_shown_again_when_it_stands_there_no_more() {
        let mut cooked = Cooked::new(true);
        let mut out = String::new();
        cooked.draw(&mut out, &frame("> "));
        cooked.draw(&mut out, &frame("> "));
        assert_eq!(out, "> ");
        assert_eq!(typed(&mut cooked, "hi\nha"), ["hi"]);
        cooked.draw(&mut out, &frame("> "));
        cooked.erase(&mut out);
        out.push_str("news\n");
        cooked.draw(&mut out, &frame("> "));
        cooked.draw(&mut out, &frame("[1]> "));
        assert_eq!(out, "> > \nnews\n> \n[1]> ");
        assert_eq!(
            cooked.end(),
            Some(Typed::Input(Input::Line("ha".to_owned())))
        );
        assert_eq!(cooked.end(), None);
    }

    #[test]
    fn where_nobody_looks_nothing_is_shown() {
        let mut cooked = Cooked::new(false);
        let mut out = String::new();
        cooked.draw(&mut out, &frame("> "));
        cooked.erase(&mut out);
        assert_eq!(out, "");
    }
}
