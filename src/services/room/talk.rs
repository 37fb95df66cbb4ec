//! What members say, to all in their room or to one alone; and who does not hear it.

use super::channels::{Channel, ChannelId};
use super::ignores::TooMany;
use super::remark::Remark;
use super::{Room, broadcast, members, stamps};
use crate::outbound::{ClientId, Fanout, OutboxFull};
use crate::protocol::irc::Answer;
use crate::protocol::{self, Encoding, Event, Kind, Said, beginning};

/// Of why a member is away, so many bytes are kept.
const MAX_AWAY_BYTES: usize = 200;

impl Room {
    /// Tells the others a line of the conversation.
    pub(super) fn say(&mut self, client: ClientId, kind: Kind, text: &str, out: &mut Fanout) {
        if self.say_by_hub(client, kind, text, out) {
            return;
        }
        let (Some(from), Some(room)) = (self.members.nick(client), self.members.room(client))
        else {
            return;
        };
        let from = from.to_owned();
        let said = Said {
            stamp: self.stamps.next((self.config.wall_clock)()),
            kind,
            room: "",
            from: &from,
            text,
        };
        self.publish_said(client, room, said, out);
    }

    /// Tells all in a room what somebody, who need not be here, has said there.
    pub(super) fn publish_said(
        &mut self,
        client: ClientId,
        room: ChannelId,
        said: Said<'_>,
        out: &mut Fanout,
    ) {
        let encoding = self.members.encoding(client);
        let hears_itself = encoding.is_some_and(|encoding| self.hears_itself(client, encoding));
        let itself = (!hears_itself).then_some(client);
        let skip = itself.into_iter().chain(self.ignores.who_ignore(client));
        let Channel {
            addressees: to,
            history,
            ..
        } = &mut self.channels[room];
        let said = Said {
            room: to.room(),
            ..said
        };
        match broadcast::publish(to, skip, &Event::Said(said), &mut self.encoder, out) {
            Some(ranges) => {
                history.push(client, &said, &ranges, (to, out));
                self.recorder.record(&said);
            }
            None => self.remark(client, &Remark::LargerThanLog, out),
        }
    }

    /// Whether it is told what it says itself.
    fn hears_itself(&self, client: ClientId, encoding: Encoding) -> bool {
        match encoding {
            Encoding::Lines => false,
            Encoding::Json => true,
            Encoding::Irc | Encoding::IrcTime => {
                self.irc.get(&client).is_some_and(|irc| irc.hears_itself())
            }
        }
    }

    /// Tells one member alone, wherever it is.
    pub(super) fn private_message(
        &mut self,
        client: ClientId,
        kind: Kind,
        to: &str,
        text: &str,
        out: &mut Fanout,
    ) {
        let Some((target, name)) = self
            .members
            .find(to)
            .and_then(|target| Some((target, self.members.nick(target)?)))
        else {
            return self.remark_on(client, kind, &Remark::NoSuchMember(to), out);
        };
        let (from, own_encoding) = (self.name(client), self.encoding(client));
        let private = Event::Private {
            kind,
            time_ms: stamps::time_ms((self.config.wall_clock)()),
            from,
            to: name,
            text,
        };
        if self.send_private(client, target, &private, out) == Err(OutboxFull) {
            return self.remark_on(client, kind, &Remark::OwedTooMuch(to), out);
        }
        if target != client && own_encoding.is_some_and(|own| self.hears_itself(client, own)) {
            self.tell(client, private, out);
        }
        if let Some(why) = self.away.get(&target) {
            self.remark_on(client, kind, &Remark::IsAway { name, why }, out);
        }
        if members::is_of_another_node(target) {
            self.tell_by_hub(client, target, (kind, text), out);
        }
    }

    /// Tells one member what somebody, who need not be here, has said to it alone.
    pub(super) fn deliver_to_one(
        &self,
        speaker: ClientId,
        from: &str,
        to: ClientId,
        (kind, text): (Kind, &str),
        time_ms: u64,
        out: &mut Fanout,
    ) {
        let Some(name) = self.members.nick(to) else {
            return;
        };
        let private = Event::Private {
            kind,
            time_ms,
            from,
            to: name,
            text,
        };
        // Who does not read misses it, and nobody is there to be told.
        let _ = self.send_private(speaker, to, &private, out);
    }

    /// Owes it to one member, unless that does not hear the speaker, who does not learn so. One of
    /// another node is owed nothing here.
    fn send_private(
        &self,
        speaker: ClientId,
        to: ClientId,
        private: &Event<'_>,
        out: &mut Fanout,
    ) -> Result<(), OutboxFull> {
        let (Some(encoding), Some(name)) = (self.members.encoding(to), self.members.nick(to))
        else {
            return Ok(());
        };
        if self.ignores.is_ignored(speaker, to) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        protocol::encode(encoding, private, name, &mut bytes);
        out.send(to, &bytes)
    }

    /// Notes why a member is away, sanitized; if that is empty, it is back.
    pub(super) fn set_away(&mut self, client: ClientId, why: &str, out: &mut Fanout) {
        let why = beginning(why, MAX_AWAY_BYTES);
        let is_away = !why.is_empty();
        match is_away {
            true => self.away.insert(client, why.into()),
            false => self.away.remove(&client),
        };
        self.away_by_hub(client, why);
        if self.irc.contains_key(&client) {
            return self.answer(client, Answer::NowAway(is_away), out);
        }
        let told = match is_away {
            true => "you are marked as away",
            false => "you are no longer marked as away",
        };
        self.tell(client, Event::Notice(told), out);
    }

    /// Hears no more of a member, or does again.
    pub(super) fn ignore(&mut self, client: ClientId, name: &str, out: &mut Fanout) {
        let told = match (name, self.members.find(name)) {
            ("", _) => self.ignored(client),
            (_, None) => return self.remark(client, &Remark::NoSuchMember(name), out),
            (_, Some(other)) if other == client => {
                return self.remark(client, &Remark::Yourself, out);
            }
            (_, Some(other)) => match self.ignores.toggle(client, other) {
                Err(TooMany) => return self.remark(client, &Remark::TooManyIgnored, out),
                Ok(true) => format!("you hear no more of {}", self.name(other)),
                Ok(false) => format!("you hear {} again", self.name(other)),
            },
        };
        self.tell(client, Event::Notice(&told), out);
    }

    fn ignored(&self, client: ClientId) -> String {
        let ignored = self.ignores.ignored_by(client).iter();
        let names: Vec<&str> = ignored.map(|other| self.name(*other)).collect();
        match names[..] {
            [] => "you ignore nobody".to_owned(),
            _ => format!("you ignore {}", names.join(", ")),
        }
    }
}
