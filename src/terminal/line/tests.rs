//! What each key does to the line, and to the cursor in it.

use super::*;

fn line() -> Line {
    Line::default()
}

fn typed(line: &mut Line, text: &str) {
    for character in text.chars() {
        line.press(Key::Char(character));
    }
}

fn pressed(line: &mut Line, keys: &[Key]) -> (String, String) {
    for &key in keys {
        assert_eq!(line.press(key), Effect::Edited, "{key:?}");
    }
    (line.before().to_owned(), line.after().to_owned())
}

fn parts(before: &str, after: &str) -> (String, String) {
    (before.to_owned(), after.to_owned())
}

#[test]
fn no_word_ends_within_a_character() {
    let mut line = line();
    typed(&mut line, "~ KK\u{600}@x");
    use Key::{Home, WordLeft, WordRight};
    let whole = parts("~ KK\u{600}@", "x");
    assert_eq!(pressed(&mut line, &[Home, WordRight]), whole);
    assert_eq!(pressed(&mut line, &[WordLeft]), parts("~ ", "KK\u{600}@x"));
}

#[test]
fn the_cursor_goes_by_what_a_person_takes_for_a_character() {
    let mut line = line();
    typed(&mut line, "你👩\u{200D}👩\u{200D}👧e\u{301}好");
    use Key::{Backspace, Delete, Left, Right};
    assert_eq!(
        pressed(&mut line, &[Left, Left]),
        parts("你👩\u{200D}👩\u{200D}👧", "e\u{301}好")
    );
    assert_eq!(pressed(&mut line, &[Backspace]), parts("你", "e\u{301}好"));
    assert_eq!(pressed(&mut line, &[Delete, Right]), parts("你好", ""));
    assert_eq!(pressed(&mut line, &[Right, Delete]), parts("你好", ""));
}

#[test]
fn the_cursor_never_stands_inside_a_character() {
    let mut line = line();
    typed(&mut line, "\u{301}x");
    // The mark joins the letter that is put before it.
    assert_eq!(pressed(&mut line, &[Key::Home]), parts("", "\u{301}x"));
    line.press(Key::Char('e'));
    assert_eq!(pressed(&mut line, &[]), parts("e\u{301}", "x"));
    assert_eq!(pressed(&mut line, &[Key::Backspace]), parts("", "x"));
}

#[test]
fn words_are_crossed_killed_and_put_back() {
    let mut line = line();
    typed(&mut line, "say  hello there");
    use Key::{KillToEnd, KillToStart, KillWordLeft, KillWordRight, WordLeft, WordRight, Yank};
    assert_eq!(
        pressed(&mut line, &[WordLeft, WordLeft]),
        parts("say  ", "hello there")
    );
    assert_eq!(
        pressed(&mut line, &[WordRight]),
        parts("say  hello", " there")
    );
    assert_eq!(
        pressed(&mut line, &[KillWordLeft]),
        parts("say  ", " there")
    );
    assert_eq!(
        pressed(&mut line, &[Yank, KillToEnd]),
        parts("say  hello", "")
    );
    assert_eq!(
        pressed(&mut line, &[KillToStart, Yank, Key::Home, KillWordRight]),
        parts("", "  hello")
    );
}

#[test]
fn history_keeps_the_draft() {
    let mut line = line();
    for text in ["one", "two", "two", ""] {
        typed(&mut line, text);
        assert_eq!(line.press(Key::Enter), Effect::Entered(text.to_owned()));
    }
    typed(&mut line, "new");
    use Key::{Down, Up};
    assert_eq!(pressed(&mut line, &[Up]), parts("two", ""));
    assert_eq!(pressed(&mut line, &[Up, Up, Up]), parts("one", ""));
    assert_eq!(pressed(&mut line, &[Down, Down, Down]), parts("new", ""));
}

#[test]
fn a_completed_word_takes_the_place_of_what_was_typed() {
    let mut line = line();
    typed(&mut line, "hi BO and cat");
    pressed(&mut line, &[Key::WordLeft, Key::WordLeft, Key::Left]);
    assert_eq!(line.press(Key::Tab), Effect::Completing);
    line.replace(3, "bob ");
    assert_eq!(pressed(&mut line, &[]), parts("hi bob ", " and cat"));
    line.clear();
    typed(&mut line, &"x".repeat(LINE_MAX_BYTES - 1));
    line.replace(LINE_MAX_BYTES - 2, "xy: ");
    assert_eq!(
        line.press(Key::Enter),
        Effect::Entered("x".repeat(LINE_MAX_BYTES - 1))
    );
}

#[test]
fn a_paste_with_an_empty_line_in_it_enters_no_empty_line() {
    let mut line = line();
    line.press(Key::PasteStart);
    typed(&mut line, "a");
    assert_eq!(pressed(&mut line, &[Key::Tab]), parts("a\t", ""));
    assert_eq!(line.press(Key::Enter), Effect::Entered("a\t".to_owned()));
    assert_eq!(pressed(&mut line, &[Key::Enter]), parts("", ""));
    assert_eq!(pressed(&mut line, &[Key::PasteEnd]), parts("", ""));
    assert_eq!(line.press(Key::Enter), Effect::Entered(String::new()));
}

#[test]
fn ctrl_d_ends_only_an_empty_line() {
    let mut line = line();
    typed(&mut line, "ab");
    assert_eq!(
        pressed(&mut line, &[Key::Home, Key::EndOfInput]),
        parts("", "b")
    );
    line.clear();
    assert_eq!(line.press(Key::EndOfInput), Effect::End);
}

#[test]
fn a_line_that_is_too_long_is_refused_whole() {
    let mut line = line();
    let text = "x".repeat(LINE_MAX_BYTES);
    typed(&mut line, &text);
    assert_eq!(line.press(Key::Enter), Effect::Entered(text.clone()));
    let too_long = format!("{text}x");
    typed(&mut line, &too_long);
    assert!(line.text().len() <= LINE_MAX_BYTES);
    assert_eq!(line.press(Key::Enter), Effect::TooLong);
    // Nothing of it comes with the next one, or from the history.
    typed(&mut line, "next");
    assert_eq!(line.press(Key::Enter), Effect::Entered("next".to_owned()));
    pressed(&mut line, &[Key::Up, Key::Up]);
    assert_eq!(line.press(Key::Enter), Effect::Entered(text));
    // Taken back, it is as if it had never been.
    for undo in [Key::KillToStart, Key::Interrupt, Key::Up] {
        typed(&mut line, &too_long);
        if line.press(undo) == Effect::Interrupted {
            line.clear();
        }
        pressed(&mut line, &[Key::KillToStart]);
        typed(&mut line, "short");
        assert_eq!(line.press(Key::Enter), Effect::Entered("short".to_owned()));
    }
}
