//! The rotation: in which order the followers of a log are written to, and how soon again.
//! Knows places and times; not what is owed to whom.

use std::time::{Duration, Instant};

/// Whether members of a large, busy room are written to less often, so that messages merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// No follower is written to again sooner than twice the length of a round.
    Auto,
    /// Everybody is always due.
    Off,
}

/// A ring of followers and the place that is next.
///
/// Since each follower is only an offset in the log, telling them need not be a sweep: the owner
/// goes round, some dozens at a time, reads in between, and gives each what has been said up to
/// that instant.
#[derive(Debug)]
pub(super) struct Rotation {
    ring: Vec<Seat>,
    /// Index into `ring` by client; `NOWHERE` for who does not follow.
    place_of: Vec<u32>,
    cursor: usize,
    /// How many from the cursor on may be owed something; the others have all.
    left: usize,
    pace: Pace,
    /// Present cost of one visit, smoothed.
    visit_ns: u64,
    epoch: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Seat {
    client: u32,
    /// When it was last written to in the round, since `epoch`; 0: never.
    visited_ns: u64,
}

const NOWHERE: u32 = u32::MAX;

/// A follower is written to again after this many times the length of a round. Measured with 50
/// senders among 1,000 members: 1.5 saves a third of the CPU, 2 a half at the same latency, 3
/// two thirds but costs latency.
const ROUNDS_BETWEEN_VISITS: u64 = 2;

/// Below this there is nothing to pace: the poll cannot wait for less.
const SHORTEST_PAUSE_NS: u64 = 2_000_000;

/// Where a visit is taken to cost this much until it has been measured.
const FIRST_VISIT_NS: u64 = 6_000;

impl Rotation {
    pub(super) fn new(pace: Pace, epoch: Instant) -> Self {
        Self {
            ring: Vec::new(),
            place_of: Vec::new(),
            cursor: 0,
            left: 0,
            pace,
            visit_ns: FIRST_VISIT_NS,
            epoch,
        }
    }

    /// Takes a follower in, as one who has all.
    pub(super) fn join(&mut self, client: u32) {
        let at = client as usize;
        if at >= self.place_of.len() {
            self.place_of.resize(at + 1, NOWHERE);
        }
        if self.place_of[at] == NOWHERE {
            self.ring.push(Seat {
                client,
                visited_ns: 0,
            });
            self.seat_has_moved(self.ring.len() - 1);
        }
    }

    /// Lets a follower go. Whoever may still be owed something stays within `left`.
    pub(super) fn leave(&mut self, client: u32) {
        let Some(place) = self.place_of.get_mut(client as usize) else {
            return;
        };
        let mut hole = std::mem::replace(place, NOWHERE) as usize;
        if hole >= self.ring.len() {
            return;
        }
        if hole < self.cursor {
            // The one before the cursor fills the hole, so that the last can stand at the cursor
            // and is not passed over in this round. It may have had its turn; one more does no
            // harm.
            self.cursor -= 1;
            self.left += usize::from(self.left > 0);
            if hole != self.cursor {
                self.ring[hole] = self.ring[self.cursor];
                self.seat_has_moved(hole);
                hole = self.cursor;
            }
        }
        self.ring.swap_remove(hole);
        if hole < self.ring.len() {
            self.seat_has_moved(hole);
        }
        self.left = self.left.min(self.ring.len());
        if self.cursor >= self.ring.len() {
            self.cursor = 0;
        }
    }

    /// Something was said: everybody may be owed it.
    pub(super) fn news(&mut self) {
        self.left = self.ring.len();
    }

    /// The follower who is next, while anybody may be owed something.
    pub(super) fn head(&self) -> Option<u32> {
        (self.left > 0).then(|| self.ring[self.cursor].client)
    }

    /// Goes on to the next; the head had nothing to be given.
    pub(super) fn pass(&mut self) {
        self.left = self.left.saturating_sub(1);
        self.cursor += 1;
        if self.cursor >= self.ring.len() {
            self.cursor = 0;
        }
    }

