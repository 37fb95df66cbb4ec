//! Pacing: how long a large, busy room waits from one round to the next, so that several messages
//! share one write. Times and counts only.

use std::time::{Duration, Instant};

/// Whether rounds of a large, busy room are spaced out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// A round begins no sooner than 2.2 times the length of a round after the last one began.
    Auto,
    /// A round begins as soon as something is owed.
    Off,
}

/// From the beginning of one round to that of the next, in lengths of a round. Measured with 50
/// senders among 1,000 members, a million deliveries a second, beside a program that sweeps: 2 takes
/// 0.55 of its CPU at 0.75 of its median latency; each tenth more saves a fortieth of a core.
const ROUNDS_APART: f64 = 2.2;

/// Below this there is little to pace, since the poll waits in whole milliseconds: it is the pause of
/// a room of some 800 members where a visit costs 2.5 µs, of 250 where it costs 8.
const SHORTEST_PAUSE: Duration = Duration::from_millis(4);

/// A room is busy when more than one message, by this factor, comes in the time of a round: it would
/// take a whole core if it were swept. One message in flight comes just once a round, and a pause
/// would only hold it back.
const BUSY_FACTOR: f64 = 1.5;

/// After this many times the usual time from one message to the next, no more are waited for.
const QUIET_INTERVALS: u32 = 4;

/// A follower that is owed this much does not wait: what is merged by then is most of what merging
/// can save.
const COALESCE_BYTES: u64 = 4096;

/// What rounds cost, and how many messages came meanwhile.
#[derive(Debug)]
pub(super) struct Pacing {
    pace: Pace,
    /// When the present or the last round began.
    began_at: Option<Instant>,
    /// The time that its visits have taken so far, and those of the round before.
    busy: Duration,
    last_busy: Duration,
    /// Messages since it began, and those of them that came since the clock was last looked at.
    messages: u32,
    has_news: bool,
    last_message_at: Option<Instant>,
    /// How long after it began the next one may begin, and after how much silence at the latest.
    /// `None`: at once.
    pause: Option<(Duration, Duration)>,
}

impl Pacing {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            pace,
            began_at: None,
            busy: Duration::ZERO,
            last_busy: Duration::ZERO,
            messages: 0,
            has_news: false,
            last_message_at: None,
            pause: None,
        }
    }

    pub(super) fn on_publish(&mut self) {
        self.messages = self.messages.saturating_add(1);
        self.has_news = true;
    }

    pub(super) fn add_busy(&mut self, elapsed: Duration) {
        self.busy += elapsed;
    }

    /// When the next round may begin, whose first follower is owed `owed_bytes`; `None`: at once.
    pub(super) fn next_round_at(&mut self, owed_bytes: u64, now: Instant) -> Option<Instant> {
        if std::mem::take(&mut self.has_news) {
            self.last_message_at = Some(now);
        }
        let (pause, silence) = self.pause.filter(|_| owed_bytes < COALESCE_BYTES)?;
        Some((self.began_at? + pause).min(self.last_message_at? + silence))
    }

    /// Whether the next round is held back.
    pub(super) fn is_paced(&self) -> bool {
        self.pause.is_some()
    }

    /// A round begins; the one before is over and has been measured.
    pub(super) fn begin_round(&mut self, now: Instant) {
        let period = self.began_at.map(|at| now.saturating_duration_since(at));
        // The smaller of two: in the other one something else may have had the core.
        let busy = self.busy.min(self.last_busy);
        let pause = busy.mul_f64(ROUNDS_APART);
        self.pause = period
            .filter(|period| {
                self.pace == Pace::Auto
                    && pause >= SHORTEST_PAUSE
                    && busy * self.messages >= period.mul_f64(BUSY_FACTOR)
            })
            .map(|period| (pause, period * QUIET_INTERVALS / self.messages.max(1)));
        self.began_at = Some(now);
        self.last_busy = std::mem::take(&mut self.busy);
        self.messages = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND: Duration = Duration::from_millis(5);

    /// Rounds of 5 ms one after another, with so many messages in each; then when the next one may
    /// begin, after the last one's beginning.
    fn after_rounds(pacing: &mut Pacing, messages: u32, owed_bytes: u64) -> Option<Duration> {
        let mut now = Instant::now();
        for _ in 0..3 {
            pacing.begin_round(now);
            pacing.add_busy(ROUND);
            (0..messages).for_each(|_| pacing.on_publish());
            now += ROUND;
            pacing.next_round_at(owed_bytes, now);
        }
        pacing.begin_round(now);
        pacing.on_publish();
        let at = pacing.next_round_at(owed_bytes, now + ROUND)?;
        Some(at - now)
    }

    #[test]
    fn a_large_busy_room_waits_for_more_than_two_rounds() {
        let mut pacing = Pacing::new(Pace::Auto);
        assert_eq!(
            after_rounds(&mut pacing, 2, 100),
            Some(ROUND.mul_f64(ROUNDS_APART))
        );
    }

    #[test]
    fn silence_ends_the_wait() {
        let mut pacing = Pacing::new(Pace::Auto);
        // Twenty messages a round: after a fifth of a round without one no more are waited for.
        assert_eq!(after_rounds(&mut pacing, 20, 100), Some(ROUND + ROUND / 5));
    }

    #[test]
    fn whoever_is_owed_much_does_not_wait() {
        let mut pacing = Pacing::new(Pace::Auto);
        assert_eq!(after_rounds(&mut pacing, 10, COALESCE_BYTES), None);
    }

    #[test]
    fn small_and_quiet_rooms_do_not_wait() {
        assert_eq!(after_rounds(&mut Pacing::new(Pace::Auto), 1, 100), None);
        assert_eq!(after_rounds(&mut Pacing::new(Pace::Off), 10, 100), None);
        let mut small = Pacing::new(Pace::Auto);
        let mut now = Instant::now();
        for _ in 0..9 {
            small.begin_round(now);
            small.add_busy(Duration::from_millis(1));
            (0..100).for_each(|_| small.on_publish());
            now += Duration::from_millis(1);
        }
        assert_eq!(small.next_round_at(100, now), None);
    }

    #[test]
    fn one_round_that_was_held_up_lengthens_no_pause() {
        let mut pacing = Pacing::new(Pace::Auto);
        after_rounds(&mut pacing, 4, 100);
        let start = Instant::now();
        pacing.began_at = Some(start);
        pacing.add_busy(20 * ROUND);
        (0..99).for_each(|_| pacing.on_publish());
        pacing.begin_round(start + 20 * ROUND);
        assert_eq!(
            pacing.pause.map(|(pause, _)| pause),
            Some(ROUND.mul_f64(ROUNDS_APART))
        );
    }
}
