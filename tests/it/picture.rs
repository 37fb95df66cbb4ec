//! The picture of a chat in the README: real programs in real terminals, and what they show.
//!
//! `cargo test --test it picture -- --ignored` draws `docs/chat.svg` anew. It needs `nc`, and the
//! port 7788, which the picture names.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use vt100::{Cell, Color, Screen};

use crate::harness::program;
use crate::pty::InPty;

const COLUMNS: u16 = 65;
/// As wide as two windows and the gap between them.
const SERVER_COLUMNS: u16 = 2 * COLUMNS + 5;
const ROWS: u16 = 14;

const CELL: (f32, f32) = (8.4, 19.0);
/// Three of these are as wide as five columns.
const MARGIN: f32 = 14.0;
const TITLE: f32 = 30.0;

/// A shell in a terminal, with the program under test on its path.
fn shell(columns: u16) -> InPty {
    let mut path = Path::new(&program())
        .parent()
        .unwrap()
        .as_os_str()
        .to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    // A terminal of its own, or the shell complains of having no job control.
    let mut command = Command::new("setsid");
    command
        .args(["--ctty", "sh"])
        .env("PS1", "$ ")
        .env("PATH", path);
    command
        .env_remove("NO_COLOR")
        .env_remove("RUST_LOG")
        .env_remove("ENV");
    let shell = InPty::start(columns, &mut command);
    shell.pty.wait_for(&["$"]);
    shell
}

/// Types a line and waits until `other` shows what came of it.
fn says(one: &InPty, line: &str, other: &InPty, expected: &str) {
    one.pty.press(&format!("{line}\r"));
    other.pty.wait_until(expected, |rows| {
        rows.iter().any(|row| row.contains(expected))
    });
}

#[test]
#[ignore = "a tool: draws docs/chat.svg"]
fn picture_of_a_chat() {
    let server = shell(SERVER_COLUMNS);
    says(
        &server,
        "chinwag serve",
        &server,
        "listening on 127.0.0.1:7788",
    );
    let (ann, bob) = (shell(COLUMNS), shell(COLUMNS));
    says(&ann, "chinwag connect", &ann, "you are guest1");
    says(&ann, "/nick ann", &ann, "you are now ann");
    says(&bob, "nc 127.0.0.1 7788", &bob, "you are guest2");
    says(&bob, "/nick 李雷", &bob, "you are now 李雷");
    let told = |rows: &[String]| rows.iter().any(|row| row.contains("is now 李雷"));
    ann.pty.wait_until("the new nick", told);
    says(&bob, "hello, from plain nc", &ann, "hello, from plain nc");
    says(
        &ann,
        "hello! this is chinwag connect",
        &bob,
        "chinwag connect",
    );
    says(&bob, "/me waves", &ann, "waves");
    says(&ann, "/msg 李雷 only you can read this", &bob, "[ann] only");
    says(
        &bob,
        "ann, the others see nothing of it",
        &ann,
        "see nothing",
    );
    // Half a line stays whole whatever arrives.
    ann.pty.press("and what I typ");
    ann.pty.wait_for(&["send: and what I typ"]);
    says(&bob, "arrives above what you type", &ann, "arrives above");
    ann.pty.wait_for(&["send: and what I typ"]);

    let window =
        |title, pty: &InPty, at, rows| pty.pty.screen(|screen| draw(title, screen, at, rows));
    let top = window("the server", &server, (0.0, 0.0), 2);
    let below = outer(2).1 + MARGIN;
    let left = window("ann", &ann, (0.0, below), ROWS);
    let right = window("李雷", &bob, (outer_width(COLUMNS) + MARGIN, below), ROWS);
    let size = (outer_width(SERVER_COLUMNS), below + outer(ROWS).1);
    let width = size.0.max(2.0 * outer_width(COLUMNS) + MARGIN);
    let svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {}" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" role="img" aria-label="A chinwag server, and two people who talk: one in chinwag's client, one in nc">
{top}{left}{right}</svg>
"##,
        size.1,
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/chat.svg");
    std::fs::write(path, svg).unwrap();
}

