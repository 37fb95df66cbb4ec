//! What arrived at whom: judges each message that a member was sent, keeps the books and the
//! latencies, and notes whose turn to send has come. No socket, no clock.

use crate::bench::check::header::{Header, SEQUENCE_END};
use crate::bench::check::tracker::{Arrival, DeliveryTracker};
use crate::bench::config::{Load, Scenario};
use crate::bench::load::in_flight::InFlight;
use crate::bench::load::ready_senders::ReadySenders;
use crate::bench::measure::metrics::Metrics;
use crate::bench::protocol::{Item, Kind};
use crate::sanitize::sanitize;

/// The sequence number of messages that only find out who is there.
pub(crate) const PROBE: u32 = SEQUENCE_END;

/// What a server says is kept up to here, to be shown in an error.
const LAST_WORDS_BYTES_MAX: usize = 200;

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

/// The state of all members as receivers.
#[derive(Debug)]
pub(crate) struct Recorder {
    run: u32,
    run_digits: [u8; 8],
    text_bytes: usize,
    in_lines: bool,
    reach: Reach,
    senders: usize,
    /// Members that are still connected.
    present: usize,
    is_present: Vec<bool>,
    tracker: DeliveryTracker,
    /// By sender.
    in_flight_of: Vec<InFlight>,
    /// By sender: how many it has sent.
    sent: Vec<u32>,
    /// By sender: messages that somebody still waits for.
    in_flight: Vec<u32>,
    heard_probe: Vec<bool>,
    hearers: usize,
    open_loop: bool,
    /// The load has begun: what is damaged counts.
    pub(crate) listening: bool,
    /// Senders who may have something to send.
    pub(crate) ready: ReadySenders,
    /// What is measured.
    pub(crate) metrics: Metrics,
    /// Messages that nobody is waited for any more.
    pub(crate) done: u64,
    /// A sender's own messages that came back to it, though it is owed none.
    pub(crate) own: u64,
    /// Messages of other runs, and talk.
    pub(crate) talk: u64,
    /// The last thing that the server complained of, or said before the load began.
    pub(crate) last_words: Option<String>,
}

impl Recorder {
    /// For the members that `load` asks for.
    #[must_use]
    pub(crate) fn new(load: &Load, run: u32) -> Self {
        let (members, senders) = (load.connections, load.senders());
        let (reach, columns) = match load.scenario {
            Scenario::Echo => (Reach::Sender, 1),
            Scenario::Room { own: true, .. } => (Reach::All, senders),
            Scenario::Room { own: false, .. } => (Reach::Others, senders),
        };
        Self {
            run,
            run_digits: Header::run_digits(run),
            text_bytes: load.text_bytes(),
            in_lines: load.protocol() == Kind::Line,
            reach,
            senders,
            present: members,
            is_present: vec![true; members],
            tracker: DeliveryTracker::new(members, columns),
            in_flight_of: (0..senders).map(|_| InFlight::default()).collect(),
            sent: vec![0; senders],
            in_flight: vec![0; senders],
            heard_probe: vec![false; members],
            hearers: 0,
            open_loop: matches!(load.pace, crate::bench::load::schedule::Pace::Open { .. }),
            listening: false,
            ready: ReadySenders::new(senders),
            metrics: Metrics::default(),
            done: 0,
            own: 0,
            talk: 0,
            last_words: None,
        }
    }

    /// The books.
    #[must_use]
    pub(crate) fn tracker(&self) -> &DeliveryTracker {
        &self.tracker
    }

    /// How many `sender` has sent; also its next message's sequence number.
    #[must_use]
    pub(crate) fn sent(&self, sender: usize) -> u32 {
        self.sent[sender]
    }

    /// How many all have sent.
    #[must_use]
    pub(crate) fn sent_by_all(&self) -> u64 {
        self.sent.iter().map(|n| u64::from(*n)).sum()
    }