    /// Goes on to the next; the head is being written to.
    pub(super) fn visit(&mut self, now: Instant) {
        let now_ns = self.ns(now);
        self.ring[self.cursor].visited_ns = now_ns.max(1);
        self.pass();
    }

    /// When the head may be written to again; `None`: at once.
    pub(super) fn head_due(&self) -> Option<Instant> {
        let visited_ns = self.ring.get(self.cursor)?.visited_ns;
        let pause_ns = self.pause_ns().filter(|_| visited_ns > 0)?;
        Some(self.epoch + Duration::from_nanos(visited_ns + pause_ns))
    }

    /// Notes what `visits` writes took together.
    pub(super) fn note_cost(&mut self, elapsed: Duration, visits: u32) {
        let Some(sample) = elapsed.as_nanos().checked_div(u128::from(visits)) else {
            return;
        };
        // A sample far off is a moment in which somebody else had the core.
        let sample = u64::try_from(sample)
            .unwrap_or(u64::MAX)
            .min(4 * self.visit_ns);
        self.visit_ns = ((7 * self.visit_ns + sample) / 8).max(1);
    }

    fn pause_ns(&self) -> Option<u64> {
        let pause_ns = ROUNDS_BETWEEN_VISITS * self.visit_ns * self.ring.len() as u64;
        (self.pace == Pace::Auto && pause_ns >= SHORTEST_PAUSE_NS).then_some(pause_ns)
    }

    pub(super) fn stop_pacing(&mut self) {
        self.pace = Pace::Off;
    }

    fn seat_has_moved(&mut self, to: usize) {
        let client = self.ring[to].client;
        self.place_of[client as usize] = u32::try_from(to).unwrap_or(NOWHERE);
    }

    fn ns(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(u64::MAX / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seated(n: u32) -> (Rotation, Instant) {
        let epoch = Instant::now();
        let mut rotation = Rotation::new(Pace::Auto, epoch);
        (0..n).for_each(|client| rotation.join(client));
        (rotation, epoch)
    }

    fn go_round(rotation: &mut Rotation) -> Vec<u32> {
        let mut seen = Vec::new();
        while let Some(client) = rotation.head() {
            seen.push(client);
            rotation.pass();
        }
        seen
    }

    #[test]
    fn news_reaches_everybody_once() {
        let (mut rotation, _) = seated(3);
        assert_eq!(rotation.head(), None);
        rotation.news();
        assert_eq!(go_round(&mut rotation), [0, 1, 2]);
        rotation.news();
        rotation.pass();
        rotation.news();
        assert_eq!(go_round(&mut rotation), [1, 2, 0]);
    }

    #[test]
    fn whoever_leaves_nobody_is_passed_over() {
        for n in 1..7 {
            for steps in 0..n {
                for gone in 0..n {
                    for before in 0..n {
                        let (mut rotation, _) = seated(n);
                        (0..before).for_each(|_| rotation.pass());
                        rotation.news();
                        let mut seen: Vec<u32> = Vec::new();
                        for _ in 0..steps {
                            seen.extend(rotation.head());
                            rotation.pass();
                        }
                        rotation.leave(gone);
                        rotation.leave(gone);
                        seen.extend(go_round(&mut rotation));
                        seen.push(gone);
                        seen.sort_unstable();
                        seen.dedup();
                        assert_eq!(
                            seen,
                            (0..n).collect::<Vec<_>>(),
                            "{n} {steps} {gone} {before}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_large_room_is_paced_and_a_small_one_is_not() {
        let (mut large, epoch) = seated(1000);
        large.news();
        assert_eq!(large.head_due(), None);
        (0..1000).for_each(|_| large.visit(epoch));
        assert_eq!(
            large.head_due(),
            Some(epoch + Duration::from_nanos(12_000_001))
        );
        for _ in 0..100 {
            large.note_cost(Duration::from_micros(30), 10);
        }
        assert_eq!(
            large.head_due(),
            Some(epoch + Duration::from_nanos(6_000_001))
        );
        large.stop_pacing();
        assert_eq!(large.head_due(), None);

        let (mut small, epoch) = seated(10);
        small.news();
        (0..10).for_each(|_| small.visit(epoch));
        assert_eq!(small.head_due(), None);
    }
}
