//! Order: who is an operator, whom operators end and silence. What they do is told to those whom it
//! concerns, and logged; no password is ever.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use log::{info, warn};
use serde::{Deserialize, Serialize};

use super::Room;
use super::bans::Bans;
use super::broadcast::publish;
use super::remark::Remark;
use crate::addr::Network;
use crate::clock;
use crate::log_limit::LogLimiter;
use crate::outbound::{ClientId, Fanout};
use crate::protocol::irc::Answer;
use crate::protocol::websocket::CloseCode;
use crate::protocol::{Encoding, Event, beginning, kicked};
use crate::units::parse_duration;

/// A client that has said as many wrong operator's passwords is closed.
const MAX_WRONG_PASSWORDS: u8 = 3;

/// Of why somebody is kicked, so many bytes are told.
const MAX_WHY_BYTES: usize = 200;

/// What only an operator may do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OperatorCommand<'a> {
    Kick {
        name: &'a str,
        /// May be empty.
        why: &'a str,
    },
    /// A name or an address, and for how long; if that is empty, for good.
    Ban {
        whom: &'a str,
        time: &'a str,
    },
    Unban(&'a str),
    Bans,
    Mute {
        name: &'a str,
        time: &'a str,
    },
    Unmute(&'a str),
}

/// Why the room ends a client.
pub(super) enum End<'a> {
    /// An operator of that name has said so, and why, which may be empty.
    Kicked { by: &'a str, why: &'a str },
    /// Its name or its address is banned.
    Banned,
    /// It has said too many wrong operators' passwords.
    WrongPasswords,
}

/// What is known for it. But for the bans it is of clients that are here.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Order {
    operators: HashSet<ClientId>,
    wrong_passwords: HashMap<ClientId, u8>,
    muted: HashMap<ClientId, Muted>,
    /// Where clients come from; kept only where there may be operators.
    pub(super) addresses: HashMap<ClientId, Network>,
    pub(super) bans: Bans,
    /// Of wrong passwords.
    #[serde(skip)]
    log: LogLimiter,
}

