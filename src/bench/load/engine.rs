//! The load as a state machine: whose turn it is to send what, and what becomes of what is
//! received. The driver lends it bytes and the time; it knows no socket and no clock.

use std::time::Duration;

use crate::bench::check::header::{self, Header};
use crate::bench::config::Load;
use crate::bench::load::schedule::{Pace, Schedule};
use crate::bench::measure::metrics::Window;
use crate::bench::measure::recorder::{PROBE, Recorder};
use crate::bench::protocol::{Item, NotThisProtocol, Protocol, Tail};

const NEVER: u64 = u64::MAX;

/// Messages of one sender go out together up to so many bytes.
const BATCH_BYTES_MAX: usize = 64 * 1024;

/// All members of one run.
#[derive(Debug)]
pub(crate) struct Engine {
    run: u32,
    pace: Pace,
    protocol: Protocol,
    /// By member.
    tails: Vec<Tail>,
    /// A whole message as it is sent, its stamp still blank.
    template: Vec<u8>,
    /// Where in `blank` the text is.
    text: std::ops::Range<usize>,
    schedule: Option<Schedule>,
    /// Messages of the schedule that were handed to their senders.
    issued: u64,
    /// When the next one is due; never, at the end or in a closed loop.
    next_due_ns: u64,
    /// By sender.
    senders: Vec<Sender>,
    sending: bool,
    /// The books and the figures.
    pub(crate) recorder: Recorder,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sender {
    /// The server does not take what was sent before.
    blocked: bool,
    /// Messages that were held up by that: their lateness is not the generator's.
    held_up_to: u64,
    /// The connection is gone.
    closed: bool,
}

impl Engine {
    /// For the members that `load` asks for; `run` tells this run's messages from others.
    #[must_use]
    pub(crate) fn new(load: &Load, run: u32) -> Self {
        let protocol = Protocol::new(load.protocol(), load.text_bytes(), run);
        let (mut template, after) = protocol.envelope();
        let text = template.len()..template.len() + load.text_bytes();
        template.extend_from_slice(&header::template(load.text_bytes()));
        template.extend_from_slice(&after);
        Self {
            run,
            pace: load.pace,
            protocol,
            tails: (0..load.connections).map(|_| Tail::default()).collect(),
            template,
            text,
            schedule: None,
            issued: 0,
            next_due_ns: NEVER,
            senders: vec![Sender::default(); load.senders()],
            sending: false,
            recorder: Recorder::new(load, run),
        }
    }

    /// How messages are carried.
    #[must_use]
    pub(crate) fn protocol(&self) -> &Protocol {
        &self.protocol
    }

    /// Appends to `out` a message of `member` that only finds out who hears it.
    pub(crate) fn probe(&mut self, member: usize, now_ns: u64, out: &mut Vec<u8>) {
        self.append(member, PROBE, now_ns, out);
    }

    /// Begins the load at `now_ns`.
    pub(crate) fn start(&mut self, now_ns: u64, warmup: Duration, duration: Duration) {
        let ns = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        let from_ns = now_ns.saturating_add(ns(warmup));
        let to_ns = from_ns.saturating_add(ns(duration));
        self.recorder.metrics.open_window(Window { from_ns, to_ns });
        self.recorder.listening = true;
        self.sending = true;
        match self.pace {
            Pace::Closed { .. } => {
                for sender in (0..self.senders.len()).rev() {
                    self.recorder.ready.give(sender);
                }
            }
            Pace::Open { per_s } => {
                self.schedule = Some(Schedule::new(now_ns, per_s, self.senders.len()));
                self.next_due_ns = now_ns;
            }
        }
    }

    /// Ends the load: nothing is sent any more.
    pub(crate) fn stop(&mut self) {
        self.sending = false;
        self.next_due_ns = NEVER;
    }

    /// When the next message of the open loop is due; `u64::MAX` for never.
    #[inline]
    #[must_use]
    pub(crate) fn next_due_ns(&self) -> u64 {
        self.next_due_ns
    }

    /// Gives their turn to those who have something due at `now_ns`.
    #[inline]
    pub(crate) fn issue(&mut self, now_ns: u64) {
        while self.next_due_ns <= now_ns {
            self.issue_one();
        }
    }

    fn issue_one(&mut self) {
        let Some(schedule) = self.schedule else {
            self.next_due_ns = NEVER;
            return;
        };
        let sender = schedule.sender_of(self.issued);
        self.issued += 1;
        if self.senders[sender].blocked {
            self.senders[sender].held_up_to = self.issued;
        }
        self.recorder.ready.give(sender);
        let due_ns = schedule.nth_due_ns(self.issued);
        let is_in_time = due_ns < self.recorder.metrics.window().to_ns;
        self.next_due_ns = if is_in_time { due_ns } else { NEVER };
    }

    /// Whether it is somebody's turn, or could be.
    #[inline]
    #[must_use]
    pub(crate) fn has_ready_senders(&self) -> bool {
        !self.recorder.ready.is_empty()
    }

