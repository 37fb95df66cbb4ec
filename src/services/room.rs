//! The room: a group chat. What a member says goes to all the others, in one order.
//! Takes commands and gives events; knows members and nicks. Broadcasting is the log's work.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::{Instant, SystemTime};

use crate::outbound::{ClientId, Fanout, OutboxFull};
use crate::protocol::websocket::CloseCode;
use crate::protocol::{self, Encoder, Encoding, Event, Kind, Said};
use crate::sanitize;
use crate::service::{Disconnect, Newcomer, Service};
use crate::wire::{Framing, Message};

mod admission;
mod broadcast;
mod command;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod history;
mod irc;
mod members;
mod nick;
mod notices;
mod password;
mod presence;
mod remark;
mod stamps;
#[cfg(test)]
mod tests;
mod visitors;

use command::Command;
use history::History;
use members::Members;
use notices::PendingNotices;
use remark::Remark;
use stamps::Stamps;
use visitors::Visitors;

pub use notices::Notices;
pub use password::{MAX_BYTES as MAX_PASSWORD_BYTES, Password};

/// How a room behaves.
#[derive(Debug, Clone)]
pub struct Config {
    /// How members' bytes are cut into messages; [`Framing::Chunk`] would make no sense here.
    pub framing: Framing,
    /// How many lines of the conversation are replayed to a newcomer; fewer if the log holds
    /// fewer. They are kept twice, and each newcomer is sent all of them.
    pub history_lines: usize,
    /// How joins, leaves and new nicks are announced.
    pub notices: Notices,
    /// The message of the day, line by line, sanitized. A newcomer is sent all of it at once,
    /// whatever the bound on what it may be owed.
    pub motd: Vec<String>,
    /// The longest line, in bytes, inclusive. The decoder refuses longer ones; this is for the
    /// notice that says so.
    pub max_message_bytes: usize,
    /// What a client has to say before it hears anything of the room.
    pub password: Option<Password>,
    /// Tells when something is said.
    pub wall_clock: fn() -> SystemTime,
}

/// The room service.
#[derive(Debug)]
pub struct Room {
    config: Config,
    members: Members,
    /// Who has not come in yet.
    visitors: Visitors,
    /// Of clients that speak IRC, visitors or members, what the others have not.
    irc: HashMap<ClientId, Box<irc::Client>>,
    history: History,
    pending: PendingNotices,
    stamps: Stamps,
    encoder: Encoder,
}

/// What the one room is called, and what IRC calls it.
const LOBBY: &str = "lobby";
const LOBBY_CHANNEL: &str = "#lobby";

/// `/who` names at most this many members and counts the rest: an answer has a bound too.
const WHO_NAMES: usize = 500;

const HELP: &[&str] = &[
    "/nick NAME      take another name: letters, digits, _ and -, at most 32 bytes",
    "/who            who is here",
    "/msg NAME TEXT  tell one member alone",
    "/me TEXT        say what you do",
    "/help           this list",
    "/quit           leave",
    "//TEXT          say /TEXT",
];

