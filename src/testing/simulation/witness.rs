//! The witness: stands between the engine and a service, and writes down from the rules alone
//! what each client must hear. Knows the contract of the services, and neither engine nor kernel.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::ledger::{Ledger, Remembered, Stage};
use super::net::number_of;
use crate::addr::Peer;
use crate::outbound::{ClientId, Fanout};
use crate::reactor::Limits;
use crate::service::{Disconnect, Service};
use crate::wire::{Framing, Message};

/// The quiet after which a raw client has said a message, and how late that may be noticed: others
/// have first to be offered what was said before.
const QUIET: Duration = Duration::from_millis(200 + 200);

/// What makes a service panic.
pub(super) const UNBEARABLE: &[u8] = b"unbearable";

/// What a service does with a message.
pub(super) enum Rule {
    Room {
        history_lines: usize,
        /// Comings and goings are told.
        tells: bool,
        log_bytes: usize,
    },
    Echo,
    Reply(&'static str),
}

pub(super) struct Witness<S> {
    inner: S,
    rule: Rule,
    limits: Limits,
    ledger: Ledger,
    numbers: HashMap<ClientId, usize>,
    /// In the order of their coming.
    present: Vec<usize>,
    guests: usize,
    history: VecDeque<String>,
}

impl<S: Service> Witness<S> {
    pub(super) fn of(inner: S, rule: Rule, limits: Limits, ledger: &Ledger) -> Self {
        Self {
            inner,
            rule,
            limits,
            ledger: Rc::clone(ledger),
            numbers: HashMap::new(),
            present: Vec::new(),
            guests: 0,
            history: VecDeque::new(),
        }
    }

    fn remembering(&self) -> Remembered {
        Remembered(Rc::clone(&self.ledger.borrow().complained))
    }

    fn owe(&self, id: usize, text: &[u8]) {
        let mut book = self.ledger.borrow_mut();
        if !book.is_ending && book.people[id].stage == Stage::Here {
            book.people[id].owed.extend(text);
        }
    }

    fn owe_others(&self, id: usize, text: &str) {
        for other in self.present.iter().filter(|other| **other != id) {
            self.owe(*other, text.as_bytes());
        }
        let mut book = self.ledger.borrow_mut();
        book.largest_line_bytes = book.largest_line_bytes.max(text.len());
    }

    fn nick(&self, id: usize) -> String {
        self.ledger.borrow().people[id].nick.clone()
    }

