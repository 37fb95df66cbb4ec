//! What signals ask of the server: to end, to read its files anew, to let another process go on.

use std::time::Instant;

use log::{error, info};
use signal_hook::consts::{SIGHUP, SIGINT, SIGUSR2};

use super::{Reactor, UPGRADE_TOKEN};
use crate::signals;

impl Reactor {
    /// SIGTERM and SIGINT end the server in good order, and at once if one of them has come before.
    /// SIGHUP is a terminal that has gone, unless there are files to be read anew, or somebody
    /// supervises the server. Who sends it along with another one is in no hurry.
    pub(super) fn on_signals(&mut self, now: Instant) {
        for signal in self.signals.pending() {
            if let Some(successor) = self.upgrade.successor() {
                // Whoever has sent it means the server.
                signals::send(successor.id(), signal);
            }
            match signal {
                SIGUSR2 if self.engine.is_stopping() => {
                    info!("SIGUSR2: the server ends already");
                }
                SIGUSR2 => self.upgrade.begin(self.poll.registry(), UPGRADE_TOKEN, now),
                SIGHUP if self.reload(now) || self.supervision.is_there() => {}
                SIGHUP => self.end("SIGHUP", now),
                SIGINT => self.end_or_give_up("SIGINT", now),
                _ => self.end_or_give_up("SIGTERM", now),
            }
        }
    }

    fn end_or_give_up(&mut self, name: &str, now: Instant) {
        match std::mem::replace(&mut self.was_told_to_end, true) {
            true => {
                info!("{name} again: ending at once");
                self.engine.give_up_all();
            }
            false => self.end(name, now),
        }
    }

    fn end(&mut self, name: &str, now: Instant) {
        match self.engine.is_stopping() {
            true => info!("{name}: the server ends already"),
            false => {
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
                    self.engine.set_tls(tls.configs());
                    let fingerprint = tls.fingerprint();
                    info!("SIGHUP: the TLS certificate and key are read anew; {fingerprint}");
                }
                Err(why) => error!("SIGHUP: {why}; what was there before stays"),
            }
        }
        has_files
    }
}
