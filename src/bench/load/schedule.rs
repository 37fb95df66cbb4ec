//! When each message is due, and which sender sends it. Arithmetic on nanoseconds from the start
//! of the run; a message that could not be sent in time keeps its time, so that waiting is
//! measured and not hidden.

use serde::{Deserialize, Serialize};

/// Nanoseconds in a second.
pub(crate) const SECOND_NS: u64 = 1_000_000_000;
/// Never due.
pub(crate) const NEVER: u64 = u64::MAX;

/// How messages are spread over time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// One as long after the other as the rate says.
    #[default]
    Even,
    /// At random, independent of each other: what many people who know nothing of each other do.
    /// It cannot lock to a rhythm of the server's.
    Poisson,
}

/// An even stream of events: the `n`-th at `n / rate` seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticks {
    start_ns: u64,
    per_s: u64,
}

impl Ticks {
    /// The first event at `start_ns`, then `per_s` (at least 1) a second.
    pub(crate) fn new(start_ns: u64, per_s: u64) -> Self {
        Self {
            start_ns,
            per_s: per_s.max(1),
        }
    }

    /// When event `n`, from 0, is due.
    pub(crate) fn due_ns(&self, n: u64) -> u64 {
        // In two parts: the product of a whole run would not fit.
        let whole = (n / self.per_s).saturating_mul(SECOND_NS);
        let part = (n % self.per_s).saturating_mul(SECOND_NS) / self.per_s;
        self.start_ns.saturating_add(whole).saturating_add(part)
    }

    /// How many events are due at `now_ns` or before.
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

/// The open loop's plan for all senders. The rate is `from_per_s` during the warm-up and then
/// changes evenly to `to_per_s`, which it has at the end of the measured time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) from_per_s: f64,
    pub(crate) to_per_s: f64,
    pub(crate) warmup_s: f64,
    /// Measured time; without a meaning where the rate is constant.
    pub(crate) ramp_s: f64,
    pub(crate) arrivals: Arrivals,
    pub(crate) senders: usize,
    /// Measured messages of all senders; none: as many as fall due.
    pub(crate) messages: Option<u64>,
}

/// One sender's place in the plan: its next message.
#[derive(Debug, Clone)]
pub(crate) struct Cursor {
    /// When the next message is due, in nanoseconds from the start of the load.
    pub(crate) due_ns: u64,
    /// In messages of all senders, which the plan turns into a time.
    count: f64,
    /// Measured messages that it still has.
    left: u64,
    random: u64,
}

impl Plan {
    /// The place of `sender` before its first message. The same sender has the same arrivals in
    /// each run, so that runs can be compared.
    pub(crate) fn first(&self, sender: usize) -> Cursor {
        let senders = self.senders.max(1) as u64;
        let place = sender as u64;
        let mut cursor = Cursor {
            due_ns: 0,
            count: place as f64,
            left: self.messages.map_or(u64::MAX, |messages| {
                // Dealt in turn, beginning where the warm-up ends.
                let first = whole(self.warmup_count().ceil()) % senders;
                let turn = (place + senders - first) % senders;
                messages / senders + u64::from(turn < messages % senders)
            }),
            random: place,
        };
        if self.arrivals == Arrivals::Poisson {
            cursor.count = 0.0;
            self.step(&mut cursor);
        }
        self.settle(&mut cursor);
        cursor
    }

    /// Goes on to the sender's next message.
    pub(crate) fn advance(&self, cursor: &mut Cursor) {
        self.step(cursor);
        self.settle(cursor);
    }

    /// When the measured messages end, in nanoseconds from the start of the load; none: not by
    /// their number.
    pub(crate) fn last_due_ns(&self) -> Option<u64> {
        let messages = self.messages?;
        if self.arrivals == Arrivals::Even {
            let end = self.warmup_count().ceil() + messages as f64;
            return Some(self.time_ns(end));
        }
        let last = (0..self.senders).map(|sender| {
            let (mut cursor, mut last) = (self.first(sender), 0);
            while cursor.due_ns != NEVER {
                last = cursor.due_ns;
                self.advance(&mut cursor);
            }
            last
        });
        last.max().map(|last| last + 1)
    }

    fn step(&self, cursor: &mut Cursor) {
        let apart = self.senders.max(1) as f64;
        cursor.count += match self.arrivals {
            Arrivals::Even => apart,
            Arrivals::Poisson => -apart * next_share(&mut cursor.random).ln(),
        };
    }

    /// Sets when the message at the cursor is due, if the sender still has one.
    fn settle(&self, cursor: &mut Cursor) {
        cursor.due_ns = self.time_ns(cursor.count);
        if self.messages.is_some() && cursor.due_ns >= self.warmup_ns() {
            match cursor.left.checked_sub(1) {
                Some(left) => cursor.left = left,
                None => cursor.due_ns = NEVER,
            }
        }
    }

    fn warmup_ns(&self) -> u64 {
        as_ns(self.warmup_s)
    }

