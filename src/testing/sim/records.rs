//! The records: what is known of each client, and what it must still hear and be heard of.
//! Asserts that it does, to the byte.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use super::conversation::{Conversation, Membership};
use super::server::FailureFlag;
use crate::sanitize::sanitize;
use crate::sanitize::skip_invisible;
use crate::service::Disconnect;
use crate::testing::fuzz::is_harmful;
use crate::wire::Message;

/// What is known; shared by the oracles and the simulation.
pub(super) type Records = Rc<RefCell<Book>>;

#[derive(Default)]
pub(super) struct Book {
    /// By socket.
    pub(super) clients: Vec<Record>,
    /// How many are here, over all services.
    pub(super) here: usize,
    /// The server is ending: nothing that happens from here on is owed to anybody.
    pub(super) is_ending: bool,
    pub(super) largest_line_bytes: usize,
    /// How many messages have been heard.
    pub(super) messages: u64,
    /// Who said what in a room in which anything is said.
    pub(super) conversation: Vec<(usize, String)>,
    /// And in one in which many protocols meet.
    pub(super) talk: Conversation,
    /// Comings and goings are told.
    pub(super) tells: bool,
    pub(super) failed: FailureFlag,
}

#[derive(Default)]
pub(super) struct Record {
    pub(super) status: Status,
    pub(super) nick: String,
    /// What it has still to hear.
    pub(super) owed: VecDeque<u8>,
    /// What it has sent and the service has not heard.
    pub(super) said: VecDeque<Sent>,
    /// What it hears if the room is full.
    refusal: String,
    /// It may say anything, and what it hears is [looked at](Book::judge) when it has all.
    pub(super) says_anything: bool,
    heard: Vec<u8>,
    /// How long the conversation was when it came, and when it left.
    pub(super) came: usize,
    pub(super) left: Option<usize>,
    /// It went without an end in good order.
    pub(super) has_reset: bool,
    /// It takes all that it is sent at once.
    pub(super) is_eager: bool,
    pub(super) heard_bytes: usize,
    pub(super) opened_at: Option<Instant>,
    pub(super) spoke_at: Option<Instant>,
    /// How many of its messages were heard.
    pub(super) messages: u32,
    /// Where many protocols meet.
    pub(super) membership: Option<Membership>,
    /// It has said what makes the service panic.
    pub(super) caused_panic: bool,
    /// Another process has taken over, and may have left it behind.
    pub(super) may_restart: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// No service has been told of it.
    #[default]
    Outside,
    Here,
    /// Is owed what it was owed, and then the end.
    Leaving,
    Gone(Disconnect),
}

#[derive(Debug)]
pub(super) enum Sent {
    Line(String),
    TooLong,
    /// Bytes whose cutting is left to the service.
    Raw(VecDeque<u8>),
}

impl Record {
    pub(super) fn new(max_clients: usize) -> Self {
        Self {
            refusal: format!("* full: {max_clients} are here; try again later\n"),
            ..Self::default()
        }
    }

    /// The next that it hears must be the next that it is owed.
    pub(super) fn hears(&mut self, id: usize, bytes: &[u8]) {
        self.heard_bytes += bytes.len();
        if self.status == Status::Outside {
            // It was turned away, and is told why.
            self.heard.extend(bytes);
            let told = String::from_utf8_lossy(&self.heard);
            let is_refusal = told.starts_with("* full: ") || "* full: ".starts_with(&*told);
            assert!(is_refusal && told.lines().count() <= 1, "#{id}: {told:?}");
            return;
        }
        if self.says_anything {
            return self.heard.extend(bytes);
        }
        if self.status == Status::Outside {
            let is_refusal = self.refusal.as_bytes().starts_with(bytes);
            assert!(is_refusal, "#{id} hears {}", bytes.escape_ascii());
            self.refusal.drain(..bytes.len());
            return;
        }
        let most = self.owed.len();
        assert!(bytes.len() <= most, "#{id} hears more than it is owed");
        let owed: Vec<u8> = self.owed.drain(..bytes.len()).collect();
        if let Some(at) = (0..bytes.len()).find(|at| bytes[*at] != owed[*at]) {
            let around = at.saturating_sub(20)..(at + 40).min(bytes.len());
            let heard = bytes[around.clone()].escape_ascii();
            let owed = owed[around].escape_ascii();
            panic!("#{id} hears …{heard}… but is owed …{owed}…");
        }
    }

