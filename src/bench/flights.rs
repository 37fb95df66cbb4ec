//! The messages on their way: how many receivers each still waits for, when the first had it,
//! and when the last. Bounded by what is in flight. Knows no bytes and no clock.

use std::collections::VecDeque;
use std::ops::Range;

/// A message that its last receiver has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Landed {
    /// When it was due.
    pub due_ns: u64,
    /// When its first receiver had it.
    pub first_ns: u64,
}

/// What one delivery did to its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// When the message was really written.
    pub sent_ns: u64,
    /// Set by the last receiver, if no other had to be given up.
    pub landed: Option<Landed>,
    /// Set when nobody is waited for any more: the sender may send its next.
    pub done: bool,
}

#[derive(Debug, Clone, Copy)]
struct Flight {
    due_ns: u64,
    sent_ns: u64,
    first_ns: u64,
    waiting: u32,
    heard: bool,
    given_up: bool,
}

/// One sender's messages in flight, in order of sequence.
#[derive(Debug, Default)]
pub struct Flights {
    /// The sequence number of the front of the queue.
    base: u32,
    queue: VecDeque<Flight>,
}

impl Flights {
    /// Takes off message number `sent()`, which `receivers` (at least 1) are owed.
    pub fn take_off(&mut self, due_ns: u64, sent_ns: u64, receivers: u32) {
        self.queue.push_back(Flight {
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
    pub fn delivered(&mut self, sequence: u32, now_ns: u64) -> Option<Step> {
        let at = sequence.wrapping_sub(self.base) as usize;
        let flight = self.queue.get_mut(at).filter(|f| f.waiting > 0)?;
        if !flight.heard {
            flight.heard = true;
            flight.first_ns = now_ns;
        }
        flight.waiting -= 1;
        let done = flight.waiting == 0;
        let step = Step {
            sent_ns: flight.sent_ns,
            landed: (done && !flight.given_up).then_some(Landed {
                due_ns: flight.due_ns,
                first_ns: flight.first_ns,
            }),
            done,
        };
        if done {
            self.clear_landed();
        }
        Some(step)
    }

    /// One receiver will not have those of `sequences`; returns how many messages nobody is
    /// waited for any more.
    pub fn give_up(&mut self, sequences: Range<u32>) -> u32 {
        let mut done = 0;
        let end = self
            .base
            .saturating_add(self.queue.len().try_into().unwrap_or(u32::MAX));
        for sequence in sequences.start.max(self.base)..sequences.end.min(end) {
            let at = (sequence - self.base) as usize;
            if let Some(flight) = self.queue.get_mut(at).filter(|f| f.waiting > 0) {
                flight.waiting -= 1;
                flight.given_up = true;
                done += u32::from(flight.waiting == 0);
            }
        }
        self.clear_landed();
        done
    }

    /// Whether nothing is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    fn clear_landed(&mut self) {
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
        let mut flights = Flights::default();
        flights.take_off(10, 12, 3);
        let step = |now, flights: &mut Flights| flights.delivered(0, now).unwrap();
        assert_eq!(step(20, &mut flights).landed, None);
        assert!(!step(25, &mut flights).done);
        let last = step(31, &mut flights);
        assert_eq!(
            last,
            Step {
                sent_ns: 12,
                landed: Some(Landed {
                    due_ns: 10,
                    first_ns: 20
                }),
                done: true
            }
        );
        assert!(flights.is_empty());
        assert_eq!(flights.delivered(0, 40), None);
    }

    #[test]
    fn they_may_land_in_any_order() {
        let mut flights = Flights::default();
        for due in 0..3 {
            flights.take_off(due, due, 1);
        }
        assert!(flights.delivered(2, 9).unwrap().done);
        assert!(flights.delivered(0, 9).unwrap().done);
        assert_eq!(flights.delivered(0, 9), None);
        assert_eq!(flights.delivered(2, 9), None);
        assert!(flights.delivered(1, 9).unwrap().done);
        assert!(flights.is_empty());
        flights.take_off(3, 3, 1);
        assert!(flights.delivered(3, 10).unwrap().done);
    }

    #[test]
    fn what_is_given_up_is_done_but_has_not_landed() {
        let mut flights = Flights::default();
        for _ in 0..3 {
            flights.take_off(0, 0, 2);
        }
        assert_eq!(flights.give_up(0..2), 0);
        let step = flights.delivered(0, 5).unwrap();
        assert_eq!((step.done, step.landed), (true, None));
        assert_eq!(flights.give_up(0..9), 1);
        assert!(flights.delivered(2, 5).unwrap().done);
        assert!(flights.is_empty());
    }
}
