//! The load's end: what was not sent, and what did not arrive.

use super::*;

/// Unsent messages that are entered one by one; more are entered in groups.
const UNSENT_SAMPLES_MAX: u64 = 1_000_000;

impl Engine {
    /// Ends the load: nothing is sent any more. A message that was due and was not sent counts with
    /// the time that it had waited, which is less than it would have taken.
    pub(crate) fn stop(&mut self, now_ns: u64) {
        self.sending = false;
        self.due.clear();
        let window = self.recorder.metrics.window();
        let Some(plan) = self.plan else {
            return;
        };
        let end_ns = window.to_ns.min(now_ns);
        let mut group = 1;
        for member in 0..self.paces.len() {
            loop {
                let due_ns = self.due_ns(member);
                // At a high rate these may be very many.
                if due_ns >= end_ns || self.shared.is_interrupted() {
                    break;
                }
                plan.advance(&mut self.paces[member].cursor);
                if !window.contains(due_ns) {
                    continue;
                }
                self.unsent += 1;
                if self.unsent > UNSENT_SAMPLES_MAX * group {
                    group *= 10;
                }
                if self.unsent.is_multiple_of(group) {
                    let waited_ns = now_ns.saturating_sub(due_ns);
                    self.recorder.metrics.latencies(waited_ns, group);
                }
            }
        }
    }

    /// Closes the account of all members: nothing more will be read.
    pub(crate) fn close(&mut self) {
        for (member, tail) in self.tails.iter().enumerate() {
            if !tail.is_empty() {
                self.recorder.trailing_bytes(member);
            }
        }
        self.recorder.close_all();
    }
}
