//! The messages on their way: how many receivers each still waits for, when the first had it,
//! and when the last. Bounded by what is in flight. Knows no bytes and no clock.
//!
//! With several threads, the sender's thread is the message's home. Each other thread counts its
//! own receivers, and its last one counts at home as one receiver more.

use std::collections::VecDeque;
use std::ops::Range;

use crate::bench::check::order::{Messages, Places};

/// A message that its last receiver has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Completed {
    /// When it was due.
    pub(crate) due_ns: u64,
    /// When its first receiver had it.
    pub(crate) first_ns: u64,
    /// When its last receiver had it.
    pub(crate) last_ns: u64,
    /// Some receiver will not have it.
    pub(crate) is_given_up: bool,
}

/// What one delivery did to its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// When the message was really written.
    pub(crate) sent_ns: u64,
    /// Set when nobody is waited for any more.
    pub(crate) completed: Option<Completed>,
}

#[derive(Debug, Clone, Copy)]
struct Message {
    due_ns: u64,
    sent_ns: u64,
    first_ns: u64,
    last_ns: u64,
    places: Places,
    waiting: u32,
    is_given_up: bool,
}

/// One sender's messages in flight, in order of sequence.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    /// The sequence number of the front of the queue.
    base: u32,
    queue: VecDeque<Message>,
}

const NOBODY_YET: u64 = u64::MAX;

impl InFlight {
    /// The sender's next message is on its way to `receivers`, at least 1.
    #[inline]
    pub(crate) fn sent(&mut self, due_ns: u64, sent_ns: u64, receivers: u32) {
        self.queue.push_back(Message {
            due_ns,
            sent_ns,
            first_ns: NOBODY_YET,
            last_ns: 0,
            places: Places::default(),
            waiting: receivers,
            is_given_up: false,
        });
    }

    /// Sees to it that message `sequence` is here, which another thread has sent to `receivers` of
    /// this one, with those before it.
    pub(crate) fn expect(&mut self, sequence: u32, due_ns: u64, sent_ns: u64, receivers: u32) {
        let Some(at) = sequence.checked_sub(self.base) else {
            return;
        };
        while self.queue.len() <= at as usize {
            self.sent(due_ns, sent_ns, receivers);
        }
        let message = &mut self.queue[at as usize];
        (message.due_ns, message.sent_ns) = (due_ns, sent_ns);
    }

    /// One receiver has message `sequence`, whose places `order` sees; nothing if that is not in
    /// flight.
    #[inline]
    pub(crate) fn delivered(
        &mut self,
        sequence: u32,
        now_ns: u64,
        order: impl FnOnce(&mut Places),
    ) -> Option<Delivery> {
        let at = sequence.wrapping_sub(self.base) as usize;
        let message = self.queue.get_mut(at).filter(|m| m.waiting > 0)?;
        order(&mut message.places);
        Some(message.delivered(now_ns, now_ns))
    }

    /// Another thread's receivers all have message `sequence`, or will not have it.
    pub(crate) fn delivered_between(
        &mut self,
        sequence: u32,
        first_ns: u64,
        last_ns: u64,
        is_given_up: bool,
    ) -> Option<Delivery> {
        let at = sequence.wrapping_sub(self.base) as usize;
        let message = self.queue.get_mut(at).filter(|m| m.waiting > 0)?;
        message.is_given_up |= is_given_up;
        Some(message.delivered(first_ns, last_ns))
    }

    /// One receiver will not have those of `sequences`; `done` is told of each that nobody is
    /// waited for any more.
    pub(crate) fn give_up(&mut self, sequences: Range<u32>, mut done: impl FnMut(u32, Completed)) {
        let end = self
            .base
            .saturating_add(self.queue.len().try_into().unwrap_or(u32::MAX));
        for sequence in sequences.start.max(self.base)..sequences.end.min(end) {
            let at = (sequence - self.base) as usize;
            if let Some(message) = self.queue.get_mut(at).filter(|m| m.waiting > 0) {
                message.waiting -= 1;
                message.is_given_up = true;
                if message.waiting == 0 {
                    done(sequence, message.as_completed());
                }
            }
        }
    }

    /// Forgets the oldest messages that nobody is waited for any more, and whose place nobody waits
    /// for.
    #[inline]
    pub(crate) fn forget_completed(&mut self) {
        let is_over = |message: &Message| message.waiting == 0 && message.places.is_free();
        while self.queue.front().is_some_and(is_over) {
            self.queue.pop_front();
            self.base += 1;
        }
    }
}

