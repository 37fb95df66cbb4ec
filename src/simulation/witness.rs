//! The witness: stands between the engine and a service, and writes down from the rules alone
//! what each client must hear. Knows the contract of the services, and neither engine nor kernel.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::time::Instant;

use super::net::number_of;
use crate::addr::Peer;
use crate::outbound::{ClientId, Egress};
use crate::service::{Disconnect, Service};
use crate::wire::{Framing, Message};

/// What is known of everybody, by socket number.
pub(super) type Ledger = Rc<RefCell<Book>>;

#[derive(Default)]
pub(super) struct Book {
    pub(super) people: Vec<Person>,
    /// How many are here, over all services.
    pub(super) here: usize,
    /// The server is ending: nothing that happens from here on is owed to anybody.
    pub(super) is_ending: bool,
    pub(super) largest_line_bytes: usize,
    /// How many messages have been heard.
    pub(super) messages: u64,
    /// The engine survives a service that panics, and so the witness's complaints.
    pub(super) complained: Rc<Cell<bool>>,
}

/// Remembers a complaint.
struct Remembered(Rc<Cell<bool>>);

impl Drop for Remembered {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.set(true);
        }
    }
}

#[derive(Default)]
pub(super) struct Person {
    pub(super) stage: Stage,
    pub(super) nick: String,
    /// What it has still to hear.
    pub(super) owed: VecDeque<u8>,
    /// What it has sent and the service has not heard.
    pub(super) said: VecDeque<Said>,
    /// It went without an end in good order.
    pub(super) broke_off: bool,
    /// It takes all that it is sent at once.
    pub(super) is_brisk: bool,
    /// It may keep the server waiting for longer than the server has patience.
    pub(super) is_lazy: bool,
    pub(super) heard_bytes: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nobody has seen it yet.
    #[default]
    Outside,
    Here,
    /// Is owed what it was owed, and then the end.
    Leaving,
    Gone(Disconnect),
}

#[derive(Debug)]
pub(super) enum Said {
    Line(String),
    TooLong,
    /// Bytes whose cutting is left to the service.
    Raw(VecDeque<u8>),
}

impl Person {
    /// The next that it hears must be the next that it is owed.
    pub(super) fn hears(&mut self, id: usize, bytes: &[u8]) {
        assert!(
            bytes.len() <= self.owed.len(),
            "#{id} hears more than it is owed"
        );
        let (front, back) = self.owed.as_slices();
        let (first, second) = bytes.split_at(bytes.len().min(front.len()));
        if *first != front[..first.len()] || *second != back[..second.len()] {
            let owed: Vec<u8> = self.owed.iter().copied().take(bytes.len()).collect();
            panic!(
                "#{id} hears {} but is owed {}",
                bytes.escape_ascii(),
                owed.escape_ascii()
            );
        }
        self.owed.drain(..bytes.len());
        self.heard_bytes += bytes.len();
    }

    fn said(&mut self, message: Message<'_>) {
        let next = self.said.front_mut().expect("it has said something");
        match (message, &mut *next) {
            (Message::Whole(bytes), Said::Line(line)) => assert_eq!(bytes, line.as_bytes()),
            (Message::TooLong, Said::TooLong) => {}
            (Message::Whole(bytes), Said::Raw(raw)) => {
                let heard: Vec<u8> = raw.drain(..bytes.len().min(raw.len())).collect();
                assert_eq!(bytes, heard);
                if !raw.is_empty() {
                    return;
                }
            }
            (message, said) => panic!("{said:?} was heard as {message:?}"),
        }
        self.said.pop_front();
    }
}

/// What a service does with a message.
pub(super) enum Rule {
    Room {
        history_lines: usize,
        /// Comings and goings are told.
        tells: bool,
        max_message_bytes: usize,
        log_bytes: usize,
    },
    Echo,
    Reply(&'static str),
}

pub(super) struct Witness<S> {
    inner: S,
    rule: Rule,
    ledger: Ledger,
    numbers: HashMap<ClientId, usize>,
    /// In the order of their coming.
    present: Vec<usize>,
    guests: usize,
    history: VecDeque<String>,
}

impl<S: Service> Witness<S> {
    pub(super) fn of(inner: S, rule: Rule, ledger: &Ledger) -> Self {
        Self {
            inner,
            rule,
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

    fn hears(&mut self, id: usize, message: Message<'_>) {
        let stage = self.ledger.borrow().people[id].stage;
        assert_eq!(stage, Stage::Here, "#{id} is heard");
        let mut book = self.ledger.borrow_mut();
        book.messages += 1;
        book.people[id].said(message);
        drop(book);
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
            (
                Rule::Room {
                    max_message_bytes, ..
                },
                Message::TooLong,
            ) => {
                let notice =
                    format!("* your line is over {max_message_bytes} bytes; not relayed\n");
                self.owe(id, notice.as_bytes());
            }
            (Rule::Echo, Message::TooLong) => panic!("chunks are never too long"),
        }
    }

    /// Nobody is let go for a reason that is none.
    fn judge(&self, id: usize, why: &Disconnect) {
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
            Disconnect::Closed | Disconnect::Idle | Disconnect::Silent | Disconnect::Panicked => {
                false
            }
        };
        assert!(is_fair, "#{id} is gone in stage {:?}: {why}", person.stage);
    }
}

impl<S: Service> Service for Witness<S> {
    fn framing(&self) -> Framing {
        self.inner.framing()
    }

    fn on_open(&mut self, now: Instant, client: ClientId, peer: &Peer, out: &mut Egress) {
        let _remembering = self.remembering();
        let id = number_of(peer);
        assert_eq!(self.numbers.insert(client, id), None);
        {
            let mut book = self.ledger.borrow_mut();
            book.here += 1;
            assert_eq!(book.people[id].stage, Stage::Outside);
            book.people[id].stage = Stage::Here;
        }
        self.comes(id);
        self.inner.on_open(now, client, peer, out);
    }

    fn on_message(
        &mut self,
        now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Egress,
    ) {
        let _remembering = self.remembering();
        self.hears(self.numbers[&client], message);
        self.inner.on_message(now, client, message, out);
    }

    fn on_end(&mut self, now: Instant, client: ClientId, out: &mut Egress) {
        let _remembering = self.remembering();
        let id = self.numbers[&client];
        assert_eq!(self.ledger.borrow().people[id].stage, Stage::Here);
        self.leaves(id, Stage::Leaving);
        self.inner.on_end(now, client, out);
    }

    fn on_close(&mut self, now: Instant, client: ClientId, why: &Disconnect, out: &mut Egress) {
        let _remembering = self.remembering();
        let id = self.numbers.remove(&client).expect("it is closed once");
        self.judge(id, why);
        self.ledger.borrow_mut().here -= 1;
        self.leaves(id, Stage::Gone(*why));
        self.inner.on_close(now, client, why, out);
    }

    fn deadline(&self) -> Option<Instant> {
        self.inner.deadline()
    }

    fn on_deadline(&mut self, now: Instant, out: &mut Egress) {
        self.inner.on_deadline(now, out);
    }
}
