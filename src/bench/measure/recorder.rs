//! What arrived at whom: judges each message that a member of one thread was sent, keeps account of
//! it and of the latencies, and notes which sender may send again. No socket, no clock.
//!
//! Members and senders have numbers that count through all threads; the `n`-th member of a thread
//! is `n * threads + thread` of all. In here `member` is the thread's own count, and `sender` that
//! of all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::bench::check::header::{Header, SEQUENCE_END};
use crate::bench::check::nick::Nicks;
use crate::bench::check::order::Order;
use crate::bench::check::tracker::{Arrival, DeliveryTracker};
use crate::bench::config::{Load, Scenario};
use crate::bench::load::in_flight::{Completed, InFlight};
use crate::bench::load::ready_senders::ReadySenders;
use crate::bench::load::shared::{Note, Shared, part};
use crate::bench::measure::metrics::Metrics;
use crate::bench::protocol::{Item, Kind};
use crate::sanitize::sanitize;

/// The sequence number of messages that only find out who is there.
pub(crate) const PROBE: u32 = SEQUENCE_END;

mod arrival;

/// Who gets what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The sender alone.
    Sender,
    /// Everybody but the sender.
    Others,
    /// Everybody.
    All,
}

/// How a message is judged that a member of a room was sent for the first time.
#[derive(Debug)]
enum OrderCheck {
    /// It is not: an echo has no order, and other servers promise none.
    None,
    /// Here.
    Own(Order),
    /// Here, and the thread's order goes on to where those of all threads are compared.
    OwnAndShared(Order),
    /// Where all threads' receivers are compared.
    Shared,
}

/// The state of a thread's members as receivers.
#[derive(Debug)]
pub(crate) struct Recorder {
    shared: Arc<Shared>,
    /// By sender of all: how many it has sent.
    sent: Arc<[AtomicU32]>,
    thread: usize,
    threads: usize,
    run_digits: [u8; 8],
    text_bytes: usize,
    in_lines: bool,
    reach: Reach,
    senders: usize,
    /// Members that are still connected.
    present: usize,
    is_present: Vec<bool>,
    tracker: DeliveryTracker,
    /// By sender of all; in an echo, by member, and none in a closed loop: there a message has one
    /// receiver and was sent when it was due, so all is known without.
    in_flight: Vec<InFlight>,
    /// By sender of this thread: messages that somebody still waits for.
    awaited: Vec<u32>,
    order: OrderCheck,
    nicks: Option<Nicks>,
    is_probed: Vec<bool>,
    open_loop: bool,
    /// The header says when a message was really sent.
    has_sent_time: bool,
    /// The load has begun: what is damaged counts.
    pub(crate) listening: bool,
    /// Senders of this thread, by member, who may have something to send.
    pub(crate) ready: ReadySenders,
    /// What is measured.
    pub(crate) metrics: Metrics,
    /// What is to be told to the home of other threads' messages.
    pub(crate) notes: Vec<Note>,
    /// What is to be told to the shared order.
    pub(crate) heard: Vec<(u32, u32, u32)>,
    /// A sender's own messages that came back to it, though it is owed none.
    pub(crate) own: u64,
    /// Messages of other runs, and talk.
    pub(crate) talk: u64,
    /// The last thing to be known of a server that does not do what it is to: what it complained of,
    /// or said before the load began.
    pub(crate) remark: Option<String>,
}

