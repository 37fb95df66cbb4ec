//! The page in a real Chromium, driven by `tests/browser/page.py`: in the clear, behind a password,
//! and over TLS with a certificate that nobody has signed.

use std::path::Path;
use std::time::Duration;

use super::{bare, listen};
use crate::harness::{serial, skipped};
use crate::tls::output_within;

/// A run takes some 10 s where nothing else does.
const LIMIT: Duration = Duration::from_secs(120);

#[track_caller]
fn talks_through_the_page(url: &str, more: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/page.py");
    let arguments: Vec<&str> = [script.to_str().unwrap(), url]
        .iter()
        .chain(more)
        .copied()
        .collect();
    let Some(said) = output_within(LIMIT, "python3", &arguments, "") else {
        return;
    };
    if let Some(line) = said.lines().find(|line| line.starts_with("SKIPPED ")) {
        return skipped(&line["SKIPPED ".len()..]);
    }
    // A check that has failed ends the script with 1, which `output` shows.
    let checks = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(checks >= 14, "{said}");
}

#[test]
fn people_talk_through_the_page() {
    let _alone = serial();
    let file = super::password::file();
    let path = file.path().to_str().unwrap();
    let operators = ["--notices", "on", "--operator-password-file", path];
    let server = listen(&[""], &operators);
    let url = format!("http://{}/", bare(&server, 0));
    talks_through_the_page(&url, &["--operator", super::password::PASSWORD]);
}

#[test]
fn people_talk_through_the_page_behind_a_password() {
    let _alone = serial();
    let file = super::password::file();
    let path = file.path().to_str().unwrap();
    let server = listen(&["http:"], &["--notices", "on", "--password-file", path]);
    let url = format!("http://{}/", bare(&server, 0));
    talks_through_the_page(&url, &["--password", super::password::PASSWORD]);
}

#[test]
fn people_talk_through_the_page_over_tls() {
    let _alone = serial();
    let server = listen(&["https:"], &["--notices", "on", "--tls-self-signed"]);
    talks_through_the_page(&format!("https://{}/", bare(&server, 0)), &[]);
}
