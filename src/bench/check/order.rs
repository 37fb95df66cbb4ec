//! Whether all receivers have heard the messages in one and the same order. Knows no bytes and no
//! clock.
//!
//! A message gets its *place* in the order when a receiver that hears everything has it for the
//! first time; each receiver must then hear places that ascend. A sender does not hear itself, so
//! it cannot give places: what it hears before the others waits until they have heard it too.
//! Where all members send, none hears everything. Then there are three orders, of all messages but
//! those of one of the first three members, which that member knows: any two messages that two
//! receivers have both heard are in at least one of them.

use std::collections::{HashMap, VecDeque};

/// Orders that are kept at most.
pub(crate) const ORDERS: usize = 3;
/// Messages that may wait for their place, of all receivers. What is more is not judged.
const WAITING_MAX: usize = 1 << 20;

/// A message's places. Packed, so that a message with them fits a line of the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C, packed(4))]
pub(crate) struct Places {
    /// In each order, from 1; 0 while it has none.
    at: [u64; ORDERS],
    /// Receivers that wait for them. The message must not be forgotten before.
    waiting: u32,
}

impl Places {
    /// Whether no receiver waits for them.
    #[inline]
    pub(crate) fn is_free(&self) -> bool {
        self.waiting == 0
    }

    /// One receiver waits for them no more.
    pub(crate) fn release(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }
}

/// Where the messages are that receivers wait for.
pub(crate) trait Messages {
    /// The places of a message, and whether all who were to hear it have, or will not.
    fn find(&self, sender: u32, sequence: u32) -> (Places, bool);
    /// One receiver waits for it no more.
    fn release(&mut self, sender: u32, sequence: u32);
}

/// Who sends among those who listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Receivers from this one on hear everything.
    ListenersFrom(usize),
    /// Nobody hears everything.
    AllSend,
}

/// The order of one run.
#[derive(Debug)]
pub(crate) struct Order {
    kind: Kind,
    last: [u64; ORDERS],
    /// By receiver: the last place it has heard, in each order.
    heard: Vec<[u64; ORDERS]>,
    /// By receiver: what it has heard before those who give places, in order.
    waiting: HashMap<usize, VecDeque<(u32, u32)>>,
    waiting_count: usize,
    /// Messages that a receiver has heard after one that others have heard later.
    pub(crate) violations: u64,
}

impl Order {
    /// Of `receivers`, the first `senders` of whom send and do not hear themselves.
    pub(crate) fn new(receivers: usize, senders: usize) -> Self {
        Self {
            kind: if senders < receivers {
                Kind::ListenersFrom(senders)
            } else {
                Kind::AllSend
            },
            last: [0; ORDERS],
            heard: vec![[0; ORDERS]; receivers],
            waiting: HashMap::new(),
            waiting_count: 0,
            violations: 0,
        }
    }

    /// `receiver` has a message of `sender` for the first time. Its places may be given now;
    /// returns whether they were.
    #[inline(always)]
    pub(crate) fn heard(
        &mut self,
        receiver: usize,
        sender: u32,
        sequence: u32,
        places: &mut Places,
    ) -> bool {
        if let Kind::ListenersFrom(first) = self.kind
            && receiver >= first
        {
            let is_new = places.at[0] == 0;
            if is_new {
                self.last[0] += 1;
                places.at[0] = self.last[0];
            }
            self.check(receiver, 0, places.at[0]);
            return is_new;
        }
        self.heard_by_sender(receiver, sender, sequence, places)
    }

    fn heard_by_sender(
        &mut self,
        receiver: usize,
        sender: u32,
        sequence: u32,
        places: &mut Places,
    ) -> bool {
        let mut is_new = false;
        if self.kind == Kind::AllSend && receiver < ORDERS {
            is_new = places.at[receiver] == 0;
            if is_new {
                self.last[receiver] += 1;
                places.at[receiver] = self.last[receiver];
            }
        }
        let is_behind = self.waiting.get(&receiver).is_some_and(|w| !w.is_empty());
        if !is_behind && self.is_placed(sender, places) {
            self.check_all(receiver, sender, places);
        } else if self.waiting_count < WAITING_MAX {
            self.waiting_count += 1;
            places.waiting += 1;
            let waiting = self.waiting.entry(receiver).or_default();
            waiting.push_back((sender, sequence));
        }
        is_new
    }

