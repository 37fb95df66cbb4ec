//! Bytes in and out: what an iteration's events lead to. The hot half of the driver.

use super::*;

/// After a read that was longer, the time is read again before something is sent: to look through
/// so much takes time that is the generator's, and not the server's.
const LONG_READ_BYTES: usize = 16 * 1024;
/// What is read of one connection, or written to one that never reads, in an iteration, in bytes:
/// as much as one read may bring.
const BUDGET_BYTES: usize = SCRATCH_BYTES;
/// A read that brings nothing takes this much of it: TLS has records of its own.
const READ_LEAST_BYTES: usize = 1024;

impl Driver<'_> {
    /// Makes every sender ready that has a message due, and lets all that are ready send.
    #[inline]
    pub(super) fn send_what_is_due(&mut self, now_ns: u64) {
        let mut now_ns = now_ns;
        self.engine.issue(now_ns);
        while self.send_next(now_ns) {
            if self.engine.has_ready_senders() {
                // Each batch is stamped when it goes; what has come due meanwhile goes too.
                now_ns = self.now_ns();
                self.engine.issue(now_ns);
                // At a rate that is too high for this thread something is always due.
                if self.shared.is_interrupted() {
                    return;
                }
            }
        }
    }

    /// Lets one sender send; false if none is ready.
    #[inline]
    pub(super) fn send_next(&mut self, now_ns: u64) -> bool {
        let Some(sender) = self.engine.next_sender() else {
            return false;
        };
        self.out.clear();
        if self.engine.encode_due(sender, now_ns, &mut self.out) > 0 {
            self.send(sender);
        }
        true
    }

    /// Sends what stands in `out` to `key`.
    #[inline]
    pub(super) fn send(&mut self, key: usize) {
        let Some(slot) = self.slots.get_mut(key) else {
            return;
        };
        match slot.connection.write(&self.out) {
            Ok(Written::Whole) => {}
            Ok(Written::Held) => {
                if slot.role == Role::Member && !std::mem::replace(&mut slot.blocked, true) {
                    self.engine.blocked(key);
                }
            }
            Err(error) => self.lose(key, Some(&error)),
        }
    }

    pub(super) fn on_writable(&mut self, key: usize) {
        let Some(slot) = self.slots.get_mut(key) else {
            return;
        };
        match slot.step {
            Step::Connecting => return self.on_connecting(key),
            Step::Securing => return self.on_securing(key),
            Step::Gone => return,
            Step::Handshake(_) | Step::Open => {}
        }
        match slot.connection.flush() {
            Ok(Written::Held) => return,
            Ok(Written::Whole) => {}
            Err(error) => return self.lose(key, Some(&error)),
        }
        if std::mem::replace(&mut slot.blocked, false) {
            let now_ns = self.now_ns();
            self.engine.unblocked(key, now_ns);
            self.send_what_is_due(now_ns);
        } else if slot.role == Role::Slow && matches!(slot.step, Step::Open) {
            self.fill_up(key);
        }
    }

    pub(super) fn on_readable(&mut self, key: usize) {
        let mut left_bytes = BUDGET_BYTES;
        while left_bytes > 0 {
            let Some(slot) = self.slots.get_mut(key) else {
                return;
            };
            if slot.role == Role::Slow && matches!(slot.step, Step::Open) && !slot.is_closed {
                return;
            }
            match slot.step {
                Step::Connecting => return self.on_connecting(key),
                Step::Securing => return self.on_securing(key),
                Step::Gone => return,
                Step::Handshake(_) | Step::Open => {}
            }
            let read_bytes = match slot.connection.read(&mut self.scratch) {
                Ok(0) => return self.lose(key, None),
                Ok(n) => {
                    // A short read has taken all, unless the end is behind it.
                    let is_all = n < self.scratch.len() && !slot.is_closed;
                    let is_all = is_all && !slot.connection.may_have_more();
                    self.on_bytes(key, n);
                    if is_all {
                        return;
                    }
                    n
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) => return self.lose(key, Some(&error)),
            };
            left_bytes = left_bytes.saturating_sub(read_bytes.max(READ_LEAST_BYTES));
        }
        self.leave_unfinished(key);
    }

    /// The first `n` bytes of the scratch buffer are from `key`.
    #[inline]
    fn on_bytes(&mut self, key: usize, n: usize) {
        let now_ns = self.now_ns();
        if self.is_preparing {
            self.note_words(key, n);
        }
        let Some(slot) = self.slots.get_mut(key) else {
            return;
        };
        let mut from = 0;
        if let Step::Handshake(_) = &slot.step {
            let Some(after) = self.on_handshake(key, n, now_ns) else {
                return;
            };
            from = after;
        }
        match self.slots.get(key).map(|slot| slot.role) {
            Some(Role::Member) => self.on_member_bytes(key, from..n, now_ns),
            Some(Role::Transient) => {
                if self.background.transient_heard(key) {
                    self.lose(key, None);
                }
            }
            Some(Role::Idle | Role::Slow) | None => {}
        }
    }

    #[inline]
    fn on_member_bytes(&mut self, key: usize, range: std::ops::Range<usize>, now_ns: u64) {
        let read_bytes = range.len();
        let talk_before = self.engine.recorder().talk;
        let outcome = self.engine.arrived(now_ns, key, &self.scratch[range]);
        if outcome.is_err() {
            let error = io::Error::other(self.engine.protocol().not_this());
            return self.lose(key, Some(&error));
        }
        if !self.engine.answers.is_empty() {
            std::mem::swap(&mut self.out, &mut self.engine.answers);
            self.engine.answers.clear();
            self.send(key);
        }
        if self.is_preparing {
            self.note_first_answer(key, now_ns, self.engine.recorder().talk > talk_before);
        }
        let now_ns = if read_bytes > LONG_READ_BYTES {
            self.now_ns()
        } else {
            now_ns
        };
        self.send_what_is_due(now_ns);
    }

    /// Goes on with what the iteration before has not finished.
    pub(super) fn go_on(&mut self) {
        for _ in 0..self.unfinished.len() {
            let Some(key) = self.unfinished.pop_front() else {
                return;
            };
            // It may be another one's by now, which is read once too often then.
            let Some(slot) = self.slots.get_mut(key) else {
                continue;
            };
            slot.is_unfinished = false;
            if slot.role == Role::Slow {
                self.on_writable(key);
            }
            self.on_readable(key);
        }
    }

    /// The connection has had its part of the iteration.
    #[cold]
    pub(super) fn leave_unfinished(&mut self, key: usize) {
        if let Some(slot) = self.slots.get_mut(key)
            && !std::mem::replace(&mut slot.is_unfinished, true)
        {
            self.unfinished.push_back(key);
        }
    }

    /// Has `member` ask who hears it.
    pub(super) fn probe(&mut self, member: usize, now_ns: u64) {
        self.out.clear();
        self.engine.probe(member, now_ns, &mut self.out);
        self.send(member);
    }

    /// A client that never reads asks an echo server for more than it can get rid of.
    pub(super) fn fill_up(&mut self, key: usize) {
        if self.load.scenario != Scenario::Echo {
            return;
        }
        let mut left_bytes = BUDGET_BYTES;
        while left_bytes > 0 {
            self.out.clear();
            self.background.ballast(&mut self.out);
            left_bytes = left_bytes.saturating_sub(self.out.len());
            self.send(key);
            let Some(slot) = self.slots.get(key) else {
                return;
            };
            if slot.connection.holds() || matches!(slot.step, Step::Gone) {
                return;
            }
        }
        self.leave_unfinished(key);
    }

    /// Those that come and go.
    pub(super) fn background_iteration(&mut self) {
        if self.background.next_due_ns() > self.woke_ns {
            return;
        }
        let now_ns = self.now_ns();
        while let Some(key) = self.background.next_to_leave(now_ns) {
            self.lose(key, None);
        }
        for _ in 0..self.background.take_due(now_ns) {
            match self.dial(Role::Transient, now_ns) {
                Ok(Some(key)) => self.background.transient_dialled(key, now_ns),
                Ok(None) | Err(_) => self.background.transient_not_dialled(),
            }
        }
    }
}