    fn comes(&mut self, id: usize) {
        self.present.push(id);
        let Rule::Room { tells, .. } = self.rule else {
            return;
        };
        self.guests += 1;
        let nick = format!("guest{}", self.guests);
        self.ledger.borrow_mut().people[id].nick.clone_from(&nick);
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

    fn leaves(&mut self, id: usize, stage: Stage) {
        let was_present = self.present.iter().position(|present| *present == id);
        self.ledger.borrow_mut().people[id].stage = stage;
        let Some(at) = was_present else { return };
        self.present.remove(at);
        if let Rule::Room { tells: true, .. } = self.rule
            && stage != Stage::Gone(Disconnect::Shutdown)
        {
            let nick = self.nick(id);
            self.owe_others(id, &format!("* {nick} left\n"));
        }
    }

    fn relays(&mut self, id: usize, text: &str) {
        let Rule::Room { history_lines, .. } = self.rule else {
            return;
        };
        let nick = self.nick(id);
        if text == "/quit" {
            self.leaves(id, Stage::Leaving);
            self.ledger.borrow_mut().people[id].said.clear();
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

    fn hears(&mut self, now: Instant, id: usize, message: Message<'_>) {
        let mut book = self.ledger.borrow_mut();
        book.messages += 1;
        let person = &mut book.people[id];
        assert_eq!(person.stage, Stage::Here, "#{id} is heard");
        person.is_heard(message);
        person.messages += 1;
        person.spoke_at = Some(now);
        if let Some(rate) = self.limits.message_rate {
            let here = now - person.opened_at.unwrap_or(now);
            let most = f64::from(rate.burst) + f64::from(rate.per_s) * here.as_secs_f64();
            assert!(
                f64::from(person.messages) <= most + 1.0,
                "#{id} speaks too often"
            );
        }
        person.is_to_blame = message == Message::Whole(UNBEARABLE);
        let is_to_blame = person.is_to_blame;
        drop(book);
        if is_to_blame {
            return;
        }
        match (&self.rule, message) {
            (Rule::Echo, Message::Whole(bytes)) => self.owe(id, bytes),
            (Rule::Reply(text), _) => {
                self.owe(id, text.as_bytes());
                self.leaves(id, Stage::Leaving);
                self.ledger.borrow_mut().people[id].said.clear();
            }
            (Rule::Room { .. }, Message::Whole(bytes)) => {
                self.relays(id, std::str::from_utf8(bytes).expect("only text is sent"));
            }
            (Rule::Room { .. }, Message::TooLong) => {
                let limit = self.limits.max_message_bytes;
                let notice = format!("* your line is over {limit} bytes; not relayed\n");
                self.owe(id, notice.as_bytes());
            }
            (Rule::Echo, Message::TooLong) => panic!("chunks are never too long"),
        }
    }

    /// Nobody is let go for a reason that is none.
    fn judge(&self, now: Instant, id: usize, why: &Disconnect) {
        let book = self.ledger.borrow();
        let person = &book.people[id];
        let is_fair = match *why {
            Disconnect::Eof => person.stage == Stage::Leaving || book.is_ending,
            Disconnect::Broken(io::ErrorKind::OutOfMemory) => !person.is_brisk,
            Disconnect::Broken(_) => person.broke_off,
            Disconnect::Lagged { behind_bytes } => match self.rule {
                Rule::Room { log_bytes, .. } => {
                    // Each message takes eight bytes more in the log, and none is under ten.
                    let behind = usize::try_from(behind_bytes).expect("not so much");
                    let room = log_bytes - book.largest_line_bytes - 8;
                    !person.is_brisk && behind + behind * 8 / 10 >= room
                }
                _ => false,
            },
            Disconnect::Unfinished => person.is_lazy,
            Disconnect::Shutdown => book.is_ending,
            Disconnect::Idle => {
                // A raw client's message is heard when it has been quiet for a while.
                let spoke_at = person.spoke_at.map(|at| at - QUIET);
                let active_at = spoke_at.max(person.opened_at);
                is_over(now, active_at, self.limits.idle_timeout)
            }
            Disconnect::Silent => {
                let timeout = self.limits.first_message_timeout;
                person.messages == 0 && is_over(now, person.opened_at, timeout)
            }
            Disconnect::Panicked => person.is_to_blame,
            Disconnect::Closed => false,
        };
        assert!(is_fair, "#{id} is gone in stage {:?}: {why}", person.stage);
    }
}

impl<S: Service> Service for Witness<S> {
    fn framing(&self) -> Framing {
        self.inner.framing()
    }

    fn on_open(&mut self, now: Instant, client: ClientId, peer: &Peer, out: &mut Fanout) {
        let _remembering = self.remembering();
        let id = number_of(peer);
        assert_eq!(self.numbers.insert(client, id), None);
        {
            let mut book = self.ledger.borrow_mut();
            book.here += 1;
            assert_eq!(book.people[id].stage, Stage::Outside);
            book.people[id].stage = Stage::Here;
            book.people[id].opened_at = Some(now);
        }
        self.comes(id);
        self.inner.on_open(now, client, peer, out);
    }

    fn on_message(
        &mut self,
        now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Fanout,
    ) {
        let remembering = self.remembering();
        let id = self.numbers[&client];
        self.hears(now, id, message);
        if self.ledger.borrow().people[id].is_to_blame {
            std::mem::forget(remembering);
            // Without the hook, which would write to stderr.
            panic::resume_unwind(Box::new("as it was asked to"));
        }
        self.inner.on_message(now, client, message, out);
        drop(remembering);
    }

    fn on_end(&mut self, now: Instant, client: ClientId, out: &mut Fanout) {
        let _remembering = self.remembering();
        let id = self.numbers[&client];
        assert_eq!(self.ledger.borrow().people[id].stage, Stage::Here);
        self.leaves(id, Stage::Leaving);
        self.inner.on_end(now, client, out);
    }

    fn on_close(&mut self, now: Instant, client: ClientId, why: &Disconnect, out: &mut Fanout) {
        let _remembering = self.remembering();
        let id = self.numbers.remove(&client).expect("it is closed once");
        self.judge(now, id, why);
        self.ledger.borrow_mut().here -= 1;
        self.leaves(id, Stage::Gone(*why));
        self.inner.on_close(now, client, why, out);
    }

    fn deadline(&self) -> Option<Instant> {
        self.inner.deadline()
    }

    fn on_deadline(&mut self, now: Instant, out: &mut Fanout) {
        self.inner.on_deadline(now, out);
    }
}

fn is_over(now: Instant, since: Option<Instant>, timeout: Option<Duration>) -> bool {
    match (since, timeout) {
        (Some(since), Some(timeout)) => since + timeout <= now,
        _ => false,
    }
}