    /// How many of `sender`'s messages somebody still waits for.
    #[must_use]
    pub(crate) fn in_flight(&self, sender: usize) -> u32 {
        self.in_flight[sender]
    }

    /// Whether nobody waits for anything.
    #[must_use]
    pub(crate) fn all_completed(&self) -> bool {
        self.in_flight.iter().all(|n| *n == 0)
    }

    /// How many members have had a probe.
    #[must_use]
    pub(crate) fn hearers(&self) -> usize {
        self.hearers
    }

    /// Whether `member` has had a probe.
    #[must_use]
    pub(crate) fn has_heard(&self, member: usize) -> bool {
        self.heard_probe[member]
    }

    /// `sender`'s next message is on its way.
    #[inline]
    pub(crate) fn sent_one(&mut self, sender: usize, due_ns: u64, now_ns: u64) {
        let receivers = match self.reach {
            Reach::Sender => 1,
            Reach::Others => self.present - usize::from(self.is_present[sender]),
            Reach::All => self.present,
        };
        self.sent[sender] += 1;
        if receivers == 0 {
            self.done += 1;
            return;
        }
        let receivers = u32::try_from(receivers).unwrap_or(u32::MAX);
        self.in_flight_of[sender].sent_one(due_ns, now_ns, receivers);
        self.in_flight[sender] += 1;
    }

    /// Takes in one thing that `member` was sent; a delivery's latency, if it was one.
    #[inline]
    pub(crate) fn item(&mut self, now_ns: u64, member: usize, item: Item<'_>) -> Option<u64> {
        match item {
            Item::Payload(payload) => return self.payload(now_ns, member, payload),
            Item::Talk(text) => self.talked(member, text),
            Item::Refusal(text) => self.note_words(text),
            Item::Ping => {}
        }
        None
    }

    /// `member` is no longer connected: it is owed what was sent so far, and no more.
    pub(crate) fn left(&mut self, member: usize) {
        if !std::mem::replace(&mut self.is_present[member], false) {
            return;
        }
        self.present -= 1;
        let columns = match self.reach {
            Reach::Sender => member..member + 1,
            Reach::Others | Reach::All => 0..self.senders,
        };
        for sender in columns {
            if self.is_owed(member, sender) {
                let column = self.column(sender);
                let from = self.tracker.expected(member, column);
                self.give_up(sender, from..self.sent[sender]);
            }
        }
        self.close(member);
    }

    /// Closes the books of all members.
    pub(crate) fn close_all(&mut self) {
        for member in 0..self.is_present.len() {
            self.close(member);
        }
    }

    fn close(&mut self, member: usize) {
        let (reach, sent) = (self.reach, &self.sent);
        self.tracker.close(member, |column| match reach {
            Reach::Sender => sent[member],
            Reach::Others if column == member => 0,
            Reach::Others | Reach::All => sent[column],
        });
    }

    /// An echo returns the bytes of its client and no others. Who alters them from the start is
    /// let through until the load begins, which then counts it.
    #[inline]
    fn is_exact(&self) -> bool {
        self.reach == Reach::Sender && self.listening
    }

