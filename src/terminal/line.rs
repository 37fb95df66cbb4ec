//! The line that is being typed: its text, its cursor, the lines before it, and what each key
//! does to them. Text only; where and how it is shown is for the renderer.

use unicode_segmentation::UnicodeSegmentation;

use super::keys::Key;

/// A typed line has at most this, without its end. A longer one is refused whole, with a line that
/// says so: it was pasted by mistake, and no half of it is what a person means.
pub(super) const LINE_MAX_BYTES: usize = 16 * 1024;
const HISTORY_MAX_LINES: usize = 500;

/// What a key asks for that the line cannot do alone.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Show the line again.
    Edited,
    /// The line is whole; a new, empty one has begun.
    Entered(String),
    /// As [`Effect::Entered`], but the line was longer than a line may be, and is gone.
    TooLong,
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D on an empty line.
    End,
    /// Ctrl-Z.
    Suspended,
    /// Ctrl-L.
    ScreenCleared,
    /// Tab: what stands before the cursor is to be completed.
    Completing,
}

/// The edited line, and what was typed before.
#[derive(Debug, Default)]
pub(super) struct Line {
    text: String,
    /// A byte offset into `text`, always where a grapheme begins or at the end.
    cursor: usize,
    /// Something did not fit into `text`.
    is_too_long: bool,
    killed: String,
    pasting: bool,
    history: Vec<String>,
    /// Which line of the history is shown; its length: the line that is new.
    place: usize,
    /// The new line, while one of the history is shown.
    draft: String,
}

impl Line {
    /// The text before the cursor.
    pub(super) fn before(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// The text from the cursor on.
    pub(super) fn after(&self) -> &str {
        &self.text[self.cursor..]
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.cursor = 0;
        self.is_too_long = false;
        self.place = self.history.len();
    }

    /// Does what `key` does.
    pub(super) fn press(&mut self, key: Key) -> Effect {
        if self.pasting {
            return self.paste(key);
        }
        match key {
            Key::Char(character) => self.insert(character.encode_utf8(&mut [0; 4])),
            Key::Enter => return self.enter(),
            Key::Tab => return Effect::Completing,
            Key::Interrupt => return Effect::Interrupted,
            Key::EndOfInput if self.text.is_empty() => return Effect::End,
            Key::Suspend => return Effect::Suspended,
            Key::ClearScreen => return Effect::ScreenCleared,
            Key::Left => self.cursor = self.left(),
            Key::Right => self.cursor = self.right(),
            Key::WordLeft => self.cursor = self.word_left(),
            Key::WordRight => self.cursor = self.word_right(),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.text.len(),
            Key::Backspace => self.delete(self.left(), self.cursor),
            Key::Delete | Key::EndOfInput => self.delete(self.cursor, self.right()),
            Key::KillToStart => self.kill(0, self.cursor),
            Key::KillToEnd => self.kill(self.cursor, self.text.len()),
            Key::KillWordLeft => self.kill(self.word_left(), self.cursor),
            Key::KillWordRight => self.kill(self.cursor, self.word_right()),
            Key::Yank => self.insert(&self.killed.clone()),
            Key::Up => self.recall(self.place.checked_sub(1)),
            Key::Down => self.recall(self.place.checked_add(1)),
            Key::PasteStart => self.pasting = true,
            Key::PasteEnd => {}
        }
        Effect::Edited
    }

    /// Pasted text is text: it completes nothing, and an empty line in it does not say what an
    /// empty line that a person enters says.
    fn paste(&mut self, key: Key) -> Effect {
        match key {
            Key::Char(character) => self.insert(character.encode_utf8(&mut [0; 4])),
            Key::Tab => self.insert("\t"),
            Key::Enter if !self.text.is_empty() => return self.enter(),
            Key::PasteEnd => self.pasting = false,
            // A paste that never ends must not lock the person in.
            Key::Interrupt => {
                self.pasting = false;
                return Effect::Interrupted;
            }
            _ => {}
        }
        Effect::Edited
    }

    fn enter(&mut self) -> Effect {
        if self.is_too_long {
            self.clear();
            return Effect::TooLong;
        }
        let text = std::mem::take(&mut self.text);
        if !text.is_empty() && self.history.last() != Some(&text) {
            if self.history.len() == HISTORY_MAX_LINES {
                self.history.remove(0);
            }
            self.history.push(text.clone());
        }
        self.clear();
        Effect::Entered(text)
    }

    fn insert(&mut self, text: &str) {
        if self.text.len() + text.len() > LINE_MAX_BYTES {
            self.is_too_long = true;
            return;
        }
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
        self.settle();
    }

    fn delete(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.is_too_long &= !self.text.is_empty();
        self.cursor = from;
        self.settle();
    }

    fn kill(&mut self, from: usize, to: usize) {
        if from < to {
            self.text[from..to].clone_into(&mut self.killed);
            self.delete(from, to);
        }
    }

    /// What is put in or taken out may join its neighbours into one grapheme; the cursor goes
    /// behind it.
    fn settle(&mut self) {
        self.cursor = self.next_start(self.cursor);
    }

    /// Where a grapheme starts, from `from` on.
    fn next_start(&self, from: usize) -> usize {
        // What is typed is mostly typed at the end.
        if from == self.text.len() {
            return from;
        }
        let mut starts = self.text.grapheme_indices(true).map(|(at, _)| at);
        starts.find(|&at| at >= from).unwrap_or(self.text.len())
    }

    fn left(&self) -> usize {
        self.before()
            .grapheme_indices(true)
            .next_back()
            .map_or(0, |(at, _)| at)
    }

    fn right(&self) -> usize {
        self.cursor + self.after().graphemes(true).next().map_or(0, str::len)
    }

    /// A word may begin, or end, within a grapheme.
    fn word_left(&self) -> usize {
        let mut words = self.before().unicode_word_indices();
        let word = words.next_back().map_or(0, |(at, _)| at);
        let starts = self.before().grapheme_indices(true);
        let starts = starts.map(|(at, _)| at).take_while(|&at| at <= word);
        starts.last().unwrap_or(0)
    }

    fn word_right(&self) -> usize {
        let word = self.after().unicode_word_indices().next();
        word.map_or(self.text.len(), |(at, word)| {
            self.next_start(self.cursor + at + word.len())
        })
    }

    fn recall(&mut self, place: Option<usize>) {
        let Some(place) = place.filter(|&p| p <= self.history.len()) else {
            return;
        };
        let text = std::mem::take(&mut self.text);
        // Of a line that is too long, no part is kept.
        if self.place == self.history.len() && !std::mem::take(&mut self.is_too_long) {
            self.draft = text;
        }
        self.is_too_long = false;
        self.text = match self.history.get(place) {
            Some(text) => text.clone(),
            None => std::mem::take(&mut self.draft),
        };
        self.place = place;
        self.cursor = self.text.len();
    }

    /// Puts `text` in the place of what stands from `from` on to the cursor, if there is room for it.
    pub(super) fn replace(&mut self, from: usize, text: &str) {
        if self.text.len() - (self.cursor - from) + text.len() <= LINE_MAX_BYTES {
            self.text.replace_range(from..self.cursor, text);
            self.cursor = from + text.len();
            self.settle();
        }
    }
}

#[cfg(test)]
mod tests;