    /// A sender whose turn has come and whom the server lets send.
    #[inline]
    pub(crate) fn next_sender(&mut self) -> Option<usize> {
        loop {
            let sender = self.recorder.ready.take()?;
            let sender_state = self.senders[sender];
            if !sender_state.blocked && !sender_state.closed {
                return Some(sender);
            }
        }
    }

    /// Appends what `sender` may send now to `out`; returns how many messages. At most a batch:
    /// if there may be more, its turn comes again.
    #[inline]
    pub(crate) fn encode_due(&mut self, sender: usize, now_ns: u64, out: &mut Vec<u8>) -> u32 {
        let window = self.recorder.metrics.window();
        if !self.sending || (self.schedule.is_none() && now_ns >= window.to_ns) {
            return 0;
        }
        let allowed = match self.pace {
            Pace::Closed { in_flight } => in_flight.saturating_sub(self.recorder.in_flight(sender)),
            Pace::Open { .. } => self.backlog(sender),
        };
        let batch = u32::try_from((BATCH_BYTES_MAX / self.template.len()).max(1)).unwrap_or(1);
        let count = allowed.min(batch).min(PROBE - self.recorder.sent(sender));
        for _ in 0..count {
            let sequence = self.recorder.sent(sender);
            let due_ns = match self.schedule {
                None => now_ns,
                Some(schedule) => {
                    let due_ns = schedule.due_ns(sender, sequence);
                    self.note_send_lag(sender, sequence, due_ns, now_ns);
                    due_ns
                }
            };
            self.append(sender, sequence, due_ns, out);
            self.recorder.sent_one(sender, due_ns, now_ns);
        }
        if count < allowed {
            self.recorder.ready.give(sender);
        }
        self.recorder.metrics.sent(now_ns, u64::from(count));
        count
    }

    /// The server does not take any more from `sender`.
    pub(crate) fn blocked(&mut self, sender: usize) {
        self.senders[sender].blocked = true;
    }

    /// The server takes from `sender` again.
    pub(crate) fn unblocked(&mut self, sender: usize) {
        let sender_state = &mut self.senders[sender];
        sender_state.blocked = false;
        sender_state.held_up_to = self.issued;
        self.recorder.ready.give(sender);
    }

    /// `member`'s connection is gone.
    pub(crate) fn left(&mut self, member: usize) {
        if let Some(sender_state) = self.senders.get_mut(member) {
            sender_state.closed = true;
        }
        self.recorder.left(member);
    }

    /// Messages of the schedule that were due and could not be sent.
    #[must_use]
    pub(crate) fn unsent(&self) -> u64 {
        match self.schedule {
            Some(_) => self.issued.saturating_sub(self.recorder.sent_by_all()),
            None => 0,
        }
    }

    /// Reads what `member` has received; returns how many pings are to be answered.
    ///
    /// # Errors
    /// [`NotThisProtocol`].
    #[inline]
    pub(crate) fn arrived(
        &mut self,
        now_ns: u64,
        member: usize,
        bytes: &[u8],
    ) -> Result<u32, NotThisProtocol> {
        let (mut pings, mut deliveries, mut longest_ns) = (0, 0, 0);
        let recorder = &mut self.recorder;
        let outcome = self.protocol.read(&mut self.tails[member], bytes, |item| {
            pings += u32::from(item == Item::Ping);
            if let Some(latency_ns) = recorder.item(now_ns, member, item) {
                deliveries += 1;
                longest_ns = longest_ns.max(latency_ns);
            }
        });
        recorder.metrics.read_batch(now_ns, deliveries, longest_ns);
        outcome.map(|()| pings)
    }

    /// Closes the books of all members.
    pub(crate) fn close(&mut self) {
        for (member, tail) in self.tails.iter().enumerate() {
            if !tail.is_empty() {
                self.recorder.trailing_bytes(member);
            }
        }
        self.recorder.close_all();
    }

    fn backlog(&self, sender: usize) -> u32 {
        let share = self.schedule.map_or(0, |s| s.share(sender, self.issued));
        let backlog = share.saturating_sub(u64::from(self.recorder.sent(sender)));
        u32::try_from(backlog).unwrap_or(u32::MAX)
    }

    #[inline]
    fn note_send_lag(&mut self, sender: usize, sequence: u32, due_ns: u64, now_ns: u64) {
        let senders = self.senders.len() as u64;
        let place = u64::from(sequence) * senders + sender as u64;
        let held_up = place < self.senders[sender].held_up_to;
        if !held_up && self.recorder.metrics.window().contains(due_ns) {
            let late_ns = now_ns.saturating_sub(due_ns);
            self.recorder.metrics.send_lag.record(late_ns);
        }
    }

    #[inline]
    fn append(&self, sender: usize, sequence: u32, due_ns: u64, out: &mut Vec<u8>) {
        let at = out.len();
        out.extend_from_slice(&self.template);
        let header = Header {
            run: self.run,
            sender: u32::try_from(sender).unwrap_or(u32::MAX),
            sequence,
            due_ns,
        };
        header.write(&mut out[at + self.text.start..at + self.text.end]);
    }
}

#[cfg(test)]
mod tests;