    #[inline]
    fn is_owed(&self, member: usize, sender: usize) -> bool {
        match self.reach {
            Reach::Sender => member == sender,
            Reach::Others => member != sender,
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

    /// One line or payload that is long enough for a message; its latency if it is one.
    #[inline]
    fn payload(&mut self, now_ns: u64, member: usize, payload: &[u8]) -> Option<u64> {
        let payload = if self.is_exact() {
            if payload.len() != self.text_bytes {
                self.damaged(member);
                return None;
            }
            payload
        } else if self.in_lines {
            payload.strip_suffix(b"\r").unwrap_or(payload)
        } else {
            payload
        };
        let text = payload
            .len()
            .checked_sub(self.text_bytes)
            .map_or(payload, |before| &payload[before..]);
        let Ok(header) = Header::read(text) else {
            self.damaged(member);
            return None;
        };
        let sender = header.sender as usize;
        if header.run != self.run || header.sequence == PROBE {
            self.aside(member, &header);
            return None;
        }
        if sender >= self.senders
            || header.sequence >= self.sent[sender]
            || !self.is_owed(member, sender)
        {
            self.misplaced(member, sender);
            return None;
        }
        let column = self.column(sender);
        match self.tracker.arrived(member, column, header.sequence) {
            Arrival::InOrder => {}
            Arrival::Ahead(gap) => self.give_up(sender, gap),
            Arrival::Reordered => {}
            Arrival::Duplicate => return None,
        }
        Some(self.delivered(now_ns, &header))
    }

    #[inline]
    fn delivered(&mut self, now_ns: u64, header: &Header) -> u64 {
        let sender = header.sender as usize;
        let latency_ns = now_ns.saturating_sub(header.due_ns);
        let counts = self.metrics.window().contains(header.due_ns);
        if counts {
            self.metrics.latency.record(latency_ns);
        }
        let Some(step) = self.in_flight_of[sender].delivered(header.sequence, now_ns) else {
            return latency_ns;
        };
        if counts && self.open_loop {
            let service_ns = now_ns.saturating_sub(step.sent_ns);
            self.metrics.service.record(service_ns);
        }
        if let Some(completed) = step
            .completed
            .filter(|_| counts && self.reach != Reach::Sender)
        {
            let skew_ns = now_ns.saturating_sub(completed.first_ns);
            self.metrics.last_receiver.record(latency_ns);
            self.metrics.skew.record(skew_ns);
        }
        if step.done {
            self.done += 1;
            self.in_flight[sender] -= 1;
            if !self.open_loop {
                self.ready.give(sender);
            }
        }
        latency_ns
    }

    fn give_up(&mut self, sender: usize, sequences: std::ops::Range<u32>) {
        let done = self.in_flight_of[sender].give_up(sequences);
        self.done += u64::from(done);
        self.in_flight[sender] -= done;
        if done > 0 && !self.open_loop {
            self.ready.give(sender);
        }
    }

    #[cold]
    fn aside(&mut self, member: usize, header: &Header) {
        if header.run != self.run && self.is_exact() {
            self.damaged(member);
        } else if header.run != self.run || !self.is_owed(member, header.sender as usize) {
            self.talk += 1;
        } else if !std::mem::replace(&mut self.heard_probe[member], true) {
            self.hearers += 1;
        }
    }

    #[cold]
    fn misplaced(&mut self, member: usize, sender: usize) {
        if self.reach == Reach::Others && sender == member {
            self.own += 1;
        } else {
            self.damaged(member);
        }
    }

    /// Before the load began, what is no message is a greeting.
    #[cold]
    fn damaged(&mut self, member: usize) {
        if self.listening {
            self.tracker.corrupt(member);
        } else {
            self.talk += 1;
        }
    }

    /// The load is over, and `member` has been sent bytes that make no message. One that still
    /// waits for something has had a part of that; for the others an echo has made them up.
    pub(crate) fn trailing_bytes(&mut self, member: usize) {
        let is_through = self.in_flight.get(member).is_some_and(|n| *n == 0);
        if self.is_exact() && is_through && self.is_present[member] {
            self.damaged(member);
        }
    }

    /// Talk that bears the run's number is a piece of a message; an echo does not talk.
    fn talked(&mut self, member: usize, text: &[u8]) {
        if !self.listening && !text.is_empty() {
            self.note_words(text);
        }
        let is_piece = !text.starts_with(b"* ") && text.windows(8).any(|w| w == self.run_digits);
        if is_piece || self.is_exact() {
            self.damaged(member);
        } else {
            self.talk += 1;
        }
    }

    fn note_words(&mut self, text: &[u8]) {
        let text = &text[..text.len().min(LAST_WORDS_BYTES_MAX)];
        self.last_words = Some(sanitize(text).into_owned());
    }
}
