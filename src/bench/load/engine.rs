//! The load of one thread as a state machine: which of its senders is to send what and when, and
//! what becomes of what its members receive. The driver lends it bytes and the time; it knows no
//! socket and no clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::bench::check::header::{self, Header};
use crate::bench::config::Load;
use crate::bench::load::clock::ns;
use crate::bench::load::schedule::{Cursor, NEVER, Plan};
use crate::bench::load::shared::{Note, Shared};
use crate::bench::measure::metrics::{Metrics, Window};
use crate::bench::measure::recorder::{PROBE, Recorder, carries_sent_time};
use crate::bench::protocol::{Item, NotThisProtocol, Protocol, Tail};

mod ending;
mod notes;

/// Messages of one sender go out together up to so many bytes.
const BATCH_BYTES_MAX: usize = 64 * 1024;
/// The members of one thread.
#[derive(Debug)]
pub(crate) struct Engine {
    shared: Arc<Shared>,
    in_flight: u32,
    protocol: Protocol,
    /// By member.
    tails: Vec<Tail>,
    /// A whole message as it is sent, its header still blank.
    template: Vec<u8>,
    /// Where in `template` the text is.
    text: std::ops::Range<usize>,
    has_sent_time: bool,
    plan: Option<Plan>,
    start_ns: u64,
    /// Open loop: when senders that wait for it have their next message due.
    due: BinaryHeap<Reverse<(u64, u32)>>,
    /// By member, of those that send.
    senders: Vec<Sender>,
    /// Open loop: the same senders' places in the plan, once the load has begun.
    paces: Vec<Pace>,
    sending: bool,
    /// Messages of the plan that were due in the measured time and were not sent.
    pub(crate) unsent: u64,
    notes: Vec<Note>,
    /// What the member that has just been read is to be answered, besides its messages.
    pub(crate) answers: Vec<u8>,
    recorder: Recorder,
}

/// Small, for thousands are gone through in turn.
#[derive(Debug, Default)]
struct Sender {
    sequence: u32,
    /// The server does not take what was sent before.
    is_blocked: bool,
    /// The connection is gone.
    is_gone: bool,
}

/// What an open loop knows of a sender.
#[derive(Debug)]
struct Pace {
    cursor: Cursor,
    /// It stands in `due`.
    is_queued: bool,
    /// What was due before this was held up by the server: its lag is not the generator's.
    held_up_to_ns: u64,
}

impl Engine {
    /// For the members of `thread` that `load` asks for.
    pub(crate) fn new(load: &Load, shared: &Arc<Shared>, thread: usize) -> Self {
        let settings = &load.settings;
        let recorder = Recorder::new(load, shared, thread);
        let text_bytes = settings.text_bytes();
        let protocol = Protocol::new(settings.protocol, text_bytes, shared.run);
        let (mut template, after) = protocol.envelope();
        let text = template.len()..template.len() + text_bytes;
        template.extend_from_slice(&header::template(text_bytes));
        template.extend_from_slice(&after);
        let part = |all| super::shared::part(all, thread, settings.threads);
        Self {
            shared: Arc::clone(shared),
            in_flight: settings.in_flight.unwrap_or(1),
            protocol,
            tails: (0..part(settings.connections))
                .map(|_| Tail::default())
                .collect(),
            template,
            text,
            has_sent_time: carries_sent_time(load),
            plan: settings.plan(),
            start_ns: 0,
            due: BinaryHeap::new(),
            senders: (0..part(settings.senders))
                .map(|_| Sender::default())
                .collect(),
            paces: Vec::new(),
            sending: false,
            unsent: 0,
            notes: Vec::new(),
            answers: Vec::new(),
            recorder,
        }
    }

    /// How messages are carried.
    pub(crate) fn protocol(&self) -> &Protocol {
        &self.protocol
    }

