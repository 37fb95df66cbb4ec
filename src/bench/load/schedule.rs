//! When each message is due, and who sends it. Pure arithmetic on nanoseconds from the start
//! of the run; what could not be sent in time keeps its time, so that waiting is measured and
//! not hidden.

/// Nanoseconds in a second.
pub(crate) const SECOND_NS: u64 = 1_000_000_000;

/// How a load is paced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Closed loop: each sender keeps this many messages in flight and sends the next when one
    /// is done. It waits with the server, so it cannot show what a stall does to others.
    Closed {
        /// Messages in flight per sender, at least 1.
        in_flight: u32,
    },
    /// Open loop: this many messages a second in total, evenly spaced, the senders in turn,
    /// whatever the server does.
    Open {
        /// Messages a second of all senders together, at least 1.
        per_s: u64,
    },
}

/// An even stream of events: the `n`-th at `n / rate` seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticks {
    start_ns: u64,
    per_s: u64,
}

impl Ticks {
    /// The first event at `start_ns`, then `per_s` (at least 1) a second.
    #[must_use]
    pub(crate) fn new(start_ns: u64, per_s: u64) -> Self {
        Self {
            start_ns,
            per_s: per_s.max(1),
        }
    }

    /// When event `n`, from 0, is due.
    #[must_use]
    pub(crate) fn due_ns(&self, n: u64) -> u64 {
        // In two parts: the product of a whole run would not fit.
        let whole = (n / self.per_s).saturating_mul(SECOND_NS);
        let part = (n % self.per_s).saturating_mul(SECOND_NS) / self.per_s;
        self.start_ns.saturating_add(whole).saturating_add(part)
    }

    /// How many events are due at `now_ns` or before.
    #[must_use]
    pub(crate) fn due_by(&self, now_ns: u64) -> u64 {
        let Some(passed) = now_ns.checked_sub(self.start_ns) else {
            return 0;
        };
        // Estimated from whole seconds, then corrected: due_ns rounds down.
        let part = u128::from(passed % SECOND_NS) * u128::from(self.per_s) / u128::from(SECOND_NS);
        let mut n = (passed / SECOND_NS) * self.per_s + u64::try_from(part).unwrap_or(u64::MAX);
        while self.due_ns(n) <= now_ns {
            n += 1;
        }
        n
    }
}

/// The open loop's plan: [`Ticks`] dealt to the senders in turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    ticks: Ticks,
    senders: u64,
}

impl Schedule {
    /// `per_s` messages a second from `start_ns` on, dealt to `senders` (at least 1) in turn.
    #[must_use]
    pub(crate) fn new(start_ns: u64, per_s: u64, senders: usize) -> Self {
        Self {
            ticks: Ticks::new(start_ns, per_s),
            senders: (senders as u64).max(1),
        }
    }

    /// When the `sequence`-th message of `sender` is due.
    #[must_use]
    pub(crate) fn due_ns(&self, sender: usize, sequence: u32) -> u64 {
        self.ticks
            .due_ns(u64::from(sequence) * self.senders + sender as u64)
    }

    /// When the `n`-th message of all is due.
    #[must_use]
    pub(crate) fn nth_due_ns(&self, n: u64) -> u64 {
        self.ticks.due_ns(n)
    }

    /// Who sends the `n`-th message of all.
    #[must_use]
    pub(crate) fn sender_of(&self, n: u64) -> usize {
        usize::try_from(n % self.senders).unwrap_or(0)
    }

    /// How many of the first `n` messages of all are `sender`'s.
    #[must_use]
    pub(crate) fn share(&self, sender: usize, n: u64) -> u64 {
        (n + self.senders - 1 - (sender as u64).min(self.senders - 1)) / self.senders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_do_not_drift() {
        let ticks = Ticks::new(5, 3);
        assert_eq!(ticks.due_ns(0), 5);
        assert_eq!(ticks.due_ns(1), 333_333_338);
        assert_eq!(ticks.due_ns(3_000_000), 1_000_000 * SECOND_NS + 5);
    }

    #[test]
    fn due_by_counts_what_due_ns_says() {
        for per_s in [1, 3, 7, 1000, 999_983, 30_000_001] {
            let ticks = Ticks::new(1_000, per_s);
            assert_eq!(ticks.due_by(999), 0);
            for n in [0, 1, 2, 6, 7, 1_000, 123_456_789] {
                let due = ticks.due_ns(n);
                assert_eq!(ticks.due_by(due), n + 1, "{per_s} {n}");
                assert_eq!(ticks.due_by(due - 1), n, "{per_s} {n}");
            }
        }
    }

    #[test]
    fn senders_take_turns() {
        let schedule = Schedule::new(0, 10, 4);
        assert_eq!(schedule.due_ns(0, 0), 0);
        assert_eq!(schedule.due_ns(3, 0), 300_000_000);
        assert_eq!(schedule.due_ns(0, 1), 400_000_000);
        assert_eq!(schedule.sender_of(6), 2);
        assert_eq!(schedule.nth_due_ns(6), schedule.due_ns(2, 1));
        for n in 0..20 {
            let shares: Vec<u64> = (0..4).map(|s| schedule.share(s, n)).collect();
            assert_eq!(shares.iter().sum::<u64>(), n);
            let issued = (0..n).filter(|k| schedule.sender_of(*k) == 1).count();
            assert_eq!(shares[1], issued as u64);
        }
    }
}
