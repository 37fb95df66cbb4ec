//! What clients of IRC ask, and are answered by numeric replies. Changes nothing.

use super::super::channels::ChannelId;
use super::super::{Room, WHO_NAMES};
use crate::outbound::{ClientId, Fanout};
use crate::protocol::Kind;
use crate::protocol::irc::{Answer, Mask, Request, targets};

/// USERHOST is about so many names, as RFC 2812 has it.
const MAX_USERHOST_NAMES: usize = 5;

/// A mask is held against so many nicks at most.
const MAX_NAMES_TRIED: usize = 10_000;

/// That is as much work as a message for each so many.
const NAMES_PER_WORK: usize = 16;

impl Room {
    pub(in super::super) fn answer(&self, client: ClientId, answer: Answer<'_>, out: &mut Fanout) {
        self.answer_all(client, [answer], out);
    }

    /// Unless it is about a NOTICE, which is never answered by itself.
    pub(super) fn answer_on(
        &self,
        client: ClientId,
        kind: Kind,
        answer: Answer<'_>,
        out: &mut Fanout,
    ) {
        if kind != Kind::Notice {
            self.answer(client, answer, out);
        }
    }

    fn answer_all<'a>(
        &self,
        client: ClientId,
        answers: impl IntoIterator<Item = Answer<'a>>,
        out: &mut Fanout,
    ) {
        let name = self.name(client);
        let mut bytes = Vec::new();
        for answer in answers {
            answer.encode(name, &mut bytes);
        }
        out.answer(client, &bytes);
    }

    /// A client has its nick now.
    pub(super) fn welcome(&self, client: ClientId, out: &mut Fanout) {
        let motd = self.motd();
        let answers = [Answer::Welcome, self.lusers(), Answer::Motd(&motd)];
        self.answer_all(client, answers, out);
    }

    pub(super) fn on_query(&self, client: ClientId, request: &Request<'_>, out: &mut Fanout) {
        match request {
            Request::Names(list) => self.answer_names(client, *list, out),
            Request::Who { mask, operators } => self.answer_who(client, *mask, *operators, out),
            Request::Whois(name) => self.answer_whois(client, name, out),
            Request::Topic { channel, .. } => match self.channel(channel) {
                Some(room) => self.tell(client, self.topic_of(room), out),
                None => self.answer(client, Answer::NoSuchChannel(channel), out),
            },
            Request::List(None) => self.tell_rooms(client, out),
            Request::List(Some(list)) => {
                let masks: Vec<Mask> = targets(list)
                    .filter_map(|item| item.strip_prefix('#'))
                    .map(Mask::new)
                    .collect();
                let is_asked = |name: &str| masks.iter().any(|mask| mask.fits(name));
                self.tell_some_rooms(client, is_asked, out);
            }
            Request::Whowas(name) => self.answer(client, Answer::WasNoSuchNick(name), out),
            Request::Version => self.answer(client, Answer::Version, out),
            Request::Time => self.answer(client, Answer::Time(self.time_ms()), out),
            Request::Mode { target, modes } => {
                let is_channel = target.starts_with('#');
                let answer = match self.members.find(target) {
                    _ if is_channel && self.channel(target).is_none() => {
                        Answer::NoSuchChannel(target)
                    }
                    None if !is_channel => Answer::NoSuchNick(target),
                    Some(other) if !is_channel && other != client => Answer::NotYourMode,
                    _ => Answer::Mode {
                        target,
                        modes: *modes,
                        is_operator: self.order.is_operator(client),
                    },
                };
                self.answer(client, answer, out);
            }
            Request::Motd => self.answer(client, Answer::Motd(&self.motd()), out),
            Request::Lusers => self.answer(client, self.lusers(), out),
            Request::Userhost(names) => {
                let some = &names[..names.len().min(MAX_USERHOST_NAMES)];
                let found = self.present(some).into_iter();
                let found: Vec<(&str, bool)> = found
                    .map(|(client, nick)| (nick, self.away(client).is_some()))
                    .collect();
                self.answer(client, Answer::Userhost(&found), out);
            }
            Request::Ison(names) => {
                let found = self.present(names).into_iter();
                let found: Vec<&str> = found.map(|(_, nick)| nick).collect();
                self.answer(client, Answer::IsOn(&found), out);
            }
            // What changes something.
            Request::Nick(_)
            | Request::Join { .. }
            | Request::Part { .. }
            | Request::Message { .. }
            | Request::Away(_)
            | Request::Oper(_)
            | Request::Kick { .. }
            | Request::Operator { .. }
            | Request::Quit(_) => {}
        }
    }

    /// Of a list only the first channel is looked at: a client is in one.
    fn answer_names(&self, client: ClientId, list: Option<&str>, out: &mut Fanout) {
        let channel = list.and_then(|list| targets(list).next());
        let room = match channel {
            Some(channel) => self.channel(channel),
            None => self.members.room(client).or(Some(ChannelId::LOBBY)),
        };
        let nicks = room.map_or(Vec::new(), |room| self.members.nicks(room, WHO_NAMES));
        let own_name = room.map(|room| self.channels[room].irc_name());
        let channel = channel.or(own_name).unwrap_or("*");
        let nicks = &nicks;
        self.answer(client, Answer::Names { channel, nicks }, out);
    }

    fn answer_who(&self, client: ClientId, mask: Option<&str>, operators: bool, out: &mut Fanout) {
        let shown = mask.unwrap_or("*");
        let found = match shown {
            "*" | "0" => self.members.some_of_all(WHO_NAMES),
            mask if mask.starts_with('#') => {
                (self.channel(mask)).map_or(Vec::new(), |room| self.members.some(room, WHO_NAMES))
            }
            mask if mask.contains(['*', '?']) => {
                let tried = self.members.nicks_taken().min(MAX_NAMES_TRIED);
                out.add_work(tried / NAMES_PER_WORK);
                let mask = Mask::new(mask);
                let fits = |nick: &str| mask.fits(nick);
                self.members.some_that(WHO_NAMES, MAX_NAMES_TRIED, fits)
            }
            name => self.present(&[name]),
        };
        let entry = |(client, nick)| Answer::WhoEntry {
            channel: self.channel_of(client).unwrap_or("*"),
            nick,
            real_name: self.real_name(client, nick),
            is_away: self.away(client).is_some(),
            is_operator: self.order.is_operator(client),
        };
        let is_asked = |(found, _): &_| !operators || self.order.is_operator(*found);
        let entries = found.into_iter().filter(is_asked).map(entry);
        self.answer_all(client, entries.chain([Answer::EndOfWho(shown)]), out);
    }

    fn answer_whois(&self, client: ClientId, list: &str, out: &mut Fanout) {
        let name = targets(list).next().unwrap_or(list);
        match self.present(&[name])[..] {
            [(found, nick), ..] => {
                let whois = Answer::Whois {
                    nick,
                    real_name: self.real_name(found, nick),
                    channel: self.channel_of(found),
                    away: self.away(found),
                    is_operator: self.order.is_operator(found),
                };
                self.answer(client, whois, out);
            }
            [] => {
                let answers = [Answer::NoSuchNick(name), Answer::EndOfWhois(name)];
                self.answer_all(client, answers, out);
            }
        }
    }

    /// Those of the names that somebody has, and how they spell them.
    fn present(&self, names: &[&str]) -> Vec<(ClientId, &str)> {
        let found = names.iter().filter_map(|name| self.members.find(name));
        let with_nick = |client| Some((client, self.members.nick(client)?));
        found.filter_map(with_nick).collect()
    }

    /// Who has not come by IRC is called by its nick alone.
    fn real_name<'a>(&'a self, client: ClientId, nick: &'a str) -> &'a str {
        let irc = self.irc.get(&client);
        irc.map_or(nick, |irc| &irc.real_name)
    }

    /// Where a client is.
    fn channel_of(&self, client: ClientId) -> Option<&str> {
        let room = self.members.room(client)?;
        Some(self.channels[room].irc_name())
    }

    fn away(&self, client: ClientId) -> Option<&str> {
        self.away.get(&client).map(|why| &**why)
    }

    fn lusers(&self) -> Answer<'static> {
        Answer::Lusers {
            members: self.members.nicks_taken(),
            channels: self.channels.len(),
        }
    }

    fn motd(&self) -> Vec<&str> {
        self.config.motd.iter().map(String::as_str).collect()
    }
}