    pub(super) fn is_heard(&mut self, message: Message<'_>) {
        if self.says_anything {
            return;
        }
        let next = self.said.front_mut().expect("it has said something");
        match (message, &mut *next) {
            (Message::Whole(bytes), Sent::Line(line)) => assert_eq!(bytes, line.as_bytes()),
            (Message::TooLong, Sent::TooLong) => {}
            (Message::Whole(bytes), Sent::Raw(raw)) => {
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

/// Where anything is said.
impl Book {
    /// How much was said.
    pub(super) fn said(&self) -> usize {
        self.conversation.len() + self.talk.len()
    }

    pub(super) fn notes_said(&mut self, id: usize, bytes: &[u8]) {
        let text = sanitize(bytes);
        let text = match skip_invisible(&text).strip_prefix('/') {
            None => &text,
            Some(text) if text.starts_with('/') => text,
            Some(_) => "",
        };
        if !text.is_empty() {
            self.conversation.push((id, text.to_owned()));
        }
    }

    /// Asserts that a client has got what was said while it was here, after some of what was said
    /// before, in order and once, without its own; all of it, or a first part.
    pub(super) fn judge(&self, id: usize, got_all: bool, history_lines: usize) {
        let record = &self.clients[id];
        let said = without_refusals(&record.heard);
        let lines = whole_lines(&said);
        let harmful = lines.iter().find(|line| is_harmful(line));
        assert_eq!(harmful, None);
        let heard: Vec<&str> = lines.iter().filter_map(|line| text_of(line)).collect();
        if record.status == Status::Outside {
            return assert_eq!(heard, [""; 0]);
        }
        let until = record.left.unwrap_or(self.conversation.len());
        let owed: Vec<&str> = self.conversation[record.came..until]
            .iter()
            .filter(|(from, _)| *from != id)
            .map(|(_, text)| text.as_str())
            .collect();
        let before = &self.conversation[..record.came];
        let fits = |replayed: usize| {
            let history = before[before.len() - replayed..].iter();
            let history = history.map(|(_, text)| text.as_str());
            let mut all = history.chain(owed.iter().copied());
            let is_prefix = heard.iter().all(|text| all.next() == Some(*text));
            is_prefix && (!got_all || all.next().is_none())
        };
        let most = history_lines.min(before.len());
        assert!(
            (0..=most).any(fits),
            "#{id} heard {heard:?}, and was owed {owed:?} after some of {before:?}"
        );
        let is_whole = said.last().is_none_or(|byte| *byte == b'\n');
        assert!(!got_all || is_whole, "#{id} hears half a line");
    }
}

/// What a client heard, less the telnet options that were refused to it.
fn without_refusals(heard: &[u8]) -> Vec<u8> {
    const IAC: u8 = 255;
    let mut said = Vec::with_capacity(heard.len());
    let mut rest = heard;
    while let Some((byte, after)) = rest.split_first() {
        match byte {
            // The command and the option follow; neither is a part of text.
            &IAC => rest = after.get(2..).unwrap_or_default(),
            byte => {
                said.push(*byte);
                rest = after;
            }
        }
    }
    said
}

fn whole_lines(bytes: &[u8]) -> Vec<&str> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let whole = lines.filter_map(|line| line.strip_suffix(b"\n"));
    whole
        .map(|line| std::str::from_utf8(line).unwrap_or_else(|_| panic!("{line:?} is no text")))
        .collect()
}

/// The text of a line that a member said for all to hear, without its nick.
fn text_of(line: &str) -> Option<&str> {
    if ["* ", "** ", "["]
        .iter()
        .any(|other| line.starts_with(other))
    {
        return None;
    }
    let Some((nick, text)) = line.split_once(": ") else {
        panic!("{line:?} has no sender");
    };
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    assert!(nick.len() <= 32 && nick.chars().all(is_name), "{nick:?}");
    Some(text)
}
