//! A terminal without a terminal: what it would be sent, looked through.

use unicode_segmentation::UnicodeSegmentation;

use super::editor::Editor;
use super::input_mode::{Frame, InputMode, Size, Typed, print};
use super::{Input, Vocabulary};
use crate::testing::fuzz::is_harmful;

const PROMPT: &str = "send: ";
const MARK: &str = "\x07\x1b[1m";
const MARK_END: &str = "\x1b[0m";

/// What the worker has, less the descriptors.
pub(crate) struct Display {
    editor: Editor,
    status: String,
    columns: usize,
}

impl Display {
    pub(crate) fn new(vocabulary: Box<dyn Vocabulary>) -> Self {
        Self {
            editor: Editor::new(vocabulary, true),
            status: String::new(),
            columns: 80,
        }
    }

    pub(crate) fn set_status(&mut self, status: String) {
        self.status = status;
        self.draw();
    }

    pub(crate) fn resize(&mut self, columns: usize) {
        self.columns = columns;
        self.draw();
    }

    /// Shows a line that has arrived.
    pub(crate) fn print(&mut self, text: &str, stands_out: bool) {
        let mut out = String::new();
        self.editor.erase(&mut out);
        assert!(
            ["\r\x1b[K", "\r\x1b[K\x1b[A\x1b[K"].contains(&&*out),
            "{out:?}"
        );
        out.clear();
        print(&mut out, text, stands_out);
        let shown = out.strip_suffix('\n').map(|shown| match stands_out {
            true => shown.strip_prefix(MARK)?.strip_suffix(MARK_END),
            false => Some(shown),
        });
        assert!(
            matches!(shown, Some(Some(shown)) if !is_harmful(shown)),
            "{out:?}"
        );
        self.draw();
    }

    /// One byte from the keyboard.
    pub(crate) fn press(&mut self, byte: u8) {
        if self.editor.is_mid_key() && byte == 0 {
            self.editor.end_key();
        }
        let mut out = String::new();
        let typed = self.editor.push(byte, &mut out, PROMPT);
        if let Some(Typed::Input(Input::Line(text))) = typed {
            assert!(
                !text.contains(|c: char| c.is_control() && c != '\t'),
                "{text:?}"
            );
        }
        check_drawn(&out);
        let line = self.editor.line();
        let (before, after, text) = (line.before(), line.after(), line.text());
        assert_eq!(format!("{before}{after}"), text);
        let mut starts = text.grapheme_indices(true).map(|(at, _)| at);
        assert!(
            after.is_empty() || starts.any(|at| at == before.len()),
            "{text:?}"
        );
        self.draw();
    }

    fn draw(&mut self) {
        let mut out = String::new();
        let size = Size {
            columns: self.columns,
            rows: 24,
        };
        let frame = Frame {
            prompt: PROMPT,
            status: &self.status,
            size,
        };
        self.editor.draw(&mut out, &frame);
        check_drawn(&out);
        // The status, and the cursor below it.
        let (status, line) = out.rsplit_once('\n').unwrap_or(("", &out));
        assert!(
            !status.contains('\n') && !line.contains("\x1b[?"),
            "{out:?}"
        );
        assert!(status.is_empty() || status.ends_with("\x1b[?7h"), "{out:?}");
        assert!(
            self.editor.cursor_column() <= self.columns.saturating_sub(1),
            "{out:?}"
        );
    }
}

/// What drives the terminal is the renderer's own, and there is no more of it than it needs.
fn check_drawn(out: &str) {
    let mut parts = out.split('\x1b');
    let mut sequences = 0;
    assert!(is_text(parts.next().unwrap_or_default()), "{out:?}");
    for part in parts {
        let known = part.strip_prefix('[').and_then(|part| {
            let part = part.trim_start_matches(|c: char| c == '?' || c.is_ascii_digit());
            part.strip_prefix(['K', 'A', 'C', 'J', 'H', 'l', 'h', 'm'])
        });
        assert!(known.is_some_and(is_text), "{out:?}");
        sequences += 1;
    }
    assert!(sequences <= 10, "{out:?}");
}

fn is_text(part: &str) -> bool {
    !is_harmful(&part.replace(['\r', '\n'], ""))
}