    /// Whether something waits for its place.
    #[inline]
    pub(crate) fn has_waiting(&self) -> bool {
        self.waiting_count > 0
    }

    /// Judges what has waited and has its places now.
    pub(crate) fn judge_waiting(&mut self, messages: &mut (impl Messages + ?Sized)) {
        let mut all = std::mem::take(&mut self.waiting);
        for (receiver, waiting) in &mut all {
            while let Some((sender, sequence)) = waiting.front().copied() {
                let (places, is_over) = messages.find(sender, sequence);
                // What those who give places have lost has none.
                if !is_over && !self.is_placed(sender, &places) {
                    break;
                }
                self.check_all(*receiver, sender, &places);
                messages.release(sender, sequence);
                waiting.pop_front();
                self.waiting_count -= 1;
            }
        }
        self.waiting = all;
    }

    /// The orders in which a message of `sender` has a place.
    fn orders_of(&self, sender: u32) -> impl Iterator<Item = usize> + use<> {
        let (orders, without) = match self.kind {
            Kind::ListenersFrom(_) => (1, usize::MAX),
            Kind::AllSend => (ORDERS, sender as usize),
        };
        (0..orders).filter(move |order| *order != without)
    }

    fn is_placed(&self, sender: u32, places: &Places) -> bool {
        // With fewer than three members nobody gives the places of the third order.
        let receivers = self.heard.len();
        let orders = self.orders_of(sender);
        orders
            .filter(|order| *order < receivers)
            .all(|order| places.at[order] != 0)
    }

    fn check_all(&mut self, receiver: usize, sender: u32, places: &Places) {
        let before = self.violations;
        for order in self.orders_of(sender) {
            if places.at[order] != 0 {
                self.check(receiver, order, places.at[order]);
            }
        }
        // It is one message, however many orders it is in.
        self.violations = self.violations.min(before + 1);
    }

    #[inline]
    fn check(&mut self, receiver: usize, order: usize, place: u64) {
        let heard = &mut self.heard[receiver][order];
        if place < *heard {
            self.violations += 1;
        } else {
            *heard = place;
        }
    }
}

/// One order among threads, each of which has checked its own receivers: they tell what they have
/// heard, and are the receivers here.
#[derive(Debug)]
pub(crate) struct SharedOrder {
    order: Order,
    heard: Heard,
}

/// Messages, and how many receivers have told of each.
#[derive(Debug)]
struct Heard {
    messages: HashMap<(u32, u32), (Places, usize)>,
    receivers: usize,
}

impl Messages for Heard {
    fn find(&self, sender: u32, sequence: u32) -> (Places, bool) {
        let found = self.messages.get(&(sender, sequence));
        found.map_or((Places::default(), true), |(places, times)| {
            (*places, *times >= self.receivers)
        })
    }

    fn release(&mut self, sender: u32, sequence: u32) {
        if let Some((places, _)) = self.messages.get_mut(&(sender, sequence)) {
            places.release();
        }
        self.forget(sender, sequence);
    }
}

impl Heard {
    /// Forgets a message that all have told of, and that nobody waits for.
    fn forget(&mut self, sender: u32, sequence: u32) {
        let key = (sender, sequence);
        let is_over =
            |(places, times): &(Places, usize)| *times >= self.receivers && places.is_free();
        if self.messages.get(&key).is_some_and(is_over) {
            self.messages.remove(&key);
        }
    }
}

/// Messages remembered at most; what is more is not judged.
const MESSAGES_MAX: usize = 1 << 20;

impl SharedOrder {
    /// As [`Order::new`].
    pub(crate) fn new(receivers: usize, senders: usize) -> Self {
        Self {
            order: Order::new(receivers, senders),
            heard: Heard {
                messages: HashMap::new(),
                // One that sends does not hear itself.
                receivers: receivers - usize::from(senders > 0),
            },
        }
    }

