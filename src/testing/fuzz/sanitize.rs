//! What `sanitize` gives drives no terminal, is bounded, is the same when it is sanitized again,
//! and is borrowed when there was nothing to replace.

use std::borrow::Cow;

use super::is_harmful;
use crate::sanitize::sanitize;

pub(super) fn check(data: &[u8]) {
    let shown = sanitize(data);
    assert!(!is_harmful(&shown), "{shown:?}");
    assert!(shown.len() <= 3 * data.len());
    assert_eq!(sanitize(shown.as_bytes()), shown);
    let clean = std::str::from_utf8(data).is_ok_and(|text| !is_harmful(text));
    assert_eq!(matches!(shown, Cow::Borrowed(_)), clean);
    if let Ok(text) = std::str::from_utf8(data) {
        assert_eq!(text.chars().count(), shown.chars().count());
        for (one, other) in text.chars().zip(shown.chars()) {
            assert!(one == other || other == '\u{FFFD}');
        }
    }
}
