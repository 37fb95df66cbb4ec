//! What must come of what members say in a room in which many protocols meet.

use super::super::records::Status;
use super::super::speech::Tongue;
use super::{Oracle, Records};
use crate::outbound::{AudienceId, Fanout};
use crate::protocol::Encoding;
use crate::service::{Newcomer, Service};

impl<S: Service> Oracle<S> {
    /// A client has come: it was found out what it speaks.
    pub(super) fn comes_speaking(&mut self, id: usize, newcomer: &Newcomer<'_>, out: &Fanout) {
        let mut book = self.records.borrow_mut();
        let said = book.talk.len();
        // What may be trimmed before it is written to is passed over.
        let log_start = out.replay_start(AudienceId::FIRST, Encoding::Lines.index());
        let is_line_client = newcomer.encoding == Encoding::Lines;
        let came_at = newcomer.came_at.filter(|_| is_line_client);
        let connected_at = came_at.map(|at| book.talk.place_of(at.log_end.max(log_start)));
        let record = &mut book.clients[id];
        let membership = record.membership.as_mut().expect("it speaks something");
        if record.has_reset && is_line_client {
            // It has left in the middle of its first words.
            membership.speech.tongue = Tongue::Lines;
            membership.speech.since = None;
        }
        let speech = membership.speech;
        let encoding = match speech.tongue {
            Tongue::Lines => Encoding::Lines,
            Tongue::WebSocket => Encoding::Json,
            Tongue::Irc => Encoding::Irc,
        };
        assert_eq!(
            (newcomer.encoding, newcomer.since),
            (encoding, speech.since),
            "#{id}"
        );
        if encoding == Encoding::Irc {
            return;
        }
        membership.named_at = Some(said);
        membership.came_at = Some(said);
        membership.connected_at = connected_at;
        self.guests += 1;
        record.nick = format!("guest{}", self.guests);
    }

    /// A member has said something.
    pub(super) fn hears_words(&mut self, id: usize, words: &str) {
        let tongue = {
            let book = self.records.borrow();
            let membership = book.clients[id].membership.as_ref();
            membership.expect("it speaks something").speech.tongue
        };
        match tongue {
            Tongue::Irc => self.hears_irc(id, words),
            Tongue::Lines | Tongue::WebSocket => {
                if words == "/quit" {
                    self.quits(id);
                } else if let Some(private) = words.strip_prefix("/msg ") {
                    let (to, text) = private.split_once(' ').expect("it has a text");
                    self.tells_one(id, to, text);
                } else if !words.is_empty() && !words.starts_with('/') {
                    self.records.borrow_mut().talk.add(id, None, words);
                }
            }
        }
    }

    /// Notes how long the log of lines is.
    pub(super) fn measures_lines(&self, out: &Fanout) {
        let (room, lines) = (AudienceId::FIRST, Encoding::Lines.index());
        let end = out.has_log(room, lines).then(|| out.log_end(room, lines));
        self.records.borrow_mut().talk.lines_end = end;
    }

    fn hears_irc(&mut self, id: usize, words: &str) {
        let (command, rest) = words.split_once(' ').unwrap_or((words, ""));
        let mut book = self.records.borrow_mut();
        let said = book.talk.len();
        let record = &mut book.clients[id];
        let membership = record.membership.as_mut().expect("it speaks something");
        match command {
            "NICK" => rest.clone_into(&mut record.nick),
            "CAP" if rest == "END" => membership.named_at = Some(said),
            "USER" if !membership.speech.negotiates() => membership.named_at = Some(said),
            "CAP" | "USER" => {}
            "JOIN" => membership.came_at = Some(said),
            "QUIT" => {
                drop(book);
                self.quits(id);
            }
            "PRIVMSG" => {
                let (to, text) = rest.split_once(" :").expect("it has a text");
                match to {
                    "#lobby" => book.talk.add(id, None, text),
                    to => {
                        drop(book);
                        self.tells_one(id, to, text);
                    }
                }
            }
            other => panic!("{other} was never said"),
        }
    }

    /// One that is called so, and has a name already, is told something alone.
    fn tells_one(&mut self, id: usize, to: &str, text: &str) {
        let mut book = self.records.borrow_mut();
        let is_called = |other: &&usize| {
            let record = &book.clients[**other];
            let named_at = record
                .membership
                .as_ref()
                .and_then(|member| member.named_at);
            record.nick == to && named_at.is_some()
        };
        if let Some(to) = self.present.iter().find(is_called).copied() {
            book.talk.add(id, Some(to), text);
        }
    }

    fn quits(&mut self, id: usize) {
        self.leaves(id, Status::Leaving);
        last_word(&self.records, id, 1000);
        self.records.borrow_mut().clients[id].said.clear();
    }

    /// It has ended, and may have asked to be answered.
    pub(super) fn ends_speaking(&self, id: usize) {
        let mut book = self.records.borrow_mut();
        let record = &mut book.clients[id];
        if let Some(membership) = &mut record.membership {
            membership.last_word = membership.asks_for;
        }
    }
}

/// The last that a client is told.
pub(super) fn last_word(records: &Records, id: usize, code: u16) {
    let mut book = records.borrow_mut();
    if let Some(membership) = &mut book.clients[id].membership {
        membership.last_word.get_or_insert(code);
    }
}
