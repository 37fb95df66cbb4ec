//! One client's way from its first line to being registered, and its commands from then on.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::MAX_BODY_BYTES;
use super::answer::Answer;
use super::message::{self, Message};
use super::request::Request;

const KNOWN_CAPABILITIES: &str = "server-time echo-message";

/// What a client wants beyond the old protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Each message says when it was said.
    pub server_time: bool,
    /// It gets its own messages too.
    pub echo_message: bool,
}

/// All that a client has to say before it may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The name that it was given.
    pub nick: String,
    /// What it says that it is called, as it was sent; may be empty.
    pub real_name: String,
}

/// Which nobody may read in a log.
#[derive(Serialize, Deserialize)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// One client.
///
/// Each line goes to [`on_line`](Self::on_line); the command that it may yield is the caller's to
/// carry out. [`Request::Nick`] is answered with [`set_nick`](Self::set_nick) or an answer
/// that refuses it. After each line of a client that has not come in yet,
/// [`is_ready`](Self::is_ready) says whether it asks to, and [`registration`](Self::registration)
/// lets it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Session {
    nick: Option<String>,
    real_name: Option<String>,
    password: Option<Secret>,
    capabilities: Capabilities,
    /// Between CAP LS or REQ and CAP END it is not let in yet.
    is_negotiating: bool,
    is_registered: bool,
    /// Whether its messages say the time cannot change now.
    #[serde(skip)]
    keeps_time: bool,
}

impl Session {
    /// What the client has asked for.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// What replies call the client.
    #[must_use]
    pub fn nick(&self) -> &str {
        self.nick.as_deref().unwrap_or("*")
    }

    /// The name that it asked for is its own now.
    pub fn set_nick(&mut self, nick: &str) {
        self.nick = Some(nick.to_owned());
    }

    /// The name cannot be its own after all.
    pub fn forget_nick(&mut self) {
        self.nick = None;
    }

    /// The last password that it has said; asked for once.
    pub fn take_password(&mut self) -> Option<String> {
        self.password.take().map(|Secret(password)| password)
    }

    /// Whether it wants to come in: it has a name, has said who it is and negotiates nothing.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let has_said_all = self.nick.is_some() && self.real_name.is_some();
        has_said_all && !self.is_registered && !self.is_negotiating
    }

    /// Lets it in, if it is ready. Once; from then on its commands are those of a member.
    pub fn registration(&mut self) -> Option<Registration> {
        if !self.is_ready() {
            return None;
        }
        let nick = self.nick.clone()?;
        let real_name = self.real_name.take()?;
        self.is_registered = true;
        Some(Registration { nick, real_name })
    }

    /// Whether [`Capabilities::server_time`] may change with the next line; at first it may.
    pub fn may_change_time(&mut self, may: bool) {
        self.keeps_time = !may;
    }

    /// A line has come, at most [`MAX_LINE_BYTES`](super::MAX_LINE_BYTES) of it. Appends to `out`
    /// what needs no room to be answered; gives what does.
    pub fn on_line<'a>(&mut self, line: &'a [u8], out: &mut Vec<u8>) -> Option<Request<'a>> {
        let line = message::without_tags(line);
        if line.len() > MAX_BODY_BYTES {
            return self.answer(Answer::LineTooLong, out);
        }
        let Ok(line) = std::str::from_utf8(line) else {
            return self.answer(Answer::NotUtf8, out);
        };
        let message = message::parse(line.trim_end_matches(['\r', '\0']))?;
        let name = message.command.to_ascii_uppercase();
        match (name.as_str(), message.get(0)) {
            ("CAP", _) => self.on_cap(&message, out),
            ("PASS" | "USER", _) if self.is_registered => {
                self.answer(Answer::AlreadyRegistered, out)
            }
            ("PASS", Some(password)) => {
                self.password = Some(Secret(password.to_owned()));
                None
            }
            ("USER", Some(_)) if message.parameters.len() > 3 => {
                self.real_name = Some(message.parameters[3].to_owned());
                None
            }
            ("PASS" | "USER", _) => self.answer(Answer::MissingParameter(&name), out),
            ("PING", Some(token)) => self.answer(Answer::Pong(token), out),
            ("PING", None) => self.answer(Answer::NoOrigin, out),
            ("PONG", _) => None,
            _ => match Request::of(&name, &message) {
                Err(wrong @ Answer::UnknownCommand(_)) => self.answer(wrong, out),
                _ if !self.is_registered && !matches!(name.as_str(), "NICK" | "QUIT") => {
                    self.answer(Answer::NotRegistered, out)
                }
                Ok(request) => request,
                Err(wrong) => self.answer(wrong, out),
            },
        }
    }

    fn on_cap<'a>(&mut self, message: &Message<'_>, out: &mut Vec<u8>) -> Option<Request<'a>> {
        let given = message.get(0).unwrap_or_default();
        let (subcommand, capabilities) = match given.to_ascii_uppercase().as_str() {
            "LS" => {
                self.is_negotiating |= !self.is_registered;
                ("LS", KNOWN_CAPABILITIES.to_owned())
            }
            "LIST" => ("LIST", self.capabilities.names()),
            "REQ" => {
                self.is_negotiating |= !self.is_registered;
                let wanted = message.get(1).unwrap_or_default();
                let with = self.capabilities.with(wanted).filter(|with| {
                    !self.keeps_time || with.server_time == self.capabilities.server_time
                });
                self.capabilities = with.unwrap_or(self.capabilities);
                (
                    if with.is_some() { "ACK" } else { "NAK" },
                    wanted.to_owned(),
                )
            }
            "END" => {
                self.is_negotiating = false;
                return None;
            }
            _ => return self.answer(Answer::UnknownCap(given), out),
        };
        let capabilities = &capabilities;
        let answer = Answer::Cap {
            subcommand,
            capabilities,
        };
        self.answer(answer, out)
    }

    /// Answers, and there is nothing more to do.
    fn answer<'a>(&self, answer: Answer<'_>, out: &mut Vec<u8>) -> Option<Request<'a>> {
        answer.encode(self.nick(), out);
        None
    }
}

impl Capabilities {
    /// With what a request adds and takes away, all of it or, if there is anything unknown in
    /// it, nothing.
    fn with(mut self, wanted: &str) -> Option<Self> {
        for word in wanted.split_ascii_whitespace() {
            let (name, is_wanted) = match word.strip_prefix('-') {
                Some(name) => (name, false),
                None => (word, true),
            };
            match name {
                "server-time" => self.server_time = is_wanted,
                "echo-message" => self.echo_message = is_wanted,
                _ => return None,
            }
        }
        Some(self)
    }

    fn names(self) -> String {
        let all = [
            (self.server_time, "server-time"),
            (self.echo_message, "echo-message"),
        ];
        let enabled = all
            .iter()
            .filter(|(is_on, _)| *is_on)
            .map(|(_, name)| *name);
        enabled.collect::<Vec<_>>().join(" ")
    }
}
