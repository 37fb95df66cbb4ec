//! The messages on their way: how many receivers each still waits for, when the first had it,
//! and when the last. Bounded by what is in flight. Knows no bytes and no clock.
//!
//! With several threads, the sender's thread is the message's home. Each other thread counts its
//! own receivers, and its last one counts at home as one receiver more.

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
    /// When the message was due.
    pub(crate) due_ns: u64,
    /// When the message was really written.
    pub(crate) sent_ns: u64,
    /// Set when nobody is waited for any more.
    pub(crate) completed: Option<Completed>,
}

/// One line of the cache: thousands of receivers come by in turn.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Message {
    due_ns: u64,
    sent_ns: u64,
    first_ns: u64,
    /// [`GIVEN_UP`], once some receiver will not have it.
    last_ns: u64,
    places: Places,
    waiting: u32,
}

const _: () = assert!(size_of::<Message>() == 64);

/// One sender's messages in flight: those from `base` up to `end`, which is not one. The place of a
/// message in the ring is its number, modulo the ring's length.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    /// None, or a power of two.
    ring: Vec<Message>,
    base: u32,
    end: u32,
}

const NOBODY_YET: u64 = u64::MAX;
const GIVEN_UP: u64 = u64::MAX;

impl InFlight {
    /// The sender's next message is on its way to `receivers`, at least 1.
    #[inline]
    pub(crate) fn sent(&mut self, due_ns: u64, sent_ns: u64, receivers: u32) {
        let message = Message {
            due_ns,
            sent_ns,
            first_ns: NOBODY_YET,
            last_ns: 0,
            places: Places::default(),
            waiting: receivers,
        };
        if self.len() == self.ring.len() {
            self.grow(message);
        }
        let at = self.index(self.end);
        self.ring[at] = message;
        self.end += 1;
    }

    #[cold]
    fn grow(&mut self, blank: Message) {
        let mut wider = vec![blank; (self.ring.len() * 2).max(1)];
        let mask = wider.len() - 1;
        for sequence in self.base..self.end {
            wider[sequence as usize & mask] = self.ring[self.index(sequence)];
        }
        self.ring = wider;
    }

    #[inline]
    fn len(&self) -> usize {
        (self.end - self.base) as usize
    }

    #[inline]
    fn index(&self, sequence: u32) -> usize {
        sequence as usize & self.ring.len().wrapping_sub(1)
    }

    /// Message `sequence`, if somebody waits for it or for its place.
    #[inline]
    fn get(&self, sequence: u32) -> Option<&Message> {
        if sequence.wrapping_sub(self.base) >= self.end - self.base {
            return None;
        }
        self.ring.get(self.index(sequence))
    }

    #[inline]
    fn get_mut(&mut self, sequence: u32) -> Option<&mut Message> {
        if sequence.wrapping_sub(self.base) >= self.end - self.base {
            return None;
        }
        let at = self.index(sequence);
        self.ring.get_mut(at)
    }

    /// Sees to it that message `sequence` is here, which another thread has sent to `receivers` of
    /// this one, with those before it.
    pub(crate) fn expect(&mut self, sequence: u32, due_ns: u64, sent_ns: u64, receivers: u32) {
        if sequence < self.base {
            return;
        }
        while self.end <= sequence {
            self.sent(due_ns, sent_ns, receivers);
        }
        if let Some(message) = self.get_mut(sequence) {
            (message.due_ns, message.sent_ns) = (due_ns, sent_ns);
        }
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
        let message = self.get_mut(sequence).filter(|m| m.waiting > 0)?;
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
        let message = self.get_mut(sequence).filter(|m| m.waiting > 0)?;
        let last_ns = if is_given_up { GIVEN_UP } else { last_ns };
        Some(message.delivered(first_ns, last_ns))
    }

    /// One receiver will not have those of `sequences`; `done` is told of each that nobody is
    /// waited for any more.
    pub(crate) fn give_up(&mut self, sequences: Range<u32>, mut done: impl FnMut(u32, Completed)) {
        for sequence in sequences.start.max(self.base)..sequences.end.min(self.end) {
            if let Some(message) = self.get_mut(sequence).filter(|m| m.waiting > 0) {
                message.waiting -= 1;
                message.last_ns = GIVEN_UP;
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
        while self.get(self.base).is_some_and(is_over) {
            self.base += 1;
        }
    }
}

/// By sender.
impl Messages for [InFlight] {
    fn find(&self, sender: u32, sequence: u32) -> (Places, bool) {
        let message = self[sender as usize].get(sequence);
        message.map_or((Places::default(), true), |m| (m.places, m.waiting == 0))
    }

    fn release(&mut self, sender: u32, sequence: u32) {
        let sender = &mut self[sender as usize];
        if let Some(message) = sender.get_mut(sequence) {
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
            due_ns: self.due_ns,
            sent_ns: self.sent_ns,
            completed: (self.waiting == 0).then(|| self.as_completed()),
        }
    }

    fn as_completed(&self) -> Completed {
        Completed {
            due_ns: self.due_ns,
            first_ns: self.first_ns,
            last_ns: self.last_ns,
            is_given_up: self.last_ns == GIVEN_UP,
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
        assert!(in_flight.len() == 0);
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
        assert!(in_flight.len() == 0);
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
        assert!(in_flight.len() == 0);
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
        assert!(in_flight.len() == 0);
    }

    #[test]
    fn any_number_may_be_in_flight() {
        let mut in_flight = InFlight::default();
        for sequence in 0..5 {
            in_flight.sent(sequence, 0, 1);
        }
        for sequence in 0..3 {
            assert!(is_completed(&mut in_flight, sequence, 9));
        }
        // It grows while what is in it lies around its end.
        for sequence in 5..20 {
            in_flight.sent(sequence, 0, 1);
        }
        for sequence in 3..20 {
            let delivery = in_flight.delivered(sequence, 9, |_| {}).unwrap();
            let due_ns = delivery.completed.unwrap().due_ns;
            assert_eq!(due_ns, u64::from(sequence));
        }
        in_flight.forget_completed();
        assert_eq!((in_flight.len(), in_flight.ring.len()), (0, 32));
    }
}
