//! What one thing that a member was sent turns out to be. The hot half of the recorder.

use super::*;

/// What a server says is kept up to here, to be shown in an error.
const LAST_WORDS_BYTES_MAX: usize = 200;

impl Recorder {
    /// Takes in one thing that `member` was sent; a delivery's latency, if it was one.
    #[inline]
    pub(crate) fn item(&mut self, now_ns: u64, member: usize, item: Item<'_>) -> Option<u64> {
        match item {
            Item::Payload(payload) => return self.payload(now_ns, member, payload),
            Item::Said { from, text } => return self.message(now_ns, member, from, text),
            Item::Talk(text) => self.talked(member, text),
            Item::Refusal(text) => self.note_words(text),
            Item::Ping(_) => {}
        }
        None
    }

    /// An echo returns the bytes of its client and no others. A server that alters them from the
    /// start is let through until the load begins, which then counts it.
    #[inline]
    fn is_exact(&self) -> bool {
        self.reach == Reach::Sender && self.listening
    }

    /// One line or payload that is long enough for a message; its latency if it is one.
    #[inline]
    fn payload(&mut self, now_ns: u64, member: usize, payload: &[u8]) -> Option<u64> {
        let payload = if self.is_exact() {
            if payload.len() != self.text_bytes {
                self.damaged(member, payload);
                return None;
            }
            payload
        } else if self.in_lines {
            payload.strip_suffix(b"\r").unwrap_or(payload)
        } else {
            payload
        };
        let (prefix, text) = match payload.len().checked_sub(self.text_bytes) {
            Some(before) => payload.split_at(before),
            None => (&b""[..], payload),
        };
        self.message(now_ns, member, prefix, text)
    }

    /// One message, and what its sender is called.
    #[inline]
    fn message(&mut self, now_ns: u64, member: usize, prefix: &[u8], text: &[u8]) -> Option<u64> {
        let Ok(header) = Header::read(text) else {
            self.damaged(member, text);
            return None;
        };
        let sender = header.sender as usize;
        if !Header::is_of_run(text, self.run_digits) || header.sequence == PROBE {
            self.aside(member, &header, text);
            return None;
        }
        if sender >= self.senders
            || !self.is_owed(member, sender)
            || header.sequence >= self.sent[sender].load(Ordering::Acquire)
        {
            self.misplaced(member, sender, text);
            return None;
        }
        let column = self.column(sender);
        let arrival = self.tracker.arrived(member, column, header.sequence);
        let was_awaited = arrival != Arrival::Reordered;
        match arrival {
            Arrival::InOrder | Arrival::Reordered => {}
            Arrival::Ahead(gap) => self.give_up(now_ns, sender, gap),
            Arrival::Duplicate => return None,
        }
        if self.is_closed_echo() {
            return Some(self.echoed(now_ns, member, header.due_ns, was_awaited));
        }
        if let Some(nicks) = &mut self.nicks {
            nicks.heard(sender, header.sequence, prefix);
        }
        Some(self.delivered(now_ns, member, &header, text))
    }

    /// The latency of a message that has come back in a closed loop.
    #[inline]
    fn echoed(&mut self, now_ns: u64, member: usize, due_ns: u64, was_awaited: bool) -> u64 {
        let latency_ns = now_ns.saturating_sub(due_ns);
        if self.metrics.window().contains(due_ns) {
            self.metrics.latency(latency_ns);
        }
        if was_awaited {
            self.done(now_ns, member);
        }
        latency_ns
    }

