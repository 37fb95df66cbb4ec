//! The oracle: stands between the engine and a service, and writes down from the rules alone what
//! each client must hear. Knows the contract of the services, not the engine.

use std::collections::{HashMap, VecDeque};
use std::panic;
use std::rc::Rc;
use std::time::Instant;

use super::net::Shared;
use super::records::{Records, Status};
use super::server::FailureFlag;
use crate::outbound::{self, ClientId, Fanout};
use crate::protocol::Encoding;
use crate::reactor::Limits;
use crate::service::{Disconnect, Input, Newcomer, Service, TooMany};
use crate::wire::{Framing, Message};

mod bounds;
mod judge;
mod polyglot;
mod saved;

pub(super) use bounds::MOST_HISTORY_LINES;

/// What makes a service panic.
pub(super) const PANIC_TRIGGER: &[u8] = b"panic";

/// What a service does with a message.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    Room {
        history_lines: usize,
        /// Comings and goings are told.
        tells: bool,
    },
    /// A room whose clients may say anything.
    AnyRoom,
    /// A room in which many protocols meet.
    Polyglot,
    /// Such a room, as it is on one of many nodes: what must come of it others know.
    OfNode,
    Echo,
    Reply(&'static str),
}

pub(super) struct Oracle<S> {
    pub(super) inner: S,
    rule: Rule,
    limits: Limits,
    outbound: outbound::Limits,
    network: Shared,
    records: Records,
    failed: FailureFlag,
    pub(super) sockets: HashMap<ClientId, usize>,
    /// In the order of their coming.
    present: Vec<usize>,
    guests: usize,
    history: VecDeque<String>,
}

impl<S: Service> Oracle<S> {
    pub(super) fn new(
        inner: S,
        rule: Rule,
        limits: (Limits, outbound::Limits),
        network: &Shared,
        records: &Records,
    ) -> Self {
        Self {
            inner,
            rule,
            limits: limits.0,
            outbound: limits.1,
            network: Rc::clone(network),
            records: Rc::clone(records),
            failed: records.borrow().failed.clone(),
            sockets: HashMap::new(),
            present: Vec::new(),
            guests: 0,
            history: VecDeque::new(),
        }
    }

    fn owe(&self, id: usize, text: &[u8]) {
        let mut book = self.records.borrow_mut();
        if !book.is_ending && book.clients[id].status == Status::Here {
            book.clients[id].owed.extend(text);
        }
    }

    fn owe_others(&self, id: usize, text: &str) {
        for other in self.present.iter().filter(|other| **other != id) {
            self.owe(*other, text.as_bytes());
        }
        let mut book = self.records.borrow_mut();
        book.largest_line_bytes = book.largest_line_bytes.max(text.len());
    }

    fn nick(&self, id: usize) -> String {
        self.records.borrow().clients[id].nick.clone()
    }

    fn comes(&mut self, id: usize) {
        self.present.push(id);
        let Rule::Room { tells, .. } = self.rule else {
            return;
        };
        self.guests += 1;
        let nick = format!("guest{}", self.guests);
        self.records.borrow_mut().clients[id].nick.clone_from(&nick);
        if tells {
            let others = self.present.len() - 1;
            let greeting =
                format!("* you are {nick}; others here: {others}; /help lists the commands\n");
            self.owe(id, greeting.as_bytes());
        }
        for line in &self.history {
            self.owe(id, line.as_bytes());
        }
        if tells {
            self.owe_others(id, &format!("* {nick} joined\n"));
        }
    }

    fn leaves(&mut self, id: usize, status: Status) {
        let was_present = self.present.iter().position(|present| *present == id);
        let mut book = self.records.borrow_mut();
        let said = book.said();
        book.clients[id].status = status;
        book.clients[id].left.get_or_insert(said);
        drop(book);
        let Some(at) = was_present else { return };
        self.present.remove(at);
        if let Rule::Room { tells: true, .. } = self.rule
            && status != Status::Gone(Disconnect::Shutdown)
        {
            let nick = self.nick(id);
            self.owe_others(id, &format!("* {nick} left\n"));
        }
    }