    /// What was heard, in order: receiver, sender, sequence.
    pub(crate) fn heard(&mut self, all: impl Iterator<Item = (u32, u32, u32)>) {
        for (receiver, sender, sequence) in all {
            let (key, messages) = ((sender, sequence), &mut self.heard.messages);
            if messages.len() >= MESSAGES_MAX && !messages.contains_key(&key) {
                continue;
            }
            let (places, times) = messages.entry(key).or_default();
            *times += 1;
            self.order
                .heard(receiver as usize, sender, sequence, places);
            if self.order.has_waiting() {
                self.order.judge_waiting(&mut self.heard);
            }
            self.heard.forget(sender, sequence);
        }
    }

    /// Messages that were heard in two orders.
    pub(crate) fn violations(&self) -> u64 {
        self.order.violations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells a shared order what each receiver has heard, one after the other.
    fn violations(senders: usize, heard: &[&[(u32, u32)]]) -> u64 {
        let mut order = SharedOrder::new(heard.len(), senders);
        let longest = heard.iter().map(|h| h.len()).max().unwrap_or(0);
        for i in 0..longest {
            for (receiver, messages) in heard.iter().enumerate() {
                if let Some((sender, sequence)) = messages.get(i) {
                    let receiver = u32::try_from(receiver).unwrap();
                    order.heard(std::iter::once((receiver, *sender, *sequence)));
                }
            }
        }
        order.violations()
    }

    const A: (u32, u32) = (0, 0);
    const B: (u32, u32) = (1, 0);
    const C: (u32, u32) = (2, 0);
    const D: (u32, u32) = (3, 0);

    #[test]
    fn listeners_agree_or_not() {
        assert_eq!(violations(2, &[&[B], &[A], &[A, B], &[A, B]]), 0);
        assert_eq!(violations(2, &[&[B], &[A], &[A, B], &[B, A]]), 1);
        // One that hears less is in order.
        assert_eq!(violations(2, &[&[], &[A], &[A, B], &[B]]), 0);
    }

    #[test]
    fn a_sender_that_hears_first_gives_no_places() {
        // B comes before A. Their senders hear one each, before the others do.
        let mut order = SharedOrder::new(4, 2);
        let heard = [(0, B), (1, A), (2, B), (2, A), (3, B), (3, A)];
        order.heard(heard.into_iter().map(|(r, (s, q))| (r, s, q)));
        assert_eq!(order.violations(), 0);
        // A sender that heard C and D the other way round is found when the others have them.
        let mut order = SharedOrder::new(6, 4);
        let heard = [(0, D), (0, C), (4, C), (4, D), (5, C), (5, D)];
        order.heard(heard.into_iter().map(|(r, (s, q))| (r, s, q)));
        assert_eq!(order.violations(), 1);
    }

    #[test]
    fn where_all_send_each_pair_is_known_by_somebody() {
        // The order is A, B, C, D; each hears all but its own.
        let all = [&[B, C, D][..], &[A, C, D], &[A, B, D], &[A, B, C]];
        assert_eq!(violations(4, &all), 0);
        for receiver in 0..4 {
            for i in 0..2 {
                let mut swapped = all.map(<[_]>::to_vec);
                swapped[receiver].swap(i, i + 1);
                let told: Vec<&[_]> = swapped.iter().map(Vec::as_slice).collect();
                assert!(violations(4, &told) > 0, "{receiver} {i}");
            }
        }
    }

    #[test]
    fn what_all_have_heard_is_judged_also_where_it_had_to_wait() {
        // The order is A, B. The fourth hears B first, and the first, who gives places, hears B
        // last of all: A is long over when B has its place.
        let [a, b, x] = [(1, 0), (2, 0), (3, 0)];
        let mut order = SharedOrder::new(5, 5);
        let heard = [
            (4, b),
            (4, a),
            (0, a),
            (2, a),
            (3, a),
            (1, b),
            (3, b),
            (0, x),
            (0, b),
        ];
        order.heard(
            heard
                .into_iter()
                .map(|(r, (s, q)): (u32, (u32, u32))| (r, s, q)),
        );
        assert_eq!(order.violations(), 1);
    }

    #[test]
    fn few_members_have_no_order_to_disagree_on() {
        assert_eq!(violations(2, &[&[B], &[A]]), 0);
        assert_eq!(violations(1, &[&[], &[A]]), 0);
        assert_eq!(violations(3, &[&[B, C], &[A, C], &[A, B]]), 0);
        assert_eq!(violations(3, &[&[C, B], &[C, A], &[B, A]]), 0);
    }
}
