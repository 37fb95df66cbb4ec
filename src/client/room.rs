//! What a person's client knows of the room it speaks to, all of it from what the server says. Lines
//! in, facts out; no socket, no clock.
//!
//! A server is taken for a room once it has said something that only a room says. To one that has
//! greeted as a room does, and to no other, the client itself then puts two questions: `/help` and
//! `/who`. Their answers are not shown.

use std::collections::BTreeSet;

use super::line::{Line, Notice, is_name};
use super::mention;

/// What Tab completes as long as the server has not told what it offers.
pub(super) const COMMANDS: [&str; 6] = ["/help", "/me", "/msg", "/nick", "/quit", "/who"];
const PASS: &str = "/pass";

/// Where everybody is at first.
const FIRST_ROOM: &str = "lobby";

/// Twice as many as a server names. Of who speaks beyond that, no note is taken.
const MAX_NAMES: usize = 1000;
/// What else a server offers is not completed, and if it was asked for, it is shown.
const MAX_COMMANDS: usize = 100;
const COMMAND_MAX_BYTES: usize = 32;
/// More than the widest terminal's row.
const STATUS_MAX_BYTES: usize = 1000;

/// What to do with a line that has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// Not if the person has not asked for it.
    pub(super) is_shown: bool,
    /// It names the person, or is for nobody else.
    pub(super) is_meant: bool,
    /// The server can tell more: [`Room::question`].
    pub(super) has_question: bool,
    /// [`Room::status`] may be another one.
    pub(super) has_changed: bool,
}

/// A room as one of its members knows it.
#[derive(Debug)]
pub(super) struct Room {
    /// With `--raw` no server is taken for a room.
    is_raw: bool,
    is_room: bool,
    /// It may be asked.
    has_greeted: bool,
    /// The person has sent what only a room says; a server that says it may be its echo.
    has_sent_proof: bool,
    has_sent_help: bool,
    answers: Answers,
    /// What the person is called.
    own: Option<String>,
    /// Which room this is.
    place: Option<String>,
    /// How many are here, the person too.
    here: Option<usize>,
    names: BTreeSet<String>,
    /// Just now.
    has_moved: bool,
    has_changed: bool,
    /// Who is here is no longer, or not yet, as `names` says.
    is_stale: bool,
    commands: BTreeSet<String>,
    has_asked_commands: bool,
}

/// What the client has asked for and the server has not yet told. It answers in order, and each
/// answer comes in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    None,
    Names,
    /// So many commands have been told; then come names.
    Commands(usize),
}

impl Room {
    /// One that nothing is known of.
    pub(super) fn new(is_raw: bool) -> Self {
        Self {
            is_raw,
            is_room: false,
            has_greeted: false,
            has_sent_proof: false,
            has_sent_help: false,
            answers: Answers::None,
            own: None,
            place: None,
            here: None,
            names: BTreeSet::new(),
            has_moved: false,
            has_changed: false,
            is_stale: false,
            commands: COMMANDS.map(str::to_owned).into(),
            has_asked_commands: false,
        }
    }

    /// Whether the server is one.
    pub(super) fn is_room(&self) -> bool {
        self.is_room
    }

    /// What Tab completes at a line's start.
    pub(super) fn commands(&self) -> Vec<String> {
        self.commands.iter().cloned().collect()
    }

    /// Those who are here, as far as that is known, without the person.
    pub(super) fn names(&self) -> Vec<String> {
        self.others().cloned().collect()
    }

    fn others(&self) -> impl Iterator<Item = &String> {
        let own = self.own.as_deref();
        self.names
            .iter()
            .filter(move |name| Some(name.as_str()) != own)
    }

    /// Which room this is and who is here, in a line, as far as it is known; nothing, where there is no
    /// room.
    pub(super) fn status(&self) -> String {
        let (Some(here), true) = (self.here, self.is_room) else {
            return String::new();
        };
        let mut status = match (&self.own, &self.place) {
            (Some(own), Some(place)) => format!("{own} in {place}, {here} here"),
            _ => format!("{here} here"),
        };
        let mut mark = ": ";
        // Names that are not those of who is here would be worse than none.
        for name in self.others().take_while(|_| !self.is_stale) {
            if status.len() + mark.len() + name.len() > STATUS_MAX_BYTES {
                status.push_str(", ...");
                break;
            }
            status.push_str(mark);
            status.push_str(name);
            mark = ", ";
        }
        status
    }

    /// Whether the names are not those of who is here, and can be asked for.
    pub(super) fn is_stale(&self) -> bool {
        self.is_stale && self.has_greeted && self.answers == Answers::None
    }

