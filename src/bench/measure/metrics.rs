//! What one thread of a run measures: distributions and counts over the measured time, second by
//! second. Times come in as nanoseconds; no clock here.

use crate::bench::load::schedule::{NEVER, SECOND_NS};
use crate::bench::measure::histogram::Durations;
use crate::bench::measure::timeline::Timeline;

/// The time in which messages that are due count, in nanoseconds from the start of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Messages due from here on.
    pub(crate) from_ns: u64,
    /// Messages due before this.
    pub(crate) to_ns: u64,
}

impl Default for Window {
    /// Nothing is in it.
    fn default() -> Self {
        Self {
            from_ns: NEVER,
            to_ns: NEVER,
        }
    }
}

impl Window {
    /// Whether `at_ns` is in it.
    #[inline]
    pub(crate) fn contains(&self, at_ns: u64) -> bool {
        (self.from_ns..self.to_ns).contains(&at_ns)
    }
}

/// What one thread did in one second of the measured time. The one after the last has what came
/// when it was over.
#[derive(Debug, Default)]
pub(crate) struct Second {
    /// From 0.
    pub(crate) index: u64,
    /// Its length, for the last one may be cut short.
    pub(crate) length_ns: u64,
    /// Due time to delivery, of messages due in the measured time that arrived in this second.
    pub(crate) latency: Durations,
    /// Due time to sending, of messages that the server did not hold up; open loop only.
    pub(crate) send_lag: Durations,
    /// Work between two waits: so late a delivery may be read.
    pub(crate) iteration: Durations,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// Spent in waits.
    pub(crate) waited_ns: u64,
    /// CPU time of the thread.
    pub(crate) cpu_ns: u64,
}

/// What a thread has used since it began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    /// Spent in waits.
    pub(crate) waited_ns: u64,
    /// CPU time.
    pub(crate) cpu_ns: u64,
}

/// Sums over the measured time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sums {
    /// Messages sent in it.
    pub(crate) sent: u64,
    /// Deliveries in it.
    pub(crate) received: u64,
    /// Messages that their last receiver had in it.
    pub(crate) done: u64,
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.received += other.received;
        self.done += other.done;
    }
}

/// Everything that one thread measures.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    window: Window,
    second: Second,
    /// A latency that is not in the histogram yet, and how many had it one after the other: what is
    /// sent at once and read at once has the same.
    latest: (u64, u64),
    /// The measured time is over.
    is_over: bool,
    used: Used,
    pub(crate) timeline: Timeline,
    pub(crate) sums: Sums,
    /// Messages due in the measured time that were sent.
    pub(crate) measured: u64,
    /// Real sending to delivery; open loop only, in a closed loop it is the latency.
    pub(crate) service: Durations,
    /// Due time to the last receiver's delivery; rooms only.
    pub(crate) last_receiver: Durations,
    /// First to last receiver's delivery; rooms only.
    pub(crate) skew: Durations,
    /// From when a connection was due until the kernel had made it.
    pub(crate) handshake: Durations,
    /// From when a connection was due until its TLS handshake was over.
    pub(crate) tls_handshake: Durations,
    /// TLS handshakes that have resumed what earlier ones had agreed on.
    pub(crate) tls_resumed: u64,
    /// From when a connection was due until the server's first word on it.
    pub(crate) connect: Durations,
}

impl Metrics {
    /// Sets the window; before that nothing falls into it.
    pub(crate) fn open_window(&mut self, window: Window) {
        self.window = window;
    }

    /// The window.
    #[inline]
    pub(crate) fn window(&self) -> Window {
        self.window
    }

    /// Ends the window early.
    pub(crate) fn close_window(&mut self, to_ns: u64) {
        self.window.to_ns = self.window.to_ns.min(to_ns.max(self.window.from_ns));
    }

    /// Enters what one read brought.
    #[inline]
    pub(crate) fn read_batch(&mut self, now_ns: u64, deliveries: u64, longest_ns: u64) {
        self.record_latest();
        if self.window.contains(now_ns) {
            self.sums.received += deliveries;
            self.second.received += deliveries;
            let counts = self.timeline.at(now_ns - self.window.from_ns);
            counts.received += deliveries;
            counts.longest_ns = counts.longest_ns.max(longest_ns);
        }
    }

    /// Enters that `messages` were sent.
    #[inline]
    pub(crate) fn sent(&mut self, now_ns: u64, messages: u64) {
        if self.window.contains(now_ns) {
            self.sums.sent += messages;
            self.second.sent += messages;
            self.timeline.at(now_ns - self.window.from_ns).sent += messages;
        }
    }

    /// Enters that a message's last receiver had it.
    #[inline]
    pub(crate) fn done(&mut self, now_ns: u64) {
        self.sums.done += u64::from(self.window.contains(now_ns));
    }

    /// Enters the latency of a message that was due in the window.
    #[inline]
    pub(crate) fn latency(&mut self, ns: u64) {
        if self.latest.0 != ns {
            self.record_latest();
            self.latest.0 = ns;
        }
        self.latest.1 += 1;
    }