    fn relays(&mut self, id: usize, text: &str, history_lines: usize) {
        let nick = self.nick(id);
        if text == "/quit" {
            self.leaves(id, Status::Leaving);
            self.records.borrow_mut().clients[id].said.clear();
        } else if let Some(private) = text.strip_prefix("/msg ") {
            let (to, text) = private.split_once(' ').expect("it has a text");
            let target = self.present.iter().find(|id| self.nick(**id) == to);
            match target {
                Some(target) => self.owe(*target, format!("[{nick}] {text}\n").as_bytes()),
                None => self.owe(id, format!("* there is no {to} here\n").as_bytes()),
            }
        } else if let Some(command) = text.strip_prefix('/') {
            let answer = format!("* unknown command /{command}; /help lists the commands\n");
            self.owe(id, answer.as_bytes());
        } else if !text.is_empty() {
            let line = format!("{nick}: {text}\n");
            self.owe_others(id, &line);
            self.history.push_back(line);
            if self.history.len() > history_lines {
                self.history.pop_front();
            }
        }
    }

    /// Notes a message; returns whether it makes the service panic.
    fn hears(&mut self, now: Instant, id: usize, message: Message<'_>) -> bool {
        let mut book = self.records.borrow_mut();
        book.messages += 1;
        let record = &mut book.clients[id];
        assert_eq!(record.status, Status::Here, "#{id} is heard");
        record.is_heard(message);
        record.messages += 1;
        record.spoke_at = Some(now);
        if let Some(rate) = self.limits.message_rate {
            let here = now - record.opened_at.unwrap_or(now);
            let most = f64::from(rate.burst) + f64::from(rate.per_s) * here.as_secs_f64();
            let count = f64::from(record.messages);
            assert!(count <= most + 1.0, "#{id} speaks too often");
        }
        record.caused_panic = !record.says_anything && message == Message::Whole(PANIC_TRIGGER);
        if record.caused_panic {
            return true;
        }
        drop(book);
        match (self.rule, message) {
            (Rule::AnyRoom, Message::Whole(bytes)) => {
                self.records.borrow_mut().notes_said(id, bytes);
            }
            (Rule::AnyRoom | Rule::Polyglot | Rule::OfNode, Message::TooLong) => {}
            (Rule::OfNode, Message::Whole(bytes)) => {
                if matches!(bytes, b"/quit" | b"QUIT") {
                    self.leaves(id, Status::Leaving);
                    self.records.borrow_mut().clients[id].said.clear();
                }
            }
            (Rule::Polyglot, Message::Whole(bytes)) => {
                let words = std::str::from_utf8(bytes).expect("only text is sent");
                self.hears_words(id, words);
            }
            (Rule::Echo, Message::Whole(bytes)) => self.owe(id, bytes),
            (Rule::Reply(text), _) => {
                self.owe(id, text.as_bytes());
                self.leaves(id, Status::Leaving);
                self.records.borrow_mut().clients[id].said.clear();
            }
            (Rule::Room { history_lines, .. }, Message::Whole(bytes)) => {
                let text = std::str::from_utf8(bytes).expect("only text is sent");
                self.relays(id, text, history_lines);
            }
            (Rule::Room { .. }, Message::TooLong) => {
                let limit = self.limits.max_message_bytes;
                let notice = format!("* your line is over {limit} bytes; not relayed\n");
                self.owe(id, notice.as_bytes());
            }
            (Rule::Echo, Message::TooLong) => panic!("chunks are never too long"),
        }
        false
    }
}

impl<S: Service> Service for Oracle<S> {
    fn refusal(&self, of: TooMany, encoding: Encoding) -> Option<Vec<u8>> {
        self.inner.refusal(of, encoding)
    }

