//! What a fuzzer feeds: for each target a check that takes any bytes and panics when something that
//! must hold does not. Built for fuzzing and for tests only.
//!
//! `fuzz/` runs them for as long as one likes; `corpus` replays what that has found.

mod byte_source;
mod commands;
#[cfg(test)]
mod corpus;
mod decoder;
mod protocol;
mod room;
mod sanitize;
mod session;

pub(crate) use byte_source::ByteSource;

/// A check by the name of its fuzz target.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("commands", commands::check),
    ("decoder", decoder::check),
    #[cfg(feature = "client")]
    ("display", crate::client::fuzzing::check),
    ("http", protocol::check_http),
    ("irc", protocol::check_irc),
    ("room", room::check),
    ("sanitize", sanitize::check),
    ("session", session::check),
    ("websocket", protocol::check_websocket),
];

/// Runs the check `name` on `data`.
///
/// # Panics
/// When what must hold does not, or there is no such check.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let Some((_, check)) = target else {
        panic!("there is no target {name}");
    };
    check(data);
}

/// Whether a terminal that is shown `text` could be driven, or its reader deceived.
pub(crate) fn is_harmful(text: &str) -> bool {
    text.chars().any(|character| {
        (character.is_control() && character != '\t')
            // Separators of lines and paragraphs, then what turns the direction.
            || ('\u{2028}'..='\u{202E}').contains(&character)
            || ('\u{2066}'..='\u{2069}').contains(&character)
    })
}