    #[inline]
    fn record_latest(&mut self) {
        let (ns, count) = std::mem::take(&mut self.latest);
        if count > 0 {
            self.second.latency.record_many(ns, count);
        }
    }

    /// Enters so many latencies.
    pub(crate) fn latencies(&mut self, ns: u64, count: u64) {
        self.second.latency.record_many(ns, count);
    }

    /// Enters how late a message was sent.
    #[inline]
    pub(crate) fn send_lag(&mut self, ns: u64) {
        self.second.send_lag.record(ns);
    }

    /// Enters how long the thread worked between two waits.
    #[inline]
    pub(crate) fn iteration(&mut self, now_ns: u64, ns: u64) {
        if self.window.contains(now_ns) {
            self.second.iteration.record(ns);
        }
    }

    /// When the current second ends; never, when the measured time is over.
    #[inline]
    pub(crate) fn second_ends_ns(&self) -> u64 {
        if self.is_over {
            return NEVER;
        }
        let ends = (self.second.index + 1).saturating_mul(SECOND_NS);
        self.window
            .from_ns
            .saturating_add(ends)
            .min(self.window.to_ns)
    }

    /// The measured time begins.
    pub(crate) fn begin(&mut self, used: Used) {
        self.used = used;
    }

    /// Ends the seconds that are over at `now_ns`; `take` gets each.
    pub(crate) fn end_seconds(&mut self, now_ns: u64, used: Used, mut take: impl FnMut(Second)) {
        while self.second_ends_ns() <= now_ns && self.second_ends_ns() < self.window.to_ns {
            take(self.end_second(used));
        }
    }

    /// Ends the last second of the measured time.
    pub(crate) fn end_last_second(&mut self, used: Used) -> Second {
        let last = self.end_second(used);
        self.is_over = true;
        last
    }

    /// What has come since.
    pub(crate) fn take_rest(&mut self) -> Second {
        std::mem::take(&mut self.second)
    }

    fn end_second(&mut self, used: Used) -> Second {
        let begins_ns = self.window.from_ns + self.second.index * SECOND_NS;
        self.second.length_ns = self.second_ends_ns().saturating_sub(begins_ns);
        self.second.waited_ns = used.waited_ns.saturating_sub(self.used.waited_ns);
        self.second.cpu_ns = used.cpu_ns.saturating_sub(self.used.cpu_ns);
        self.used = used;
        let next = Second {
            index: self.second.index + 1,
            ..Second::default()
        };
        std::mem::replace(&mut self.second, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::measure::timeline::Interval;

    fn metrics(from_ns: u64, to_ns: u64) -> Metrics {
        let mut metrics = Metrics::default();
        metrics.read_batch(5, 1, 1);
        metrics.open_window(Window { from_ns, to_ns });
        metrics
    }

    #[test]
    fn the_timeline_is_cut_into_intervals() {
        let mut metrics = metrics(1_000_000_000, 1_250_000_000);
        metrics.read_batch(999_999_999, 7, 7);
        metrics.read_batch(1_000_000_000, 2, 5_000);
        metrics.read_batch(1_099_999_999, 3, 4_000);
        metrics.sent(1_249_000_000, 4);
        metrics.sent(1_350_000_000, 9);
        let timeline = metrics.timeline.intervals();
        assert_eq!(timeline.len(), 3);
        assert_eq!((timeline[0].received, timeline[0].max_us), (5, 5.0));
        assert_eq!((timeline[2].sent, timeline[2].at_s), (4, 0.2));
        let empty = Interval {
            at_s: 0.1,
            ..Interval::default()
        };
        assert_eq!(timeline[1], empty);
        assert_eq!((metrics.sums.received, metrics.sums.sent), (5, 4));
    }

    #[test]
    fn seconds_end_and_none_is_left_out() {
        let mut metrics = metrics(SECOND_NS, SECOND_NS * 7 / 2);
        let used = |waited_ns| Used {
            waited_ns,
            cpu_ns: 0,
        };
        let mut seconds = Vec::new();
        metrics.begin(used(5));
        metrics.sent(SECOND_NS, 3);
        metrics.end_seconds(SECOND_NS * 2 - 1, used(9), |s| seconds.push(s));
        assert!(seconds.is_empty());
        // It did nothing for a second: that one is empty, and it did not wait in it either.
        metrics.end_seconds(SECOND_NS * 3 + 5, used(9), |s| seconds.push(s));
        let last = metrics.end_last_second(used(11));
        seconds.push(last);
        let told: Vec<_> = seconds
            .iter()
            .map(|s| (s.index, s.sent, s.waited_ns, s.length_ns / 1_000_000))
            .collect();
        assert_eq!(told, [(0, 3, 4, 1_000), (1, 0, 0, 1_000), (2, 0, 2, 500)]);
        assert_eq!(metrics.take_rest().index, 3);
    }
}