    fn farewell(&self, client: ClientId, why: &Disconnect) -> Option<Vec<u8>> {
        let farewell = self.inner.farewell(client, why)?;
        let code = match why {
            Disconnect::Shutdown => 1001,
            Disconnect::Lagged { .. } => 1013,
            _ => 0,
        };
        if let Some(id) = self.sockets.get(&client) {
            polyglot::last_word(&self.records, *id, code);
        }
        Some(farewell)
    }

    fn speaks_protocols(&self) -> bool {
        self.inner.speaks_protocols()
    }

    fn told_here(&self) -> i64 {
        self.inner.told_here()
    }

    fn framing(&self) -> Framing {
        self.inner.framing()
    }

    fn on_open(
        &mut self,
        now: Instant,
        client: ClientId,
        newcomer: &Newcomer<'_>,
        out: &mut Fanout,
    ) {
        let _watch = self.failed.clone();
        let id = self.network.borrow().socket_at(newcomer.peer);
        assert_eq!(self.sockets.insert(client, id), None);
        let mut book = self.records.borrow_mut();
        book.here += 1;
        let said = book.said();
        let record = &mut book.clients[id];
        assert_eq!(record.status, Status::Outside);
        record.status = Status::Here;
        record.opened_at = Some(now);
        record.came = said;
        drop(book);
        self.comes(id);
        if let Rule::Polyglot = self.rule {
            self.comes_speaking(id, newcomer, out);
        }
        self.inner.on_open(now, client, newcomer, out);
        self.check_owed(client, out);
    }

    fn on_message(
        &mut self,
        now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Fanout,
    ) {
        let watch = self.failed.clone();
        let id = self.sockets[&client];
        self.check_held(client, out);
        if let Rule::Polyglot = self.rule {
            self.measures_lines(out);
        }
        if self.hears(now, id, message) {
            std::mem::forget(watch);
            // Without the hook, which would write to stderr.
            panic::resume_unwind(Box::new("as it was asked to"));
        }
        self.inner.on_message(now, client, message, out);
        let status = self.records.borrow().clients[id].status;
        if out.is_closing(client) && status == Status::Here {
            self.leaves(id, Status::Leaving);
        }
        self.check_owed(client, out);
    }

    fn on_end(&mut self, now: Instant, client: ClientId, out: &mut Fanout) {
        let _watch = self.failed.clone();
        let id = self.sockets[&client];
        assert_eq!(self.records.borrow().clients[id].status, Status::Here);
        self.leaves(id, Status::Leaving);
        self.ends_speaking(id);
        self.inner.on_end(now, client, out);
    }

    fn on_close(&mut self, now: Instant, client: ClientId, why: &Disconnect, out: &mut Fanout) {
        let _watch = self.failed.clone();
        let id = self.sockets.remove(&client).expect("it is closed once");
        let is_known = matches!(self.records.borrow().clients[id].status, Status::Gone(_));
        if !is_known {
            self.judge(id, why);
            self.records.borrow_mut().here -= 1;
            self.leaves(id, Status::Gone(*why));
        }
        self.inner.on_close(now, client, why, out);
    }

    fn on_input(&mut self, now: Instant, input: Input, out: &mut Fanout) {
        let _watch = self.failed.clone();
        self.inner.on_input(now, input, out);
    }

    fn wants_input(&self) -> bool {
        self.inner.wants_input()
    }

    fn begin_handover(&mut self) -> Result<(), String> {
        self.inner.begin_handover()
    }

    fn cancel_handover(&mut self) {
        self.inner.cancel_handover();
    }

    fn save(&self) -> Option<Result<Vec<u8>, String>> {
        self.to_bytes()
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        self.of_bytes(saved)
    }

    fn deadline(&self) -> Option<Instant> {
        self.inner.deadline()
    }

    fn on_deadline(&mut self, now: Instant, out: &mut Fanout) {
        let _watch = self.failed.clone();
        self.inner.on_deadline(now, out);
    }
}
