//! Who is let in: the room's password, and the time in which it has to be said.

use std::time::Instant;

use super::command::{self, Command};
use super::remark::Remark;
use super::visitors::TIME_TO_COME_IN;
use super::{Room, text_of};
use crate::outbound::{ClientId, Fanout};
use crate::protocol::websocket::CloseCode;
use crate::protocol::{Encoding, Event};
use crate::wire::Message;

impl Room {
    /// A client of lines or JSON has said something before the password. Nobody else hears it.
    pub(super) fn on_visitor(
        &mut self,
        now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Fanout,
    ) {
        let Some(visitor) = self.visitors.get(client).copied() else {
            return;
        };
        let text = match message {
            Message::Whole(bytes) => text_of(visitor.encoding, bytes),
            Message::TooLong => return self.remark(client, &Remark::NeedsPassword, out),
        };
        match command::parse(&text) {
            Command::Nothing => {}
            Command::Pass(given) if self.is_password(given) => {
                self.visitors.remove(client);
                self.come_in(now, client, visitor.encoding, (visitor.since, None), out);
            }
            Command::Pass(_) => self.refuse_password(client, out),
            Command::Quit(_) => {
                self.hang_up(client, CloseCode::Normal, "you have left", out);
                self.forget(client);
            }
            _ => self.remark(client, &Remark::NeedsPassword, out),
        }
    }

    pub(super) fn is_password(&self, given: &str) -> bool {
        let password = self.config.password.as_ref();
        password.is_none_or(|password| password.is(given))
    }

    /// A visitor has said a wrong password.
    pub(super) fn refuse_password(&mut self, client: ClientId, out: &mut Fanout) {
        self.remark(client, &Remark::WrongPassword, out);
        if self.visitors.is_wrong_once_more(client) {
            self.turn_away(client, "too many wrong passwords", out);
        }
    }

    /// A visitor's time is over.
    pub(super) fn turn_away_late(&mut self, client: ClientId, out: &mut Fanout) {
        let seconds = TIME_TO_COME_IN.as_secs();
        let what = match self.config.password {
            Some(_) => "password",
            None => "registration",
        };
        self.turn_away(client, &format!("no {what} within {seconds} s"), out);
    }

    /// Ends a visitor.
    pub(super) fn turn_away(&mut self, client: ClientId, why: &str, out: &mut Fanout) {
        if self.encoding(client) == Some(Encoding::Lines) {
            self.tell(client, Event::Notice(why), out);
        }
        self.hang_up(client, CloseCode::Policy, why, out);
        self.forget(client);
    }
}
