//! The engine's part, played on a virtual clock: for tests and for the fuzzer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Opening, Output, Session, Setup};
use crate::protocol::Encoding;
use crate::protocol::http::Page;
use crate::wire::{Framing, Message};

/// What has come of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    Message(Vec<u8>),
    TooLong,
    Reply(Vec<u8>),
    Joined(Encoding, Option<u64>),
    Tls(Vec<u8>),
    From(Option<SocketAddr>),
    Last(Vec<u8>, Option<&'static str>),
    End(Vec<u8>),
}

/// One client, and who hears it.
pub(crate) struct Driver {
    pub(crate) session: Session,
    pub(crate) setup: Setup,
    pub(crate) is_full: bool,
    pub(crate) heard: Vec<Heard>,
    pub(crate) most_kept_bytes: usize,
    start: Instant,
    now: Instant,
    active_at: Instant,
}

pub(crate) const MAX_MESSAGE_BYTES: usize = 40;

impl Driver {
    pub(crate) fn new(opening: Opening, framing: Framing, is_proxied: bool) -> Self {
        let start = Instant::now();
        Self {
            session: Session::new(opening, framing, is_proxied, start),
            setup: Setup {
                page: Page::new("<b>hi</b>"),
                ..Setup::new(MAX_MESSAGE_BYTES)
            },
            is_full: false,
            heard: Vec::new(),
            most_kept_bytes: 0,
            start,
            now: start,
            active_at: start,
        }
    }

    /// How much later it is than when the client came.
    pub(crate) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Nothing of what it sends is heard any more.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.heard.last(), Some(Heard::Last(..) | Heard::End(_)))
    }

    /// A handshake has begun, of which a session knows nothing.
    pub(crate) fn is_shaking_hands(&self) -> bool {
        matches!(self.heard.last(), Some(Heard::Tls(_)))
    }

    pub(crate) fn read(&mut self, bytes: &[u8]) {
        self.active_at = self.now;
        self.session.on_read(bytes, self.now);
        self.feed(bytes.to_vec());
    }

    fn feed(&mut self, mut pending: Vec<u8>) {
        loop {
            let (mut input, mut again) = (pending.as_slice(), None);
            while let Some(output) = self.session.next(&mut input, &self.setup, self.is_full) {
                let bytes = note(output, &mut self.heard);
                assert!(bytes.is_none() || input.is_empty(), "{bytes:?} {input:?}");
                again = again.or(bytes);
                if self.is_shaking_hands() {
                    assert!(input.is_empty());
                    break;
                }
            }
            assert!(input.is_empty());
            self.look();
            match again {
                Some(bytes) => pending = bytes,
                None => return,
            }
        }
    }

    /// Nothing comes for so long. Says when something was done about it.
    pub(crate) fn wait(&mut self, time: Duration) -> Vec<Duration> {
        let until = self.now + time;
        let mut done_at = Vec::new();
        while !self.is_shaking_hands()
            && let Some(due) = self.session.due(self.active_at)
            && due <= until
        {
            self.now = self.now.max(due);
            done_at.push(self.elapsed());
            assert!(done_at.len() < 10, "it has no end: {:?}", self.session);
            let mut again = None;
            while let Some(output) = self.session.on_quiet(&self.setup, self.now) {
                again = again.or(note(output, &mut self.heard));
            }
            self.look();
            if let Some(bytes) = again {
                self.feed(bytes);
            }
        }
        self.now = until;
        done_at
    }

    pub(crate) fn end(&mut self) {
        while let Some(output) = self.session.finish(&self.setup) {
            assert_eq!(note(output, &mut self.heard), None);
        }
        self.look();
    }

    pub(crate) fn over_tls(&mut self, alpn: Option<&[u8]>) {
        self.session.over_tls(alpn, self.now);
    }

    fn look(&mut self) {
        self.most_kept_bytes = self.most_kept_bytes.max(self.session.kept_bytes());
        if self.is_over() {
            assert_eq!(self.session.due(self.active_at), None);
        }
    }
}

/// Notes an output, unless it gives bytes that are to be fed again.
fn note(output: Output<'_>, heard: &mut Vec<Heard>) -> Option<Vec<u8>> {
    let is_over = matches!(heard.last(), Some(Heard::Last(..) | Heard::End(_)));
    assert!(!is_over, "after the last: {output:?}");
    heard.push(match output {
        Output::Message(Message::Whole(bytes)) => Heard::Message(bytes.to_vec()),
        Output::Message(Message::TooLong) => Heard::TooLong,
        Output::Reply(bytes) => Heard::Reply(bytes.into_owned()),
        Output::Joined { encoding, since } => Heard::Joined(encoding, since),
        Output::StartTls(bytes) => Heard::Tls(bytes),
        Output::ProxiedFrom(address) => Heard::From(address),
        Output::Last { reply, refused } => Heard::Last(reply, refused),
        Output::End(bytes) => Heard::End(bytes),
        Output::Again(bytes) => return Some(bytes),
    });
    None
}
