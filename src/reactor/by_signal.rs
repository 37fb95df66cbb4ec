//! What signals, and only the person at the server, ask of it: to end, to read its files anew, to let
//! another process go on.

use std::time::Instant;

use log::{error, info};
use signal_hook::consts::{SIGHUP, SIGINT, SIGUSR2};

use super::{Reactor, UPGRADE_TOKEN};
use crate::signals;

impl Reactor {
    /// The first signal ends the server in good order, the second at once. SIGHUP is a terminal that
    /// has gone, unless there are files to be read anew, or somebody supervises the server.
    pub(super) fn on_signals(&mut self, now: Instant) {
        for signal in self.signals.pending() {
            if let Some(successor) = self.upgrade.successor() {
                // Whoever has sent it means the server.
                signals::send(successor.id(), signal);
            }
            if signal == SIGUSR2 && self.engine.is_stopping() {
                info!("SIGUSR2: the server ends already");
                continue;
            }
            if signal == SIGUSR2 {
                self.upgrade.begin(self.poll.registry(), UPGRADE_TOKEN, now);
                continue;
            }
            let name = match signal {
                SIGINT => "SIGINT",
                SIGHUP => "SIGHUP",
                _ => "SIGTERM",
            };
            if signal == SIGHUP && (self.reload(now) || self.supervision.is_there()) {
                continue;
            }
            if self.engine.is_stopping() {
                info!("{name} again: ending at once");
                self.engine.give_up_all();
            } else {
                info!("{name}: ending in good order");
                self.engine.stop(now);
            }
        }
    }

    /// Reads anew what came from files; returns whether anything has.
    fn reload(&mut self, now: Instant) -> bool {
        let mut has_files = self.engine.reload_services(now);
        if let Some(tls) = self.tls.as_mut().filter(|tls| tls.is_from_files()) {
            has_files = true;
            match tls.reload() {
                Ok(()) => {
                    self.engine.set_tls(tls.config());
                    let fingerprint = tls.fingerprint();
                    info!("SIGHUP: the TLS certificate and key are read anew; {fingerprint}");
                }
                Err(why) => error!("SIGHUP: {why}; what was there before stays"),
            }
        }
        has_files
    }
}
