//! The room: a group chat. What a member says goes to all the others, in one order.
//! Takes commands and gives events; knows members and nicks. Broadcasting is the log's work.

use std::fmt;
use std::time::Instant;

use crate::outbound::{AudienceId, ClientId, Fanout, OutboxFull};
use crate::protocol::Encoding;
use crate::sanitize;
use crate::service::{Disconnect, Newcomer, Service};
use crate::wire::{Framing, Message};

mod command;
mod event;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod history;
mod members;
mod nick;
mod notices;
#[cfg(test)]
mod tests;

use command::Command;
use event::Event;
use history::History;
use members::Members;
use notices::PendingNotices;

pub use notices::Notices;

/// How a room behaves.
#[derive(Debug, Clone)]
pub struct Config {
    /// How members' bytes are cut into messages; [`Framing::Chunk`] would make no sense here.
    pub framing: Framing,
    /// How many lines of the conversation are replayed to a newcomer; fewer if the log holds
    /// fewer. Each takes eight bytes, and each newcomer is sent all of them.
    pub history_lines: usize,
    /// How joins, leaves and new nicks are announced.
    pub notices: Notices,
    /// The message of the day, line by line, sanitized. A newcomer is sent all of it at once,
    /// whatever the bound on what it may be owed.
    pub motd: Vec<String>,
    /// The longest line, in bytes, inclusive. The decoder refuses longer ones; this is for the
    /// notice that says so.
    pub max_message_bytes: usize,
}

/// The room service.
#[derive(Debug)]
pub struct Room {
    config: Config,
    members: Members,
    history: History,
    pending: PendingNotices,
}

/// `/who` names at most this many members and counts the rest: an answer has a bound too.
const LINES: usize = 0;
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
        Self {
            pending: PendingNotices::new(config.notices),
            members: Members::new(),
            history: History::new(config.history_lines),
            config,
        }
    }

    /// The greeting, the message of the day and the history.
    fn greet(&mut self, client: ClientId, name: &str, out: &mut Fanout) {
        let others = self.members.len() - 1;
        let welcome = Event::Welcome { name, others };
        let welcome = (self.config.notices != Notices::Off).then_some(welcome);
        let motd = self.config.motd.iter().map(|line| Event::Notice(line));
        tell_all(out, client, welcome.into_iter().chain(motd));
        self.history
            .forget_before(out.log_start(AudienceId::FIRST, LINES));
        for run in self.history.runs() {
            out.replay(client, AudienceId::FIRST, LINES, run);
        }
    }

    /// The one way in: does what a member asks for.
    fn on_command(&mut self, now: Instant, id: ClientId, command: Command<'_>, out: &mut Fanout) {
        match command {
            Command::Nothing => {}
            Command::Say(text) => self.say(id, |from| Event::Said { from, text }, out),
            Command::Action(text) => self.say(id, |from| Event::Action { from, text }, out),
            Command::Nick(name) => self.rename(now, id, name, out),
            Command::Who => self.who(id, out),
            Command::PrivateMessage { to, text } => self.private_message(id, to, text, out),
            Command::Help => tell_all(out, id, HELP.iter().map(|line| Event::Notice(line))),
            Command::Quit => {
                self.leave(now, id, out);
                out.close_after_flush(id);
            }
            Command::Incomplete(usage) => notify(out, id, format_args!("usage: {usage}")),
            Command::Unknown(name) => notify(
                out,
                id,
                format_args!("unknown command /{name}; /help lists the commands"),
            ),
        }
    }

    /// Tells the others a line of the conversation.
    fn say<'a>(
        &'a mut self,
        client: ClientId,
        event: impl FnOnce(&'a str) -> Event<'a>,
        out: &mut Fanout,
    ) {
        let Some(nick) = self.members.nick(client) else {
            return;
        };
        let mut scratch = String::new();
        let line = event(nick).line(&mut scratch);
        match out.publish(AudienceId::FIRST, Some(client), &[(LINES, &line)]) {
            Some([range, ..]) => self.history.push(range),
            None => notify(
                out,
                client,
                format_args!("that is more than the room's log can hold"),
            ),
        }
    }

    fn rename(&mut self, now: Instant, client: ClientId, name: &str, out: &mut Fanout) {
        let (name, to) = match self.members.rename(client, name) {
            Ok(names) => names,
            Err(why) => return notify(out, client, format_args!("{why}")),
        };
        tell(out, client, Event::You { name: &to });
        if self.pending.renamed(now, self.members.len()) {
            let (name, to) = (&*name, &*to);
            announce(out, Some(client), Event::Renamed { name, to });
        }
    }

    fn who(&mut self, client: ClientId, out: &mut Fanout) {
        let (total, names) = (self.members.len(), &self.members.nicks(WHO_NAMES));
        tell(out, client, Event::Names { total, names });
    }

    fn private_message(&mut self, client: ClientId, to: &str, text: &str, out: &mut Fanout) {
        let Some(target) = self.members.find(to) else {
            return notify(out, client, format_args!("there is no {to} here"));
        };
        let Some(from) = self.members.nick(client) else {
            return;
        };
        let private = Event::Private { from, text };
        if out.send(target, &private.line(&mut String::new()).concat()) == Err(OutboxFull) {
            notify(
                out,
                client,
                format_args!("{to} is owed too much already; not delivered"),
            );
        }
    }

    fn leave(&mut self, now: Instant, client: ClientId, out: &mut Fanout) {
        if let Some(name) = self.members.remove(client)
            && self.pending.left(now, self.members.len() + 1)
        {
            announce(out, Some(client), Event::Left { name: &name });
        }
    }
}