    /// What to ask the server, in lines; it counts as asked. May be nothing.
    pub(super) fn question(&mut self) -> &'static str {
        if !self.is_stale() {
            return "";
        }
        // Two lists of commands could not be told apart. The person's own teaches as much.
        if self.has_asked_commands || self.has_sent_help {
            self.answers = Answers::Names;
            return "/who\n";
        }
        self.has_asked_commands = true;
        self.answers = Answers::Commands(0);
        "/help\n/who\n"
    }

    /// The person is about to send a line.
    pub(super) fn sends(&mut self, line: &str) {
        self.has_sent_help |= (line.split([' ', '\t']).next())
            .is_some_and(|command| command.eq_ignore_ascii_case("/help"));
        self.has_sent_proof |= matches!(Line::parse(line), Line::Notice(n) if is_proof(&n));
    }

    /// Something has arrived, `whole` if it is a line from its start to its end.
    pub(super) fn hears(&mut self, line: &str, whole: bool) -> Heard {
        let line = Line::parse(line);
        let own = self.own.as_deref();
        let is_meant = own.is_some_and(|own| mention::is_meant(&line, own));
        let mut is_shown = true;
        if whole {
            is_shown = match line {
                Line::Notice(notice) => self.learn(&notice),
                Line::Said { from, .. } => {
                    self.add(from);
                    true
                }
                Line::Private | Line::Other => true,
            };
        }
        Heard {
            is_shown,
            is_meant,
            has_question: std::mem::take(&mut self.has_moved) && self.is_stale(),
            has_changed: std::mem::take(&mut self.has_changed),
        }
    }

    /// Takes in what the server says; false if it says so because it was asked by the client itself.
    fn learn(&mut self, notice: &Notice<'_>) -> bool {
        if let Notice::Welcome { name, .. } | Notice::You(name) = *notice {
            // The old name may be one of those here.
            let old = self.own.replace(name.to_owned());
            old.map(|old| self.names.remove(&old));
        }
        self.is_room |= is_proof(notice) && !self.is_raw && !self.has_sent_proof;
        if !self.is_room {
            return true;
        }
        self.has_changed |= !matches!(notice, Notice::Help(_) | Notice::Other);
        match *notice {
            Notice::Welcome { others, .. } => {
                self.has_greeted = true;
                self.enter(FIRST_ROOM, others);
            }
            Notice::Entered { room, others } => self.enter(room, others),
            Notice::Names { total, names } => return self.learn_names(total, names),
            Notice::Joined(name) => {
                self.add(name);
                self.here = self.here.map(|here| here.saturating_add(1));
            }
            Notice::Left(name) => {
                self.names.remove(name);
                self.here = self.here.map(|here| here.saturating_sub(1));
            }
            Notice::Renamed { name, to } => {
                self.names.remove(name);
                self.add(to);
            }
            Notice::Summed { here } => {
                self.here = Some(here);
                self.is_stale = true;
            }
            Notice::Help(command) => return self.learn_command(command),
            Notice::NeedsPassword => drop(self.commands.insert(PASS.to_owned())),
            Notice::You(_) | Notice::Full | Notice::Other => {}
        }
        true
    }

    fn enter(&mut self, room: &str, others: usize) {
        self.place = Some(room.to_owned());
        self.here = Some(others.saturating_add(1));
        self.names.clear();
        self.has_moved = true;
        self.is_stale = true;
    }

    fn add(&mut self, name: &str) {
        if self.is_room && self.names.len() < MAX_NAMES && is_name(name) {
            self.has_changed |= self.names.insert(name.to_owned());
        }
    }

    fn learn_names(&mut self, total: usize, names: &str) -> bool {
        self.here = Some(total);
        self.names.clear();
        names.split(", ").for_each(|name| self.add(name));
        self.is_stale = false;
        match self.answers {
            Answers::None => true,
            // The person has asked before the client did.
            Answers::Commands(0) => true,
            Answers::Names | Answers::Commands(_) => {
                self.answers = Answers::None;
                false
            }
        }
    }

    fn learn_command(&mut self, command: &str) -> bool {
        let is_asked = matches!(self.answers, Answers::Commands(count) if count < MAX_COMMANDS);
        if let Answers::Commands(count) = &mut self.answers
            && is_asked
        {
            // From here on it is known what the server offers.
            if *count == 0 {
                self.commands.clear();
            }
            *count += 1;
        }
        let is_word = command.len() <= COMMAND_MAX_BYTES && is_name(&command[1..]);
        if is_word && self.commands.len() < MAX_COMMANDS {
            self.commands.insert(command.to_owned());
        }
        !is_asked
    }
}

/// Whether none but a room says so.
fn is_proof(notice: &Notice<'_>) -> bool {
    matches!(
        notice,
        Notice::Welcome { .. }
            | Notice::Entered { .. }
            | Notice::Names { .. }
            | Notice::NeedsPassword
            | Notice::Full
    )
}

#[cfg(test)]
mod tests;
