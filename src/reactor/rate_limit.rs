//! How often one client may speak, and whether it has spoken at all. Times only; kept only where
//! one of these is limited.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::clock;

use super::{Limits, Rate};

/// A client that has ended while its rate held it back is still heard for this long.
const LINGER: Duration = Duration::from_secs(30);

/// The limits on one client's messages. The rate is the generic cell rate algorithm's
/// (ITU-T I.371).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RateLimiter {
    /// Since when its first message is waited for; `None`: it has spoken.
    #[serde(with = "clock::optional_instant")]
    silent_since: Option<Instant>,
    /// Theoretical arrival time of its next message, had the messages so far come evenly.
    #[serde(with = "clock::instant")]
    tat: Instant,
    /// Nothing more is taken from it until then.
    #[serde(with = "clock::optional_instant")]
    limited_until: Option<Instant>,
    /// It has ended while it was limited, and what it said before is taken until then.
    #[serde(with = "clock::optional_instant")]
    linger_until: Option<Instant>,
}

impl RateLimiter {
    /// A limiter, if the limits need one.
    pub(super) fn new(limits: &Limits, now: Instant) -> Option<Box<Self>> {
        let needed = limits.message_rate.is_some() || limits.first_message_timeout.is_some();
        needed.then(|| {
            Box::new(Self {
                silent_since: Some(now),
                tat: now,
                limited_until: None,
                linger_until: None,
            })
        })
    }

    /// Counts a message.
    pub(super) fn consume(&mut self, rate: Option<Rate>, now: Instant) {
        self.silent_since = None;
        let Some(rate) = rate else { return };
        let emission_interval = Duration::from_secs(1) / rate.per_s;
        self.tat = self.tat.max(now) + emission_interval;
        // What the burst allows to come ahead of time, less the next message itself.
        let burst_tolerance = emission_interval * (rate.burst - 1);
        let next_at = self.tat.checked_sub(burst_tolerance).unwrap_or(now);
        self.limited_until = Some(next_at).filter(|next_at| *next_at > now);
    }

    /// Whether nothing more may be taken now.
    pub(super) fn is_limited(&self, now: Instant) -> bool {
        self.limited_until.is_some_and(|until| until > now)
    }

    /// When the next message may be taken, if not at once.
    pub(super) fn limited_until(&self) -> Option<Instant> {
        self.limited_until
    }

    /// When its first message has been waited for long enough.
    pub(super) fn first_message_due(&self, limits: &Limits) -> Option<Instant> {
        Some(self.silent_since? + limits.first_message_timeout?)
    }

    /// The server kept from reading it until now: that was no silence of its own.
    pub(super) fn restart_silence(&mut self, now: Instant) {
        if let Some(since) = &mut self.silent_since {
            *since = now;
        }
    }

    /// It has ended while it is limited.
    pub(super) fn start_linger(&mut self, now: Instant) {
        self.linger_until.get_or_insert(now + LINGER);
    }

    /// When it has been heard for long enough after its end.
    pub(super) fn linger_until(&self) -> Option<Instant> {
        self.linger_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(rate: Option<Rate>, first_s: Option<u64>) -> Limits {
        Limits {
            message_rate: rate,
            first_message_timeout: first_s.map(Duration::from_secs),
            ..Limits::default()
        }
    }

    #[test]
    fn a_burst_passes_and_then_only_the_rate() {
        let rate = Rate { per_s: 2, burst: 4 };
        let start = Instant::now();
        let mut limiter = RateLimiter::new(&limits(Some(rate), None), start).unwrap();
        let is_limited_after = |limiter: &mut RateLimiter, now| {
            limiter.consume(Some(rate), now);
            limiter.is_limited(now)
        };
        let limited: Vec<bool> = (0..4)
            .map(|_| is_limited_after(&mut limiter, start))
            .collect();
        assert_eq!(limited, [false, false, false, true]);
        let mut now = start;
        for taken in 1..=20u32 {
            let until = limiter.limited_until().unwrap();
            assert!(limiter.is_limited(now) && !limiter.is_limited(until));
            now = until;
            limiter.consume(Some(rate), now);
            assert_eq!(now - start, Duration::from_millis(500) * taken);
        }
        // After enough quiet the whole burst is there again.
        now += Duration::from_secs(60);
        let limited = (0..4)
            .filter(|_| is_limited_after(&mut limiter, now))
            .count();
        assert_eq!(limited, 1);
    }

    #[test]
    fn a_first_message_is_waited_for_only_so_long() {
        let limits = limits(None, Some(5));
        let start = Instant::now();
        let mut limiter = RateLimiter::new(&limits, start).unwrap();
        let due = |limiter: &RateLimiter| limiter.first_message_due(&limits).map(|at| at - start);
        assert_eq!(due(&limiter), Some(Duration::from_secs(5)));
        limiter.restart_silence(start + Duration::from_secs(1));
        assert_eq!(due(&limiter), Some(Duration::from_secs(6)));
        limiter.consume(None, start);
        assert_eq!(due(&limiter), None);
        assert!(!limiter.is_limited(start));
    }
}
