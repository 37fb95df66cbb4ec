//! The one request of a client of HTTP: its answer, or the way into a WebSocket.

use std::borrow::Cow;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::clock;

use super::super::Encoding;
use super::super::http::{Answer, HeadReader, Refusal, route};
use super::super::websocket::{Reader, Role};
use super::state::{Joining, State, Step};
use super::{HEAD_TIMEOUT, Output, Setup};

/// A request whose head is on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct HttpRequest {
    head: HeadReader,
    /// When the client came.
    #[serde(with = "clock::instant")]
    since: Instant,
}

impl HttpRequest {
    pub(super) fn new(since: Instant) -> Self {
        Self {
            head: HeadReader::default(),
            since,
        }
    }

    pub(super) fn due(&self) -> Instant {
        self.since + HEAD_TIMEOUT
    }

    pub(super) fn next(
        mut self: Box<Self>,
        input: &mut &[u8],
        setup: &Setup,
        is_full: bool,
    ) -> Step {
        let (answer, is_head) = match self.head.read(input) {
            None => return (State::Http(self), None),
            Some(Err(refusal)) => (Answer::Refused(refusal), false),
            Some(Ok(head)) => {
                let answer = match is_full {
                    true => Answer::Refused(Refusal::Full),
                    false => route(&head, &setup.allowed_origins),
                };
                (answer, head.method == "HEAD")
            }
        };
        let mut reply = Vec::new();
        answer.encode(&setup.page, is_head, &mut reply);
        let refused = match answer {
            Answer::WebSocket { since, .. } => {
                let joining = Joining {
                    encoding: Encoding::Json,
                    since,
                    then: State::WebSocket(Box::new(Reader::new(Role::Server))),
                };
                let reply = Output::Reply(Cow::Owned(reply));
                return (State::Joining(Box::new(joining)), Some(reply));
            }
            Answer::Refused(refusal) => fault(refusal),
            Answer::Page | Answer::Healthy => None,
        };
        // No second request is answered.
        *input = &[];
        (State::Over, Some(Output::Last { reply, refused }))
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn kept_bytes(&self) -> usize {
        self.head.kept_bytes()
    }
}

/// The answer to what is no request that could be answered.
pub(super) fn refuse(refusal: Refusal, setup: &Setup) -> Output<'static> {
    let mut reply = Vec::new();
    Answer::Refused(refusal).encode(&setup.page, false, &mut reply);
    Output::Last {
        reply,
        refused: fault(refusal),
    }
}

/// What the client has done wrong, unless it is what anybody's browser might do.
fn fault(refusal: Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::BadRequest => Some("a bad HTTP request"),
        Refusal::HeadTooLarge => Some("an HTTP request with a head over 8 KiB"),
        Refusal::TooManyHeaders => Some("an HTTP request with more than 100 headers"),
        Refusal::Timeout => Some("an HTTP request that was not complete in 10 s"),
        Refusal::Forbidden => Some("a WebSocket for a page of another origin"),
        Refusal::NotFound
        | Refusal::MethodNotAllowed
        | Refusal::UpgradeRequired
        | Refusal::Full => None,
    }
}
