//! The room: a group chat. Every line that somebody says goes to all the others, in one order.
//! Knows members, nicks and commands; broadcasting itself is the log's work.

use std::fmt;
use std::time::Instant;

use crate::addr::Peer;
use crate::outbound::{ClientId, Fanout, OutboxFull};
use crate::sanitize;
use crate::service::{Disconnect, Service};
use crate::wire::{Framing, Message};

mod command;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod history;
mod members;
mod nick;
mod notices;
#[cfg(test)]
mod tests;

use command::Command;
use history::History;
use members::Members;
use notices::PendingNotices;

pub use notices::Notices;

/// How a room behaves.
#[derive(Debug, Clone)]
pub struct Config {
    /// How members are read; [`Framing::Chunk`] would make no sense here.
    pub framing: Framing,
    /// How many lines of the conversation are replayed to a newcomer, at most
    /// [`MAX_HISTORY_LINES`]; fewer if the log holds fewer.
    pub history_lines: usize,
    /// How joins and leaves are told.
    pub notices: Notices,
    /// Lines told to who joins.
    pub motd: Vec<String>,
    /// For the notice that refuses a line: the limit, in bytes.
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

/// The longest history that may be asked for, in lines, inclusive. Each line of it takes eight
/// bytes; and a newcomer is sent all of it.
pub const MAX_HISTORY_LINES: usize = 10_000;

/// `/who` names this many and counts the rest: an answer has a bound too.
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

    fn greet(&mut self, client: ClientId, nick: &str, out: &mut Fanout) {
        let mut lines = Vec::new();
        if self.config.notices != Notices::Off {
            let others = self.members.len() - 1;
            lines.push(format!(
                "you are {nick}; others here: {others}; /help lists the commands"
            ));
        }
        lines.extend_from_slice(&self.config.motd);
        if !lines.is_empty() {
            // In one piece, or half of it could be lost to the bound on what is owed.
            tell(out, client, format_args!("{}", lines.join("\n* ")));
        }
        self.history.forget_before(out.log_start());
        for run in self.history.runs() {
            out.replay(client, run);
        }
    }

    fn on_text(&mut self, now: Instant, client: ClientId, text: &str, out: &mut Fanout) {
        match command::parse(text) {
            Command::Nothing => {}
            Command::Say(line) => self.say(client, &["", ": ", line, "\n"], out),
            Command::Action(action) => self.say(client, &["** ", " ", action, "\n"], out),
            Command::Nick(name) => self.rename(now, client, name, out),
            Command::Who => self.who(client, out),
            Command::PrivateMessage { to, text } => self.private_message(client, to, text, out),
            // In one piece, or half of it could be lost to the bound on what is owed.
            Command::Help => tell(out, client, format_args!("{}", HELP.join("\n* "))),
            Command::Quit => {
                self.leave(now, client, out);
                out.close_after_flush(client);
            }
            Command::Incomplete(usage) => tell(out, client, format_args!("usage: {usage}")),
            Command::Unknown(name) => {
                tell(
                    out,
                    client,
                    format_args!("unknown command /{name}; /help lists the commands"),
                );
            }
        }
    }

    /// Tells the others a line of the conversation; the nick goes between the first two parts.
    fn say(&mut self, client: ClientId, [before, after, text, end]: &[&str; 4], out: &mut Fanout) {
        let Some(nick) = self.members.nick(client) else {
            return;
        };
        let parts = [before, nick, after, text, end].map(|part: &str| part.as_bytes());
        match out.publish(Some(client), &parts) {
            Some(range) => self.history.push(range),
            None => tell(
                out,
                client,
                format_args!("that is more than the room's log can hold"),
            ),
        }
    }

    fn rename(&mut self, now: Instant, client: ClientId, name: &str, out: &mut Fanout) {
        let (old, name) = match self.members.rename(client, name) {
            Ok(names) => names,
            Err(why) => return tell(out, client, format_args!("{why}")),
        };
        tell(out, client, format_args!("you are now {name}"));
        if self.pending.renamed(now, self.members.len()) {
            announce(out, Some(client), format_args!("{old} is now {name}"));
        }
    }

    fn who(&mut self, client: ClientId, out: &mut Fanout) {
        let count = self.members.len();
        let mut names = self.members.nicks(WHO_NAMES).join(", ");
        if count > WHO_NAMES {
            names.push_str(&format!(" and {} more", count - WHO_NAMES));
        }
        tell(out, client, format_args!("{count} here: {names}"));
    }

    fn private_message(&mut self, client: ClientId, to: &str, text: &str, out: &mut Fanout) {
        let Some(target) = self.members.find(to) else {
            return tell(out, client, format_args!("there is no {to} here"));
        };
        let Some(nick) = self.members.nick(client) else {
            return;
        };
        if out.send(target, format!("[{nick}] {text}\n").as_bytes()) == Err(OutboxFull) {
            tell(
                out,
                client,
                format_args!("{to} is owed too much already; not delivered"),
            );
        }
    }

    fn leave(&mut self, now: Instant, client: ClientId, out: &mut Fanout) {
        if let Some(nick) = self.members.remove(client)
            && self.pending.left(now, self.members.len() + 1)
        {
            announce(out, Some(client), format_args!("{nick} left"));
        }
    }
}

impl Service for Room {
    fn framing(&self) -> Framing {
        self.config.framing
    }

    fn on_open(&mut self, now: Instant, client: ClientId, _peer: &Peer, out: &mut Fanout) {
        let nick = self.members.add(client);
        self.greet(client, &nick, out);
        out.follow(client);
        if self.pending.joined(now, self.members.len()) {
            announce(out, Some(client), format_args!("{nick} joined"));
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
            Message::Whole(bytes) => self.on_text(now, client, &sanitize::sanitize(bytes), out),
            Message::TooLong => {
                let limit = self.config.max_message_bytes;
                tell(
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
            // Everybody leaves; there is nobody to be told.
            Disconnect::Shutdown => drop(self.members.remove(client)),
            _ => self.leave(now, client, out),
        }
    }

    fn refusal(&self, clients: usize) -> Option<String> {
        Some(format!("* full: {clients} are here; try again later\n"))
    }

    fn deadline(&self) -> Option<Instant> {
        self.pending.due()
    }

    fn on_deadline(&mut self, _now: Instant, out: &mut Fanout) {
        if let Some(summary) = self.pending.sum_up(self.members.len()) {
            announce(out, None, format_args!("{summary}"));
        }
    }
}

/// A line from the server to one member. A member that is clogged by its own commands is not
/// read from, so it misses nothing.
fn tell(out: &mut Fanout, to: ClientId, line: fmt::Arguments<'_>) {
    let _ = out.send(to, format!("* {line}\n").as_bytes());
}

/// A line from the server to all but one.
fn announce(out: &mut Fanout, except: Option<ClientId>, line: fmt::Arguments<'_>) {
    let _ = out.publish(except, &[format!("* {line}\n").as_bytes()]);
}
