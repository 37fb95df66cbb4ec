//! The room: a group chat, in one room or several. What a member says goes to all the others in its
//! room, in one order. Takes commands and gives events; knows members and nicks. Broadcasting is the
//! log's work.

use std::collections::HashMap;
use std::time::{Instant, SystemTime};

use crate::outbound::{ClientId, Fanout};
use crate::protocol::websocket::CloseCode;
use crate::protocol::{self, Encoder, Encoding, Event};
use crate::service::{Disconnect, Input, Newcomer, Service, TooMany};
use crate::wire::{Framing, Message};

mod about;
mod admission;
mod banning;
mod bans;
mod broadcast;
mod channels;
mod command;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod history;
pub(crate) mod hub;
mod ignores;
mod irc;
mod members;
mod nick;
mod notices;
mod order;
mod password;
mod presence;
mod reload;
mod remark;
mod saved;
mod stamps;
mod talk;
#[cfg(test)]
mod tests;
mod transcript;
mod visitors;
mod words;

use channels::{ChannelId, Channels};
use command::Command;
use ignores::Ignores;
use members::Members;
use nick::NickError;
use notices::PendingNotices;
use order::{End, Order};
use remark::Remark;
use stamps::Stamps;
use transcript::{Past, Recorder};
use visitors::Visitors;
use words::{close_code, reason, text_of};

pub use bans::{Ban, MAX_BANS, Watch};
pub use channels::{MAX_ROOMS, is_name as is_room_name};
pub use notices::Notices;
pub use password::{MAX_BYTES as MAX_PASSWORD_BYTES, Password};
pub use reload::Fresh;
pub use transcript::Transcript;

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
    /// Rooms that stay when nobody is in them, beside the lobby; each is [a name](is_room_name).
    pub kept_rooms: Vec<String>,
    /// How many rooms there may be beside the lobby, kept ones included; at most [`MAX_ROOMS`].
    pub max_rooms: u16,
    /// What a client has to say before it hears anything of the room.
    pub password: Option<Password>,
    /// What a member has to say before it may kick, ban and mute others; `None`: nobody may.
    pub operator_password: Option<Password>,
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
    channels: Channels,
    /// Why those who are away are so.
    away: HashMap<ClientId, Box<str>>,
    ignores: Ignores,
    order: Order,
    stamps: Stamps,
    hub: Option<hub::Hub>,
    /// How another process of the node is succeeded at the hub.
    hub_resumer: Option<hub::Resumer>,
    encoder: Encoder,
    files: reload::Files,
    recorder: Recorder,
    past: Past,
}

/// `/who` names at most this many members and counts the rest: an answer has a bound too.
const WHO_NAMES: usize = 500;