fn outer_width(columns: u16) -> f32 {
    f32::from(columns) * CELL.0 + 2.0 * MARGIN
}

/// Width of no columns, and height, of a window with so many rows.
fn outer(rows: u16) -> (f32, f32) {
    (
        2.0 * MARGIN,
        f32::from(rows) * CELL.1 + TITLE + 1.5 * MARGIN,
    )
}

/// A window with the first rows of the screen.
fn draw(title: &str, screen: &Screen, at: (f32, f32), rows: u16) -> String {
    let (width, height) = (outer_width(screen.size().1.get()), outer(rows).1);
    let mut svg = format!(
        r##"<g transform="translate({:.1} {:.1})">
<rect width="{width:.1}" height="{height:.1}" rx="8" fill="#1c1f26" stroke="#3a3f4b"/>
<g fill="#565c6a"><circle cx="18" cy="16" r="5"/><circle cx="36" cy="16" r="5"/><circle cx="54" cy="16" r="5"/></g>
<text x="{:.1}" y="21" text-anchor="middle" fill="#9aa2b1">{}</text>
"##,
        at.0,
        at.1,
        width / 2.0,
        escaped(title),
    );
    if !screen.hide_cursor() && screen.cursor_position().0 < rows {
        let (row, column) = screen.cursor_position();
        let (x, y) = place(row, column);
        let (x, y) = (x, y - 14.0);
        writeln!(
            svg,
            r##"<rect x="{x:.1}" y="{y:.1}" width="8.4" height="18" fill="#7f8796"/>"##
        )
        .unwrap();
    }
    for row in 0..rows {
        draw_row(screen, row, &mut svg);
    }
    svg + "</g>\n"
}

/// Where a cell's text stands.
fn place(row: u16, column: u16) -> (f32, f32) {
    (
        MARGIN + f32::from(column) * CELL.0,
        TITLE + MARGIN + f32::from(row) * CELL.1,
    )
}

/// Runs of cells that look alike, each as wide as its cells, whatever the font.
fn draw_row(screen: &Screen, row: u16, svg: &mut String) {
    let mut column = 0;
    let cell = |column| screen.cell(row, column);
    while let Some(first) = cell(column) {
        let (start, mut text) = (column, String::new());
        while let Some(next) =
            cell(column).filter(|next| next.is_wide_continuation() || look(next) == look(first))
        {
            if !next.is_wide_continuation() {
                text.push_str(if next.has_contents() {
                    next.contents()
                } else {
                    " "
                });
            }
            column += 1;
        }
        let (x, y) = place(row, start);
        if first.inverse() {
            let (y, width) = (y - 14.0, f32::from(column - start) * CELL.0);
            writeln!(
                svg,
                r##"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="18" fill="#9aa2b1"/>"##
            )
            .unwrap();
        }
        let used = text.trim_end();
        if used.is_empty() {
            continue;
        }
        let blanks = u16::try_from(text.len() - used.len()).unwrap();
        let width = f32::from(column - start - blanks) * CELL.0;
        let weight = if first.bold() {
            r#" font-weight="bold""#
        } else {
            ""
        };
        let fill = match first.inverse() {
            true => "#1c1f26",
            false => fill(first),
        };
        let used = escaped(used);
        writeln!(
            svg,
            r#"<text x="{x:.1}" y="{y:.1}" textLength="{width:.1}" lengthAdjust="spacingAndGlyphs" fill="{fill}"{weight} xml:space="preserve">{used}</text>"#
        )
        .unwrap();
    }
}

/// What tells runs apart; a character that is two cells wide is a run of its own.
fn look(cell: &Cell) -> (Color, bool, bool, bool) {
    (cell.fgcolor(), cell.bold(), cell.is_wide(), cell.inverse())
}

fn fill(cell: &Cell) -> &'static str {
    match cell.fgcolor() {
        Color::Idx(1) => "#f08080",
        Color::Idx(2) => "#8fd18f",
        Color::Idx(3) => "#e5c07b",
        Color::Idx(4 | 6) => "#7fb4e8",
        _ if cell.bold() => "#ffffff",
        _ => "#d7dbe3",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
