//! Clients that speak IRC: how they come in, and what they ask for that changes something. Those in
//! the room are members as all are; those that have only a nick can be spoken to.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::Room;
use super::channels::ChannelId;
use super::command::{self, Command};
use super::nick::{self, NickError};
use super::order::OperatorCommand;
use super::remark::Remark;
use super::visitors::Visitor;
use crate::outbound::{ClientId, Fanout};
use crate::protocol::irc::{Answer, MAX_TARGETS, Request, Session, targets};
use crate::protocol::{Encoding, Kind, beginning};
use crate::sanitize::sanitize;
use crate::wire::Message;

mod channel;
mod query;

/// Of what a client says that it is called, so many bytes are kept.
const MAX_REAL_NAME_BYTES: usize = 100;

/// What a client of IRC has beside what all have.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Client {
    session: Session,
    real_name: Box<str>,
    /// It has said the password, or there is none.
    knows_password: bool,
    /// Once it has left a room: the id of the last message that it may have heard there.
    heard_until: Option<(ChannelId, u64)>,
}

impl Client {
    pub(super) fn nick(&self) -> &str {
        self.session.nick()
    }

    pub(super) fn set_nick(&mut self, nick: &str) {
        self.session.set_nick(nick);
    }

    pub(super) fn hears_itself(&self) -> bool {
        self.session.capabilities().echo_message
    }

    fn encoding(&self) -> Encoding {
        match self.session.capabilities().server_time {
            true => Encoding::IrcTime,
            false => Encoding::Irc,
        }
    }
}

/// Coming in.
impl Room {
    /// A line has come.
    pub(super) fn on_irc(
        &mut self,
        now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Fanout,
    ) {
        let Some(irc) = self.irc.get_mut(&client) else {
            return;
        };
        let mut replies = Vec::new();
        let was_ready = irc.session.is_ready();
        // What it is owed would have to be kept for it alone.
        irc.session.may_change_time(!out.is_far_behind(client));
        let request = match message {
            Message::Whole(line) => irc.session.on_line(line, &mut replies),
            Message::TooLong => {
                Answer::LineTooLong.encode(irc.session.nick(), &mut replies);
                None
            }
        };
        let password = irc.session.take_password();
        out.answer(client, &replies);
        self.change_encoding(client, out);
        if let Some(password) = password {
            self.on_password(client, &password, out);
        }
        match request {
            None => {}
            Some(request) if self.members.nick(client).is_some() => {
                self.on_request(now, client, request, out);
            }
            Some(Request::Nick(name)) => self.on_first_nick(client, name, out),
            Some(Request::Quit(_)) => self.on_command(now, client, Command::Quit(""), out),
            Some(_) => {}
        }
        self.try_to_register(client, was_ready, out);
    }

    /// A client that has not come in yet says a password. Each counts as it comes, also while the
    /// client still negotiates.
    fn on_password(&mut self, client: ClientId, given: &str, out: &mut Fanout) {
        if !self.is_password(given) {
            self.refuse_password(client, out);
        } else if let Some(irc) = self.irc.get_mut(&client) {
            irc.knows_password = true;
        }
    }

    /// A client that has not come in yet wants a name. Until it has said the password it is not
    /// told which are taken.
    fn on_first_nick(&mut self, client: ClientId, name: &str, out: &mut Fanout) {
        let may_know = self.config.password.is_none()
            || self.irc.get(&client).is_some_and(|irc| irc.knows_password);
        let nick = match may_know {
            true if self.is_banned(name) => Err(NickError::Banned),
            true => self.members.free_nick(name, None),
            false => nick::parse(name),
        };
        match (nick, self.irc.get_mut(&client)) {
            (Ok(nick), Some(irc)) => irc.set_nick(&nick),
            (Err(why), _) => self.remark(client, &Remark::Nick { name, why }, out),
            (Ok(_), None) => {}
        }
    }

    /// Gives a client its nick, if it has said all that it must. `was_ready`: it had before
    /// its last line, and knows what it lacks.
    fn try_to_register(&mut self, client: ClientId, was_ready: bool, out: &mut Fanout) {
        let Some(irc) = self.irc.get_mut(&client) else {
            return;
        };
        if !irc.session.is_ready() {
            return;
        }
        let (name, encoding) = (irc.nick().to_owned(), irc.encoding());
        if self.config.password.is_some() && !irc.knows_password {
            // One that was wrong is given time for another one.
            match self.visitors.get(client).map(Visitor::has_tried) {
                Some(true) if was_ready => {}
                Some(true) => self.answer(client, Answer::NeedsPassword, out),
                _ => {
                    self.answer(client, Answer::NeedsPassword, out);
                    self.turn_away(client, "this room has a password", out);
                }
            }
            return;
        }
        let claimed = match self.is_banned(&name) {
            true => Err(NickError::Banned),
            false => self.members.claim(client, encoding, &name),
        };
        let Some(irc) = self.irc.get_mut(&client) else {
            return;
        };
        if let Err(why) = claimed {
            irc.session.forget_nick();
            let name = &*name;
            return self.remark(client, &Remark::Nick { name, why }, out);
        }
        if let Some(registration) = irc.session.registration() {
            irc.real_name = harmless(&registration.real_name, MAX_REAL_NAME_BYTES);
        }
        self.visitors.remove(client);
        self.welcome(client, out);
    }
}

