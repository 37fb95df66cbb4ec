//! A client of a room in which many protocols meet: how it comes, what it says and how it leaves.

use super::client::Client;
use super::hearing::Hearing;
use super::network::Network;
use super::records::{Record, Sent};
use super::speech::{Speech, Tongue};

/// What it speaks, and what it has heard.
pub(super) struct Polyglot {
    pub(super) speech: Speech,
    pub(super) hearing: Hearing,
    /// It says nothing until it is greeted, so that nobody knows what it speaks.
    pub(super) is_silent: bool,
    /// What it has to say first is not all sent.
    is_opening: bool,
    /// It goes from room to room, and takes other names.
    pub(super) is_restless: bool,
    /// It has had its last word.
    pub(super) has_closed: bool,
}

/// IRC's lines are short.
const MOST_FILLER: usize = 380;

impl Polyglot {
    pub(super) fn new(speech: Speech, is_silent: bool) -> Self {
        Self {
            hearing: Hearing::new(speech.tongue),
            speech,
            is_silent,
            is_opening: true,
            is_restless: false,
            has_closed: false,
        }
    }
}

impl Client {
    /// Whether it has still to say what it speaks. It has a tenth of a second for that.
    pub(super) fn is_opening(&self) -> bool {
        let is_opening = self
            .polyglot
            .as_ref()
            .is_some_and(|polyglot| polyglot.is_opening);
        is_opening && self.end.is_none() && !self.has_finished
    }

    pub(super) fn go_on_opening(&mut self, network: &mut Network, record: &mut Record) {
        self.read(network, record, usize::MAX);
        self.send(network, usize::MAX);
        if let Some(polyglot) = &mut self.polyglot {
            polyglot.is_opening = !self.unsent.is_empty() || self.link.is_handshaking();
        }
    }

    pub(super) fn open(&mut self, record: &mut Record) {
        let Some(polyglot) = &self.polyglot else {
            return;
        };
        let (sent, words) = polyglot.speech.opening(&format!("n{}", self.id));
        self.unsent.extend(sent);
        record.said.extend(words.into_iter().map(Sent::Line));
        if polyglot.speech.tongue == Tongue::Lines && !polyglot.is_silent {
            self.line(record, String::new());
        }
    }

    /// Says one thing or another.
    pub(super) fn converse(&mut self, network: &Network, record: &mut Record, private: bool) {
        let Some(polyglot) = &self.polyglot else {
            return;
        };
        if polyglot.is_restless {
            return self.roam(network, record);
        }
        let (speech, rng) = (polyglot.speech, &network.rng);
        let is_irc = speech.tongue == Tongue::Irc;
        let filler = match rng.below(10) {
            0 => rng.below(900),
            _ => rng.below(40),
        };
        let filler = if is_irc {
            filler.min(MOST_FILLER)
        } else {
            filler
        };
        let text = format!("{}.{} {}", self.id, self.said, "x".repeat(filler));
        match rng.below(20) {
            1 if !is_irc => self.say(network, record, &"y".repeat(1025 + filler)),
            2 if !is_irc => self.say(network, record, ""),
            3 if !is_irc => self.say(network, record, "/zap"),
            4..7 if private => {
                let to = match rng.bool() {
                    true => format!("guest{}", rng.between(1, 7)),
                    false => format!("n{}", rng.below(10)),
                };
                self.say(network, record, &speech.words(Some(&to), &text));
            }
            _ => self.say(network, record, &speech.words(None, &text)),
        }
    }

    /// Says one thing or another, moves, or is called something else.
    fn roam(&mut self, network: &Network, record: &mut Record) {
        let Some(polyglot) = &self.polyglot else {
            return;
        };
        let (speech, rng) = (polyglot.speech, &network.rng);
        let is_irc = speech.tongue == Tongue::Irc;
        let most = if is_irc { MOST_FILLER } else { 900 };
        let filler = match rng.below(10) {
            0 => rng.below(most),
            _ => rng.below(40),
        };
        let (number, filler) = (format!("{}.{}", self.id, self.said), "x".repeat(filler));
        let words = match rng.below(24) {
            0 if is_irc => "NAMES #lobby".to_owned(),
            0 => "/who".to_owned(),
            1 | 2 if self.id % 2 == 1 => {
                speech.renaming(rng.pick(&["ann", "bob", "Ann", "eve", "zoe", "b0b"]))
            }
            3 => speech.acting(&format!("{number} {filler}")),
            4..7 => {
                let to = format!("n{}", rng.below(self.id + 4));
                speech.words(Some(&to), &format!("{number} for {to} {filler}"))
            }
            7 | 8 if !is_irc => format!("/join {}", rng.pick(&["lobby", "games", "lobby"])),
            9 if !is_irc => "y".repeat(1025),
            _ => speech.words(None, &format!("{number} {filler}")),
        };
        self.say(network, record, &words);
    }

    /// Says something that all can hear.
    pub(super) fn call(&mut self, network: &Network, record: &mut Record, text: &str) {
        let Some(polyglot) = &self.polyglot else {
            return self.line(record, text.to_owned());
        };
        self.said += 1;
        let text = format!("{}.{} {text}", self.id, self.said);
        let words = polyglot.speech.words(None, &text);
        self.say(network, record, &words);
    }

    pub(super) fn say(&mut self, network: &Network, record: &mut Record, words: &str) {
        let Some(polyglot) = &self.polyglot else {
            return;
        };
        self.unsent
            .extend(polyglot.speech.wrapped(words, &network.rng));
        record.said.push_back(match words.len() <= 1024 {
            true => Sent::Line(words.to_owned()),
            false => Sent::TooLong,
        });
    }

    /// Has its last word, in the words of its protocol, if there are any.
    pub(super) fn say_farewell(&mut self, network: &Network, record: &mut Record) {
        let Some(polyglot) = &mut self.polyglot else {
            return;
        };
        if let Some((sent, code)) = polyglot.speech.farewell(&network.rng) {
            polyglot.has_closed = true;
            self.unsent.extend(sent);
            if let Some(membership) = &mut record.membership {
                membership.asks_for = Some(code);
            }
        }
    }

    pub(super) fn quit(&mut self, network: &Network, record: &mut Record) {
        match &self.polyglot {
            Some(polyglot) => {
                let words = polyglot.speech.command("quit");
                self.say(network, record, &words);
            }
            None => self.line(record, "/quit".to_owned()),
        }
    }
}
