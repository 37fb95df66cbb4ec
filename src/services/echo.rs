//! Echo: the same bytes back, every one, in order.

use std::time::Instant;

use crate::outbound::{ClientId, Fanout};
use crate::service::Service;
use crate::wire::{Framing, Message};

/// The echo service. It has no state: what is owed is all there is to know.
#[derive(Debug, Default)]
pub struct Echo;

impl Service for Echo {
    fn framing(&self) -> Framing {
        Framing::Chunk
    }

    fn on_message(
        &mut self,
        _now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Fanout,
    ) {
        if let Message::Whole(bytes) = message {
            // A client is read from only while it is owed less than the high-water mark, which is
            // at most what it may be owed: this always fits.
            let _ = out.send(client, bytes);
        }
    }

    fn save(&self) -> Option<Result<Vec<u8>, String>> {
        Some(Ok(Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::Limits;
    use crate::service::Disconnect;
    use crate::testing::scene::{ROOMY, Scene};

    #[test]
    fn every_byte_comes_back_in_order() {
        let mut echo = Scene::of(Echo, ROOMY);
        echo.joins("ann");
        echo.joins("bob");
        echo.sends("ann", "no newline, \0 and \x1b[0m\r\n");
        assert_eq!(echo.heard("ann"), "no newline, \0 and \x1b[0m\r\n");
        echo.sends("ann", "x".repeat(5000));
        assert_eq!(echo.heard("ann"), "x".repeat(5000));
        echo.hears_nothing("bob");
    }

    #[test]
    fn the_end_comes_after_all_that_is_owed() {
        let mut echo = Scene::of(Echo, ROOMY);
        echo.joins("ann");
        echo.has_room_for("ann", 2);
        echo.sends("ann", "owed");
        echo.ends("ann");
        assert_eq!(echo.heard("ann"), "ow");
        assert_eq!(echo.fate("ann"), None);
        echo.recovers("ann");
        assert_eq!(echo.heard("ann"), "ed");
        assert_eq!(echo.fate("ann"), Some(Disconnect::Eof));
    }

    #[test]
    fn who_does_not_read_is_not_read_from() {
        let limits = Limits {
            max_pending_bytes: 10_000,
            ..ROOMY
        };
        let mut echo = Scene::of(Echo, limits);
        echo.joins("ann");
        echo.stalls("ann");
        let sent: String = (0..20_000).map(|n| format!("{n} ")).collect();
        echo.sends("ann", &sent);
        assert!(echo.is_kept_waiting("ann"));
        echo.has_room_for("ann", 20_000);
        assert!(echo.is_kept_waiting("ann"));
        echo.recovers("ann");
        assert!(!echo.is_kept_waiting("ann"));
        assert_eq!(echo.heard("ann"), sent);
    }
}
