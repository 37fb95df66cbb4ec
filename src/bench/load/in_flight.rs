//! The messages on their way: how many receivers each still waits for, when the first had it,
//! and when the last. Bounded by what is in flight. Knows no bytes and no clock.

use std::collections::VecDeque;
use std::ops::Range;

/// A message that its last receiver has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Completed {
    /// When it was due.
    pub(crate) due_ns: u64,
    /// When its first receiver had it.
    pub(crate) first_ns: u64,
}

/// What one delivery did to its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// When the message was really written.
    pub(crate) sent_ns: u64,
    /// Set by the last receiver, if no other had to be given up.
    pub(crate) completed: Option<Completed>,
    /// Set when nobody is waited for any more: the sender may send its next.
    pub(crate) done: bool,
}

#[derive(Debug, Clone, Copy)]
struct Message {
    due_ns: u64,
    sent_ns: u64,
    first_ns: u64,
    waiting: u32,
    heard: bool,
    given_up: bool,
}

/// One sender's messages in flight, in order of sequence.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    /// The sequence number of the front of the queue.
    base: u32,
    queue: VecDeque<Message>,
}

impl InFlight {
    /// Takes off message number `sent()`, which `receivers` (at least 1) are owed.
    pub(crate) fn sent_one(&mut self, due_ns: u64, sent_ns: u64, receivers: u32) {
        self.queue.push_back(Message {
            due_ns,
            sent_ns,
            first_ns: 0,
            waiting: receivers,
            heard: false,
            given_up: false,
        });
    }

    /// One receiver has message `sequence`; nothing if that is not in flight.
    #[inline]
    pub(crate) fn delivered(&mut self, sequence: u32, now_ns: u64) -> Option<Step> {
        let at = sequence.wrapping_sub(self.base) as usize;
        let message = self.queue.get_mut(at).filter(|f| f.waiting > 0)?;
        if !message.heard {
            message.heard = true;
            message.first_ns = now_ns;
        }
        message.waiting -= 1;
        let done = message.waiting == 0;
        let step = Step {
            sent_ns: message.sent_ns,
            completed: (done && !message.given_up).then_some(Completed {
                due_ns: message.due_ns,
                first_ns: message.first_ns,
            }),
            done,
        };
        if done {
            self.clear_completed();
        }
        Some(step)
    }

    /// One receiver will not have those of `sequences`; returns how many messages nobody is
    /// waited for any more.
    pub(crate) fn give_up(&mut self, sequences: Range<u32>) -> u32 {
        let mut done = 0;
        let end = self
            .base
            .saturating_add(self.queue.len().try_into().unwrap_or(u32::MAX));
        for sequence in sequences.start.max(self.base)..sequences.end.min(end) {
            let at = (sequence - self.base) as usize;
            if let Some(message) = self.queue.get_mut(at).filter(|f| f.waiting > 0) {
                message.waiting -= 1;
                message.given_up = true;
                done += u32::from(message.waiting == 0);
            }
        }
        self.clear_completed();
        done
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    fn clear_completed(&mut self) {
        while self.queue.front().is_some_and(|f| f.waiting == 0) {
            self.queue.pop_front();
            self.base += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_three_lands_it() {
        let mut in_flight_of = InFlight::default();
        in_flight_of.sent_one(10, 12, 3);
        let step = |now, in_flight_of: &mut InFlight| in_flight_of.delivered(0, now).unwrap();
        assert_eq!(step(20, &mut in_flight_of).completed, None);
        assert!(!step(25, &mut in_flight_of).done);
        let last = step(31, &mut in_flight_of);
        assert_eq!(
            last,
            Step {
                sent_ns: 12,
                completed: Some(Completed {
                    due_ns: 10,
                    first_ns: 20
                }),
                done: true
            }
        );
        assert!(in_flight_of.is_empty());
        assert_eq!(in_flight_of.delivered(0, 40), None);
    }

    #[test]
    fn they_may_land_in_any_order() {
        let mut in_flight_of = InFlight::default();
        for due in 0..3 {
            in_flight_of.sent_one(due, due, 1);
        }
        assert!(in_flight_of.delivered(2, 9).unwrap().done);
        assert!(in_flight_of.delivered(0, 9).unwrap().done);
        assert_eq!(in_flight_of.delivered(0, 9), None);
        assert_eq!(in_flight_of.delivered(2, 9), None);
        assert!(in_flight_of.delivered(1, 9).unwrap().done);
        assert!(in_flight_of.is_empty());
        in_flight_of.sent_one(3, 3, 1);
        assert!(in_flight_of.delivered(3, 10).unwrap().done);
    }

    #[test]
    fn what_is_given_up_is_done_but_has_not_landed() {
        let mut in_flight_of = InFlight::default();
        for _ in 0..3 {
            in_flight_of.sent_one(0, 0, 2);
        }
        assert_eq!(in_flight_of.give_up(0..2), 0);
        let step = in_flight_of.delivered(0, 5).unwrap();
        assert_eq!((step.done, step.completed), (true, None));
        assert_eq!(in_flight_of.give_up(0..9), 1);
        assert!(in_flight_of.delivered(2, 5).unwrap().done);
        assert!(in_flight_of.is_empty());
    }
}
