//! How lines come to be typed: what the terminal's thread needs of it, whether this program edits
//! or the terminal itself. Bytes in, text out; nothing is read or written here.

use super::Input;
use super::line_buffer::TooLong;
use crate::sanitize::sanitize;

/// One way to type lines. What it has to show it appends to `out`.
pub(super) trait InputMode: Send {
    /// The terminal is taken, for the first time or again.
    fn enter(&mut self, _out: &mut String) {}

    /// The terminal is given back, for a while or for good. Lines are printed no more.
    fn suspend(&mut self, out: &mut String) {
        self.erase(out);
    }

    /// Shows the prompt, and behind it what has been typed.
    fn draw(&mut self, out: &mut String, frame: &Frame<'_>);

    /// Takes these away, so that a line can be printed in a row of its own.
    fn erase(&mut self, out: &mut String);

    /// Takes a byte from the keyboard.
    fn push(&mut self, byte: u8, out: &mut String, prompt: &str) -> Option<Typed>;

    /// There is no more of them: gives a last line that has no end.
    fn end(&mut self) -> Option<Typed> {
        None
    }

    /// Whether what has come of a key may be a whole one, if no more of it comes soon.
    fn is_mid_key(&self) -> bool {
        false
    }

    /// No more of it has come.
    fn end_key(&mut self) {}

    /// Leaves what is half typed standing, for the terminal is given back for good.
    fn leave(&mut self, out: &mut String, _prompt: &str) {
        self.suspend(out);
    }
}

/// What stands around the typed text, and how much room there is.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(
    not(feature = "client"),
    expect(
        dead_code,
        reason = "the terminal itself edits, and has no status line"
    )
)]
pub(super) struct Frame<'a> {
    pub(super) prompt: &'a str,
    /// May be empty: there is none.
    pub(super) status: &'a str,
    pub(super) size: Size,
}

/// The terminal's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// What somebody does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Input(Input),
    /// A line longer than this many bytes, which is gone.
    TooLong(usize),
    /// Ctrl-Z, where the terminal itself makes no signal of it.
    #[cfg(feature = "client")]
    Suspended,
}

impl Typed {
    pub(super) fn line(line: Result<String, TooLong>, max_bytes: usize) -> Self {
        match line {
            Ok(text) => Self::Input(Input::Line(text)),
            Err(TooLong) => Self::TooLong(max_bytes),
        }
    }
}

/// Prints one line, which goes on below; one that stands out comes with a bell.
pub(super) fn print(out: &mut String, text: &str, stands_out: bool) {
    let (mark, mark_end) = match stands_out {
        true => ("\x07\x1b[1m", "\x1b[0m"),
        false => ("", ""),
    };
    out.push_str(mark);
    out.push_str(&sanitize(text.as_bytes()));
    out.push_str(mark_end);
    out.push('\n');
}
