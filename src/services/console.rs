//! Console: the operator at the server answers each client in turn. The tutorial's simulated chat,
//! but no client's turn keeps another from being heard.
//! Knows lines and clients; whether the screen is a terminal is the screen's affair.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::outbound::{ClientId, Fanout, OutboxFull};
use crate::sanitize;
use crate::service::{Disconnect, Input, Newcomer, Service};
use crate::wire::{Framing, Message};

mod command;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod questions;
#[cfg(test)]
mod tests;

use command::OperatorCommand;
use questions::{Client, Clients, Waiting};

/// Where the conversation is shown.
pub trait Screen {
    /// Shows a line; must not block.
    fn print(&mut self, line: &str);

    /// Names the client that a typed line would answer now, if any waits.
    fn prompt(&mut self, number: Option<u64>);
}

/// The console service.
#[derive(Debug)]
pub struct Console<S> {
    screen: S,
    clients: Clients,
    /// The messages that have no answer yet.
    waiting: Waiting,
    /// Lines typed while nobody waited.
    held: VecDeque<String>,
    /// Clients that have ended their side and wait for an answer, the longest first.
    ended: VecDeque<ClientId>,
    /// Answers to those, until it is known that the client was still there; in order of time.
    unconfirmed: VecDeque<Unconfirmed>,
    input_ended: bool,
}

#[derive(Debug)]
struct Unconfirmed {
    client: ClientId,
    line: String,
    /// When it counts as received.
    until: Instant,
}

/// A client that has ended its side may be gone altogether. What it is sent tells: its kernel
/// answers with a reset, at once or after a round trip, for which this is time enough.
const CONFIRMED_AFTER: Duration = Duration::from_millis(200);

/// At this many unanswered messages a client is not read from; at half of it, it is again.
const MAX_UNANSWERED: usize = 256;

/// At most this many clients that have ended their side are kept for an answer. Most may be gone
/// altogether; one more, and the one that ended first is closed without an answer.
const MAX_ENDED: usize = 256;

/// At this many lines, held or unconfirmed, no more are taken from the operator.
const MAX_HELD_LINES: usize = 1024;

impl<S: Screen> Console<S> {
    /// A console that shows the conversation on `screen`.
    #[must_use]
    pub fn new(screen: S) -> Self {
        Self {
            screen,
            clients: Clients::default(),
            waiting: Waiting::default(),
            held: VecDeque::new(),
            ended: VecDeque::new(),
            unconfirmed: VecDeque::new(),
            input_ended: false,
        }
    }

    /// Gives held lines to the messages that wait, then names who is next.
    fn answer(&mut self, now: Instant, out: &mut Fanout) {
        while !self.held.is_empty()
            && let Some(id) = self.waiting.pop(&self.clients)
            && let Some(line) = self.held.pop_front()
        {
            self.send(id, &line, out);
            let Some(client) = self.clients.get_mut(id) else {
                continue;
            };
            client.unanswered -= 1;
            if client.has_ended {
                self.unconfirmed.push_back(Unconfirmed {
                    client: id,
                    line,
                    until: now + CONFIRMED_AFTER,
                });
            } else if client.unanswered == MAX_UNANSWERED / 2 {
                out.resume_reading(id);
            }
        }
        if self.input_ended && self.held.is_empty() && self.unconfirmed.is_empty() {
            out.stop();
        }
        let next = self.waiting.next(&self.clients);
        self.screen.prompt(next.map(|client| client.number));
    }

    fn send(&mut self, id: ClientId, line: &str, out: &mut Fanout) {
        let Some(client) = self.clients.get(id) else {
            return;
        };
        let end = if client.ends_lines { "\n" } else { "" };
        if out.send(id, format!("{line}{end}").as_bytes()) == Err(OutboxFull) {
            let number = client.number;
            self.screen
                .print(&format!("[{number}] is owed too much already; not sent"));
        }
    }

    fn on_line(&mut self, now: Instant, line: &str, out: &mut Fanout) {
        match command::parse(line) {
            OperatorCommand::Nothing => {}
            OperatorCommand::Answer(text) => self.held.push_back(text.to_owned()),
            OperatorCommand::To(number, text) => {
                if let Some(id) = self.find(number) {
                    self.send(id, text, out);
                }
            }
            OperatorCommand::All(text) => {
                let ids: Vec<ClientId> = self.clients.iter().map(|client| client.id).collect();
                for id in ids {
                    self.send(id, text, out);
                }
            }
            OperatorCommand::Who => self.who(),
            OperatorCommand::Close(number) => {
                if let Some(id) = self.find(number) {
                    self.leave(id, true);
                    out.close_after_flush(id);
                }
            }
            OperatorCommand::Quit => out.stop(),
            OperatorCommand::Wrong(why) => self.screen.print(why),
        }
        self.answer(now, out);
    }

    /// The client with a number, or a line on the screen that there is none.
    fn find(&mut self, number: u64) -> Option<ClientId> {
        let found = self.clients.iter().find(|client| client.number == number);
        if found.is_none() {
            self.screen.print(&format!("there is no [{number}]"));
        }
        found.map(|client| client.id)
    }