impl Recorder {
    /// For the members of `thread` that `load` asks for.
    pub(crate) fn new(load: &Load, shared: &Arc<Shared>, thread: usize) -> Self {
        let settings = &load.settings;
        let threads = settings.threads;
        let members = part(settings.connections, thread, threads);
        let own_senders = part(settings.senders, thread, threads);
        let (reach, columns) = match load.scenario {
            Scenario::Echo => (Reach::Sender, 1),
            Scenario::Room if settings.own => (Reach::All, settings.senders),
            Scenario::Room => (Reach::Others, settings.senders),
        };
        let in_lines = settings.protocol == Kind::Line;
        let is_judged = settings.protocol.is_room() && load.scenario == Scenario::Room;
        // Where senders hear themselves, all hear everything.
        let silent = if settings.own { 0 } else { own_senders };
        let order = match (is_judged, threads, shared.has_listeners) {
            (false, ..) => OrderCheck::None,
            (true, 1, _) => OrderCheck::Own(Order::new(members, silent)),
            (true, _, true) => OrderCheck::OwnAndShared(Order::new(members, silent)),
            (true, _, false) => OrderCheck::Shared,
        };
        let open_loop = settings.in_flight.is_none();
        let queues = match reach {
            Reach::Sender if open_loop => members,
            Reach::Sender => 0,
            Reach::Others | Reach::All => settings.senders,
        };
        Self {
            shared: Arc::clone(shared),
            sent: shared.sent_counts(),
            thread,
            threads,
            run_digits: Header::run_digits(shared.run),
            text_bytes: settings.text_bytes(),
            in_lines,
            reach,
            senders: settings.senders,
            present: members,
            is_present: vec![true; members],
            tracker: DeliveryTracker::new(members, columns),
            in_flight: (0..queues).map(|_| InFlight::default()).collect(),
            awaited: vec![0; own_senders],
            order,
            nicks: is_judged.then(|| Nicks::new(settings.senders)),
            is_probed: vec![false; members],
            open_loop,
            has_sent_time: carries_sent_time(load),
            listening: false,
            ready: ReadySenders::new(own_senders),
            metrics: Metrics::default(),
            notes: Vec::new(),
            heard: Vec::new(),
            own: 0,
            talk: 0,
            remark: None,
        }
    }

    /// What the members had.
    pub(crate) fn tracker(&self) -> &DeliveryTracker {
        &self.tracker
    }

    /// How each sender's lines began.
    pub(crate) fn nicks(&self) -> Option<&Nicks> {
        self.nicks.as_ref()
    }

    /// Messages that the thread's receivers have heard in two orders.
    pub(crate) fn order_violations(&self) -> u64 {
        match &self.order {
            OrderCheck::Own(order) | OrderCheck::OwnAndShared(order) => order.violations,
            OrderCheck::None | OrderCheck::Shared => 0,
        }
    }

    /// How many of a sender's messages somebody still waits for.
    #[inline]
    pub(crate) fn awaited(&self, member: usize) -> u32 {
        self.awaited[member]
    }

    /// Whether nobody waits for anything.
    pub(crate) fn is_all_done(&self) -> bool {
        self.awaited.iter().all(|n| *n == 0)
    }

    /// Whether `member` has had a probe.
    #[inline]
    pub(crate) fn is_probed(&self, member: usize) -> bool {
        self.is_probed[member]
    }

    /// The number of the thread's member among all.
    #[inline]
    pub(crate) fn number_of(&self, member: usize) -> usize {
        member * self.threads + self.thread
    }

    /// The member that is `sender`, if it is this thread's.
    #[inline]
    fn member_of(&self, sender: usize) -> Option<usize> {
        if self.threads == 1 {
            return Some(sender);
        }
        (sender % self.threads == self.thread).then_some(sender / self.threads)
    }

    #[inline]
    fn is_closed_echo(&self) -> bool {
        self.reach == Reach::Sender && !self.open_loop
    }

    #[inline]
    fn queue_of(&self, sender: usize) -> usize {
        match self.reach {
            Reach::Sender => sender / self.threads,
            Reach::Others | Reach::All => sender,
        }
    }

    /// The next message of `member` is on its way.
    #[inline]
    pub(crate) fn sent_one(&mut self, member: usize, due_ns: u64, now_ns: u64) {
        let sender = self.number_of(member);
        let own = usize::from(self.is_present[member]);
        let receivers = match self.reach {
            Reach::Sender => 1,
            Reach::Others => self.present - own + self.shared.others_present(self.thread),
            Reach::All => self.present + self.shared.others_present(self.thread),
        };
        self.shared.count_sent(sender);
        self.metrics.measured += u64::from(self.metrics.window().contains(due_ns));
        if receivers == 0 {
            self.metrics.done(now_ns);
            return;
        }
        self.awaited[member] += 1;
        if !self.is_closed_echo() {
            let receivers = u32::try_from(receivers).unwrap_or(u32::MAX);
            let queue = self.queue_of(sender);
            self.in_flight[queue].sent(due_ns, now_ns, receivers);
        }
    }

    /// Takes in what another thread's receivers had.
    pub(crate) fn noted(&mut self, now_ns: u64, note: &Note) {
        let (sender, sequence) = (note.sender as usize, note.sequence);
        let queue = self.queue_of(sender);
        let delivery = self.in_flight[queue].delivered_between(
            sequence,
            note.first_ns,
            note.last_ns,
            note.is_given_up,
        );
        if let Some(completed) = delivery.and_then(|delivery| delivery.completed) {
            self.completed(now_ns, sender, sequence, completed);
        }
    }

