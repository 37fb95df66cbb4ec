//! Draws prompt and line into the terminal's last row, and the status into the row above it. Text to
//! bytes; nothing is written here.
//!
//! One row, whose text slides when it is longer, as in other chat clients: no arithmetic on
//! wrapped rows that a terminal with other ideas of a character's width would prove wrong. For
//! the same reason the cursor is not moved by columns, but by writing what stands before it; and
//! the status, which is made of what others are called, is drawn while the terminal wraps nothing.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::input_mode::{Frame, Size};
use crate::sanitize::sanitize;

/// A prompt that leaves less than this for the text is not shown.
const TEXT_MIN_COLUMNS: usize = 8;

/// A smaller terminal has no row, or no width, to spare for the status.
const STATUS_MIN: Size = Size {
    columns: 40,
    rows: 5,
};
/// Stand before a status that cannot stand out by its look, and after one that is cut.
const STATUS_START: &str = "-- ";
const STATUS_CUT: &str = "...";

const REVERSE: &str = "\x1b[7m";
const PLAIN: &str = "\x1b[0m";
const WRAP_OFF: &str = "\x1b[?7l";
const WRAP_ON: &str = "\x1b[?7h";

/// What stands in the rows, as far as taking it away needs to know.
#[derive(Debug, Default)]
pub(super) struct Renderer {
    decorated: bool,
    columns: usize,
    cursor_column: usize,
    /// What stands in the row above the cursor's; if it is empty, that row is none of ours.
    status: String,
}

impl Renderer {
    /// Nothing stands anywhere yet.
    pub(super) fn new(decorated: bool) -> Self {
        Self {
            decorated,
            ..Self::default()
        }
    }