/// By sender.
impl Messages for [InFlight] {
    fn find(&self, sender: u32, sequence: u32) -> (Places, bool) {
        let sender = &self[sender as usize];
        let at = sequence.wrapping_sub(sender.base) as usize;
        let message = sender.queue.get(at);
        message.map_or((Places::default(), true), |m| (m.places, m.waiting == 0))
    }

    fn release(&mut self, sender: u32, sequence: u32) {
        let sender = &mut self[sender as usize];
        let at = sequence.wrapping_sub(sender.base) as usize;
        if let Some(message) = sender.queue.get_mut(at) {
            message.places.release();
        }
        sender.forget_completed();
    }
}

impl Message {
    #[inline]
    fn delivered(&mut self, first_ns: u64, last_ns: u64) -> Delivery {
        self.first_ns = self.first_ns.min(first_ns);
        self.last_ns = self.last_ns.max(last_ns);
        self.waiting -= 1;
        Delivery {
            sent_ns: self.sent_ns,
            completed: (self.waiting == 0).then(|| self.as_completed()),
        }
    }

    fn as_completed(&self) -> Completed {
        Completed {
            due_ns: self.due_ns,
            first_ns: self.first_ns,
            last_ns: self.last_ns,
            is_given_up: self.is_given_up,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_completed(in_flight: &mut InFlight, sequence: u32, now_ns: u64) -> bool {
        let delivery = in_flight.delivered(sequence, now_ns, |_| {});
        in_flight.forget_completed();
        delivery.unwrap().completed.is_some()
    }

    #[test]
    fn the_last_of_three_completes_it() {
        let mut in_flight = InFlight::default();
        in_flight.sent(10, 12, 3);
        assert!(!is_completed(&mut in_flight, 0, 20));
        assert!(!is_completed(&mut in_flight, 0, 25));
        let last = in_flight.delivered(0, 31, |_| {}).unwrap();
        let completed = Completed {
            due_ns: 10,
            first_ns: 20,
            last_ns: 31,
            is_given_up: false,
        };
        assert_eq!((last.sent_ns, last.completed), (12, Some(completed)));
        in_flight.forget_completed();
        assert!(in_flight.queue.is_empty());
        assert_eq!(in_flight.delivered(0, 40, |_| {}), None);
    }

    #[test]
    fn they_may_complete_in_any_order() {
        let mut in_flight = InFlight::default();
        for due in 0..3 {
            in_flight.sent(due, due, 1);
        }
        assert!(is_completed(&mut in_flight, 2, 9));
        assert!(is_completed(&mut in_flight, 0, 9));
        assert_eq!(in_flight.delivered(0, 9, |_| {}), None);
        assert_eq!(in_flight.delivered(2, 9, |_| {}), None);
        assert!(is_completed(&mut in_flight, 1, 9));
        assert!(in_flight.queue.is_empty());
        in_flight.sent(3, 3, 1);
        assert!(is_completed(&mut in_flight, 3, 10));
    }

    #[test]
    fn what_is_given_up_is_done_but_not_delivered() {
        let mut in_flight = InFlight::default();
        for _ in 0..3 {
            in_flight.sent(0, 0, 2);
        }
        let mut done = Vec::new();
        in_flight.give_up(0..2, |sequence, _| done.push(sequence));
        assert!(done.is_empty());
        let delivery = in_flight.delivered(0, 5, |_| {}).unwrap();
        assert!(delivery.completed.unwrap().is_given_up);
        in_flight.give_up(0..9, |sequence, _| done.push(sequence));
        assert_eq!(done, [1]);
        assert!(is_completed(&mut in_flight, 2, 5));
        assert!(in_flight.queue.is_empty());
    }

    #[test]
    fn other_threads_messages_come_with_their_first_receiver() {
        let mut in_flight = InFlight::default();
        in_flight.expect(1, 50, 60, 2);
        assert!(!is_completed(&mut in_flight, 1, 70));
        in_flight.expect(0, 40, 41, 2);
        in_flight.expect(1, 50, 60, 2);
        assert!(is_completed(&mut in_flight, 1, 80));
        let first = in_flight.delivered(0, 90, |_| {}).unwrap();
        assert_eq!((first.sent_ns, first.completed), (41, None));
        assert!(is_completed(&mut in_flight, 0, 95));
        in_flight.expect(0, 40, 41, 2);
        assert!(in_flight.queue.is_empty());
    }
}
