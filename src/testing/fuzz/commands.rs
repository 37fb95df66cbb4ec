//! What members and the person at the server type: any line has a meaning, and any text can be
//! said.

use super::ByteSource;
use crate::sanitize::sanitize;
use crate::services::{console, room};

pub(super) fn check(data: &[u8]) {
    let mut source = ByteSource::new(data);
    let at_the_server = source.byte() % 2 == 1;
    let rest = source.rest();
    if at_the_server {
        // What is typed is text, but it has not been sanitized.
        console::fuzzing::check_line(&String::from_utf8_lossy(rest));
    } else {
        room::fuzzing::check_line(&sanitize(rest));
        room::fuzzing::check_nick(&sanitize(rest));
    }
}