/// What changes something.
impl Room {
    fn on_request(
        &mut self,
        now: Instant,
        client: ClientId,
        request: Request<'_>,
        out: &mut Fanout,
    ) {
        match request {
            Request::Nick(name) => self.on_command(now, client, Command::Nick(name), out),
            Request::Join { channels } => {
                for channel in targets(channels) {
                    self.on_join(now, client, channel, out);
                }
            }
            Request::Part { channels, reason } => {
                let why = sanitize(reason.unwrap_or_default().as_bytes());
                match channels {
                    Some(channels) => {
                        for channel in targets(channels) {
                            self.on_part(now, client, channel, &why, out);
                        }
                    }
                    None if self.members.room(client).is_some() => {
                        self.on_command(now, client, Command::Part(&why), out);
                    }
                    None => {}
                }
            }
            Request::Message {
                kind,
                targets,
                text,
            } => self.on_said(now, client, (kind, targets, &text), out),
            Request::Oper(password) => {
                self.on_command(now, client, Command::Op(password), out);
            }
            Request::Kick { channel, name, why } => {
                let why = sanitize(why.unwrap_or_default().as_bytes());
                self.on_kick(now, client, channel, (name, &why), out);
            }
            Request::Operator { command, words } => {
                let words = sanitize(words.as_bytes()).into_owned();
                let command = command.to_ascii_lowercase();
                let command = command::operator(&command, &words);
                self.on_command(now, client, command, out);
            }
            Request::Away(why) => {
                let why = sanitize(why.unwrap_or_default().as_bytes());
                self.on_command(now, client, Command::Away(&why), out);
            }
            Request::Topic {
                channel,
                text: Some(text),
            } => match self.channel(channel) {
                None => self.answer(client, Answer::NoSuchChannel(channel), out),
                room if room != self.members.room(client) => {
                    self.answer(client, Answer::NotOnChannel(channel), out);
                }
                Some(_) => {
                    let text = sanitize(text.as_bytes());
                    self.on_command(now, client, Command::Topic(Some(&text)), out);
                }
            },
            Request::Quit(why) => {
                let why = sanitize(why.unwrap_or_default().as_bytes());
                self.on_command(now, client, Command::Quit(&why), out);
            }
            request => self.on_query(client, &request, out),
        }
    }

    fn on_join(&mut self, now: Instant, client: ClientId, channel: &str, out: &mut Fanout) {
        match self.members.room(client) {
            Some(room) if self.channel(channel) == Some(room) => {}
            Some(_) => self.answer(client, Answer::TooManyChannels(channel), out),
            None if !channel.starts_with('#') => {
                self.answer(client, Answer::NoSuchChannel(channel), out);
            }
            None => {
                let (name, since) = (channel, None);
                self.on_command(now, client, Command::Join { name, since }, out);
            }
        }
    }

    fn on_part(
        &mut self,
        now: Instant,
        client: ClientId,
        channel: &str,
        why: &str,
        out: &mut Fanout,
    ) {
        match self.channel(channel) {
            None => self.answer(client, Answer::NoSuchChannel(channel), out),
            room if room == self.members.room(client) => {
                self.on_command(now, client, Command::Part(why), out);
            }
            Some(_) => self.answer(client, Answer::NotOnChannel(channel), out),
        }
    }

    fn on_kick(
        &mut self,
        now: Instant,
        client: ClientId,
        channel: &str,
        (name, why): (&str, &str),
        out: &mut Fanout,
    ) {
        let Some(room) = self.channel(channel) else {
            return self.answer(client, Answer::NoSuchChannel(channel), out);
        };
        if !self.order.is_operator(client) {
            return self.answer(client, Answer::NotOperator(channel), out);
        }
        let target = self.members.find(name);
        if target.is_some_and(|target| self.members.room(target) != Some(room)) {
            return self.answer(client, Answer::NotInChannel { name, channel }, out);
        }
        let kick = OperatorCommand::Kick { name, why };
        self.on_command(now, client, Command::Operator(kick), out);
    }

    fn on_said(
        &mut self,
        now: Instant,
        client: ClientId,
        (kind, list, text): (Kind, &str, &str),
        out: &mut Fanout,
    ) {
        let text = &*sanitize(text.as_bytes());
        if text.len() > self.config.max_message_bytes {
            return self.remark_on(client, kind, &self.too_long(), out);
        }
        for (count, to) in targets(list).enumerate() {
            let wrong = match to.starts_with('#') {
                _ if count == MAX_TARGETS => {
                    return self.answer_on(client, kind, Answer::TooManyTargets(to), out);
                }
                false => {
                    let message = Command::PrivateMessage { kind, to, text };
                    self.on_command(now, client, message, out);
                    continue;
                }
                true => match self.channel(to) {
                    None => Answer::NoSuchChannel(to),
                    room if room != self.members.room(client) => Answer::CannotSend(to),
                    Some(_) => {
                        self.on_command(now, client, Command::Say(kind, text), out);
                        continue;
                    }
                },
            };
            self.answer_on(client, kind, wrong, out);
        }
    }

    /// The room of that name, `#` before it.
    fn channel(&self, name: &str) -> Option<ChannelId> {
        let channel = name.starts_with('#').then(|| self.channels.find(name));
        channel.flatten()
    }
}

/// What a client has chosen, harmless and not too long.
fn harmless(text: &str, max_bytes: usize) -> Box<str> {
    beginning(&sanitize(text.as_bytes()), max_bytes).into()
}