/// Until when; `None`: for good.
#[derive(Debug, Serialize, Deserialize)]
struct Muted(#[serde(with = "clock::optional_instant")] Option<Instant>);

impl Order {
    /// What another process knew, in place of this.
    pub(super) fn restore(&mut self, saved: Self) {
        let before = std::mem::replace(self, saved);
        self.bans.be_watched_as(before.bans);
    }

    pub(super) fn forget(&mut self, client: ClientId) {
        self.operators.remove(&client);
        self.wrong_passwords.remove(&client);
        self.muted.remove(&client);
        self.addresses.remove(&client);
    }

    pub(super) fn is_operator(&self, client: ClientId) -> bool {
        self.operators.contains(&client)
    }

    /// Whether what it says is told to nobody.
    pub(super) fn is_muted(&mut self, now: Instant, client: ClientId) -> bool {
        match self.muted.get(&client) {
            None => false,
            Some(Muted(Some(until))) if *until <= now => {
                self.muted.remove(&client);
                false
            }
            Some(_) => true,
        }
    }

    /// For how many milliseconds more a member is muted; 0: for good.
    pub(super) fn muted_ms(&self, now: Instant, client: ClientId) -> Option<u64> {
        let Muted(until) = self.muted.get(&client)?;
        let left = match until {
            None => return Some(0),
            Some(until) => until.checked_duration_since(now)?,
        };
        u64::try_from(left.as_millis()).ok().filter(|ms| *ms > 0)
    }

    /// Mutes a member for so long; 0: for good.
    pub(super) fn mute_for(&mut self, now: Instant, client: ClientId, ms: u64) {
        let until = (ms > 0).then(|| now.checked_add(Duration::from_millis(ms)));
        self.muted.insert(client, Muted(until.flatten()));
    }

    /// Where it comes from.
    pub(super) fn address(&self, client: ClientId) -> Option<Network> {
        self.addresses.get(&client).copied()
    }

    /// When [`sum_up`](Self::sum_up) should be called.
    pub(super) fn log_due(&self) -> Option<Instant> {
        self.log.due()
    }

    /// Logs how many wrong passwords were not logged one by one.
    pub(super) fn sum_up(&mut self, now: Instant) {
        if let Some(more) = self.log.take_suppressed(now) {
            warn!("{more} more wrong operators' passwords");
        }
    }
}

/// Operators.
impl Room {
    pub(super) fn become_operator(
        &mut self,
        now: Instant,
        client: ClientId,
        given: &str,
        out: &mut Fanout,
    ) {
        let Some(password) = &self.config.operator_password else {
            return self.remark(client, &Remark::NoOperators, out);
        };
        if password.is(given) {
            self.order.wrong_passwords.remove(&client);
            self.order.operators.insert(client);
            info!("{} is an operator", self.known_as(client));
            return match self.irc.contains_key(&client) {
                true => self.answer(client, Answer::YouAreOperator, out),
                false => self.tell(client, Event::Notice("you are an operator"), out),
            };
        }
        if self.order.log.allow(now) {
            let who = self.known_as(client);
            warn!("{who} has said a wrong operators' password");
        }
        self.remark(client, &Remark::WrongPassword, out);
        let tried = self.order.wrong_passwords.entry(client).or_default();
        *tried += 1;
        if *tried >= MAX_WRONG_PASSWORDS {
            self.end(now, client, &End::WrongPasswords, out);
        }
    }

    pub(super) fn on_operator(
        &mut self,
        now: Instant,
        client: ClientId,
        command: OperatorCommand<'_>,
        out: &mut Fanout,
    ) {
        if !self.order.is_operator(client) {
            return self.remark(client, &Remark::NoOperator, out);
        }
        if !self.order_by_hub(client, &command, out) {
            self.carry_out_order(now, client, command, out);
        }
    }

    /// Does what an operator, of this node or another, has asked for.
    pub(super) fn carry_out_order(
        &mut self,
        now: Instant,
        client: ClientId,
        command: OperatorCommand<'_>,
        out: &mut Fanout,
    ) {
        match command {
            OperatorCommand::Kick { name, why } => self.kick(now, client, name, why, out),
            OperatorCommand::Ban { whom, time } => self.ban(now, client, whom, time, out),
            OperatorCommand::Unban(whom) => self.unban(client, whom, out),
            OperatorCommand::Bans => self.tell_bans(client, out),
            OperatorCommand::Mute { name, time } => self.mute(now, client, name, time, out),
            OperatorCommand::Unmute(name) => self.unmute(client, name, out),
        }
    }

    fn kick(&mut self, now: Instant, client: ClientId, name: &str, why: &str, out: &mut Fanout) {
        let Some(target) = self.members.find(name) else {
            return self.remark(client, &Remark::NoSuchMember(name), out);
        };
        let why = beginning(why, MAX_WHY_BYTES);
        let [by, name] = [client, target].map(|it| self.name(it).to_owned());
        let [own_room, room] = [client, target].map(|it| self.members.room(it));
        let (by, name) = (&*by, &*name);
        self.log_order(client, Some(target), &kicked(name, why));
        if let Some(room) = room {
            let channel = &self.channels[room];
            let kicked = Event::Kicked {
                room: channel.name(),
                by,
                name,
                why,
            };
            let _ = publish(&channel.addressees, None, &kicked, &mut self.encoder, out);
        }
        if own_room.is_none() || own_room != room {
            let told = format!("{by} {}", kicked(name, why));
            self.tell_around(client, &told, out);
        }
        self.end(now, target, &End::Kicked { by, why }, out);
    }

    fn mute(&mut self, now: Instant, client: ClientId, name: &str, time: &str, out: &mut Fanout) {
        let Some((time, length)) = length(time) else {
            return self.remark(client, &Remark::NoTime, out);
        };
        let Some(target) = self.members.find(name) else {
            return self.remark(client, &Remark::NoSuchMember(name), out);
        };
        let until = time.and_then(|time| now.checked_add(time));
        self.order.muted.insert(target, Muted(until));
        let what = format!("muted {}{length}", self.name(target));
        self.note(client, Some(target), &what, out);
    }

    fn unmute(&mut self, client: ClientId, name: &str, out: &mut Fanout) {
        let target = self.members.find(name);
        let Some(target) = target.filter(|it| self.order.muted.remove(it).is_some()) else {
            return self.remark(client, &Remark::NotMuted(name), out);
        };
        let what = format!("let {} speak again", self.name(target));
        self.note(client, Some(target), &what, out);
    }
}

/// Telling of it.
impl Room {
    /// Logs what an operator has done, and tells it to its room and to that of whom it concerns.
    pub(super) fn note(
        &mut self,
        operator: ClientId,
        target: Option<ClientId>,
        what: &str,
        out: &mut Fanout,
    ) {
        self.log_order(operator, target, what);
        let told = format!("{} {what}", self.name(operator));
        self.tell_around(operator, &told, out);
        if let Some(target) = target
            && (self.members.room(target).is_none()
                || self.members.room(target) != self.members.room(operator))
        {
            self.tell_around(target, &told, out);
        }
    }

    /// Tells all who are in a client's room; if it is in none, that client alone.
    fn tell_around(&mut self, client: ClientId, told: &str, out: &mut Fanout) {
        match self.members.room(client) {
            Some(room) => self.announce(room, None, Event::Notice(told), out),
            None => self.tell(client, Event::Notice(told), out),
        }
    }

    /// Where somebody comes from is for the log alone.
    fn log_order(&self, operator: ClientId, target: Option<ClientId>, what: &str) {
        let address = target.and_then(|target| self.order.address(target));
        let from = address.map_or_else(String::new, |address| format!(" (from {address})"));
        info!("operator {} {what}{from}", self.known_as(operator));
    }

    fn known_as(&self, client: ClientId) -> String {
        match self.order.address(client) {
            Some(address) => format!("{} (from {address})", self.name(client)),
            None => self.name(client).to_owned(),
        }
    }

    /// Ends a client, in or not, and tells it why.
    pub(super) fn end(&mut self, now: Instant, client: ClientId, end: &End<'_>, out: &mut Fanout) {
        let (told, others_told) = match end {
            End::Kicked { by, why: "" } => (format!("kicked by {by}"), None),
            End::Kicked { by, why } => (format!("kicked by {by}: {why}"), None),
            End::Banned => ("you are banned".to_owned(), Some("banned")),
            End::WrongPasswords => ("too many wrong passwords".to_owned(), None),
        };
        match (self.encoding(client), end) {
            (Some(Encoding::Lines), _) => self.tell(client, Event::Notice(&told), out),
            (Some(Encoding::Irc | Encoding::IrcTime), End::Banned) => {
                self.answer(client, Answer::Banned(&told), out);
            }
            _ => {}
        }
        self.hang_up(client, CloseCode::Policy, &told, out);
        self.leave(now, client, others_told.unwrap_or(&told), out);
    }
}

/// A length of time, and how it is told behind what was done. `None`: it is none.
pub(super) fn length(time: &str) -> Option<(Option<Duration>, String)> {
    match time {
        "" => Some((None, String::new())),
        time => {
            let length = parse_duration(time).ok().filter(|it| !it.is_zero())?;
            Some((Some(length), format!(" for {time}")))
        }
    }
}
