//! Whether a client was closed for a reason.

use std::io;
use std::time::{Duration, Instant};

use super::super::conversation::Membership;
use super::super::setup::FAIR_LOG_BYTES;
use super::{Disconnect, Oracle, Rule, Service, Status};

/// What a member may say in a turn, as JSON, on the average.
const TALK_BYTES: usize = 2 << 10;

impl<S: Service> Oracle<S> {
    /// No client is closed for a reason that is none.
    pub(super) fn judge(&self, id: usize, why: &Disconnect) {
        let book = self.records.borrow();
        let record = &book.clients[id];
        // A limit strikes when a read has found nothing for so long.
        let network = self.network.borrow();
        let socket = &network.sockets[id];
        let is_over = |since: Option<Instant>, timeout: Option<Duration>| {
            let limit = since.zip(timeout).map(|(since, timeout)| since + timeout);
            limit.is_some_and(|limit| socket.found_empty_at.is_some_and(|at| limit <= at))
        };
        let is_fair = match *why {
            Disconnect::Eof => record.status == Status::Leaving || book.is_ending,
            Disconnect::Broken(io::ErrorKind::OutOfMemory) => !record.is_eager,
            Disconnect::Broken(_) => record.has_reset,
            Disconnect::Lagged { behind_bytes } => match self.rule {
                Rule::Room { .. } => {
                    // Each message takes eight bytes more in the log, and none is under ten.
                    let behind = usize::try_from(behind_bytes).expect("not so much");
                    let room = self.outbound.log_bytes - book.largest_line_bytes - 8;
                    !record.is_eager && behind + behind * 8 / 10 >= room
                }
                Rule::AnyRoom => true,
                // It is told in time, if its protocol has a word for it.
                Rule::Polyglot | Rule::OfNode => {
                    let behind = usize::try_from(behind_bytes).expect("not so much");
                    let fair_bytes = FAIR_LOG_BYTES.max(TALK_BYTES * self.present.len());
                    let is_behind = |member: &Membership| member.since.or(member.connected_at);
                    let is_slow = !record.is_eager
                        || self.outbound.log_bytes < fair_bytes
                        || record.membership.as_ref().and_then(is_behind).is_some();
                    is_slow && behind * 2 >= self.outbound.log_bytes * 3 / 4
                }
                Rule::Echo | Rule::Reply(_) => false,
            },
            Disconnect::Unfinished => !record.is_eager,
            Disconnect::Shutdown => book.is_ending,
            Disconnect::Restarted => book.is_ending || record.may_restart,
            Disconnect::Idle => {
                // A record of TLS that has come in part says nothing.
                let spoke_at = socket.found_some_at.filter(|_| !socket.is_sealed);
                is_over(spoke_at.max(socket.accepted_at), self.limits.idle_timeout)
            }
            Disconnect::Silent => {
                let timeout = self.limits.first_message_timeout;
                record.messages == 0 && is_over(socket.accepted_at, timeout)
            }
            Disconnect::Panicked => record.caused_panic,
        };
        assert!(
            is_fair,
            "#{id}, eager: {}, is gone in status {:?}: {why}",
            record.is_eager, record.status
        );
    }
}