impl Room {
    /// An empty room.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let stamps = Stamps::new((config.wall_clock)());
        Self {
            members: Members::new(),
            visitors: Visitors::default(),
            irc: HashMap::new(),
            channels: Channels::new(
                config.max_rooms.into(),
                config.notices,
                config.history_lines,
                stamps.last(),
            ),
            away: HashMap::new(),
            ignores: Ignores::default(),
            order: Order::default(),
            stamps,
            hub: None,
            hub_resumer: None,
            encoder: Encoder::default(),
            files: reload::Files::default(),
            recorder: Recorder::default(),
            past: Past::default(),
            config,
        }
    }

    /// The one way in: does what a member asks for.
    fn on_command(&mut self, now: Instant, id: ClientId, command: Command<'_>, out: &mut Fanout) {
        match command {
            Command::Nothing => {}
            Command::Say(kind, _) | Command::PrivateMessage { kind, .. }
                if self.order.is_muted(now, id) =>
            {
                self.remark_on(id, kind, &Remark::Muted, out);
            }
            Command::Topic(Some(_)) | Command::Away(_) if self.order.is_muted(now, id) => {
                self.remark(id, &Remark::Muted, out);
            }
            // What it says on leaving is told too.
            Command::Part(why) if !why.is_empty() && self.order.is_muted(now, id) => {
                self.part(now, id, "", out);
            }
            Command::Quit(why) if !why.is_empty() && self.order.is_muted(now, id) => {
                self.on_command(now, id, Command::Quit(""), out);
            }
            Command::Op(password) => self.become_operator(now, id, password, out),
            Command::Operator(command) => self.on_operator(now, id, command, out),
            Command::Say(kind, text) => self.say(id, kind, text, out),
            Command::Nick(name) => self.rename(now, id, name, out),
            Command::Who => self.tell_names(id, out),
            Command::PrivateMessage { kind, to, text } => {
                self.private_message(id, kind, to, text, out);
            }
            Command::Help => {
                let lines = command::help(self.config.operator_password.is_some());
                self.tell_all(id, lines.map(Event::Notice), out);
            }
            Command::Pass(_) => self.remark(id, &Remark::NoPasswordNeeded, out),
            Command::Join { name, since } => self.join(now, id, name, since, out),
            Command::Part(why) => self.part(now, id, why, out),
            Command::Rooms => self.tell_rooms(id, out),
            Command::Topic(None) => self.tell_topic(id, out),
            Command::Topic(Some(text)) => self.set_topic(id, text, out),
            Command::Away(why) => self.set_away(id, why, out),
            Command::Ignore(name) => self.ignore(id, name, out),
            Command::Quit(why) => {
                self.hang_up(id, CloseCode::Normal, "you have left", out);
                self.leave(now, id, why, out);
            }
            Command::Incomplete(usage) => self.remark(id, &Remark::Incomplete(usage), out),
            Command::Unknown(name) => self.remark(id, &Remark::UnknownCommand(name), out),
        }
    }

    fn rename(&mut self, now: Instant, client: ClientId, name: &str, out: &mut Fanout) {
        let renamed = match self.is_banned(name) {
            true => Err(NickError::Banned),
            false => self.members.rename(client, name),
        };
        let (was, to) = match renamed {
            Ok(names) => names,
            Err(why) => return self.remark(client, &Remark::Nick { name, why }, out),
        };
        let (was, to) = (&*was, &*to);
        if let Some(irc) = self.irc.get_mut(&client) {
            irc.set_nick(to);
        }
        self.tell(client, Event::You { was, name: to }, out);
        if let Some(room) = self.members.room(client)
            && self
                .channels
                .announces(now, room, self.members.len(room), PendingNotices::renamed)
        {
            self.announce(room, Some(client), Event::Renamed { name: was, to }, out);
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
    fn is_ready(&self) -> bool {
        self.hub.as_ref().is_none_or(hub::Hub::is_ready)
    }

    fn told_here(&self) -> i64 {
        self.channels[ChannelId::LOBBY].told_here()
    }

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
        self.open_kept_rooms(out);
        if !self.admits(client, newcomer.peer) {
            self.visitors.add(now, client, encoding, None);
            return self.end(now, client, &End::Banned, out);
        }
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
        self.tell_changes();
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
        self.tell_changes();
    }

    fn on_end(&mut self, now: Instant, client: ClientId, out: &mut Fanout) {
        self.leave(now, client, "", out);
        out.close_after_flush(client);
        self.tell_changes();
    }

    fn on_close(&mut self, now: Instant, client: ClientId, why: &Disconnect, out: &mut Fanout) {
        match why {
            // All members leave; none is left to be told.
            Disconnect::Shutdown => drop(self.forget(client)),
            _ => self.leave(now, client, reason(why).unwrap_or_default(), out),
        }
        self.tell_changes();
    }

    fn on_input(&mut self, now: Instant, input: Input, out: &mut Fanout) {
        if let Input::Hub(event) = input {
            self.on_hub(now, event, out);
            self.tell_changes();
        }
    }

    fn wants_input(&self) -> bool {
        self.hub.is_some()
    }

    fn refusal(&self, of: TooMany, encoding: Encoding) -> Option<Vec<u8>> {
        Some(words::refusal(of, encoding))
    }

    fn farewell(&self, client: ClientId, why: &Disconnect) -> Option<Vec<u8>> {
        let (encoding, reason) = (self.encoding(client)?, reason(why)?);
        let code = close_code(why)?;
        let mut bytes = Vec::new();
        if encoding == Encoding::Lines && *why == Disconnect::Restarted {
            // A line client that is ended so soon after others were not would think it was thrown out.
            protocol::encode(encoding, &Event::Notice(reason), "*", &mut bytes);
        }
        protocol::encode_end(encoding, code, reason, &mut bytes);
        (!bytes.is_empty()).then_some(bytes)
    }

    fn begin_handover(&mut self) -> Result<(), String> {
        self.tell_changes();
        self.recorder.release()?;
        self.hub.as_mut().map_or(Ok(()), hub::Hub::hand_over)
    }

    fn cancel_handover(&mut self) {
        self.recorder.resume();
        if let Some(hub) = &mut self.hub {
            hub.take_back();
        }
    }

    fn save(&self) -> Option<Result<Vec<u8>, String>> {
        Some(self.to_bytes().map_err(|error| error.to_string()))
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        self.of_bytes(saved)
    }

    fn on_reload(&mut self) -> bool {
        self.reload()
    }

    fn deadline(&self) -> Option<Instant> {
        let all = [
            self.channels.due(),
            self.visitors.due(),
            self.order.log_due(),
            self.hub.as_ref().and_then(hub::Hub::due),
        ];
        all.into_iter().flatten().min()
    }

    fn on_deadline(&mut self, now: Instant, out: &mut Fanout) {
        while let Some(client) = self.visitors.overdue(now) {
            self.turn_away_late(client, out);
        }
        self.order.sum_up(now);
        while let Some((room, sum)) = self.channels.sum_up(now, |room| self.members.len(room)) {
            self.announce(room, None, Event::Notice(&sum), out);
        }
        self.on_hub_deadline(now, out);
        self.tell_changes();
    }
}