    fn who(&mut self) {
        let mut here: Vec<&Client> = self.clients.iter().filter(|c| !c.has_ended).collect();
        here.sort_unstable_by_key(|client| client.number);
        if here.is_empty() {
            self.screen.print("nobody is here");
        }
        for client in here {
            let (number, unanswered) = (client.number, client.unanswered);
            let line = format!("[{number}] {}, {unanswered} to answer", client.peer);
            self.screen.print(&line);
        }
    }

    /// A client is gone, or is to be. If it was not listening any more, its unconfirmed answers
    /// are for the next.
    fn leave(&mut self, id: ClientId, was_listening: bool) {
        let Some((client, unconfirmed)) = self.forget(id) else {
            return;
        };
        if !client.has_ended {
            let number = client.number;
            self.screen.print(&format!("[{number}] left"));
        }
        if !was_listening {
            for line in unconfirmed.into_iter().rev() {
                self.held.push_front(line);
            }
        }
    }

    /// Closes a client of which the operator knows that it has left.
    fn close_silently(&mut self, id: ClientId, out: &mut Fanout) {
        self.forget(id);
        out.close_after_flush(id);
    }

    /// Removes a client; gives it and its unconfirmed answers, in order.
    fn forget(&mut self, id: ClientId) -> Option<(Client, Vec<String>)> {
        let client = self.clients.remove(id)?;
        let mut lines = Vec::new();
        if client.has_ended {
            self.ended.retain(|ended| *ended != id);
            self.unconfirmed.retain_mut(|answer| {
                let stays = answer.client != id;
                if !stays {
                    lines.push(std::mem::take(&mut answer.line));
                }
                stays
            });
        }
        Some((client, lines))
    }

    /// Keeps a client that will say nothing more: what it has said is still worth an answer.
    fn keep_for_answers(&mut self, id: ClientId, out: &mut Fanout) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        client.has_ended = true;
        let number = client.number;
        self.screen
            .print(&format!("[{number}] left, but may read an answer yet"));
        self.ended.push_back(id);
        if self.ended.len() > MAX_ENDED
            && let Some(first) = self.ended.front().copied()
        {
            self.close_silently(first, out);
        }
    }
}

impl<S: Screen> Service for Console<S> {
    fn framing(&self) -> Framing {
        Framing::Text
    }

    fn on_open(
        &mut self,
        _now: Instant,
        client: ClientId,
        newcomer: &Newcomer<'_>,
        _out: &mut Fanout,
    ) {
        self.clients.add(client, newcomer.peer);
    }

    fn on_message(&mut self, now: Instant, id: ClientId, message: Message<'_>, out: &mut Fanout) {
        let (Message::Whole(bytes), Some(client)) = (message, self.clients.get_mut(id)) else {
            return;
        };
        client.ends_lines = bytes.ends_with(b"\n");
        client.unanswered += 1;
        if client.unanswered == MAX_UNANSWERED {
            out.pause_reading(id);
        }
        let number = client.number;
        let shown = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let shown = sanitize::sanitize(shown.strip_suffix(b"\r").unwrap_or(shown));
        self.screen.print(&format!("recv [{number}] {shown}"));
        self.waiting.push(id, &self.clients);
        self.answer(now, out);
    }

    fn on_end(&mut self, now: Instant, id: ClientId, out: &mut Fanout) {
        match self.clients.get(id) {
            Some(client) if client.unanswered > 0 => self.keep_for_answers(id, out),
            _ => {
                self.leave(id, true);
                out.close_after_flush(id);
            }
        }
        self.answer(now, out);
    }

    fn on_close(&mut self, now: Instant, id: ClientId, why: &Disconnect, out: &mut Fanout) {
        self.leave(id, !matches!(why, Disconnect::Broken(_)));
        self.answer(now, out);
    }

    fn deadline(&self) -> Option<Instant> {
        self.unconfirmed.front().map(|answer| answer.until)
    }

    fn on_deadline(&mut self, now: Instant, out: &mut Fanout) {
        while let Some(answer) = self.unconfirmed.front()
            && answer.until <= now
        {
            let id = answer.client;
            self.unconfirmed.pop_front();
            let waits = self
                .clients
                .get(id)
                .is_some_and(|client| client.unanswered > 0);
            if !waits && !self.unconfirmed.iter().any(|other| other.client == id) {
                self.close_silently(id, out);
            }
        }
        self.answer(now, out);
    }

    fn on_input(&mut self, now: Instant, input: Input, out: &mut Fanout) {
        match input {
            Input::Hub(_) => {}
            Input::Line(line) => self.on_line(now, &line, out),
            Input::End => {
                self.input_ended = true;
                self.answer(now, out);
            }
        }
    }

    fn wants_input(&self) -> bool {
        !self.input_ended && self.held.len() + self.unconfirmed.len() < MAX_HELD_LINES
    }
}
