//! The lines of answers: heads of codes and words, and texts that fit behind them.

use super::super::{
    MAX_BODY_BYTES, MAX_CHANNEL_BYTES, MAX_NICK_BYTES, MAX_TARGETS, MAX_TOPIC_BYTES, SERVER,
};
use super::{Answer, VERSION};
use crate::protocol::beginning;

/// Where an answer's lines go.
pub(super) struct Lines<'a> {
    pub(super) to: &'a str,
    pub(super) out: &'a mut Vec<u8>,
}

impl Lines<'_> {
    pub(super) fn welcome(&mut self) {
        let to = self.to;
        self.numeric(1, &[], &format!("Welcome, {to}"));
        self.numeric(2, &[], &format!("Your host is {SERVER}, running {VERSION}"));
        self.numeric(3, &[], "This server keeps no date");
        let head = self.head(4, &[SERVER, VERSION, "o", "n"]);
        self.line(&head, "");
        let tokens = format!(
            "NETWORK=chinwag CHANTYPES=# CHANLIMIT=#:1 MAXCHANNELS=1 CHANMODES=,,,n PREFIX=(o)@ \
             NICKLEN={MAX_NICK_BYTES} TOPICLEN={MAX_TOPIC_BYTES} CHANNELLEN={MAX_CHANNEL_BYTES} \
             TARGMAX=PRIVMSG:{MAX_TARGETS},NOTICE:{MAX_TARGETS} CASEMAPPING=ascii UTF8ONLY"
        );
        let tokens: Vec<&str> = tokens.split(' ').collect();
        self.numeric(5, &tokens, "are supported by this server");
    }

    pub(super) fn mode(&mut self, target: &str, modes: Option<&str>, is_operator: bool) {
        let is_channel = target.starts_with('#');
        let fixed = match modes.map(|modes| modes.trim_start_matches('+')) {
            None if is_channel => self.head(324, &[target, "+n"]),
            None if is_operator => self.head(221, &["+o"]),
            None => self.head(221, &["+"]),
            Some("b") => return self.numeric(368, &[target], "end of the bans"),
            Some("e") => return self.numeric(349, &[target], "end of the exceptions"),
            Some("I") => return self.numeric(347, &[target], "end of the invitations"),
            Some(_) if is_channel => return Answer::NotOperator(target).encode(self.to, self.out),
            // Many set their own on connecting, and wait for nothing.
            Some(_) => return,
        };
        self.line(&fixed, "");
    }

    /// A line of a code, words and a text. A text that is too long is cut.
    pub(super) fn numeric(&mut self, code: u16, parameters: &[&str], text: &str) {
        let head = self.head(code, parameters);
        self.line(&format!("{head} :"), text);
    }

    fn head(&self, code: u16, parameters: &[&str]) -> String {
        let mut head = format!("{code:03} {}", self.to);
        for parameter in parameters {
            // What a client has sent may be no single word, and would shift those behind it.
            let word = parameter.split(' ').next().unwrap_or_default();
            let is_word = !word.is_empty() && !word.starts_with(':');
            head.push(' ');
            head.push_str(if is_word { word } else { "*" });
        }
        head
    }

    /// As many lines of `items` as they need.
    pub(super) fn list<'i>(
        &mut self,
        code: u16,
        parameters: &[&str],
        items: impl Iterator<Item = &'i str>,
    ) {
        let head = format!("{} :", self.head(code, parameters));
        let room = MAX_BODY_BYTES.saturating_sub(SERVER.len() + 2 + head.len());
        let mut line = String::new();
        for item in items {
            if !line.is_empty() && line.len() + 1 + item.len() > room {
                self.line(&head, &line);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(item);
        }
        if !line.is_empty() {
            self.line(&head, &line);
        }
    }

    pub(super) fn line(&mut self, head: &str, text: &str) {
        self.write(&format!(":{SERVER} {head}"), text);
    }

    pub(super) fn write(&mut self, head: &str, text: &str) {
        let head = beginning(head, MAX_BODY_BYTES);
        let text = beginning(text, MAX_BODY_BYTES - head.len());
        for part in [head, text, "\r\n"] {
            self.out.extend_from_slice(part.as_bytes());
        }
    }
}