impl Service for Room {
    fn framing(&self) -> Framing {
        self.config.framing
    }

    fn on_open(
        &mut self,
        now: Instant,
        client: ClientId,
        _newcomer: &Newcomer<'_>,
        out: &mut Fanout,
    ) {
        let name = self.members.add(client);
        self.greet(client, &name, out);
        out.follow(client, AudienceId::FIRST, LINES);
        if self.pending.joined(now, self.members.len()) {
            announce(out, Some(client), Event::Joined { name: &name });
        }
    }

    fn on_message(
        &mut self,
        now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Fanout,
    ) {
        match message {
            Message::Whole(bytes) => {
                let text = sanitize::sanitize(bytes);
                self.on_command(now, client, command::parse(&text), out);
            }
            Message::TooLong => {
                let limit = self.config.max_message_bytes;
                notify(
                    out,
                    client,
                    format_args!("your line is over {limit} bytes; not relayed"),
                );
            }
        }
    }

    fn on_end(&mut self, now: Instant, client: ClientId, out: &mut Fanout) {
        self.leave(now, client, out);
        out.close_after_flush(client);
    }

    fn on_close(&mut self, now: Instant, client: ClientId, why: &Disconnect, out: &mut Fanout) {
        match why {
            // All members leave; none is left to be told.
            Disconnect::Shutdown => drop(self.members.remove(client)),
            _ => self.leave(now, client, out),
        }
    }

    fn refusal(&self, clients: usize, _encoding: Encoding) -> Option<Vec<u8>> {
        Some(format!("* full: {clients} are here; try again later\n").into_bytes())
    }

    fn speaks_protocols(&self) -> bool {
        true
    }

    fn deadline(&self) -> Option<Instant> {
        self.pending.due()
    }

    fn on_deadline(&mut self, _now: Instant, out: &mut Fanout) {
        if let Some(summary) = self.pending.sum_up(self.members.len()) {
            announce(out, None, Event::Notice(&summary));
        }
    }
}

/// Tells one member something of its own asking, or on its coming. It always fits: a member is
/// read from only while it is owed less than the high-water mark, which is at most what it may be
/// owed, and whatever is owed less than that is owed one more piece, whole.
fn tell(out: &mut Fanout, to: ClientId, event: Event<'_>) {
    tell_all(out, to, [event]);
}

/// In one piece, or only the first of it would fit.
fn tell_all<'a>(out: &mut Fanout, to: ClientId, events: impl IntoIterator<Item = Event<'a>>) {
    let mut bytes = Vec::new();
    for event in events {
        let mut scratch = String::new();
        for part in event.line(&mut scratch) {
            bytes.extend_from_slice(part);
        }
    }
    if !bytes.is_empty() {
        let told = out.send(to, &bytes);
        debug_assert!(told.is_ok(), "read from, though it is owed too much");
    }
}

/// Tells one member something in the server's own words.
fn notify(out: &mut Fanout, to: ClientId, text: fmt::Arguments<'_>) {
    tell(out, to, Event::Notice(&text.to_string()));
}

/// Tells all but one what has happened. That is shorter than any log.
fn announce(out: &mut Fanout, except: Option<ClientId>, event: Event<'_>) {
    let _ = out.publish(
        AudienceId::FIRST,
        except,
        &[(LINES, &event.line(&mut String::new()))],
    );
}
