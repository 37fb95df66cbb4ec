//! Bytes in and out: what an iteration's events lead to. The hot half of the driver.

use super::*;

/// After a read that was longer, the time is read again before something is sent: to look through
/// so much takes time that is the generator's, and not the server's.
const LONG_READ_BYTES: usize = 16 * 1024;

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
    fn send(&mut self, key: usize) {
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

    pub(super) fn on_readable(&mut self, key: usize, closed: bool) {
        loop {
            let Some(slot) = self.slots.get_mut(key) else {
                return;
            };
            if slot.role == Role::Slow && matches!(slot.step, Step::Open) && !closed {
                return;
            }
            match slot.step {
                Step::Connecting => return self.on_connecting(key),
                Step::Gone => return,
                Step::Handshake(_) | Step::Open => {}
            }
            match slot.connection.read(&mut self.scratch) {
                Ok(0) => return self.lose(key, None),
                Ok(n) => {
                    self.on_bytes(key, n);
                    // A short read has taken all, unless the end is behind it.
                    if n < self.scratch.len() && !closed {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => return self.lose(key, Some(&error)),
            }
        }
    }

    /// The first `n` bytes of the scratch buffer are from `key`.
    #[inline]
    fn on_bytes(&mut self, key: usize, n: usize) {
        let now_ns = self.now_ns();
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

    /// What the connection waits for comes; where in the scratch buffer that ends, once it has come.
    fn on_handshake(&mut self, key: usize, n: usize, now_ns: u64) -> Option<usize> {
        if self.is_preparing {
            self.note_first_answer(key, now_ns, true);
        }
        let Step::Handshake(wait) = &mut self.slots.get_mut(key)?.step else {
            return None;
        };
        self.out.clear();
        let heard = wait.feed(&self.scratch[..n], &mut self.out);
        if !self.out.is_empty() {
            self.send(key);
        }
        match heard {
            Ok(None) => None,
            Ok(Some(after)) => {
                self.opened(key, now_ns);
                Some(after)
            }
            Err(why) => {
                self.lose(key, Some(&io::Error::other(why)));
                None
            }
        }
    }

    #[inline]
    fn on_member_bytes(&mut self, key: usize, range: std::ops::Range<usize>, now_ns: u64) {
        let read_bytes = range.len();
        let talk_before = self.engine.recorder().talk;
        let outcome = self.engine.arrived(now_ns, key, &self.scratch[range]);
        if outcome.is_err() {
            let name = self.engine.protocol().kind();
            let error = io::Error::other(format!("the server does not speak {name}"));
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

    /// The server's first word proves that it has accepted the connection. In a room that is not
    /// what a member has said meanwhile: that comes when the generator has it said.
    fn note_first_answer(&mut self, key: usize, now_ns: u64, is_talk: bool) {
        let is_own = self.load.scenario == Scenario::Echo || is_talk;
        let Some(slot) = self.slots.get_mut(key) else {
            return;
        };
        if !std::mem::replace(&mut slot.has_answered, true) && is_own {
            let taken_ns = now_ns.saturating_sub(slot.due_ns);
            self.engine.metrics_mut().connect.record(taken_ns);
        }
    }

    /// Something happened to a connection that is being made.
    fn on_connecting(&mut self, key: usize) {
        let Some(slot) = self.slots.get_mut(key) else {
            return;
        };
        match slot.connection.is_connected() {
            Ok(false) => return,
            Ok(true) => {}
            Err(error) => return self.lose(key, Some(&error)),
        }
        let now_ns = self.shared.clock.now_ns();
        if slot.role != Role::Transient {
            let taken_ns = now_ns.saturating_sub(slot.due_ns);
            self.engine.metrics_mut().handshake.record(taken_ns);
        }
        let number = key * self.shared.threads + self.thread;
        let nth = slot.nth * self.shared.threads + self.thread;
        let (words, wait) = self.handshake.begin(number, nth);
        let is_open = wait.is_none();
        if let Some(wait) = wait {
            slot.step = Step::Handshake(Box::new(wait));
        }
        self.out.clear();
        self.out.extend_from_slice(&words);
        if !self.out.is_empty() {
            self.send(key);
        }
        if is_open {
            self.opened(key, now_ns);
        }
    }

    /// The connection has had its handshake and may be used.
    fn opened(&mut self, key: usize, now_ns: u64) {
        let Some(slot) = self.slots.get_mut(key) else {
            return;
        };
        if matches!(slot.step, Step::Open | Step::Gone) {
            return;
        }
        slot.step = Step::Open;
        self.pending -= 1;
        match slot.role {
            Role::Member => {
                self.open += 1;
                if self.load.scenario == Scenario::Echo {
                    self.probe(key, now_ns);
                }
            }
            Role::Idle => self.others_open += 1,
            Role::Slow => {
                self.others_open += 1;
                self.fill_up(key);
            }
            Role::Transient => {
                self.out.clear();
                self.background.transient_opened(key, now_ns, &mut self.out);
                self.send(key);
            }
        }
    }

    /// Has `member` ask who hears it.
    pub(super) fn probe(&mut self, member: usize, now_ns: u64) {
        self.out.clear();
        self.engine.probe(member, now_ns, &mut self.out);
        self.send(member);
    }

    /// A client that never reads asks an echo server for more than it can get rid of.
    fn fill_up(&mut self, key: usize) {
        if self.load.scenario != Scenario::Echo {
            return;
        }
        loop {
            self.out.clear();
            self.background.ballast(&mut self.out);
            self.send(key);
            let Some(slot) = self.slots.get(key) else {
                return;
            };
            if slot.connection.holds() || matches!(slot.step, Step::Gone) {
                return;
            }
        }
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
