//! Reply: the tutorial's first server. Hears one message, says thank you, hangs up.

use std::time::Instant;

use log::info;

use crate::outbound::{ClientId, Fanout};
use crate::sanitize;
use crate::service::{Disconnect, Newcomer, Service};
use crate::wire::{Framing, Message};

/// The reply service.
#[derive(Debug)]
pub struct Reply {
    text: Vec<u8>,
    once: bool,
    /// With `once`: the client after which the server ends.
    first: Option<ClientId>,
}

impl Reply {
    /// Answers each client's first message with `text`; with `once`, ends the server when the
    /// first client has gone.
    #[must_use]
    pub fn new(text: impl Into<Vec<u8>>, once: bool) -> Self {
        Self {
            text: text.into(),
            once,
            first: None,
        }
    }
}

/// A message is logged up to here: it may be of megabytes, and anybody may send it.
const LOGGED_BYTES: usize = 1024;

/// A message for the log, without its line's end.
fn logged(message: &[u8]) -> String {
    let line = message.strip_suffix(b"\n").unwrap_or(message);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // One byte more, to tell whether there is more. A character that this cuts is never shown,
    // for sanitizing does not shrink text.
    let head = &line[..line.len().min(LOGGED_BYTES + 1)];
    let mut text = sanitize::sanitize(head).into_owned();
    if text.len() > LOGGED_BYTES {
        let is_cut = |at: &usize| text.is_char_boundary(*at);
        let end = (0..=LOGGED_BYTES).rev().find(is_cut).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

impl Service for Reply {
    fn framing(&self) -> Framing {
        Framing::Chunk
    }

    fn on_open(
        &mut self,
        _now: Instant,
        client: ClientId,
        _newcomer: &Newcomer<'_>,
        _out: &mut Fanout,
    ) {
        self.first.get_or_insert(client);
    }

    fn on_message(
        &mut self,
        _now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Fanout,
    ) {
        if let Message::Whole(bytes) = message {
            info!("recv {}", logged(bytes));
            // It is owed nothing yet, so there is room.
            let _ = out.send(client, &self.text);
            out.close_after_flush(client);
        }
    }

    fn on_close(&mut self, _now: Instant, client: ClientId, _why: &Disconnect, out: &mut Fanout) {
        if self.once && self.first == Some(client) {
            out.stop();
        }
    }

    fn save(&self) -> Option<Result<Vec<u8>, String>> {
        Some(rmp_serde::to_vec(&self.first).map_err(|error| error.to_string()))
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        self.first = rmp_serde::from_slice(saved).map_err(|error| error.to_string())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::scene::{ROOMY, Scene};

    fn thankful(once: bool) -> Scene {
        Scene::of(Reply::new("thank you !", once), ROOMY)
    }

    #[test]
    fn the_first_message_is_thanked_for_and_no_other() {
        let mut reply = thankful(false);
        reply.joins("ann");
        reply.joins("bob");
        reply.sends("ann", "x".repeat(3000));
        assert_eq!(reply.heard("ann"), "thank you !");
        assert_eq!(reply.fate("ann"), Some(Disconnect::Eof));
        reply.hears_nothing("bob");
        reply.sends("bob", "\n");
        assert_eq!(reply.heard("bob"), "thank you !");
        assert!(!reply.has_stopped());
    }

    #[test]
    fn a_message_is_logged_without_its_end_and_not_beyond_a_bound() {
        for (message, shown) in [
            ("hello\n", "hello"),
            ("hello\r\n", "hello"),
            ("hello\r", "hello"),
            ("a\nb\n\n", "a\u{FFFD}b\u{FFFD}"),
            ("\n", ""),
        ] {
            assert_eq!(logged(message.as_bytes()), shown, "{message:?}");
        }
        let fits = "x".repeat(1024);
        assert_eq!(logged(fits.as_bytes()), fits);
        assert_eq!(logged(format!("{fits}\r\n").as_bytes()), fits);
        assert_eq!(logged(format!("{fits}y").as_bytes()), format!("{fits}…"));
        // 1,022 bytes and a character of three: wherever it is cut, it is not shown in part.
        for more in ["", "你", "y"] {
            let message = format!("{}你{more}", &fits[2..]);
            assert_eq!(logged(message.as_bytes()), format!("{}…", &fits[2..]));
        }
        let zeros = logged(&vec![0; 16 << 20]);
        assert_eq!(zeros, format!("{}…", "\u{FFFD}".repeat(341)));
    }

    #[test]
    fn who_says_nothing_is_told_nothing() {
        let mut reply = thankful(false);
        reply.joins("ann");
        reply.ends("ann");
        reply.hears_nothing("ann");
        assert_eq!(reply.fate("ann"), Some(Disconnect::Eof));
    }

    #[test]
    fn a_slow_client_gets_the_whole_reply_before_the_end() {
        let mut reply = thankful(true);
        reply.joins("ann");
        reply.has_room_for("ann", 5);
        reply.sends("ann", "hi");
        assert_eq!(reply.fate("ann"), None);
        assert!(!reply.has_stopped());
        reply.recovers("ann");
        assert_eq!(reply.heard("ann"), "thank you !");
        assert!(reply.has_stopped());
    }

    #[test]
    fn once_is_over_when_the_first_client_has_gone() {
        let mut reply = thankful(true);
        reply.joins("ann");
        reply.joins("bob");
        reply.sends("bob", "hi");
        assert_eq!(reply.fate("bob"), Some(Disconnect::Eof));
        assert!(!reply.has_stopped());
        reply.vanishes("ann");
        assert!(reply.has_stopped());
    }
}
