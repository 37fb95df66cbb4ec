//! HTTP/1, as far as a room needs it: one request, its answer, and the way into a WebSocket.
//! A connection is closed after each answer, so what follows a request's head is never read.

mod answer;
mod head;
mod page;
mod route;
#[cfg(test)]
mod tests;

pub(crate) use answer::found;
pub use answer::{Answer, accept_key};
pub use head::{Head, HeadReader, MAX_HEAD_BYTES, MAX_HEADERS, skip_empty_lines};
pub use page::Page;
pub use route::route;

/// What is wrong with a request, or with waiting for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 400: no HTTP/1, or what is asked for makes no sense.
    BadRequest,
    /// 403: a page of another host asks for the WebSocket.
    Forbidden,
    /// 404.
    NotFound,
    /// 405: neither GET nor HEAD.
    MethodNotAllowed,
    /// 408: the head did not come in time.
    Timeout,
    /// 426: a WebSocket is there, and was not asked for in version 13.
    UpgradeRequired,
    /// 431: a head over [`MAX_HEAD_BYTES`].
    HeadTooLarge,
    /// 431: more headers than [`MAX_HEADERS`].
    TooManyHeaders,
    /// 503: the room is full.
    Full,
}
