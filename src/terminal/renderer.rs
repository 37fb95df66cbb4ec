//! Draws prompt and line into the terminal's last row. Text to bytes; nothing is written here.
//!
//! One row, whose text slides when it is longer, as in other chat clients: no arithmetic on
//! wrapped rows that a terminal with other ideas of a character's width would prove wrong. For
//! the same reason the cursor is not moved by columns, but by writing what stands before it.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::sanitize::sanitize;

/// A prompt that leaves less than this for the text is not shown.
const TEXT_MIN_COLUMNS: usize = 8;

/// What stands in the row, as far as taking it away needs to know.
#[derive(Debug, Default)]
pub(super) struct Renderer {
    columns: usize,
    cursor_column: usize,
}

impl Renderer {
    /// Replaces the row by `prompt`, `before` and `after`, the cursor between the two.
    pub(super) fn draw(
        &mut self,
        out: &mut String,
        prompt: &str,
        (before, after): (&str, &str),
        columns: usize,
    ) {
        self.clear_reflowed(out, columns);
        let (prompt, before, after) = (shown(prompt), shown(before), shown(after));
        // The last column stays free: what a terminal does once it is full differs.
        let usable = columns.saturating_sub(1);
        let (prompt, room) = match usable.checked_sub(prompt.width()) {
            Some(room) if room >= TEXT_MIN_COLUMNS => (prompt, room),
            _ => (Cow::Borrowed(""), usable),
        };
        let (before, after) = window(&before, &after, room);
        out.push('\r');
        out.push_str(&prompt);
        out.push_str(before);
        if after.is_empty() {
            out.push_str("\x1b[K");
        } else {
            out.push_str(after);
            out.push_str("\x1b[K\r");
            out.push_str(&prompt);
            out.push_str(before);
        }
        self.cursor_column = prompt.width() + before.width();
    }

    /// Takes the row away, so that a line can be printed in its place.
    pub(super) fn erase(&mut self, out: &mut String) {
        out.push_str("\r\x1b[K");
        self.cursor_column = 0;
    }

    /// Leaves prompt and whole text standing, wrapped as the terminal likes, and goes on below.
    pub(super) fn leave(&mut self, out: &mut String, prompt: &str, text: &str) {
        self.erase(out);
        out.push_str(&shown(prompt));
        out.push_str(&shown(text));
        out.push('\n');
    }

    /// Where the cursor stands.
    #[cfg(any(test, fuzzing))]
    pub(super) fn cursor_column(&self) -> usize {
        self.cursor_column
    }

    /// A terminal made narrower breaks the row in several; all go, those below the cursor too.
    fn clear_reflowed(&mut self, out: &mut String, columns: usize) {
        if columns < self.columns {
            let rows_up = self.cursor_column.checked_div(columns).unwrap_or(0);
            if rows_up > 0 {
                // A string cannot refuse to be written to.
                let _ = write!(out, "\x1b[{rows_up}A");
            }
            out.push_str("\r\x1b[J");
        }
        self.columns = columns;
    }
}

/// Pasted text may hold anything; a TAB would jump by columns that are not counted.
fn shown(text: &str) -> Cow<'_, str> {
    match sanitize(text.as_bytes()) {
        text if text.contains('\t') => Cow::Owned(text.replace('\t', " ")),
        text => text,
    }
}

/// The parts next to the cursor that `room` columns hold.
fn window<'a>(before: &'a str, after: &'a str, room: usize) -> (&'a str, &'a str) {
    if before.width() + after.width() <= room {
        return (before, after);
    }
    // Something of what comes after the cursor should be seen too.
    let room_before = if after.is_empty() { room } else { room / 4 * 3 };
    let mut start = before.len();
    let mut used = 0;
    for (at, grapheme) in before.grapheme_indices(true).rev() {
        if used + grapheme.width() > room_before {
            break;
        }
        used += grapheme.width();
        start = at;
    }
    let mut end = 0;
    for grapheme in after.graphemes(true) {
        if used + grapheme.width() > room {
            break;
        }
        used += grapheme.width();
        end += grapheme.len();
    }
    (&before[start..], &after[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(prompt: &str, before: &str, after: &str, columns: usize) -> String {
        let mut out = String::new();
        Renderer::default().draw(&mut out, prompt, (before, after), columns);
        out
    }

    #[test]
    fn the_cursor_is_placed_by_writing_what_stands_before_it() {
        assert_eq!(drawn("> ", "你好", "", 40), "\r> 你好\x1b[K");
        assert_eq!(drawn("> ", "你", "好", 40), "\r> 你好\x1b[K\r> 你");
    }

    #[test]
    fn a_long_line_slides_and_no_wide_character_is_cut() {
        // 19 columns less the prompt's two: eight wide characters.
        assert_eq!(
            drawn("> ", "一二三四五六七八九十", "", 20),
            "\r> 三四五六七八九十\x1b[K"
        );
        assert_eq!(
            drawn("> ", "一二三四五六", "七八九十", 20),
            "\r> 一二三四五六七八\x1b[K\r> 一二三四五六"
        );
        assert_eq!(
            drawn("> ", "", "abcdefghijklmnopqrstuvwxyz", 20),
            "\r> abcdefghijklmnopq\x1b[K\r> "
        );
    }

    #[test]
    fn a_terminal_too_narrow_for_the_prompt_shows_the_text() {
        assert_eq!(drawn("send [1]: ", "abcd", "", 12), "\rabcd\x1b[K");
        for columns in 0..40 {
            drawn("send [1]: ", "一二三", "四", columns);
        }
    }

    #[test]
    fn what_was_pasted_cannot_drive_the_terminal() {
        assert_eq!(drawn("", "a\u{9b}2J\tb", "", 40), "\ra\u{FFFD}2J b\x1b[K");
    }

    #[test]
    fn a_row_broken_by_narrowing_goes_whole() {
        let mut renderer = Renderer::default();
        renderer.draw(&mut String::new(), "", (&"x".repeat(50), ""), 80);
        let mut out = String::new();
        renderer.draw(&mut out, "", ("y", ""), 20);
        assert_eq!(out, "\x1b[2A\r\x1b[J\ry\x1b[K");
    }

    /// The cursor has stayed in the first of the rows, as after Ctrl-A.
    #[test]
    fn what_the_narrowing_broke_off_below_the_cursor_goes_too() {
        let (prompt, text) = ("send: ", "x".repeat(70));
        let mut renderer = Renderer::default();
        renderer.draw(&mut String::new(), prompt, ("", &text), 80);
        // What a terminal that breaks rows shows next.
        let mut terminal = vt100::Parser::default();
        let rows = |terminal: &vt100::Parser| {
            let rows = terminal.screen().rows(0, 30).collect::<Vec<_>>();
            rows.join("\n").trim_end().to_owned()
        };
        let size = [8, 30].map(|n| std::num::NonZero::new(n).unwrap());
        terminal.screen_mut().set_size(size[0], size[1]);
        terminal.process(format!("above\r\n{prompt}{text}\x1b[2;7H").as_bytes());
        assert_eq!(rows(&terminal).lines().count(), 4, "broken");
        let mut out = String::new();
        renderer.draw(&mut out, prompt, ("", &text), 30);
        terminal.process(out.as_bytes());
        assert_eq!(rows(&terminal), format!("above\nsend: {}", "x".repeat(23)));
        assert_eq!(terminal.screen().cursor_position(), (1, 6));
    }
}