    /// Replaces the row by the prompt, `before` and `after`, the cursor between the two, and the row
    /// above by the status.
    pub(super) fn draw(
        &mut self,
        out: &mut String,
        frame: &Frame<'_>,
        (before, after): (&str, &str),
    ) {
        let columns = frame.size.columns;
        self.clear_reflowed(out, columns);
        self.draw_status(out, frame);
        let (prompt, before, after) = (shown(frame.prompt), shown(before), shown(after));
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

    /// Takes it all away, so that a line can be printed in its place.
    pub(super) fn erase(&mut self, out: &mut String) {
        out.push_str(match self.status.is_empty() {
            true => "\r\x1b[K",
            // Row by row: tmux takes a screen that is cleared from its first cell on into its history.
            false => "\r\x1b[K\x1b[A\x1b[K",
        });
        self.forget();
    }

    /// Takes away all that the terminal shows.
    pub(super) fn clear_screen(&mut self, out: &mut String) {
        out.push_str("\x1b[H\x1b[2J");
        self.forget();
    }

    /// Nothing of ours stands any more.
    fn forget(&mut self) {
        self.cursor_column = 0;
        self.status.clear();
    }

    /// Unless it stands there already.
    fn draw_status(&mut self, out: &mut String, frame: &Frame<'_>) {
        let status = fitting(frame.status, frame.size);
        if status == self.status {
            return;
        }
        self.erase(out);
        if !status.is_empty() {
            let (start, end) = match self.decorated {
                true => (REVERSE, PLAIN),
                false => ("", ""),
            };
            for part in [WRAP_OFF, start, &status, end, WRAP_ON, "\n"] {
                out.push_str(part);
            }
        }
        self.status = status;
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

    /// A terminal made narrower breaks each row in several; all go, those below the cursor too.
    fn clear_reflowed(&mut self, out: &mut String, columns: usize) {
        if columns < self.columns {
            let rows_of = |width: usize| width.div_ceil(columns.max(1));
            // Behind a full row the cursor waits at its end.
            let rows_up =
                rows_of(self.cursor_column).saturating_sub(1) + rows_of(self.status.width());
            if rows_up > 0 {
                // A string cannot refuse to be written to.
                let _ = write!(out, "\x1b[{rows_up}A");
            }
            // Not from the first cell on, as above.
            out.push_str("\r\x1b[K\x1b[C\x1b[J\r");
            self.forget();
        }
        self.columns = columns;
    }
}

/// As much of a status as the terminal has room for; that may be nothing.
fn fitting(status: &str, size: Size) -> String {
    let is_roomy = size.columns >= STATUS_MIN.columns && size.rows >= STATUS_MIN.rows;
    if status.is_empty() || !is_roomy {
        return String::new();
    }
    let status = format!("{STATUS_START}{}", shown(status));
    let usable = size.columns - 1;
    if status.width() <= usable {
        return status;
    }
    let (_, start) = window("", &status, usable - STATUS_CUT.len());
    format!("{start}{STATUS_CUT}")
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

    fn frame<'a>(prompt: &'a str, status: &'a str, columns: usize) -> Frame<'a> {
        let size = Size { columns, rows: 24 };
        Frame {
            prompt,
            status,
            size,
        }
    }

    fn drawn(prompt: &str, before: &str, after: &str, columns: usize) -> String {
        let mut out = String::new();
        Renderer::default().draw(&mut out, &frame(prompt, "", columns), (before, after));
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
    fn the_status_stands_above_until_it_changes() {
        let mut renderer = Renderer::new(true);
        let mut draw = |status, columns| {
            let mut out = String::new();
            renderer.draw(&mut out, &frame("> ", status, columns), ("x", ""));
            out
        };
        let row = |text| format!("\x1b[?7l\x1b[7m{text}\x1b[0m\x1b[?7h\n\r> x\x1b[K");
        assert_eq!(draw("lobby", 80), format!("\r\x1b[K{}", row("-- lobby")));
        assert_eq!(draw("lobby", 80), "\r> x\x1b[K");
        let changed = draw("李雷\x1b[2J\ta", 80);
        let shown = row("-- 李雷\u{FFFD}[2J a");
        assert_eq!(changed, format!("\r\x1b[K\x1b[A\x1b[K{shown}"));
        // Gone, with no row of it left.
        assert_eq!(draw("", 80), "\r\x1b[K\x1b[A\x1b[K\r> x\x1b[K");
        draw("lobby", 80);
        assert_eq!(
            draw("lobby", 39),
            "\x1b[1A\r\x1b[K\x1b[C\x1b[J\r\r> x\x1b[K"
        );
        assert_eq!(draw("lobby", 39), "\r> x\x1b[K");
        let mut out = String::new();
        Renderer::new(false).draw(&mut out, &frame("> ", "lobby", 40), ("x", ""));
        assert!(out.contains("\x1b[?7l-- lobby\x1b[?7h\n"), "{out:?}");
    }

    #[test]
    fn the_status_is_cut_where_its_row_ends() {
        let size = |columns, rows| Size { columns, rows };
        let crowd = "一二三四五".repeat(100);
        for columns in 40..90 {
            let fitted = fitting(&crowd, size(columns, 24));
            assert!((columns - 3..columns).contains(&fitted.width()), "{fitted}");
            assert!(fitted.ends_with(STATUS_CUT));
        }
        assert_eq!(fitting("lobby", size(40, 5)), "-- lobby");
        for small in [size(39, 24), size(80, 4), size(0, 0)] {
            assert_eq!(fitting("lobby", small), "");
        }
        assert_eq!(fitting("", size(80, 24)), "");
    }

    #[test]
    fn a_row_broken_by_narrowing_goes_whole() {
        let mut renderer = Renderer::default();
        renderer.draw(
            &mut String::new(),
            &frame("", "", 80),
            (&"x".repeat(50), ""),
        );
        let mut out = String::new();
        renderer.draw(&mut out, &frame("", "", 20), ("y", ""));
        assert_eq!(out, "\x1b[2A\r\x1b[K\x1b[C\x1b[J\r\ry\x1b[K");
        // A row that is just full is one row.
        let mut renderer = Renderer::default();
        renderer.draw(
            &mut String::new(),
            &frame("", "", 80),
            (&"x".repeat(20), ""),
        );
        let mut out = String::new();
        renderer.draw(&mut out, &frame("", "", 20), ("y", ""));
        assert!(out.starts_with('\r'), "{out:?}");
    }

    /// The cursor has stayed in the first of the rows, as after Ctrl-A.
    #[test]
    fn what_the_narrowing_broke_off_below_the_cursor_goes_too() {
        let (prompt, text) = ("send: ", "x".repeat(70));
        let mut renderer = Renderer::default();
        renderer.draw(&mut String::new(), &frame(prompt, "", 80), ("", &text));
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
        renderer.draw(&mut out, &frame(prompt, "", 30), ("", &text));
        terminal.process(out.as_bytes());
        assert_eq!(rows(&terminal), format!("above\nsend: {}", "x".repeat(23)));
        assert_eq!(terminal.screen().cursor_position(), (1, 6));
    }
}
