//! The ledger: what is known of everybody, and what they must still hear and be heard of.
//! Asserts that they do, to the byte.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use crate::service::Disconnect;
use crate::wire::Message;

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
pub(super) struct Remembered(pub(super) Rc<Cell<bool>>);

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
    pub(super) opened_at: Option<Instant>,
    pub(super) spoke_at: Option<Instant>,
    /// How many of its messages were heard.
    pub(super) messages: u32,
    /// It has said what the service cannot bear.
    pub(super) is_to_blame: bool,
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

    pub(super) fn is_heard(&mut self, message: Message<'_>) {
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
