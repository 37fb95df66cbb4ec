//! A line that is edited here, key by key, in the terminal's last row. Joins what reads keys, what
//! keeps the line and what draws it.

use super::completion::{Completion, complete};
use super::input_mode::{Frame, InputMode, Typed, print};
use super::keys::Decoder;
use super::line::{Effect, LINE_MAX_BYTES, Line};
use super::renderer::Renderer;
use super::{Input, Vocabulary};

/// Has the terminal say where a paste begins and ends.
const PASTE_MARKS_ON: &str = "\x1b[?2004h";
const PASTE_MARKS_OFF: &str = "\x1b[?2004l";

pub(super) struct Editor {
    keys: Decoder,
    line: Line,
    renderer: Renderer,
    vocabulary: Box<dyn Vocabulary>,
}

impl Editor {
    /// Tab completes what is in `vocabulary`. If it is `decorated`, the status line stands out.
    pub(super) fn new(vocabulary: Box<dyn Vocabulary>, decorated: bool) -> Self {
        Self {
            keys: Decoder::default(),
            line: Line::default(),
            renderer: Renderer::new(decorated),
            vocabulary,
        }
    }

    fn apply(&mut self, effect: Effect, out: &mut String, prompt: &str) -> Option<Typed> {
        match effect {
            Effect::Edited => {}
            Effect::Entered(text) => {
                self.renderer.leave(out, prompt, &text);
                return Some(Typed::Input(Input::Line(text)));
            }
            Effect::TooLong => return Some(Typed::TooLong(LINE_MAX_BYTES)),
            Effect::Interrupted => {
                let text = format!("{}^C", self.line.text());
                self.renderer.leave(out, prompt, &text);
                self.line.clear();
                return Some(Typed::Input(Input::Interrupted));
            }
            Effect::End => return Some(Typed::Input(Input::End)),
            Effect::Suspended => return Some(Typed::Suspended),
            Effect::ScreenCleared => self.renderer.clear_screen(out),
            Effect::Completing => match complete(self.line.before(), &*self.vocabulary) {
                Completion::Nothing => {}
                Completion::Replace { from, text } => self.line.replace(from, &text),
                Completion::Choices(choices) => {
                    self.renderer.erase(out);
                    print(out, &choices, false);
                }
            },
        }
        None
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn cursor_column(&self) -> usize {
        self.renderer.cursor_column()
    }
}

impl InputMode for Editor {
    fn enter(&mut self, out: &mut String) {
        out.push_str(PASTE_MARKS_ON);
    }

    fn suspend(&mut self, out: &mut String) {
        self.erase(out);
        out.push_str(PASTE_MARKS_OFF);
    }

    fn draw(&mut self, out: &mut String, frame: &Frame<'_>) {
        let typed = (self.line.before(), self.line.after());
        self.renderer.draw(out, frame, typed);
    }

    fn erase(&mut self, out: &mut String) {
        self.renderer.erase(out);
    }

    fn push(&mut self, byte: u8, out: &mut String, prompt: &str) -> Option<Typed> {
        let key = self.keys.push(byte)?;
        let effect = self.line.press(key);
        self.apply(effect, out, prompt)
    }

    fn is_mid_key(&self) -> bool {
        self.keys.is_lone_escape()
    }

    fn end_key(&mut self) {
        self.keys.drop_escape();
    }

    fn leave(&mut self, out: &mut String, prompt: &str) {
        if !self.line.text().is_empty() {
            self.renderer.leave(out, prompt, self.line.text());
        }
        self.suspend(out);
    }
}
