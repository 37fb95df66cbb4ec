//! How often one client may speak, and whether it has spoken at all. Times only; kept only where
//! one of these is limited.

use std::time::{Duration, Instant};

use super::{Limits, Rate};

/// One client's account.
#[derive(Debug)]
pub(super) struct RateLimiter {
    opened_at: Instant,
    has_spoken: bool,
    /// When its messages so far would have come, had they come evenly. (The generic cell rate
    /// algorithm, ITU-T I.371.)
    even_at: Instant,
    /// It is not read from until then.
    held_until: Option<Instant>,
    /// It has ended while it was held, and what it said before is taken until then.
    leaves_by: Option<Instant>,
}

impl RateLimiter {
    /// An account, if the limits need one.
    pub(super) fn new(limits: &Limits, now: Instant) -> Option<Box<Self>> {
        let needed = limits.message_rate.is_some() || limits.first_message_timeout.is_some();
        needed.then(|| {
            Box::new(Self {
                opened_at: now,
                has_spoken: false,
                even_at: now,
                held_until: None,
                leaves_by: None,
            })
        })
    }

    /// Counts a message; returns whether no more may be taken now.
    pub(super) fn note(&mut self, rate: Option<Rate>, now: Instant) -> bool {
        self.has_spoken = true;
        let Some(rate) = rate else {
            return false;
        };
        let apart = Duration::from_secs(1) / rate.per_s;
        self.even_at = self.even_at.max(now) + apart;
        // What the burst allows to come ahead of time, less the next message itself.
        let ahead = apart * (rate.burst - 1);
        let next_at = self.even_at.checked_sub(ahead).unwrap_or(now);
        self.held_until = Some(next_at).filter(|next_at| *next_at > now);
        self.held_until.is_some()
    }

    /// Whether nothing more may be taken now.
    pub(super) fn holds(&self, now: Instant) -> bool {
        self.held_until.is_some_and(|until| until > now)
    }

    /// Whether it has been silent for too long.
    pub(super) fn is_overdue(&self, limits: &Limits, now: Instant) -> bool {
        self.speak_by(limits).is_some_and(|at| at <= now)
    }

    /// It has ended while it was held.
    pub(super) fn hear_out_until(&mut self, at: Instant) {
        self.leaves_by.get_or_insert(at);
    }

    /// Whether it has been heard out for long enough. Where it is not held any more, that is not
    /// for its rate to say.
    pub(super) fn is_to_leave(&mut self, now: Instant) -> bool {
        let is_due = self.leaves_by.is_some_and(|at| at <= now);
        if is_due {
            self.leaves_by = None;
        }
        is_due && self.holds(now)
    }

    /// Its first message is waited for anew.
    pub(super) fn put_off(&mut self, now: Instant) {
        self.opened_at = now;
    }

    /// When this has to be looked at.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        [self.held_until, self.leaves_by, self.speak_by(limits)]
            .into_iter()
            .flatten()
            .min()
    }

    /// The hold is over.
    pub(super) fn release(&mut self, now: Instant) {
        self.held_until = self.held_until.filter(|until| *until > now);
    }

    fn speak_by(&self, limits: &Limits) -> Option<Instant> {
        let timeout = limits.first_message_timeout.filter(|_| !self.has_spoken)?;
        Some(self.opened_at + timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(rate: Option<Rate>, first_s: Option<u64>) -> Limits {
        Limits {
            max_clients: 1,
            max_message_bytes: 1024,
            max_clients_per_ip: None,
            message_rate: rate,
            idle_timeout: None,
            first_message_timeout: first_s.map(Duration::from_secs),
            grace: Duration::ZERO,
        }
    }

    #[test]
    fn a_burst_passes_and_then_only_the_rate() {
        let rate = Rate { per_s: 2, burst: 4 };
        let start = Instant::now();
        let mut rate_limit = RateLimiter::new(&limits(Some(rate), None), start).unwrap();
        let held: Vec<bool> = (0..4).map(|_| rate_limit.note(Some(rate), start)).collect();
        assert_eq!(held, [false, false, false, true]);
        let mut now = start;
        for taken in 1..=20u32 {
            let until = rate_limit.deadline(&limits(Some(rate), None)).unwrap();
            assert!(rate_limit.holds(now) && !rate_limit.holds(until));
            now = until;
            rate_limit.release(now);
            rate_limit.note(Some(rate), now);
            assert_eq!(now - start, Duration::from_millis(500) * taken);
        }
        // After enough quiet the whole burst is there again.
        now += Duration::from_secs(60);
        rate_limit.release(now);
        assert_eq!(
            (0..4).filter(|_| rate_limit.note(Some(rate), now)).count(),
            1
        );
    }

    #[test]
    fn a_first_message_is_waited_for_only_so_long() {
        let limits = limits(None, Some(5));
        let start = Instant::now();
        let mut rate_limit = RateLimiter::new(&limits, start).unwrap();
        let at = rate_limit.deadline(&limits).unwrap();
        assert_eq!(at, start + Duration::from_secs(5));
        assert!(rate_limit.is_overdue(&limits, at));
        assert!(!rate_limit.note(None, start));
        assert_eq!(rate_limit.deadline(&limits), None);
        assert!(!rate_limit.is_overdue(&limits, at));
    }
}