    #[inline]
    fn delivered(&mut self, now_ns: u64, member: usize, header: &Header, text: &[u8]) -> u64 {
        let (sender, sequence) = (header.sender as usize, header.sequence);
        let queue = self.queue_of(sender);
        if self.member_of(sender).is_none() {
            let sent_ns = if self.has_sent_time {
                Header::read_sent(text)
            } else {
                header.due_ns
            };
            let receivers = u32::try_from(self.present).unwrap_or(u32::MAX);
            self.in_flight[queue].expect(sequence, header.due_ns, sent_ns, receivers);
        }
        let (order, heard) = (&mut self.order, &mut self.heard);
        let number = member * self.threads + self.thread;
        let thread = self.thread;
        let delivery = self.in_flight[queue].delivered(sequence, now_ns, |places| {
            // Whom the shared order knows: a thread whose own order is checked, or a member.
            let tell = |heard: &mut Vec<_>, who: usize| {
                heard.push((
                    u32::try_from(who).unwrap_or(u32::MAX),
                    header.sender,
                    sequence,
                ));
            };
            match order {
                OrderCheck::None => {}
                OrderCheck::Own(order) => {
                    order.heard(member, header.sender, sequence, places);
                }
                OrderCheck::OwnAndShared(order) => {
                    if order.heard(member, header.sender, sequence, places) {
                        tell(heard, thread);
                    }
                }
                OrderCheck::Shared => tell(heard, number),
            }
        });
        // Of a message that is here the time is at hand: to read it once more takes longer.
        let due_ns = delivery.map_or_else(|| header.due_ns, |delivery| delivery.due_ns);
        let latency_ns = now_ns.saturating_sub(due_ns);
        let counts = self.metrics.window().contains(due_ns);
        if counts {
            self.metrics.latency(latency_ns);
        }
        let Some(delivery) = delivery else {
            return latency_ns;
        };
        if counts && self.open_loop {
            let service_ns = now_ns.saturating_sub(delivery.sent_ns);
            self.metrics.service.record(service_ns);
        }
        if let Some(completed) = delivery.completed {
            self.completed(now_ns, sender, sequence, completed);
        }
        latency_ns
    }

    #[cold]
    fn aside(&mut self, member: usize, header: &Header, text: &[u8]) {
        let is_ours = header.run == self.shared.run;
        if !is_ours && self.is_exact() {
            self.damaged(member, text);
        } else if !is_ours {
            self.talk += 1;
        } else if !self.is_owed(member, header.sender as usize) {
            self.talk += 1;
            self.remark = Some(match self.reach {
                Reach::Sender => "clients get each other's messages: a room? bench room".to_owned(),
                _ => {
                    "members get their own messages back: an echo? bench echo, or --own".to_owned()
                }
            });
        } else if !std::mem::replace(&mut self.is_probed[member], true) {
            self.shared.probed.fetch_add(1, Ordering::AcqRel);
        }
    }

    #[cold]
    fn misplaced(&mut self, member: usize, sender: usize, text: &[u8]) {
        if self.reach == Reach::Others && sender == self.number_of(member) {
            self.own += 1;
        } else {
            self.damaged(member, text);
        }
    }

    /// Before the load began, what is no message is a greeting.
    #[cold]
    fn damaged(&mut self, member: usize, text: &[u8]) {
        if self.listening {
            self.tracker.corrupt(member);
        } else {
            self.talk += 1;
            self.note_words(text);
        }
    }

    /// The load is over, and `member` has been sent bytes that make no message. One that still
    /// waits for something has had a part of that; for the others an echo has made them up.
    pub(crate) fn trailing_bytes(&mut self, member: usize) {
        let is_through = self.awaited.get(member).is_some_and(|n| *n == 0);
        if self.is_exact() && is_through && self.is_present[member] {
            self.damaged(member, b"");
        }
    }

    /// Talk that bears the run's number is a piece of a message; an echo does not talk.
    fn talked(&mut self, member: usize, text: &[u8]) {
        if !self.listening && !text.is_empty() {
            self.note_words(text);
        }
        let is_piece = !text.starts_with(b"* ") && text.windows(8).any(|w| w == self.run_digits);
        if is_piece || self.is_exact() {
            self.damaged(member, text);
        } else {
            self.talk += 1;
        }
    }

    fn note_words(&mut self, text: &[u8]) {
        let text = &text[..text.len().min(LAST_WORDS_BYTES_MAX)];
        self.remark = Some(format!("the server said '{}'", sanitize(text)));
    }
}
