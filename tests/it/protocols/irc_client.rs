//! An IRC client of the tests' own, line by line.

use crate::peer::Peer;

pub(super) struct Irc {
    pub(super) peer: Peer,
    pub(super) nick: String,
}

impl Irc {
    /// Connected, and nothing said.
    #[track_caller]
    pub(super) fn to(address: &str) -> Self {
        let (peer, nick) = (Peer::to(address), "*".to_owned());
        Self { peer, nick }
    }

    /// Registered; reads up to the end of the message of the day.
    #[track_caller]
    pub(super) fn registers(address: &str, nick: &str) -> Self {
        let mut client = Self::to(address);
        client.sends(&format!("NICK {nick}"));
        client.sends(&format!("USER {nick} 0 * :A person"));
        client.is_welcome(nick);
        client
    }

    /// Registered with these capabilities.
    #[track_caller]
    pub(super) fn with_caps(address: &str, nick: &str, caps: &str) -> Self {
        let mut client = Self::to(address);
        client.sends("CAP LS 302");
        client.sends(&format!("NICK {nick}"));
        client.sends(&format!("USER {nick} 0 * :A person"));
        client.sends(&format!("CAP REQ :{caps}"));
        let told = client.until(" CAP ");
        assert!(told.contains(" LS "), "{told}");
        let told = client.until(" CAP ");
        assert!(told.contains(" ACK "), "{told}");
        client.sends("CAP END");
        client.is_welcome(nick);
        client
    }

    #[track_caller]
    fn is_welcome(&mut self, nick: &str) {
        let welcome = self.line();
        assert!(welcome.contains(&format!(" 001 {nick} ")), "{welcome}");
        nick.clone_into(&mut self.nick);
        self.until_any(&[" 376 ", " 422 "]);
    }

    /// A member of the lobby; reads up to the end of the names.
    #[track_caller]
    pub(super) fn joins(address: &str, nick: &str) -> Self {
        let mut client = Self::registers(address, nick);
        client.sends("JOIN #lobby");
        client.until(" 366 ");
        client
    }

    #[track_caller]
    pub(super) fn sends(&mut self, line: &str) {
        self.peer.send(format!("{line}\r\n"));
    }

    #[track_caller]
    pub(super) fn says(&mut self, text: &str) {
        self.sends(&format!("PRIVMSG #lobby :{text}"));
    }

    /// The next line, without its CRLF; at most 512 bytes with it, tags apart. A PING is answered.
    #[track_caller]
    pub(super) fn line(&mut self) -> String {
        self.next_line().expect("a line, not the end")
    }

    #[track_caller]
    pub(super) fn next_line(&mut self) -> Option<String> {
        loop {
            let line = self.peer.next_line()?;
            let line = line
                .strip_suffix('\r')
                .unwrap_or_else(|| panic!("no CRLF: {line:?}"));
            let without_tags = match line.strip_prefix('@') {
                Some(tagged) => tagged.split_once(' ').expect("a message after tags").1,
                None => line,
            };
            assert!(
                without_tags.len() <= 510,
                "{} bytes: {line:?}",
                without_tags.len()
            );
            assert!(!line.contains(['\r', '\0']), "{line:?}");
            match line.strip_prefix("PING ") {
                Some(token) => self.sends(&format!("PONG {token}")),
                None => return Some(line.to_owned()),
            }
        }
    }

    /// The next line with these words; those before it are passed over.
    #[track_caller]
    pub(super) fn until(&mut self, words: &str) -> String {
        self.until_any(&[words])
    }

    #[track_caller]
    pub(super) fn until_any(&mut self, words: &[&str]) -> String {
        loop {
            let line = self.line();
            if words.iter().any(|words| line.contains(words)) {
                return line;
            }
        }
    }

    /// Sends a line, and gives all that comes up to the answer to a PING after it.
    #[track_caller]
    pub(super) fn asks(&mut self, line: &str) -> Vec<String> {
        self.sends(line);
        self.sends("PING :that-was-all");
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            if line.contains(" PONG ") && line.ends_with("that-was-all") {
                return lines;
            }
            lines.push(line);
        }
    }

    /// The numerics of what comes up to the answer to a PING.
    #[track_caller]
    pub(super) fn numerics(&mut self, line: &str) -> Vec<String> {
        let lines = self.asks(line);
        lines.iter().map(|line| word(line, 1).to_owned()).collect()
    }

    /// The next line of PRIVMSG: who says it, to whom, and what.
    #[track_caller]
    pub(super) fn hears(&mut self) -> (String, String, String) {
        said(&self.until(" PRIVMSG "))
    }
}

/// The word of this index, tags not counted.
pub(super) fn word(line: &str, index: usize) -> &str {
    let words = line.split(' ').filter(|word| !word.starts_with('@'));
    words.clone().nth(index).unwrap_or_default()
}

/// Who says it, to whom, and what.
#[track_caller]
pub(super) fn said(line: &str) -> (String, String, String) {
    let untagged = match line.starts_with('@') {
        true => line.split_once(' ').unwrap().1,
        false => line,
    };
    let mut words = untagged.splitn(4, ' ');
    let mut next = || {
        words
            .next()
            .unwrap_or_else(|| panic!("too short: {line:?}"))
    };
    let (prefix, _command, target, text) = (next(), next(), next(), next());
    let from = prefix.strip_prefix(':').unwrap().split('!').next().unwrap();
    let text = text.strip_prefix(':').unwrap_or(text);
    (from.to_owned(), target.to_owned(), text.to_owned())
}