    /// `member` is no longer connected: it is owed what was sent so far, and no more.
    pub(crate) fn left(&mut self, now_ns: u64, member: usize) {
        if !std::mem::replace(&mut self.is_present[member], false) {
            return;
        }
        self.present -= 1;
        self.shared.left(self.thread);
        let number = self.number_of(member);
        let senders = match self.reach {
            Reach::Sender => number..number + 1,
            Reach::Others | Reach::All => 0..self.senders,
        };
        for sender in senders {
            if self.is_owed(member, sender) {
                let column = self.column(sender);
                let from = self.tracker.expected(member, column);
                self.give_up(now_ns, sender, from..self.shared.sent(sender));
            }
        }
        self.close(member);
    }

    /// Closes the account of all members: nothing more will be read.
    pub(crate) fn close_all(&mut self) {
        for member in 0..self.is_present.len() {
            self.close(member);
        }
        self.judge_waiting();
    }

    fn close(&mut self, member: usize) {
        let number = self.number_of(member);
        let (reach, shared) = (self.reach, &self.shared);
        self.tracker.close(member, |column| match reach {
            Reach::Sender => shared.sent(number),
            Reach::Others if column == number => 0,
            Reach::Others | Reach::All => shared.sent(column),
        });
    }

    #[inline]
    fn is_owed(&self, member: usize, sender: usize) -> bool {
        match self.reach {
            Reach::Sender => self.number_of(member) == sender,
            Reach::Others => self.number_of(member) != sender,
            Reach::All => true,
        }
    }

    #[inline]
    fn column(&self, sender: usize) -> usize {
        if self.reach == Reach::Sender {
            0
        } else {
            sender
        }
    }

    fn judge_waiting(&mut self) {
        if let OrderCheck::Own(order) | OrderCheck::OwnAndShared(order) = &mut self.order
            && order.has_waiting()
        {
            order.judge_waiting(self.in_flight.as_mut_slice());
        }
    }

    /// Nobody of this thread is waited for any more; at its home, nobody at all.
    #[inline]
    fn completed(&mut self, now_ns: u64, sender: usize, sequence: u32, completed: Completed) {
        self.judge_waiting();
        let queue = self.queue_of(sender);
        self.in_flight[queue].forget_completed();
        let Some(member) = self.member_of(sender) else {
            self.notes.push(Note {
                sender: u32::try_from(sender).unwrap_or(u32::MAX),
                sequence,
                first_ns: completed.first_ns,
                last_ns: completed.last_ns,
                is_given_up: completed.is_given_up,
            });
            return;
        };
        let counts = self.metrics.window().contains(completed.due_ns);
        if counts && self.reach != Reach::Sender && !completed.is_given_up {
            let (first_ns, last_ns) = (completed.first_ns, completed.last_ns);
            let last_receiver_ns = last_ns.saturating_sub(completed.due_ns);
            self.metrics.last_receiver.record(last_receiver_ns);
            self.metrics.skew.record(last_ns.saturating_sub(first_ns));
        }
        self.done(now_ns, member);
    }

    /// Nobody waits any more for one of `member`'s messages.
    #[inline]
    fn done(&mut self, now_ns: u64, member: usize) {
        self.metrics.done(now_ns);
        self.awaited[member] -= 1;
        if !self.open_loop {
            self.ready.add(member);
        }
    }

    fn give_up(&mut self, now_ns: u64, sender: usize, sequences: std::ops::Range<u32>) {
        if self.is_closed_echo() {
            if let Some(member) = self.member_of(sender) {
                sequences.for_each(|_| self.done(now_ns, member));
            }
            return;
        }
        let queue = self.queue_of(sender);
        let mut done = Vec::new();
        self.in_flight[queue].give_up(sequences, |sequence, completed| {
            done.push((sequence, completed));
        });
        for (sequence, completed) in done {
            self.completed(now_ns, sender, sequence, completed);
        }
    }
}

/// Whether messages say when they were really sent: receivers in other threads cannot look it up.
pub(crate) fn carries_sent_time(load: &Load) -> bool {
    let settings = &load.settings;
    settings.threads > 1 && load.scenario == Scenario::Room && settings.in_flight.is_none()
}