    /// Messages that fall due in the warm-up.
    fn warmup_count(&self) -> f64 {
        self.warmup_s * self.from_per_s
    }

    /// When `count` messages have fallen due: the inverse of the rate's integral.
    fn time_ns(&self, count: f64) -> u64 {
        let from = self.from_per_s;
        let measured = count - self.warmup_count();
        if measured <= 0.0 || self.to_per_s == from {
            return as_ns(count / from);
        }
        let slope = (self.to_per_s - from) / self.ramp_s;
        // A rate that falls reaches no more messages than there are until it is 0.
        let under_root = from * from + 2.0 * slope * measured;
        if under_root < 0.0 {
            return NEVER;
        }
        as_ns(self.warmup_s + (under_root.sqrt() - from) / slope)
    }
}

/// A number above 0 and up to 1, by SplitMix64: a few lines are enough where the arrivals of a sender
/// are only to have no rhythm, and to be the same in each run.
fn next_share(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    let bits = (mixed ^ mixed >> 31) >> 11;
    (bits + 1) as f64 / (1_u64 << 53) as f64
}

/// Rounded to the nanosecond; what is too long to count is never.
fn as_ns(seconds: f64) -> u64 {
    whole((seconds * SECOND_NS as f64).round())
}

fn whole(number: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a float saturates"
    )]
    let number = number as u64;
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVEN: Plan = Plan {
        from_per_s: 10.0,
        to_per_s: 10.0,
        warmup_s: 0.0,
        ramp_s: 1.0,
        arrivals: Arrivals::Even,
        senders: 4,
        messages: None,
    };

    fn dues(plan: &Plan, sender: usize, until_ns: u64) -> Vec<u64> {
        let mut cursor = plan.first(sender);
        let mut dues = Vec::new();
        while cursor.due_ns < until_ns {
            dues.push(cursor.due_ns);
            plan.advance(&mut cursor);
        }
        dues
    }

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
        assert_eq!(dues(&EVEN, 0, SECOND_NS), [0, 400_000_000, 800_000_000]);
        assert_eq!(dues(&EVEN, 3, SECOND_NS), [300_000_000, 700_000_000]);
        let slow = Plan {
            from_per_s: 0.5,
            to_per_s: 0.5,
            senders: 1,
            ..EVEN
        };
        assert_eq!(
            dues(&slow, 0, 5 * SECOND_NS),
            [0, 2 * SECOND_NS, 4 * SECOND_NS]
        );
    }

    #[test]
    fn a_profile_has_the_area_under_its_rate() {
        for (from, to) in [(100.0, 500.0), (500.0, 100.0), (500.0, 0.0)] {
            let plan = Plan {
                from_per_s: from,
                to_per_s: to,
                warmup_s: 1.0,
                ramp_s: 4.0,
                senders: 1,
                ..EVEN
            };
            let all = dues(&plan, 0, 5 * SECOND_NS);
            let warm = all.iter().filter(|due| **due < SECOND_NS).count();
            assert!((warm as f64 - from).abs() < 1e-9);
            let expected = (from + to) / 2.0 * 4.0;
            let measured = (all.len() - warm) as f64;
            assert!((measured - expected).abs() <= 1.0, "{measured} {expected}");
            assert!(all.is_sorted());
        }
    }

    #[test]
    fn poisson_has_the_rate_and_no_rhythm() {
        let plan = Plan {
            from_per_s: 1_000.0,
            to_per_s: 1_000.0,
            arrivals: Arrivals::Poisson,
            ..EVEN
        };
        let mut all: Vec<u64> = (0..4)
            .flat_map(|sender| dues(&plan, sender, 20 * SECOND_NS))
            .collect();
        all.sort_unstable();
        // 20,000 expected; five standard deviations of the root of that.
        assert!((all.len() as f64 - 20_000.0).abs() < 710.0, "{}", all.len());
        let gaps: Vec<f64> = all.windows(2).map(|w| (w[1] - w[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // As far from each other as their mean is long; even ones would have nothing there.
        let spread = variance.sqrt() / mean;
        assert!((0.9..1.1).contains(&spread), "{spread}");
        assert_eq!(dues(&plan, 2, SECOND_NS), dues(&plan, 2, SECOND_NS));
    }

    #[test]
    fn so_many_messages_and_no_more() {
        for arrivals in [Arrivals::Even, Arrivals::Poisson] {
            for (messages, warmup_s) in [(1, 0.0), (10, 0.0), (11, 0.25), (403, 1.0)] {
                let plan = Plan {
                    messages: Some(messages),
                    warmup_s,
                    arrivals,
                    ..EVEN
                };
                let end_ns = plan.last_due_ns().unwrap();
                let warm_ns = plan.warmup_ns();
                let all: Vec<u64> = (0..4).flat_map(|s| dues(&plan, s, end_ns)).collect();
                let measured = all.iter().filter(|due| **due >= warm_ns).count();
                assert_eq!(measured as u64, messages, "{arrivals:?} {messages}");
            }
        }
    }
}