    /// What became of the messages.
    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// What is measured.
    #[inline]
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.recorder.metrics
    }

    /// What is measured.
    #[inline]
    pub(crate) fn metrics_mut(&mut self) -> &mut Metrics {
        &mut self.recorder.metrics
    }

    /// Gives up everything that was measured.
    pub(crate) fn into_recorder(self) -> Recorder {
        self.recorder
    }

    /// Appends to `out` a message of `member` that only finds out who hears it.
    pub(crate) fn probe(&mut self, member: usize, now_ns: u64, out: &mut Vec<u8>) {
        self.append(member, PROBE, now_ns, now_ns, out);
    }

    /// Begins the load at `start_ns`.
    pub(crate) fn start(&mut self, load: &Load, start_ns: u64) {
        let settings = &load.settings;
        let from_ns = start_ns.saturating_add(ns(settings.warmup()));
        let by_time = settings
            .duration()
            .map_or(NEVER, |d| from_ns.saturating_add(ns(d)));
        let by_number = self.plan.and_then(|plan| plan.last_due_ns());
        let by_number = by_number.map_or(NEVER, |last| start_ns.saturating_add(last));
        let to_ns = by_time.min(by_number);
        self.recorder.metrics.open_window(Window { from_ns, to_ns });
        self.recorder.listening = true;
        self.sending = true;
        self.start_ns = start_ns;
        let members = 0..self.senders.len();
        let Some(plan) = self.plan else {
            members
                .rev()
                .for_each(|member| self.recorder.ready.add(member));
            return;
        };
        let paces = members.clone().map(|member| Pace {
            cursor: plan.first(self.recorder.number_of(member)),
            is_queued: false,
            held_up_to_ns: 0,
        });
        self.paces = paces.collect();
        for member in members.rev() {
            self.wait_for_due(member);
        }
    }

    /// When the next message of the open loop is due; `u64::MAX` for never.
    #[inline]
    pub(crate) fn next_due_ns(&self) -> u64 {
        self.due
            .peek()
            .map_or(NEVER, |Reverse((due_ns, _))| *due_ns)
    }

    /// Makes the senders ready that have something due at `now_ns`.
    #[inline]
    pub(crate) fn issue(&mut self, now_ns: u64) {
        while let Some(Reverse((due_ns, member))) = self.due.peek().copied() {
            if due_ns > now_ns {
                return;
            }
            self.due.pop();
            self.paces[member as usize].is_queued = false;
            self.recorder.ready.add(member as usize);
        }
    }

    /// Whether a sender is ready, or could be.
    #[inline]
    pub(crate) fn has_ready_senders(&self) -> bool {
        !self.recorder.ready.is_empty()
    }

    /// A sender that is ready and that the server lets send.
    #[inline]
    pub(crate) fn next_sender(&mut self) -> Option<usize> {
        loop {
            let member = self.recorder.ready.take()?;
            let sender = &self.senders[member];
            if !sender.is_blocked && !sender.is_gone {
                return Some(member);
            }
        }
    }

    /// Appends what `member` may send now to `out`; returns how many messages. At most a batch: if
    /// there may be more, it is ready again.
    #[inline]
    pub(crate) fn encode_due(&mut self, member: usize, now_ns: u64, out: &mut Vec<u8>) -> u32 {
        if !self.sending {
            return 0;
        }
        let batch = u32::try_from((BATCH_BYTES_MAX / self.template.len()).max(1)).unwrap_or(1);
        let batch = batch.min(PROBE - self.senders[member].sequence);
        let count = match self.plan {
            None => self.encode_closed(member, now_ns, batch, out),
            Some(plan) => self.encode_open(member, now_ns, batch, plan, out),
        };
        self.recorder.metrics.sent(now_ns, u64::from(count));
        count
    }

    fn encode_closed(&mut self, member: usize, now_ns: u64, batch: u32, out: &mut Vec<u8>) -> u32 {
        let window = self.recorder.metrics.window();
        if now_ns >= window.to_ns {
            return 0;
        }
        let allowed = self.in_flight.saturating_sub(self.recorder.awaited(member));
        let mut count = allowed.min(batch);
        if now_ns >= window.from_ns {
            count = self.shared.take_budget(count, now_ns);
            let end_ns = self.shared.early_end_ns();
            self.recorder.metrics.close_window(end_ns);
        }
        for _ in 0..count {
            self.send_one(member, now_ns, now_ns, out);
        }
        if count > 0 && count < allowed {
            self.recorder.ready.add(member);
        }
        count
    }

    fn encode_open(
        &mut self,
        member: usize,
        now_ns: u64,
        batch: u32,
        plan: Plan,
        out: &mut Vec<u8>,
    ) -> u32 {
        let window = self.recorder.metrics.window();
        let until_ns = window.to_ns.min(now_ns.saturating_add(1));
        let mut count = 0;
        while count < batch {
            let due_ns = self.due_ns(member);
            if due_ns >= until_ns {
                break;
            }
            let pace = &mut self.paces[member];
            if due_ns >= pace.held_up_to_ns && window.contains(due_ns) {
                self.recorder.metrics.send_lag(now_ns - due_ns);
            }
            plan.advance(&mut pace.cursor);
            self.send_one(member, due_ns, now_ns, out);
            count += 1;
        }
        self.wait_for_due(member);
        count
    }

    /// The server does not take any more from `member`.
    pub(crate) fn blocked(&mut self, member: usize) {
        if let Some(sender) = self.senders.get_mut(member) {
            sender.is_blocked = true;
        }
    }

    /// The server takes from `member` again.
    pub(crate) fn unblocked(&mut self, member: usize, now_ns: u64) {
        if let Some(sender) = self.senders.get_mut(member) {
            sender.is_blocked = false;
            self.recorder.ready.add(member);
        }
        if let Some(pace) = self.paces.get_mut(member) {
            pace.held_up_to_ns = now_ns;
        }
    }

    /// `member`'s connection is gone.
    pub(crate) fn left(&mut self, now_ns: u64, member: usize) {
        if let Some(sender) = self.senders.get_mut(member) {
            sender.is_gone = true;
        }
        self.recorder.left(now_ns, member);
    }

    /// Reads what `member` has received; what it is to answer goes to `answers`.
    ///
    /// # Errors
    /// [`NotThisProtocol`].
    #[inline]
    pub(crate) fn arrived(
        &mut self,
        now_ns: u64,
        member: usize,
        bytes: &[u8],
    ) -> Result<(), NotThisProtocol> {
        let (mut deliveries, mut longest_ns) = (0, 0);
        let (recorder, protocol) = (&mut self.recorder, &self.protocol);
        let outcome = protocol.read(&mut self.tails[member], bytes, |item| {
            if let Item::Ping(payload) = item {
                protocol.pong(payload, &mut self.answers);
            } else if let Some(latency_ns) = recorder.item(now_ns, member, item) {
                deliveries += 1;
                longest_ns = longest_ns.max(latency_ns);
            }
        });
        recorder.metrics.read_batch(now_ns, deliveries, longest_ns);
        outcome
    }

    /// When the next message of a sender is due, in the time of the run.
    #[inline]
    fn due_ns(&self, member: usize) -> u64 {
        let due_ns = self.paces.get(member).map_or(NEVER, |p| p.cursor.due_ns);
        self.start_ns.saturating_add(due_ns)
    }

    /// The sender is ready again when its next message is due, if that is in time.
    #[inline]
    fn wait_for_due(&mut self, member: usize) {
        let due_ns = self.due_ns(member);
        let is_in_time = due_ns < self.recorder.metrics.window().to_ns;
        let Some(pace) = self.paces.get_mut(member) else {
            return;
        };
        if is_in_time && !std::mem::replace(&mut pace.is_queued, true) {
            let member = u32::try_from(member).unwrap_or(u32::MAX);
            self.due.push(Reverse((due_ns, member)));
        }
    }

    #[inline]
    fn send_one(&mut self, member: usize, due_ns: u64, now_ns: u64, out: &mut Vec<u8>) {
        let sequence = self.senders[member].sequence;
        self.senders[member].sequence += 1;
        self.append(member, sequence, due_ns, now_ns, out);
        self.recorder.sent_one(member, due_ns, now_ns);
    }

    #[inline]
    fn append(&self, member: usize, sequence: u32, due_ns: u64, now_ns: u64, out: &mut Vec<u8>) {
        let at = out.len();
        out.extend_from_slice(&self.template);
        let header = Header {
            run: self.shared.run,
            sender: u32::try_from(self.recorder.number_of(member)).unwrap_or(u32::MAX),
            sequence,
            due_ns,
        };
        let text = &mut out[at + self.text.start..at + self.text.end];
        if self.has_sent_time {
            header.write_with_sent(text, now_ns);
        } else {
            header.write(text);
        }
        self.protocol.seal(text);
    }
}

#[cfg(test)]
mod tests;