impl Room {
    /// An empty room.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let stamps = Stamps::new((config.wall_clock)());
        Self {
            pending: PendingNotices::new(config.notices),
            members: Members::new(),
            visitors: Visitors::default(),
            irc: HashMap::new(),
            history: History::new(config.history_lines, stamps.last()),
            stamps,
            encoder: Encoder::default(),
            config,
        }
    }

    /// The one way in: does what a member asks for.
    fn on_command(&mut self, now: Instant, id: ClientId, command: Command<'_>, out: &mut Fanout) {
        match command {
            Command::Nothing => {}
            Command::Say(kind, text) => self.say(id, kind, text, out),
            Command::Nick(name) => self.rename(now, id, name, out),
            Command::Who => self.tell_names(id, out),
            Command::PrivateMessage { kind, to, text } => {
                self.private_message(id, kind, to, text, out);
            }
            Command::Help => self.tell_all(id, HELP.iter().map(|line| Event::Notice(line)), out),
            Command::Pass(_) => self.remark(id, &Remark::NoPasswordNeeded, out),
            Command::Join => self.join(now, id, out),
            Command::Part(why) => self.part(now, id, why, out),
            Command::Quit(why) => {
                self.hang_up(id, CloseCode::Normal, "you have left", out);
                self.leave(now, id, why, out);
            }
            Command::Incomplete(usage) => self.remark(id, &Remark::Incomplete(usage), out),
            Command::Unknown(name) => self.remark(id, &Remark::UnknownCommand(name), out),
        }
    }

    /// Tells the others a line of the conversation.
    fn say(&mut self, client: ClientId, kind: Kind, text: &str, out: &mut Fanout) {
        let (Some(encoding), Some(from)) =
            (self.members.encoding(client), self.members.nick(client))
        else {
            return;
        };
        let skip = (!self.hears_itself(client, encoding)).then_some(client);
        let said = Said {
            stamp: self.stamps.next((self.config.wall_clock)()),
            kind,
            room: LOBBY,
            from,
            text,
        };
        match broadcast::publish(skip, &Event::Said(said), &mut self.encoder, out) {
            Some(ranges) => self.history.push(&said, &ranges, out),
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

    fn rename(&mut self, now: Instant, client: ClientId, name: &str, out: &mut Fanout) {
        let (was, to) = match self.members.rename(client, name) {
            Ok(names) => names,
            Err(why) => return self.remark(client, &Remark::Nick { name, why }, out),
        };
        let (was, to) = (&*was, &*to);
        if let Some(irc) = self.irc.get_mut(&client) {
            irc.set_nick(to);
        }
        self.tell(client, Event::You { was, name: to }, out);
        if self.members.is_here(client) && self.pending.renamed(now, self.members.len()) {
            self.announce(Some(client), Event::Renamed { name: was, to }, out);
        }
    }

    fn tell_names(&self, client: ClientId, out: &mut Fanout) {
        let names = Event::Names {
            room: LOBBY,
            total: self.members.len(),
            names: &self.members.nicks(WHO_NAMES),
        };
        self.tell(client, names, out);
    }

    fn private_message(
        &self,
        client: ClientId,
        kind: Kind,
        to: &str,
        text: &str,
        out: &mut Fanout,
    ) {
        let Some((target, encoding, name)) = self.members.find(to).and_then(|target| {
            let (encoding, name) = (self.members.encoding(target)?, self.members.nick(target)?);
            Some((target, encoding, name))
        }) else {
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
        let mut bytes = Vec::new();
        protocol::encode(encoding, &private, name, &mut bytes);
        if out.send(target, &bytes) == Err(OutboxFull) {
            return self.remark_on(client, kind, &Remark::OwedTooMuch(to), out);
        }
        if target != client && own_encoding.is_some_and(|own| self.hears_itself(client, own)) {
            self.tell(client, private, out);
        }
        if let Some(why) = self.irc.get(&target).and_then(|irc| irc.away()) {
            self.remark_on(client, kind, &Remark::IsAway { name, why }, out);
        }
    }

    /// How a client is told things; `None` for one that has gone.
    fn encoding(&self, client: ClientId) -> Option<Encoding> {
        let visitor = || self.visitors.get(client).map(|visitor| visitor.encoding);
        self.members.encoding(client).or_else(visitor)
    }

    /// What a client is called, or `*` while it has no name.
    fn name(&self, client: ClientId) -> &str {
        let visitor = || self.irc.get(&client).map(|irc| irc.nick());
        self.members.nick(client).or_else(visitor).unwrap_or("*")
    }
}

impl Service for Room {
    fn framing(&self) -> Framing {
        self.config.framing
    }

    fn speaks_protocols(&self) -> bool {
        true
    }

    fn on_open(
        &mut self,
        now: Instant,
        client: ClientId,
        newcomer: &Newcomer<'_>,
        out: &mut Fanout,
    ) {
        let Newcomer {
            encoding,
            since,
            came_at,
            ..
        } = *newcomer;
        match encoding {
            Encoding::Irc | Encoding::IrcTime => {
                self.irc.insert(client, Box::default());
                self.visitors.add(now, client, Encoding::Irc, None);
            }
            _ if self.config.password.is_some() => {
                self.visitors.add(now, client, encoding, since);
                self.remark(client, &Remark::NeedsPassword, out);
            }
            Encoding::Lines => self.come_in(now, client, encoding, (None, came_at), out),
            Encoding::Json => self.come_in(now, client, encoding, (since, None), out),
        }
    }

    fn on_message(
        &mut self,
        now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Fanout,
    ) {
        match (self.members.encoding(client), message) {
            (Some(Encoding::Irc | Encoding::IrcTime), _) => self.on_irc(now, client, message, out),
            (Some(_), Message::TooLong) => self.remark(client, &self.too_long(), out),
            (Some(encoding), Message::Whole(bytes)) => {
                let text = text_of(encoding, bytes);
                self.on_command(now, client, command::parse(&text), out);
            }
            (None, _) if self.irc.contains_key(&client) => self.on_irc(now, client, message, out),
            (None, _) => self.on_visitor(now, client, message, out),
        }
    }

    fn on_end(&mut self, now: Instant, client: ClientId, out: &mut Fanout) {
        self.leave(now, client, "", out);
        out.close_after_flush(client);
    }

    fn on_close(&mut self, now: Instant, client: ClientId, why: &Disconnect, out: &mut Fanout) {
        match why {
            // All members leave; none is left to be told.
            Disconnect::Shutdown => drop(self.forget(client)),
            _ => self.leave(now, client, reason(why).unwrap_or_default(), out),
        }
    }

    fn refusal(&self, clients: usize, encoding: Encoding) -> Option<Vec<u8>> {
        let why = format!("full: {clients} are here; try again later");
        let mut bytes = Vec::new();
        if !matches!(encoding, Encoding::Irc | Encoding::IrcTime) {
            protocol::encode(encoding, &Event::Notice(&why), "*", &mut bytes);
        }
        protocol::encode_end(encoding, CloseCode::TryAgainLater, &why, &mut bytes);
        Some(bytes)
    }

    fn farewell(&self, client: ClientId, why: &Disconnect) -> Option<Vec<u8>> {
        let code = match why {
            Disconnect::Shutdown => CloseCode::GoingAway,
            Disconnect::Lagged { .. } => CloseCode::TryAgainLater,
            Disconnect::Idle => CloseCode::Normal,
            Disconnect::Silent => CloseCode::Policy,
            Disconnect::Panicked => CloseCode::Internal,
            Disconnect::Eof | Disconnect::Broken(_) | Disconnect::Unfinished => return None,
        };
        let mut bytes = Vec::new();
        protocol::encode_end(self.encoding(client)?, code, reason(why)?, &mut bytes);
        (!bytes.is_empty()).then_some(bytes)
    }

    fn deadline(&self) -> Option<Instant> {
        let all = [self.pending.due(), self.visitors.due()];
        all.into_iter().flatten().min()
    }

    fn on_deadline(&mut self, now: Instant, out: &mut Fanout) {
        while let Some(client) = self.visitors.overdue(now) {
            self.turn_away_late(client, out);
        }
        if self.pending.due().is_some_and(|due| due <= now)
            && let Some(summary) = self.pending.sum_up(self.members.len())
        {
            self.announce(None, Event::Notice(&summary), out);
        }
    }
}

/// What a client is told of why the server ends it, and IRC's clients of why it has gone.
fn reason(why: &Disconnect) -> Option<&'static str> {
    Some(match why {
        Disconnect::Shutdown => "the server ends",
        Disconnect::Lagged { .. } => "too slow",
        Disconnect::Idle => "idle for too long",
        Disconnect::Silent => "silent for too long",
        Disconnect::Panicked => "internal error",
        Disconnect::Broken(_) => "connection lost",
        Disconnect::Eof | Disconnect::Unfinished => return None,
    })
}

/// What a client has said, harmless to see. A WebSocket's message needs no end of line, but may
/// have one.
fn text_of(encoding: Encoding, bytes: &[u8]) -> Cow<'_, str> {
    let end: &[_] = match encoding {
        Encoding::Json => b"\r\n",
        _ => b"",
    };
    let length = bytes.iter().rposition(|byte| !end.contains(byte));
    sanitize::sanitize(&bytes[..length.map_or(0, |last| last + 1)])
}
