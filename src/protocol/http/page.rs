//! The page and what it may do: run what is written in it and talk to its own host, no more.

use std::fmt::Write;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// A page of one file.
#[derive(Debug, Clone)]
pub struct Page {
    html: &'static str,
    policy: String,
}

/// The room's own page. Its hashes are taken once.
static BUILT_IN: LazyLock<Page> = LazyLock::new(|| Page::new(include_str!("../page.html")));

impl Page {
    /// The room's page.
    pub(crate) fn built_in() -> Self {
        BUILT_IN.clone()
    }

    /// A page whose `<script>` and `<style>` elements, without attributes, may take effect;
    /// whatever else a browser may come to see in it runs nothing.
    #[must_use]
    pub fn new(html: &'static str) -> Self {
        let (scripts, styles) = (hashes(html, "script"), hashes(html, "style"));
        let policy = format!(
            "default-src 'none'; script-src{scripts}; style-src{styles}; img-src data:; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types 'none'"
        );
        Self { html, policy }
    }

    pub(super) fn html(&self) -> &'static str {
        self.html
    }

    pub(super) fn headers(&self) -> String {
        let policy = &self.policy;
        format!("Content-Security-Policy: {policy}\r\nX-Frame-Options: DENY\r\n")
    }
}

/// The hash of each such element, or that there may be none.
fn hashes(html: &str, element: &str) -> String {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let mut hashes = String::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once(&open)
        && let Some((body, after)) = after.split_once(&close)
    {
        let hash = STANDARD.encode(Sha256::digest(body));
        // Writing to a string cannot fail.
        let _ = write!(hashes, " 'sha256-{hash}'");
        rest = after;
    }
    match hashes.is_empty() {
        true => " 'none'".to_owned(),
        false => hashes,
    }
}
