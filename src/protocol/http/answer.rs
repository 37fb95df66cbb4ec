//! Answers as bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::{Page, Refusal};

/// Appended to a client's key before it is hashed (RFC 6455, 1.3).
const ACCEPT_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// On every answer: what is sent is of the type that it says, is not kept, and tells no other
/// host where it was read.
const COMMON_HEADERS: &str = "X-Content-Type-Options: nosniff\r\n\
    Referrer-Policy: no-referrer\r\n\
    Cache-Control: no-store\r\n";

/// A page that is none runs nothing.
const EMPTY_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// What a request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The page.
    Page,
    /// That the server is there.
    Healthy,
    /// From here on the connection is a WebSocket.
    WebSocket {
        /// For `Sec-WebSocket-Accept`.
        accept: String,
        /// The last message that the client knows of.
        since: Option<u64>,
    },
    /// A refusal.
    Refused(Refusal),
}

/// The proof that a server has understood a WebSocket handshake.
#[must_use]
pub fn accept_key(key: &str) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(ACCEPT_GUID);
    STANDARD.encode(digest.finalize())
}

impl Answer {
    /// Appends the answer to `out`; without its body, as HEAD wants it, if so told.
    pub fn encode(&self, page: &Page, without_body: bool, out: &mut Vec<u8>) {
        let policy = format!("Content-Security-Policy: {EMPTY_POLICY}\r\n");
        let text = "text/plain; charset=utf-8";
        let (status, headers, kind, body) = match self {
            Self::WebSocket { accept, .. } => {
                let response = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                     Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
                );
                return out.extend_from_slice(response.as_bytes());
            }
            Self::Page => (
                "200 OK",
                page.headers(),
                "text/html; charset=utf-8",
                page.html(),
            ),
            Self::Healthy => ("200 OK", policy, text, "ok\n"),
            Self::Refused(refusal) => {
                let (status, more, body) = refusal.told();
                (status, format!("{policy}{more}"), text, body)
            }
        };
        let head = head(status, kind, body.len(), &headers);
        out.extend_from_slice(head.as_bytes());
        if !without_body {
            out.extend_from_slice(body.as_bytes());
        }
    }
}

/// An answer that is there, of the type that is given; without its body, as HEAD wants it, if so
/// told.
pub(crate) fn found(kind: &str, body: &str, without_body: bool) -> Vec<u8> {
    let policy = format!("Content-Security-Policy: {EMPTY_POLICY}\r\n");
    let mut answer = head("200 OK", kind, body.len(), &policy).into_bytes();
    if !without_body {
        answer.extend_from_slice(body.as_bytes());
    }
    answer
}

fn head(status: &str, kind: &str, length: usize, headers: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n{COMMON_HEADERS}{headers}\r\n"
    )
}

impl Refusal {
    /// Status line, headers of its own, and what a person reads.
    fn told(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::BadRequest => (
                "400 Bad Request",
                "",
                "this is no request that makes sense\n",
            ),
            Self::Forbidden => ("403 Forbidden", "", "pages of that origin may not join\n"),
            Self::NotFound => ("404 Not Found", "", "there is no such page here\n"),
            Self::MethodNotAllowed => (
                "405 Method Not Allowed",
                "Allow: GET, HEAD\r\n",
                "GET and HEAD alone\n",
            ),
            Self::Timeout => ("408 Request Timeout", "", "the request took too long\n"),
            Self::UpgradeRequired => (
                "426 Upgrade Required",
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
                "this is a WebSocket, version 13\n",
            ),
            Self::HeadTooLarge => (
                "431 Request Header Fields Too Large",
                "",
                "a request's head may have 8192 bytes\n",
            ),
            Self::TooManyHeaders => (
                "431 Request Header Fields Too Large",
                "",
                "a request may have 100 headers\n",
            ),
            Self::Full => (
                "503 Service Unavailable",
                "Retry-After: 10\r\n",
                "the room is full; try again later\n",
            ),
        }
    }
}
